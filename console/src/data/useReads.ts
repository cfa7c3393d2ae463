import type { Channel, ReadMark, Thread } from "@aura-servers/client";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { useBackend, useUser } from "./aura.ts";
import { useTableChanges } from "./useTableChanges.ts";

const key = ["reads"];

/** How far one has read, on whatever device: which channels and threads have something new. */
export function useReads() {
  const { aura } = useBackend();
  const queries = useQueryClient();
  const { data: marks } = useQuery({
    queryKey: key,
    queryFn: async () => {
      const marks = await aura.fetchReads();
      // The first visit marks everything: what was there before it is not news.
      return marks.length > 0 ? marks : await aura.markRead();
    },
    staleTime: Infinity,
  });
  const readAt = useMemo(
    () =>
      new Map(marks?.map((mark) => [mark.channel_id ?? mark.task_thread_id, mark.last_read_at])),
    [marks],
  );

  const isUnread = useCallback(
    (channel: Channel) =>
      marks !== undefined && channel.last_message_at !== null &&
      isAfter(channel.last_message_at, readAt.get(channel.id) ?? channel.created_at),
    [marks, readAt],
  );
  /** Of the threads that one has read: a new one is news of its channel. */
  const isUnreadThread = useCallback(
    ({ id, last_activity_at }: Thread) =>
      readAt.has(id) && isAfter(last_activity_at, readAt.get(id)!),
    [readAt],
  );

  const mark = async (place: Parameters<typeof aura.markRead>[0]) => {
    // A mark that is not kept is made with the next visit.
    const changed = await aura.markRead(place).catch(() => []);
    queries.setQueryData<ReadMark[]>(key, (marks) => marks && merged(marks, changed));
  };
  const markRead = useCallback((channel: Channel) => {
    if (!isUnread(channel)) return;
    void mark({ channel_id: channel.id, read_at: channel.last_message_at! });
  }, [isUnread]);
  const markThreadRead = useCallback(({ id, last_activity_at }: Thread) => {
    if (marks === undefined || readAt.has(id) && !isAfter(last_activity_at, readAt.get(id)!)) {
      return;
    }
    void mark({ task_thread_id: id, read_at: last_activity_at });
  }, [marks, readAt]);

  return { readAt, isUnread, isUnreadThread, markRead, markThreadRead };
}

/** Keeps what is known of them right while another device reads on. */
export function useReadChanges() {
  const user = useUser();
  const queries = useQueryClient();
  useTableChanges(`reads:${user.id}`, [{ table: "hub_reads", filter: `user_id=eq.${user.id}` }], {
    refresh: () => void queries.invalidateQueries({ queryKey: key }),
    row: (row) =>
      queries.setQueryData<ReadMark[]>(key, (marks) => marks && merged(marks, [row as ReadMark])),
  });
}

function merged(marks: ReadMark[], changed: ReadMark[]): ReadMark[] {
  const ids = new Set(changed.map(({ id }) => id));
  return [...marks.filter(({ id }) => !ids.has(id)), ...changed];
}

const isAfter = (time: string, other: string) => Date.parse(time) > Date.parse(other);
