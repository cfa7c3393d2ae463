import type { Message, Task } from "@aura-servers/client";
import { ChangesLink } from "../tasks/ChangesLink.tsx";
import { TaskChip } from "../tasks/TaskChip.tsx";
import { shortId } from "../tasks/taskState.ts";
import { TaskTag } from "../tasks/TaskTag.tsx";
import { PlainText } from "../ui/PlainText.tsx";
import { RichText } from "../ui/RichText.tsx";
import { clockTime } from "../ui/time.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { Mark } from "./Mark.tsx";
import { Row } from "./Row.tsx";
import styles from "./LifecycleMessage.module.css";
import { taskIdOf } from "./taskIdOf.ts";

/**
 * What the pipeline says about a task. The line that announces a task also shows the task's state as
 * it is now; a result or an error stands below its line in a box of its colour.
 */
export function LifecycleMessage(
  { message, lifecycle, task }: { message: Message; lifecycle: Lifecycle; task?: Task },
) {
  const { event, icon, headline, body } = lifecycle;
  // What an agent was not allowed to do makes no clean success.
  const refused = event === "task_completed" && task?.refusals != null;
  const tone = refused ? "warn" : lifecycle.tone;
  const id = taskIdOf(message);
  const announces = event === "task_queued" || event === "thread_opened";
  return (
    <Row
      name={`${headline}, ${clockTime(message.created_at)}`}
      gutter={<Mark icon={icon} tone={tone} />}
    >
      <div className={styles.line}>
        <div className={styles.said}>
          <span className={styles.headline} data-outcome={(!announces && body !== "") || undefined}>
            <Headline text={headline} taskId={id} />
          </span>
          {announces && task && <TaskChip task={task} />}
          {announces && body && <span className={styles.detail}>{body}</span>}
        </div>
        <time dateTime={message.created_at}>{clockTime(message.created_at)}</time>
      </div>
      {event === "task_completed" && task?.changes && (
        <ChangesLink taskId={task.id} changes={task.changes} />
      )}
      {!announces && body && (
        <div
          className={styles.body}
          data-tone={tone}
          data-error={message.content_type === "error" || undefined}
        >
          {message.content_type === "error"
            ? <PlainText text={body} code />
            : <RichText text={body} />}
        </div>
      )}
    </Row>
  );
}

/** The line, with the task's number in it as the way to the task. */
function Headline({ text, taskId }: { text: string; taskId: string | null }) {
  const [before, ...after] = taskId ? text.split(shortId(taskId)) : [text];
  if (!taskId || after.length === 0) return text;
  return (
    <>
      {before}
      <TaskTag id={taskId} />
      {after.join(shortId(taskId))}
    </>
  );
}
