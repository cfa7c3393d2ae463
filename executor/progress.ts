/**
 * Gathers an agent's steps into few updates. Each wait is longer than the last one, so that the
 * fifteen updates a task may post cover its first hour; what comes later rewrites the fifteenth.
 */
export class Progress {
  readonly #report: (text: string) => Promise<void>;
  #shown = "";
  #pending: string[] = [];
  #passed = 0;
  #wait = FIRST_WAIT;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> = Promise.resolve();

  /** `report` gets everything shown so far, the newest steps last; it must not throw. */
  constructor(report: (text: string) => Promise<void>) {
    this.#report = report;
  }

  add(steps: readonly string[]): void {
    for (const step of steps) {
      if (!step || step === this.#pending.at(-1)) continue;
      this.#pending.push(step);
      if (this.#pending.length <= MOST_STEPS) continue;
      this.#pending.shift();
      this.#passed++;
    }
    if (this.#pending.length) this.#timer ??= setTimeout(() => this.#send(), this.#wait);
  }

  /** Sends at once what there is, though it may be nothing new. */
  now(): void {
    clearTimeout(this.#timer);
    this.#send();
  }

  /** Sends nothing more; returns once an update under way has ended. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#pending = [];
    await this.#sending;
  }

  #send(): void {
    const passed = this.#passed ? [`… ${this.#passed} more steps`] : [];
    const text = [this.#shown, ...passed, ...this.#pending].filter(Boolean).join("\n");
    this.#shown = text;
    this.#pending = [];
    this.#passed = 0;
    this.#wait = Math.min(this.#wait * GROWTH, LONGEST_WAIT);
    this.#timer = undefined;
    this.#sending = this.#sending.then(() => this.#report(text));
  }
}

/** Short enough to feel alive, long enough that the answer of a quick task is not shown twice. */
const FIRST_WAIT = 1_000;
const GROWTH = 1.75;
const LONGEST_WAIT = 15 * 60_000;
const MOST_STEPS = 12;
