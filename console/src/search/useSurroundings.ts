import { AuraError, type Message, type MessageView } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useRef } from "react";
import { useBackend } from "../data/aura.ts";

interface Surroundings {
  /** Oldest first. */
  rows: Message[];
  view: MessageView;
  hasOlder: boolean;
  hasNewer: boolean;
}

const PAGE = 30;

/** A message with those before and after it, more of both on demand. What happens meanwhile is not followed. */
export function useSurroundings(messageId: string) {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const key = ["surroundings", messageId];
  const query = useQuery({
    queryKey: key,
    queryFn: async (): Promise<Surroundings> => {
      const [message] = await aura.fetchMessages([messageId]);
      if (!message) throw new AuraError("message_not_found", 404, "There is no such message.");
      const view = viewOf(message);
      const [older, newer] = await Promise.all([
        aura.fetchMessagePage(view, { before: message, limit: PAGE }),
        aura.fetchMessagePage(view, { after: message, limit: PAGE }),
      ]);
      return {
        rows: [...older, message, ...newer],
        view,
        hasOlder: older.length === PAGE,
        hasNewer: newer.length === PAGE,
      };
    },
  });

  const loading = useRef(false);
  const load = useCallback(async (direction: "older" | "newer") => {
    const held = queries.getQueryData<Surroundings>(key);
    if (loading.current || !held) return;
    loading.current = true;
    try {
      const { rows, view } = held;
      const more = await aura.fetchMessagePage(
        view,
        direction === "older"
          ? { before: rows[0], limit: PAGE }
          : { after: rows.at(-1), limit: PAGE },
      );
      queries.setQueryData<Surroundings>(key, {
        ...held,
        ...direction === "older"
          ? { rows: [...more, ...rows], hasOlder: more.length === PAGE }
          : { rows: [...rows, ...more], hasNewer: more.length === PAGE },
      });
    } finally {
      loading.current = false;
    }
  }, [messageId]);

  return {
    found: query.data,
    error: query.error,
    retry: () => void query.refetch(),
    loadOlder: useCallback(() => void load("older"), [load]),
    loadNewer: useCallback(() => void load("newer"), [load]),
  };
}

const viewOf = ({ task_thread_id, channel_id }: Message): MessageView =>
  task_thread_id ? { threadId: task_thread_id } : { channelId: channel_id };
