import { after, before, type Cursor, onward } from "../paging.ts";
import type { Command, CommandResult, FoundMessage, Message, ReadMark } from "../rows.ts";
import { inBatches, type MessageView, missing, type Page, rows } from "./base.ts";
import { ServerCalls } from "./servers.ts";

export interface MessagePage extends Page {
  /** Instead of `before`: the first rows that are newer than this one. */
  after?: Cursor;
}

/** Messages, and the commands that keep none. */
export class MessageCalls extends ServerCalls {
  /**
   * A page of a channel's messages of no thread: the newest, or those before a row; oldest first.
   *
   * ```ts
   * const newest = await aura.fetchChannelMessages(channelId);
   * const older = await aura.fetchChannelMessages(channelId, { before: newest[0] });
   * ```
   *
   * @throws {AuraError} channel_not_found
   */
  fetchChannelMessages(channelId: string, page: MessagePage = {}): Promise<Message[]> {
    return this.fetchMessagePage({ channelId }, page);
  }

  /**
   * A page of a thread's messages: the newest, or those before a row; oldest first.
   *
   * @throws {AuraError} thread_not_found
   */
  fetchThreadMessages(threadId: string, page: MessagePage = {}): Promise<Message[]> {
    return this.fetchMessagePage({ threadId }, page);
  }

  /**
   * The same of a channel or of a thread.
   *
   * @throws {AuraError} channel_not_found, thread_not_found
   */
  async fetchMessagePage(view: MessageView, page: MessagePage = {}): Promise<Message[]> {
    const ascending = page.after !== undefined;
    const query = this.#messages(view).order("created_at", { ascending })
      .order("id", { ascending }).limit(page.limit ?? 50);
    const messages = rows<Message>(
      await (page.after ? after(query, page.after) : before(query, page.before)),
    );
    if (messages.length === 0) await this.mustExist(view);
    return ascending ? messages : messages.reverse();
  }

  /** How far the caller has read channels and threads. */
  async fetchReads(): Promise<ReadMark[]> {
    return rows(await this.db.from("hub_reads").select());
  }

  /**
   * Notes that the caller has read a thread, else a channel, else every channel. Marks never go back.
   *
   * @param read_at ISO 8601; until now, unless told
   * @returns the marks that have changed
   * @throws {AuraError} channel_not_found, thread_not_found
   */
  markRead(
    place: { channel_id?: string; task_thread_id?: string; read_at?: string } = {},
  ): Promise<ReadMark[]> {
    return this.rpc("mark_read", place);
  }

  /**
   * Messages with these words, newest first, of the channels that the caller may read. `query` is words
   * that all stand in a message, `"a phrase"`, `-unwanted`, `either or other`.
   *
   * ```ts
   * const [newest] = await aura.searchMessages('deploy "staging cluster" -failed');
   * const parts = highlightParts(newest.highlight); // [{ text, isFound }]
   * ```
   *
   * @param options `before`: those older than that, in ISO 8601; `max_rows`: 50 unless told, 200 at most
   * @throws {AuraError} server_not_found, channel_not_found, bad_argument, content_too_long
   */
  searchMessages(
    query: string,
    options: { server_id?: string; channel_id?: string; before?: string; max_rows?: number } = {},
  ): Promise<FoundMessage[]> {
    return this.rpc("search_messages", { query, ...options });
  }

  /**
   * A view's messages from a moment on (all of them: null), that moment's included; oldest first.
   *
   * @param since ISO 8601
   * @throws {AuraError} channel_not_found, thread_not_found
   */
  async fetchMessagesSince(view: MessageView, since: string | null): Promise<Message[]> {
    const query = () => this.#messages(view).order("created_at").order("id");
    const messages = await onward(since, query, rows<Message>);
    if (messages.length === 0) await this.mustExist(view);
    return messages;
  }

  /** These messages, as far as the caller may read them, in no certain order. */
  async fetchMessages(ids: string[]): Promise<Message[]> {
    return await inBatches(
      ids,
      (some) => this.db.from("hub_channel_messages").select().in("id", some).then(rows<Message>),
    );
  }

  /**
   * Posts the caller's own words, to a channel or to one of its threads; creates no task. With an
   * `id` of the caller's, posting again returns the message that is there.
   *
   * @throws {AuraError} channel_not_found, thread_not_found, thread_archived, channel_read_only,
   *   content_empty, content_too_long (32,000 characters), role_required
   */
  async postChannelMessage(
    channelId: string,
    content: string,
    { id = crypto.randomUUID(), ...options }: {
      id?: string;
      task_thread_id?: string;
      reply_to?: string;
    } = {},
  ): Promise<Message> {
    const message = { id, channel_id: channelId, content, ...options };
    const answer = await this.db.from("hub_channel_messages").insert(message).select();
    // Not an upsert, which needs a key of the id alone: a table in partitions has none.
    const isThere = answer.error?.code === "23505";
    const [posted] = isThere ? [] : rows<Message>(answer);
    return posted ?? (await this.fetchMessages([id]))[0] ?? missing("message", id);
  }

  #messages(view: MessageView) {
    const query = this.db.from("hub_channel_messages").select();
    return "threadId" in view
      ? query.eq("task_thread_id", view.threadId)
      : query.eq("channel_id", view.channelId).is("task_thread_id", null);
  }

  /**
   * Runs one command of a command channel and answers at once; nothing is kept of it.
   *
   * ```ts
   * const { chunks } = await aura.executeCommand(channelId, "!hot brooklyn");
   * console.log(chunks.join("\n"));
   * ```
   *
   * @param command `!name arguments`; the `!` may be left out
   * @throws {AuraError} unknown_command (its hint names the nearest), bad_argument (its hint is the usage),
   *   channel_not_found, wrong_architecture, channel_read_only, server_paused, content_empty,
   *   content_too_long, role_required
   */
  executeCommand(channelId: string, command: string): Promise<CommandResult> {
    return this.rpc("execute_command", { channel_id: channelId, command });
  }

  /** What `executeCommand` takes, by name. */
  listCommands(): Promise<Command[]> {
    return this.rpc("list_commands", {});
  }
}
