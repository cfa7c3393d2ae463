import type { Message, MessageView } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef } from "react";
import { useBackend } from "./aura.ts";
import { upsert } from "./upsert.ts";
import { useFeed } from "./useFeed.ts";

interface Pages {
  /** Oldest first. */
  rows: Message[];
  hasOlder: boolean;
}

const PAGE = 50;

/** Whether a row belongs to a page not read yet: shown now, it would hide those between. */
const isBefore = ({ rows: [oldest], hasOlder }: Pages, row: Message) =>
  hasOlder && oldest !== undefined && Date.parse(row.created_at) < Date.parse(oldest.created_at);

/** A channel's or a thread's messages: the newest page, older ones on demand, new ones live. */
export function useMessages(view: MessageView) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const key = ["messages", "threadId" in view ? view.threadId : view.channelId];
  const name = key.join(":");

  const page = useCallback(
    (before?: Message) =>
      "threadId" in view
        ? aura.fetchThreadMessages(view.threadId, { limit: PAGE, before })
        : aura.fetchChannelMessages(view.channelId, { limit: PAGE, before }),
    [aura, name],
  );

  const query = useQuery({
    queryKey: key,
    // What is held stays right: the feed delivers everything since.
    staleTime: Infinity,
    queryFn: async (): Promise<Pages> => {
      const rows = await page();
      return { rows, hasOlder: rows.length === PAGE };
    },
  });

  const change = (next: (pages: Pages) => Pages) =>
    queries.setQueryData<Pages>(key, (pages) => pages && next(pages));

  const feedError = useFeed(
    query.data ? name : null,
    (signal) => {
      const options = { signal, held: queries.getQueryData<Pages>(key)?.rows };
      return "threadId" in view
        ? aura.subscribeToThreadMessages(view.threadId, options)
        : aura.subscribeToChannelMessages(view.channelId, options);
    },
    (row: Message) =>
      change((pages) => isBefore(pages, row) ? pages : { ...pages, rows: upsert(pages.rows, row) }),
  );

  // Whoever comes back starts at the newest page again: what was scrolled through is not drawn anew.
  useEffect(() => () => {
    change((pages) =>
      pages.rows.length > PAGE ? { rows: pages.rows.slice(-PAGE), hasOlder: true } : pages
    );
  }, [name]);

  const loading = useRef(false);
  const loadOlder = useCallback(async () => {
    const oldest = queries.getQueryData<Pages>(key)?.rows[0];
    if (loading.current || !oldest) return;
    loading.current = true;
    try {
      const older = await page(oldest);
      change(({ rows }) => ({ rows: [...older, ...rows], hasOlder: older.length === PAGE }));
    } finally {
      loading.current = false;
    }
  }, [name]);

  return {
    messages: query.data?.rows,
    hasOlder: query.data?.hasOlder ?? false,
    loadOlder,
    add: (row: Message) => change((pages) => ({ ...pages, rows: upsert(pages.rows, row) })),
    error: query.error ?? feedError,
    retry: () => void query.refetch(),
  };
}
