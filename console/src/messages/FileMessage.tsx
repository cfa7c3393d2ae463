import type { Message } from "@aura-servers/client";
import { Paperclip } from "lucide-react";
import { TaskTag } from "../tasks/TaskTag.tsx";
import { clockTime } from "../ui/time.ts";
import { Mark } from "./Mark.tsx";
import { MessageFiles } from "./MessageFiles.tsx";
import { Row } from "./Row.tsx";
import { taskIdOf } from "./taskIdOf.ts";

/** A file that an agent left. */
export function FileMessage({ message }: { message: Message }) {
  const task = taskIdOf(message);
  return (
    <Row
      name={`${message.content.split("\n", 1)[0]}, ${clockTime(message.created_at)}`}
      gutter={<Mark icon={Paperclip} />}
    >
      <MessageFiles messageId={message.id} />
      {task && !message.task_thread_id && <TaskTag id={task} quiet />}
    </Row>
  );
}
