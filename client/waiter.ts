/** Waiting for a wake-up, a time or an abort, and insisting on a call that a server may answer later. */
import { AuraError, isPassing } from "./errors.ts";

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;

export class Waiter {
  readonly #signal: AbortSignal | undefined;
  #awake = false;
  #failure: { error: unknown } | null = null;
  #resume: (() => void) | null = null;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  get stopped(): boolean {
    return this.#signal?.aborted ?? false;
  }

  /** Ends the present wait, or the next one if nobody waits. */
  wake(): void {
    this.#awake = true;
    this.#resume?.();
  }

  /** Makes the present or the next wait throw. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.wake();
  }

  /** Waits until woken, aborted, or so many milliseconds have passed; true if woken. */
  async woken(ms?: number): Promise<boolean> {
    if (!this.#awake && !this.stopped) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const resumed = new Promise<void>((resolve) => {
        this.#resume = resolve;
        if (ms !== undefined) timer = setTimeout(resolve, ms);
      });
      const abort = () => this.#resume?.();
      this.#signal?.addEventListener("abort", abort, { once: true });
      await resumed;
      this.#signal?.removeEventListener("abort", abort);
      clearTimeout(timer);
      this.#resume = null;
    }
    if (this.#failure) throw this.#failure.error;
    const woken = this.#awake;
    this.#awake = false;
    return woken;
  }

  /**
   * Makes a read, again and again while the server cannot answer; a wake-up shortens the pause.
   * Throws what the server refuses, and the signal's reason once aborted.
   */
  async insist<Result>(call: () => Promise<Result>): Promise<Result> {
    for (let pause = FIRST_RETRY_MS;; pause = Math.min(2 * pause, LAST_RETRY_MS)) {
      this.#signal?.throwIfAborted();
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof AuraError && isPassing(error.status))) throw error;
      }
      await this.woken(pause);
    }
  }
}
