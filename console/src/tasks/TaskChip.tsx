import type { Task } from "@aura-servers/client";
import { Ban, Calendar, Check, Clock, LoaderCircle, type LucideIcon, X } from "lucide-react";
import { Elapsed } from "../ui/Age.tsx";
import styles from "./TaskChip.module.css";
import { type TaskState, taskState } from "./taskState.ts";

const icons: Record<TaskState, LucideIcon> = {
  queued: Clock,
  scheduled: Calendar,
  running: LoaderCircle,
  stopping: LoaderCircle,
  complete: Check,
  failed: X,
  cancelled: Ban,
};

/** The task's state now: icon, colour, word, and how long it has run or ran. */
export function TaskChip({ task }: { task: Task }) {
  const state = taskState(task);
  const Icon = icons[state];
  return (
    <span className={styles.chip} data-state={state}>
      <Icon size={13} strokeWidth={2.4} aria-hidden="true" />
      {state}
      {task.started_at && state !== "queued" && state !== "scheduled" && (
        <span className={styles.clock}>
          <Elapsed from={task.started_at} to={task.finished_at} />
        </span>
      )}
    </span>
  );
}
