import type { Task } from "@aura-servers/client";
import { TaskChip } from "../tasks/TaskChip.tsx";
import { TaskTag } from "../tasks/TaskTag.tsx";
import { Age } from "../ui/Age.tsx";
import styles from "./WaitingTasks.module.css";

const SHOWN = 20;

/** What no device has taken yet, the oldest first. */
export function WaitingTasks({ tasks }: { tasks: Task[] }) {
  if (tasks.length === 0) return null;
  const oldest = tasks.toReversed().slice(0, SHOWN);
  return (
    <section aria-labelledby="waiting">
      <h2 id="waiting" className={styles.title}>Waiting</h2>
      <ul className={styles.list}>
        {oldest.map((task) => (
          <li key={task.id}>
            <TaskTag id={task.id} />
            <span className={styles.content} dir="auto">{task.content}</span>
            <TaskChip task={task} />
            {task.created_at && (
              <span className={styles.age}>
                <Age since={task.created_at} />
              </span>
            )}
          </li>
        ))}
      </ul>
      {tasks.length > SHOWN && <p className={styles.more}>and {tasks.length - SHOWN} more</p>}
    </section>
  );
}
