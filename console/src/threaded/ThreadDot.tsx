import type { ThreadStatus } from "@aura-servers/client";
import styles from "./ThreadDot.module.css";

const meaning: Record<ThreadStatus, string> = {
  active: "Active",
  idle: "Idle: archived in an hour unless somebody writes",
  decaying: "About to be archived",
  archived: "Archived",
};

/** Where a thread is in its life; a thread whose task runs pulses. */
export function ThreadDot(
  { status, running = false }: { status: ThreadStatus; running?: boolean },
) {
  const label = running ? `${meaning[status]}, a task is running` : meaning[status];
  return (
    <span
      className={styles.dot}
      data-status={status}
      data-running={running || undefined}
      role="img"
      aria-label={label}
      title={label}
    />
  );
}
