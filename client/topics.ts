/**
 * Realtime topics, each shared by all who listen to it and joined for as long as somebody does.
 *
 * supabase-js allows one channel per topic and joins again by itself after a lost socket; when the
 * server closes a channel for good (an expired token, a restart), it does not, and this does.
 */
import type { RealtimeChannel, SupabaseClient } from "@supabase/supabase-js";

export interface Listener {
  /** The topic was joined (again): whatever was sent before has to be fetched. */
  joined(): void;
  /** The topic is not joined, or not any more; it will be tried again. */
  lost(): void;
  broadcast(event: string, payload: unknown): void;
  /** The topic cannot be joined here at all, e.g. for want of WebSocket. */
  failed(error: unknown): void;
}

const REOPEN_AFTER_MS = 1000;

export class Topics {
  readonly #supabase: SupabaseClient;
  readonly #topics = new Map<string, Topic>();

  constructor(supabase: SupabaseClient) {
    this.#supabase = supabase;
  }

  /** Listens to a topic's broadcasts until the returned function is called. */
  listen(name: string, listener: Listener): () => void {
    const topic = this.#topics.get(name) ?? new Topic(this.#supabase, name);
    this.#topics.set(name, topic);
    topic.add(listener);
    return () => topic.remove(listener);
  }
}

class Topic {
  readonly #supabase: SupabaseClient;
  readonly #name: string;
  readonly #listeners = new Set<Listener>();
  #joined = false;
  /** Opening and closing, one after another: a topic that is still being left cannot be joined. */
  #work: Promise<void> = Promise.resolve();
  #channel: RealtimeChannel | null = null;
  #reopening: ReturnType<typeof setTimeout> | undefined;

  constructor(supabase: SupabaseClient, name: string) {
    this.#supabase = supabase;
    this.#name = name;
  }

  add(listener: Listener) {
    this.#listeners.add(listener);
    if (this.#joined) listener.joined();
    else this.#settle();
  }

  remove(listener: Listener) {
    this.#listeners.delete(listener);
    this.#settle();
  }

  /** Brings the channel into the state that the listeners ask for. */
  #settle() {
    this.#work = this.#work.then(async () => {
      if (this.#listeners.size > 0 && !this.#channel) await this.#open();
      if (this.#listeners.size === 0) await this.#close();
    }).catch((error) => this.#tell((listener) => listener.failed(error)));
  }

  async #open() {
    // A private topic is joined with the user's token, which may not have been read yet.
    await this.#supabase.realtime.setAuth();
    const channel = this.#supabase.channel(this.#name, { config: { private: true } });
    this.#channel = channel;
    channel.on("broadcast", { event: "*" }, ({ event, payload }) => {
      this.#tell((listener) => listener.broadcast(event, payload));
    });
    channel.subscribe((status) => {
      if (channel !== this.#channel) return;
      this.#joined = status === "SUBSCRIBED";
      this.#tell((listener) => this.#joined ? listener.joined() : listener.lost());
      if (status === "CLOSED") {
        this.#channel = null;
        this.#reopening = setTimeout(() => this.#settle(), REOPEN_AFTER_MS);
      }
    });
  }

  #tell(what: (listener: Listener) => void) {
    for (const listener of [...this.#listeners]) what(listener);
  }

  async #close() {
    clearTimeout(this.#reopening);
    const channel = this.#channel;
    this.#channel = null;
    this.#joined = false;
    if (channel) await this.#supabase.removeChannel(channel);
  }
}
