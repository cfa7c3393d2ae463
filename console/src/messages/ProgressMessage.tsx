import type { Message } from "@aura-servers/client";
import { TaskTag } from "../tasks/TaskTag.tsx";
import { clockTime } from "../ui/time.ts";
import { progressText } from "./lifecycle.ts";
import { Row } from "./Row.tsx";
import styles from "./ProgressMessage.module.css";
import { taskIdOf } from "./taskIdOf.ts";

/** What a running task has done since the last such line; the newest one of a running task pulses. */
export function ProgressMessage({ message, live }: { message: Message; live: boolean }) {
  const task = taskIdOf(message);
  return (
    <Row
      name={`Progress, ${clockTime(message.created_at)}`}
      gutter={<span className={styles.dot} data-live={live || undefined} />}
    >
      <div className={styles.line}>
        <p className={styles.text} dir="auto">{progressText(message.content)}</p>
        {task && !message.task_thread_id && <TaskTag id={task} quiet />}
        <time dateTime={message.created_at}>{clockTime(message.created_at)}</time>
      </div>
    </Row>
  );
}
