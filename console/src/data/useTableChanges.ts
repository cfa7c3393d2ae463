import { useEffect, useRef } from "react";
import { useBackend } from "./aura.ts";

/** A table whose changes matter: all of it, or the rows of a filter such as `channel_id=eq.…`. */
export interface Watched {
  table: string;
  filter?: string;
}

interface Listener {
  /** Rows may have been missed: after every (re)connection, and when one was deleted. */
  refresh: () => void;
  /** A new or changed row; values too large for the message are left out of it. */
  row: (row: { id: string }, table: string) => void;
  connected?: (connected: boolean) => void;
}

/** Hears of every change of some tables, through Realtime. */
export function useTableChanges(name: string, watched: Watched[], listener: Listener) {
  const { supabase } = useBackend();
  const latest = useRef(listener);
  latest.current = listener;

  useEffect(() => {
    const channel = supabase.channel(`changes:${name}`);
    for (const { table, filter } of watched) {
      channel.on<{ id: string }>(
        "postgres_changes",
        { event: "*", schema: "public", table, filter },
        (change) => {
          if (change.eventType === "DELETE") latest.current.refresh();
          else latest.current.row(change.new, table);
        },
      );
    }
    channel.subscribe((status) => {
      const joined = status === "SUBSCRIBED";
      if (joined) latest.current.refresh();
      latest.current.connected?.(joined);
    });
    return () => void supabase.removeChannel(channel);
  }, [supabase, name]);
}
