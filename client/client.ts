import type { SupabaseClient } from "@supabase/supabase-js";
import { Calls, type MessageView } from "./calls.ts";
import type { Database } from "./database.types.ts";
import { type Change, follow } from "./feed.ts";
import { pollTask } from "./poll.ts";
import type { DeviceWithModels, Message, Question, Task, Thread } from "./rows.ts";
import { deviceSource, messageSource, questionSource, threadSource } from "./sources.ts";
import { Topics } from "./topics.ts";

/** Where a subscription begins, and what ends it. */
export interface SubscribeOptions<Row> {
  /**
   * The rows the caller has, e.g. the page it shows: everything since is delivered, these are not,
   * and one of them that has changed is. With an empty list, everything is delivered from the first
   * row on. Without a list, what is there when the iteration starts is not delivered.
   */
  held?: Row[];
  /** Ends the iteration. */
  signal?: AbortSignal;
}

/** How a task is followed, and what ends that. */
export interface PollOptions {
  /** Ends the iteration. */
  signal?: AbortSignal;
  /** How often the task is read when Realtime brings no news of it; 2,000 unless told. */
  intervalMs?: number;
}

/**
 * Aura Servers for one signed-in user: every call, and what changes as async iterables.
 *
 * ```ts
 * const aura = new AuraClient(createClient(url, publishableKey));
 * const held = await aura.fetchChannelMessages(channelId);
 * for await (const { kind, row } of aura.subscribeToChannelMessages(channelId, { held })) …
 * ```
 *
 * Calls throw an `AuraError`. Iterables ride out a lost connection, a restarted server and a
 * refreshed token; they throw only what the server refuses, and end with `break` or the signal.
 */
export class AuraClient extends Calls {
  readonly #topics: Topics;

  /** The app's own supabase-js client, whatever else its database holds. */
  // deno-lint-ignore no-explicit-any -- any Database type of the app's
  constructor(supabase: SupabaseClient<any, any, any, any, any>) {
    super(supabase as SupabaseClient<Database>);
    this.#topics = new Topics(supabase);
  }

  /**
   * A channel's messages of no thread.
   *
   * @throws {AuraError} channel_not_found
   */
  subscribeToChannelMessages(
    channelId: string,
    { held, signal }: SubscribeOptions<Message> = {},
  ): AsyncGenerator<Change<Message>, void, void> {
    return follow(this.#topics, messageSource(this, { channelId }), held, signal);
  }

  /**
   * A thread's messages.
   *
   * @throws {AuraError} thread_not_found
   */
  subscribeToThreadMessages(
    threadId: string,
    { held, signal }: SubscribeOptions<Message> = {},
  ): AsyncGenerator<Change<Message>, void, void> {
    return follow(this.#topics, messageSource(this, { threadId }), held, signal);
  }

  /** A channel's threads: new ones and every change of their name, status and count. */
  subscribeToTaskThreadUpdates(
    channelId: string,
    { held, signal }: SubscribeOptions<Thread> = {},
  ): AsyncGenerator<Change<Thread>, void, void> {
    return follow(this.#topics, threadSource(this, channelId), held, signal);
  }

  /** What agents ask in a channel (its threads included) or in a thread, and what becomes of it. */
  subscribeToQuestions(
    view: MessageView,
    { held, signal }: SubscribeOptions<Question> = {},
  ): AsyncGenerator<Change<Question>, void, void> {
    return follow(this.#topics, questionSource(this, view), held, signal);
  }

  /** The devices: new ones and every change of their status and models. */
  subscribeToDevices(
    { held, signal }: SubscribeOptions<DeviceWithModels> = {},
  ): AsyncGenerator<Change<DeviceWithModels>, void, void> {
    return follow(this.#topics, deviceSource(this), held, signal);
  }

  /**
   * A task as it is and each time it has changed, until it has ended.
   *
   * ```ts
   * for await (const task of aura.pollTaskProgress(id)) console.log(task.status, task.partial_output);
   * ```
   *
   * @throws {AuraError} task_not_found
   */
  pollTaskProgress(
    taskId: string,
    options: PollOptions = {},
  ): AsyncGenerator<Task, void, void> {
    return pollTask(this, this.#topics, taskId, options);
  }
}
