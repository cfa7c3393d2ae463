import type { SupabaseClient } from "@supabase/supabase-js";

/**
 * Listens on the public topic `mesh:wake`: `onTask` when there may be a task to claim, `onNews` when
 * the next heartbeat has an answer or words for a task that runs. `onState` tells whether it is
 * connected: while it is not, nothing wakes this executor. Returns a function that stops listening.
 */
export function listenForWork(
  client: SupabaseClient,
  { onTask, onNews, onState }: {
    onTask(): void;
    onNews(): void;
    onState(connected: boolean): void;
  },
): () => Promise<void> {
  const channel = client.channel("mesh:wake")
    .on("broadcast", { event: "task_queued" }, onTask)
    .on("broadcast", { event: "task_news" }, onNews)
    .subscribe((state) => onState(state === "SUBSCRIBED"));
  return async () => {
    await client.removeChannel(channel);
    await client.realtime.disconnect();
  };
}
