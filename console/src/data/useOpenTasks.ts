import type { Task } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";
import { upsert } from "./upsert.ts";
import { useTableChanges } from "./useTableChanges.ts";

const key = ["open-tasks"];
const MOST = 200;

/** The tasks that wait or run anywhere, newest first and at most 200, live. */
export function useOpenTasks() {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const query = useQuery({
    queryKey: key,
    queryFn: () => aura.fetchTasks({ status: ["pending", "running"], limit: MOST }),
  });
  const refresh = () => void queries.invalidateQueries({ queryKey: key });
  useTableChanges("open-tasks", [{ table: "mac_tasks" }], {
    refresh,
    row: (row) => {
      queries.setQueryData<Task[]>(key, (tasks) => tasks && take(tasks, row as Task));
      if (queries.isFetching({ queryKey: key })) refresh();
    },
  });
  return query.data;
}

function take(tasks: Task[], row: Task): Task[] {
  if (row.status !== "pending" && row.status !== "running") {
    return tasks.filter(({ id }) => id !== row.id);
  }
  const before = tasks.find(({ id }) => id === row.id);
  return upsert(tasks.toReversed(), { ...before, ...row }).reverse();
}
