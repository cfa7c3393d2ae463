/** What a client can follow: a view's messages and questions, a channel's threads, the devices. */
import type { Calls, MessageView } from "./calls.ts";
import type { Source } from "./feed.ts";
import { versionOf } from "./version_of.ts";
import type { DeviceWithModels, Message, Question, Thread } from "./rows.ts";

/**
 * How far before the newest row a read starts. A row carries the time it was written, and is seen
 * only when its transaction commits: one that took long appears behind newer ones.
 */
const COMMIT_SLACK_MS = 60_000;

/** Progress messages that are looked at again after a gap. */
const MOST_REWRITABLE = 100;

/** The messages of a channel's own view, or of a thread. */
export function messageSource(calls: Calls, view: MessageView): Source<Message> {
  /** The newest progress message of each task: the only rows that are ever rewritten. */
  const rewritable = new Map<string, string>();
  const span = new Span();

  return {
    topic: "threadId" in view ? `thread:${view.threadId}` : `channel:${view.channelId}`,
    event: "message",
    includes: (message) => "threadId" in view || message.task_thread_id === null,
    version: (message) => versionOf(message, ["truncated"]),
    current: () => calls.fetchMessagePage(view),
    async missed() {
      const later = await calls.fetchMessagesSince(view, span.since());
      return [...await calls.fetchMessages(absent(rewritable.values(), later)), ...later];
    },
    byIds: (ids) => calls.fetchMessages(ids),
    note(message) {
      span.note(message);
      const task = message.metadata.task_id;
      if (!message.is_progress || typeof task !== "string") return;
      rewritable.delete(task);
      rewritable.set(task, message.id);
      if (rewritable.size > MOST_REWRITABLE) rewritable.delete(rewritable.keys().next().value!);
    },
    start: (held) => span.start(held),
    isOlder: (message) => span.isOlder(message),
  };
}

/** A channel's threads: new ones, and every change of one that is not archived. */
export function threadSource(calls: Calls, channelId: string): Source<Thread> {
  const open = new Set<string>();
  const span = new Span();

  return {
    topic: `channel:${channelId}`,
    event: "thread",
    includes: () => true,
    version: (thread) => versionOf(thread),
    async current() {
      const newest = await calls.fetchTaskThreads(channelId);
      return [...newest, ...await calls.fetchOpenThreads(channelId)];
    },
    async missed() {
      const later = await calls.fetchThreadsSince(channelId, span.since());
      const unarchived = await calls.fetchOpenThreads(channelId);
      const closed = await calls.fetchThreads(absent(open, [...later, ...unarchived]));
      return [...closed, ...unarchived, ...later];
    },
    byIds: (ids) => calls.fetchThreads(ids),
    note(thread) {
      span.note(thread);
      if (thread.status === "archived") open.delete(thread.id);
      else open.add(thread.id);
    },
    start: (held) => span.start(held),
    isOlder: (thread) => span.isOlder(thread),
  };
}

/** What is asked in a channel, its threads included, or in a thread; and what becomes of it. */
export function questionSource(calls: Calls, view: MessageView): Source<Question> {
  const open = new Set<string>();
  const place = "threadId" in view
    ? { task_thread_id: view.threadId }
    : { channel_id: view.channelId };

  return {
    topic: "threadId" in view ? `thread:${view.threadId}` : `channel:${view.channelId}`,
    event: "question",
    includes: () => true,
    version: (question) => versionOf(question),
    current: () => calls.askedQuestions(place),
    async missed() {
      // Those that were asked and answered while nobody listened are not news any more.
      const asked = await calls.askedQuestions(place);
      return [...await calls.fetchQuestions(absent(open, asked)), ...asked];
    },
    byIds: (ids) => calls.fetchQuestions(ids),
    note(question) {
      if (question.state === "open") open.add(question.id);
      else open.delete(question.id);
    },
    start() {},
    isOlder: () => false,
  };
}

/** Every device, with the models it has. */
export function deviceSource(calls: Calls): Source<DeviceWithModels> {
  return {
    topic: "mesh",
    event: "device",
    includes: () => true,
    // It is heard of each second, which is no news.
    version: ({ models, ...device }) =>
      versionOf({
        ...device,
        models: models.toSorted((a, b) => a.model < b.model ? -1 : 1),
      }, ["last_seen_at"]),
    current: () => calls.fetchDevices(),
    missed: () => calls.fetchDevices(),
    byIds: async (ids) => (await calls.fetchDevices()).filter(({ id }) => ids.includes(id)),
    note() {},
    start() {},
    isOlder: () => false,
  };
}

/** The stretch of time that the rows held so far cover. */
class Span {
  #oldest: string | null = null;
  #newest = -Infinity;

  /** Rows older than the oldest of these are not asked for; with none, all rows are. */
  start(held: { created_at: string }[]) {
    for (const row of held) {
      if (this.#oldest === null || this.isOlder(row)) this.#oldest = row.created_at;
    }
  }

  note({ created_at }: { created_at: string }) {
    this.#newest = Math.max(this.#newest, Date.parse(created_at));
  }

  isOlder({ created_at }: { created_at: string }): boolean {
    return this.#oldest !== null && microseconds(created_at) < microseconds(this.#oldest);
  }

  /** From when on to read what may have been missed; null: from the first row. */
  since(): string | null {
    const from = this.#newest - COMMIT_SLACK_MS;
    if (this.#oldest !== null && !(Date.parse(this.#oldest) < from)) return this.#oldest;
    return Number.isFinite(from) ? new Date(from).toISOString() : null;
  }
}

/** Rows follow each other within a millisecond, which is all that a Date knows. */
function microseconds(time: string): number {
  const [, rest = ""] = /\.\d{3}(\d{1,3})/.exec(time) ?? [];
  return Date.parse(time) * 1000 + Number(rest.padEnd(3, "0"));
}

function absent(ids: Iterable<string>, rows: { id: string }[]): string[] {
  const present = new Set(rows.map(({ id }) => id));
  return [...ids].filter((id) => !present.has(id));
}
