/** Who shares the slots of a machine: the executor of one hub. */
export interface SlotUser {
  /** Tasks that take a slot now. */
  busy(): number;
  /** A slot is free that it has asked for. */
  ring(): void;
}

/** The slots of this machine, which the executors of all its hubs share. */
export class Slots {
  readonly #size: number;
  readonly #users = new Set<SlotUser>();
  /** Who has asked in vain, the longest waiting first. */
  readonly #waiting = new Set<SlotUser>();
  #held = 0;

  /** @param size how many tasks may run at once */
  constructor(size: number) {
    this.#size = size;
  }

  join(user: SlotUser): void {
    this.#users.add(user);
  }

  /**
   * Holds slots for a claim, until `release`: all that are free where nobody shares them, else one, so
   * that each hub has its turn. 0: none is free, and the user is rung when one is.
   */
  hold(user: SlotUser): number {
    const free = this.#free();
    const count = this.#users.size > 1 ? Math.min(free, 1) : free;
    if (count <= 0) {
      this.#waiting.add(user);
      return 0;
    }
    this.#waiting.delete(user);
    this.#held += count;
    return count;
  }

  /** Ends a hold, once what was claimed counts as busy. */
  release(count: number): void {
    this.#held -= count;
    this.changed();
  }

  /** A slot may have become free. */
  changed(): void {
    if (this.#free() <= 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const user of waiting) user.ring();
  }

  #free(): number {
    const busy = [...this.#users].reduce((sum, user) => sum + user.busy(), 0);
    return this.#size - this.#held - busy;
  }
}
