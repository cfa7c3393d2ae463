import type { Thread } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBackend } from "./aura.ts";
import { upsert } from "./upsert.ts";
import { useFeed } from "./useFeed.ts";

interface Threads {
  /** Oldest first; all that are not archived, and the newest archived ones. */
  rows: Thread[];
  /** The last archived one read, where the next page starts; null: there is none. */
  last: Thread | null;
}

const PAGE = 30;

const lastOf = (page: Thread[]) => page.length === PAGE ? page.at(-1)! : null;

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
        last: lastOf(closed),
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
    const last = queries.getQueryData<Threads>(key)?.last;
    if (!last) return;
    const older = await archived(last);
    change(({ rows }) => ({ rows: older.reduce(upsert<Thread>, rows), last: lastOf(older) }));
  }

  return {
    threads: query.data?.rows,
    hasOlder: Boolean(query.data?.last),
    loadOlder,
    add,
    error: query.error ?? feedError,
    retry: () => void query.refetch(),
  };
}
