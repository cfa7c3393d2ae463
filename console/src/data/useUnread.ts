import type { Channel } from "@aura-servers/client";
import { useCallback, useState } from "react";

const storageKey = (user: string) => `aura.read.${user}`;

function read(key: string): Record<string, string> {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}") as Record<string, string>;
  } catch {
    // Something else wrote there: everything counts as unread.
    return {};
  }
}

/**
 * Which channels have messages that this browser has not shown. The first visit marks nothing: what
 * was there before it is not news.
 */
export function useUnread(user: string) {
  const key = storageKey(user);
  const [seen, setSeen] = useState(() => read(key));
  const [since] = useState(() => {
    const first = read(key).since ?? new Date().toISOString();
    localStorage.setItem(key, JSON.stringify({ ...read(key), since: first }));
    return first;
  });

  const isUnread = (channel: Channel) =>
    channel.last_message_at !== null &&
    Date.parse(channel.last_message_at) > Date.parse(seen[channel.id] ?? since);

  const markRead = useCallback((channel: Channel) => {
    if (!channel.last_message_at) return;
    // Another tab may have read more since.
    const next = { ...read(key), [channel.id]: channel.last_message_at };
    localStorage.setItem(key, JSON.stringify(next));
    setSeen(next);
  }, [key]);

  return { isUnread, markRead };
}
