import type { Task } from "@aura-servers/client";
import { useMutation } from "@tanstack/react-query";
import { Ban, RotateCcw } from "lucide-react";
import { useBackend } from "../data/aura.ts";
import { Button } from "../ui/Button.tsx";
import { Refusal } from "../ui/Failure.tsx";
import styles from "./TaskActions.module.css";
import { isOpen } from "./taskState.ts";

/** Cancel what has not ended, retry what has failed. */
export function TaskActions({ task, changed }: { task: Task; changed: () => void }) {
  const { aura } = useBackend();
  const action = useMutation({
    mutationFn: (what: "cancel" | "retry") =>
      what === "cancel" ? aura.cancelTask(task.id) : aura.retryTask(task.id),
    onSettled: changed,
  });
  const mayRetry = task.status === "failed";
  if (!isOpen(task) && !mayRetry) return null;
  return (
    <footer className={styles.actions}>
      <Refusal error={action.error} />
      {isOpen(task) && (
        <Button
          look="danger"
          disabled={action.isPending || Boolean(task.cancel_requested_at)}
          onClick={() => action.mutate("cancel")}
        >
          <Ban size={15} aria-hidden="true" />
          {task.cancel_requested_at ? "Stopping" : "Cancel task"}
        </Button>
      )}
      {mayRetry && (
        <Button disabled={action.isPending} onClick={() => action.mutate("retry")}>
          <RotateCcw size={15} aria-hidden="true" /> Retry
        </Button>
      )}
    </footer>
  );
}
