import type { Message } from "@aura-servers/client";
import { Suspense } from "react";
import { Avatar } from "../ui/Avatar.tsx";
import { later } from "../ui/later.ts";
import { PlainText } from "../ui/PlainText.tsx";
import { clockTime } from "../ui/time.ts";
import { Byline } from "./Byline.tsx";
import { InputState } from "./InputState.tsx";
import { Row } from "./Row.tsx";

const MessageFiles = later(() =>
  import("./MessageFiles.tsx").then(({ MessageFiles }) => MessageFiles)
);

/** A person's own words, exactly as typed. */
export function HumanMessage({ message, continued }: { message: Message; continued: boolean }) {
  const { input_id, task_id } = message.metadata;
  const name = message.sender_label ?? "Someone";
  return (
    <Row
      first={!continued}
      name={`${name}, ${clockTime(message.created_at)}`}
      gutter={!continued && <Avatar name={name} />}
    >
      {!continued && <Byline name={name} at={message.created_at} />}
      <PlainText text={message.content} />
      {typeof input_id === "string" && typeof task_id === "string" && (
        <InputState taskId={task_id} id={input_id} />
      )}
      {typeof task_id === "string" && !input_id && (
        <Suspense>
          <MessageFiles messageId={message.id} />
        </Suspense>
      )}
    </Row>
  );
}
