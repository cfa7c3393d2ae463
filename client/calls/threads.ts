import { before, onward } from "../paging.ts";
import type { Thread, ThreadStatus } from "../rows.ts";
import { inBatches, missing, type Page, rows } from "./base.ts";
import { MessageCalls } from "./messages.ts";

/** Threads. */
export class ThreadCalls extends MessageCalls {
  /**
   * A page of a channel's threads, newest first.
   *
   * @throws {AuraError} channel_not_found
   */
  async fetchTaskThreads(
    channelId: string,
    page: Page & { status?: ThreadStatus[] } = {},
  ): Promise<Thread[]> {
    let query = this.db.from("hub_task_threads").select().eq("channel_id", channelId)
      .order("created_at", { ascending: false }).order("id", { ascending: false })
      .limit(page.limit ?? 50);
    if (page.status) query = query.in("status", page.status);
    const threads = rows<Thread>(await before(query, page.before));
    if (threads.length === 0) await this.mustExist({ channelId });
    return threads;
  }

  /**
   * One thread.
   *
   * @throws {AuraError} thread_not_found
   */
  async fetchThread(threadId: string): Promise<Thread> {
    const [thread] = await this.fetchThreads([threadId]);
    return thread ?? missing("thread", threadId);
  }

  /** Threads whose name has these words in this order, the liveliest first; without words, those. */
  async findThreads(words: string, limit = 10): Promise<Thread[]> {
    const pattern = words.replace(/[\\%_]/g, "\\$&").split(/\s+/).join("%");
    const query = this.db.from("hub_task_threads").select().ilike("name", `%${pattern}%`);
    return rows(await query.order("last_activity_at", { ascending: false }).limit(limit));
  }

  /** These threads, as far as the caller may read them, in no certain order. */
  async fetchThreads(ids: string[]): Promise<Thread[]> {
    return await inBatches(
      ids,
      (some) => this.db.from("hub_task_threads").select().in("id", some).then(rows<Thread>),
    );
  }

  /** A channel's threads that are not archived; oldest first. */
  async fetchOpenThreads(channelId: string): Promise<Thread[]> {
    const query = () =>
      this.db.from("hub_task_threads").select().eq("channel_id", channelId)
        .neq("status", "archived").order("created_at").order("id");
    return await onward(null, query, rows<Thread>);
  }

  /**
   * A channel's threads created from a moment on, archived ones too; oldest first.
   *
   * @param since ISO 8601; null for all of them
   * @throws {AuraError} channel_not_found
   */
  async fetchThreadsSince(channelId: string, since: string | null): Promise<Thread[]> {
    const query = () =>
      this.db.from("hub_task_threads").select().eq("channel_id", channelId)
        .order("created_at").order("id");
    const threads = await onward(since, query, rows<Thread>);
    if (threads.length === 0) await this.mustExist({ channelId });
    return threads;
  }

  /**
   * The thread of a task that the caller inserted itself; the same thread again when repeated.
   *
   * @throws {AuraError} channel_not_found, task_not_found, wrong_architecture, channel_read_only,
   *   task_finished
   */
  createTaskThread(channelId: string, taskId: string): Promise<Thread> {
    return this.rpc("create_task_thread", { channel_id: channelId, task_id: taskId });
  }

  /**
   * Reopens (`active`) or closes (`archived`) a thread.
   *
   * @throws {AuraError} thread_not_found, thread_busy (its task has not ended)
   */
  updateThreadStatus(threadId: string, status: ThreadStatus): Promise<Thread> {
    return this.rpc("update_thread_status", { thread_id: threadId, status });
  }
}
