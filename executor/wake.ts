import type { SupabaseClient } from "@supabase/supabase-js";

/**
 * Listens on the public topic `mesh:wake`. `onState` tells whether it is connected: while it is
 * not, nothing wakes this executor. Returns a function that stops listening.
 */
export function listenForWork(
  client: SupabaseClient,
  { onTask, onState }: { onTask(): void; onState(connected: boolean): void },
): () => Promise<void> {
  const channel = client.channel("mesh:wake")
    .on("broadcast", { event: "task_queued" }, onTask)
    .subscribe((state) => onState(state === "SUBSCRIBED"));
  return async () => {
    await client.removeChannel(channel);
    await client.realtime.disconnect();
  };
}
