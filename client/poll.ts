import type { Calls } from "./calls.ts";
import type { PollOptions } from "./client.ts";
import type { Message, Task } from "./rows.ts";
import type { Topics } from "./topics.ts";
import { Waiter } from "./waiter.ts";

/**
 * A task as it is and each time it has changed, until it has ended. A message about it is the sign to
 * read it at once; the interval is for what posts none, and for times without Realtime.
 */
export async function* pollTask(
  calls: Calls,
  topics: Topics,
  taskId: string,
  { signal, intervalMs = 2000 }: PollOptions,
): AsyncGenerator<Task, void, void> {
  const waiter = new Waiter(signal);
  const wake = () => waiter.wake();
  const listener = {
    joined: wake,
    lost: wake,
    broadcast(_event: string, payload: unknown) {
      if ((payload as Partial<Message>).metadata?.task_id === taskId) wake();
    },
    failed: (error: unknown) => waiter.fail(error),
  };
  let leave = () => {};
  let seen: string | undefined;
  try {
    let task = await waiter.insist(() => calls.fetchTask(taskId));
    const topic = topicOf(task);
    if (topic) leave = topics.listen(topic, listener);
    while (!waiter.stopped) {
      const version = JSON.stringify(task);
      if (version !== seen) yield task;
      seen = version;
      if (task.status === "complete" || task.status === "failed") return;
      await waiter.woken(intervalMs);
      task = await waiter.insist(() => calls.fetchTask(taskId));
    }
  } catch (error) {
    if (!waiter.stopped) throw error;
  } finally {
    leave();
  }
}

function topicOf({ task_thread_id, channel_id }: Task): string | null {
  if (task_thread_id) return `thread:${task_thread_id}`;
  return channel_id && `channel:${channel_id}`;
}
