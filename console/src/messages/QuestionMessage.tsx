import type { Message } from "@aura-servers/client";
import { MessageCircleQuestionMark } from "lucide-react";
import { QuestionCard } from "../questions/QuestionCard.tsx";
import { clockTime } from "../ui/time.ts";
import { Mark } from "./Mark.tsx";
import { Row } from "./Row.tsx";

/** An agent's question where it was asked, to be answered right there. */
export function QuestionMessage({ message, id }: { message: Message; id: string }) {
  return (
    <Row
      name={`Question, ${clockTime(message.created_at)}`}
      gutter={<Mark icon={MessageCircleQuestionMark} tone="warn" />}
    >
      <QuestionCard id={id} />
    </Row>
  );
}
