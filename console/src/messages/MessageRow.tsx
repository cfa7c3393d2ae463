import { eventOf, type Message, type Task } from "@aura-servers/client";
import { memo, Suspense } from "react";
import { Boundary } from "../ui/Boundary.tsx";
import { later } from "../ui/later.ts";
import { PlainText } from "../ui/PlainText.tsx";
import { AgentMessage } from "./AgentMessage.tsx";
import { EmbedMessage } from "./EmbedMessage.tsx";
import { HumanMessage } from "./HumanMessage.tsx";
import { lifecycleOf } from "./lifecycle.ts";
import { LifecycleMessage } from "./LifecycleMessage.tsx";
import { ProgressMessage } from "./ProgressMessage.tsx";

const FileMessage = later(() => import("./FileMessage.tsx").then(({ FileMessage }) => FileMessage));
const QuestionMessage = later(() =>
  import("./QuestionMessage.tsx").then(({ QuestionMessage }) => QuestionMessage)
);

export interface RowProps {
  message: Message;
  /** The task the message is about, once it has been read. */
  task?: Task;
  /** Whether the message above is of the same sender, just before. */
  continued: boolean;
  /** Whether its embed describes what the message above says. */
  repeats: boolean;
  /** Whether this is where the running task stands now. */
  live: boolean;
}

/** One message, in the shape that its kind calls for. */
export const MessageRow = memo(function MessageRow(
  { message, task, continued, repeats, live }: RowProps,
) {
  return (
    <Boundary of={message} fallback={() => <PlainText text={message.content} />}>
      <Suspense fallback={<PlainText text={message.content} />}>
        {shaped({ message, task, continued, repeats, live })}
      </Suspense>
    </Boundary>
  );
});

function shaped({ message, task, continued, repeats, live }: RowProps) {
  if (message.sender_type === "human") return <HumanMessage {...{ message, continued }} />;
  const event = eventOf(message);
  const question = message.metadata.question_id;
  if (event === "question_asked" && typeof question === "string") {
    return <QuestionMessage message={message} id={question} />;
  }
  if (event === "file_stored" || event === "file_failed") return <FileMessage message={message} />;
  if (message.embed_data) {
    return <EmbedMessage {...{ message, embed: message.embed_data, task, repeats }} />;
  }
  if (message.is_progress) return <ProgressMessage {...{ message, live }} />;
  const lifecycle = lifecycleOf(message);
  if (lifecycle) return <LifecycleMessage {...{ message, lifecycle, task }} />;
  return <AgentMessage {...{ message, continued }} />;
}
