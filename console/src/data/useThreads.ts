import type { Thread } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";
import { upsert } from "./upsert.ts";
import { useFeed } from "./useFeed.ts";

interface Threads {
  /** Oldest first; all that are not archived, and the newest archived ones. */
  rows: Thread[];
  hasOlder: boolean;
}

const PAGE = 30;

/** A threaded channel's threads, live: all open ones, and pages of archived ones. */
export function useThreads(channelId: string) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const key = ["threads", channelId];

  const archived = (before?: Thread) =>
    aura.fetchTaskThreads(channelId, { status: ["archived"], limit: PAGE, before });

  const query = useQuery({
    queryKey: key,
    staleTime: Infinity,
    queryFn: async (): Promise<Threads> => {
      const [open, closed] = await Promise.all([aura.fetchOpenThreads(channelId), archived()]);
      return {
        rows: [...open, ...closed].reduce(upsert<Thread>, []),
        hasOlder: closed.length === PAGE,
      };
    },
  });

  const change = (next: (threads: Threads) => Threads) =>
    queries.setQueryData<Threads>(key, (threads) => threads && next(threads));
  const add = (row: Thread) =>
    change((threads) => ({ ...threads, rows: upsert(threads.rows, row) }));

  const feedError = useFeed(
    query.data ? channelId : null,
    (signal) =>
      aura.subscribeToTaskThreadUpdates(channelId, {
        signal,
        held: queries.getQueryData<Threads>(key)?.rows,
      }),
    add,
  );

  async function loadOlder() {
    const oldest = queries.getQueryData<Threads>(key)?.rows.find(({ status }) =>
      status === "archived"
    );
    const older = await archived(oldest);
    change(({ rows }) => ({
      rows: older.reduce(upsert<Thread>, rows),
      hasOlder: older.length === PAGE,
    }));
  }

  return {
    threads: query.data?.rows,
    hasOlder: query.data?.hasOlder ?? false,
    loadOlder,
    add,
    error: query.error ?? feedError,
    retry: () => void query.refetch(),
  };
}
