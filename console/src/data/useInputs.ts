import type { TaskInput } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";
import { useTableChanges } from "./useTableChanges.ts";

/** Keeps every input that is read current; for the shell, once. */
export function useInputChanges(): void {
  const queries = useQueryClient();
  useTableChanges("inputs", [{ table: "hub_task_inputs" }], {
    refresh: () => void queries.invalidateQueries({ queryKey: ["inputs"] }),
    row: (row) => {
      const { task_id } = row as TaskInput;
      void queries.invalidateQueries({ queryKey: ["inputs", task_id] });
    },
  });
}

/** What was said to a running task, as it is now: whether it has been taken. */
export function useInput(taskId: string, id: string): TaskInput | undefined {
  const { aura } = useBackend();
  const { data } = useQuery({
    queryKey: ["inputs", taskId],
    queryFn: () => aura.fetchTaskInputs(taskId),
    staleTime: Infinity,
  });
  return data?.find((input) => input.id === id);
}
