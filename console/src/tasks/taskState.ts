import type { Task } from "@aura-servers/client";

export type TaskState =
  | "queued"
  | "scheduled"
  | "running"
  | "stopping"
  | "complete"
  | "failed"
  | "cancelled";

/** A task's state in the one word that is shown for it. */
export function taskState(task: Task, now = Date.now()): TaskState {
  if (task.cancelled_at) return "cancelled";
  if (task.status === "running") return task.cancel_requested_at ? "stopping" : "running";
  if (task.status !== "pending") return task.status;
  return task.run_at && Date.parse(task.run_at) > now ? "scheduled" : "queued";
}

export const isOpen = (task: Task) => task.status === "pending" || task.status === "running";

/** Those that a device has at work, and that nobody has cancelled. */
export const runningOf = (tasks: ReadonlyMap<string, Task>): Task[] =>
  [...tasks.values()].filter((task) => task.status === "running" && !task.cancel_requested_at);

/** The first eight hex digits, by which people name a task. */
export const shortId = (id: string) => id.slice(0, 8);
