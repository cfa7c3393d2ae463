import type { Message } from "@aura-servers/client";
import { Bot, Info } from "lucide-react";
import { RichText } from "../ui/RichText.tsx";
import { clockTime } from "../ui/time.ts";
import { Byline } from "./Byline.tsx";
import { Mark } from "./Mark.tsx";
import { Row } from "./Row.tsx";

/** Anything else an agent or the system says, as markdown. */
export function AgentMessage({ message, continued }: { message: Message; continued: boolean }) {
  const agent = message.sender_type === "agent";
  const name = message.sender_label ?? (agent ? "Agent" : "System");
  return (
    <Row
      first={!continued}
      name={`${name}, ${clockTime(message.created_at)}`}
      gutter={!continued && <Mark icon={agent ? Bot : Info} boxed />}
    >
      {!continued && (
        <Byline name={name} at={message.created_at} role={agent ? "agent" : undefined} />
      )}
      <RichText text={message.content} />
    </Row>
  );
}
