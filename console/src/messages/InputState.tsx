import type { TaskInput } from "@aura-servers/client";
import { Check, Clock, CornerDownRight, type LucideIcon } from "lucide-react";
import { useInput } from "../data/useInputs.ts";
import { TaskTag } from "../tasks/TaskTag.tsx";
import styles from "./InputState.module.css";

const looks: Record<TaskInput["state"], [icon: LucideIcon, words: string]> = {
  waiting: [Clock, "waits to be taken by"],
  taken: [Check, "was taken by"],
  moved: [CornerDownRight, "became the follow-up"],
};

/** Whether what a person said to a running task has reached it. */
export function InputState({ taskId, id }: { taskId: string; id: string }) {
  const input = useInput(taskId, id);
  if (!input) return null;
  const [Icon, words] = looks[input.state];
  const task = input.state === "moved" ? input.moved_to ?? input.task_id : input.task_id;
  return (
    <p className={styles.state} data-state={input.state} role="status">
      <Icon size={13} aria-hidden="true" />
      {input.interrupt && input.state !== "moved" ? "stops what runs, and " : ""}
      {words}
      <TaskTag id={task} quiet />
    </p>
  );
}
