/** A time limit that can stand still. */
export class Countdown {
  readonly #over: () => void;
  #left: number;
  #since: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number, over: () => void) {
    this.#left = ms;
    this.#over = over;
  }

  go(): void {
    if (this.#since !== null) return;
    this.#since = performance.now();
    this.#timer = setTimeout(this.#over, Math.min(this.#left, LONGEST_TIMER));
  }

  stop(): void {
    if (this.#since === null) return;
    clearTimeout(this.#timer);
    this.#left = Math.max(0, this.#left - (performance.now() - this.#since));
    this.#since = null;
  }
}

/** A timer of more than 2^31 - 1 ms would ring at once. */
const LONGEST_TIMER = 2 ** 31 - 1;
