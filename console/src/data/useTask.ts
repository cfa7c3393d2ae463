import { useQueries, useQueryClient } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";
import { useTableChanges } from "./useTableChanges.ts";

/** How often to ask again why a task waits: devices come and go without the task's row changing. */
const EXPLAIN_EVERY_MS = 5000;

/** One task with its attempts and why it is where it is, live. */
export function useTask(id: string) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const [task, attempts, explanation] = useQueries({
    queries: [
      { queryKey: ["task", id, "row"], queryFn: () => aura.fetchTask(id) },
      { queryKey: ["task", id, "attempts"], queryFn: () => aura.fetchTaskAttempts(id) },
      {
        queryKey: ["task", id, "explanation"],
        queryFn: () => aura.explainTask(id),
        refetchInterval: EXPLAIN_EVERY_MS,
      },
    ],
  });
  const refresh = () => void queries.invalidateQueries({ queryKey: ["task", id] });
  useTableChanges(`task:${id}`, [{ table: "mac_tasks", filter: `id=eq.${id}` }], {
    refresh,
    row: refresh,
  });
  return {
    task: task.data,
    attempts: attempts.data,
    explanation: explanation.data,
    error: task.error ?? attempts.error ?? explanation.error,
    refresh,
  };
}
