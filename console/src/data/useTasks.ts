import type { Task } from "@aura-servers/client";
import { type InfiniteData, useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useBackend } from "./aura.ts";
import { useTableChanges } from "./useTableChanges.ts";

/** Whose tasks: a channel's or a thread's. */
export type TaskScope = { channel_id: string } | { task_thread_id: string };

type Pages = InfiniteData<Task[], Task | undefined>;

const PAGE = 50;

/** The tasks of a channel or thread by id, live, as far back as `since` (the oldest message shown). */
export function useTasks(scope: TaskScope, since: string | undefined): ReadonlyMap<string, Task> {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const [column, id] = Object.entries(scope)[0] as [string, string];
  const key = ["tasks", id];

  const { data, hasNextPage, isFetching, fetchNextPage } = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => aura.fetchTasks({ ...scope, limit: PAGE, before: pageParam }),
    initialPageParam: undefined as Task | undefined,
    getNextPageParam: (page) => page.length === PAGE ? page.at(-1) : undefined,
  });
  const oldest = data?.pages.at(-1)?.at(-1)?.created_at;
  useEffect(() => {
    if (!since || !oldest || isFetching || !hasNextPage) return;
    if (Date.parse(oldest) > Date.parse(since)) void fetchNextPage();
  }, [since, oldest, isFetching, hasNextPage]);

  useTableChanges(`tasks:${id}`, [{ table: "mac_tasks", filter: `${column}=eq.${id}` }], {
    refresh: () => void queries.invalidateQueries({ queryKey: key }),
    row: (row) => {
      queries.setQueryData<Pages>(key, (pages) => pages && merge(pages, row as Task));
      // What is being read now may be older than this row.
      if (queries.isFetching({ queryKey: key })) void queries.invalidateQueries({ queryKey: key });
    },
  });

  return useMemo(() => new Map(data?.pages.flat().map((task) => [task.id, task])), [data]);
}

function merge({ pages, pageParams }: Pages, row: Task): Pages {
  const known = pages.some((page) => page.some(({ id }) => id === row.id));
  const merged = pages.map((page) =>
    page.map((task) => task.id === row.id ? { ...task, ...row } : task)
  );
  if (!known) merged[0] = [row, ...(merged[0] ?? [])];
  return { pages: merged, pageParams };
}
