import type { Task } from "@aura-servers/client";
import { Elapsed } from "../ui/Age.tsx";
import styles from "./RunningTasks.module.css";
import { useTaskDrawer } from "./taskDrawerContext.ts";
import { isOpen, shortId } from "./taskState.ts";

const MOST = 3;

/** What is open in a channel now, in one line above the composer. */
export function RunningTasks({ tasks }: { tasks: ReadonlyMap<string, Task> }) {
  const openTask = useTaskDrawer();
  const open = [...tasks.values()].filter(isOpen);
  const running = open.filter(({ status }) => status === "running");
  const waiting = open.length - running.length;
  if (open.length === 0) return null;
  return (
    <div className={styles.line} role="group" aria-label="Open tasks">
      {running.slice(0, MOST).map((task) => (
        <button
          key={task.id}
          type="button"
          onClick={() => openTask(task.id)}
          aria-haspopup="dialog"
        >
          <span className={styles.pulse} aria-hidden="true" />
          <code>{shortId(task.id)}</code>
          {task.claimed_by && <span className={styles.device}>on {task.claimed_by}</span>}
          {task.started_at && <Elapsed from={task.started_at} />}
        </button>
      ))}
      {running.length > MOST && <span>+{running.length - MOST} running</span>}
      {waiting > 0 && <span>{waiting} waiting</span>}
    </div>
  );
}
