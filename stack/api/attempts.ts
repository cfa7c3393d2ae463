// How often somebody may try to sign in as one person before they have to wait.

export interface Limit {
  /** Attempts that may fail within `window` ms. */
  most: number;
  window: number;
}

/** Counts attempts by name, in memory: those under way, and those that failed not long ago. */
export class Attempts {
  #begun = new Map<string, number[]>();

  constructor(private readonly limit: Limit, private readonly now = Date.now) {}

  /** Counts one more attempt. Returns the seconds to wait when there were too many: it is refused then. */
  begin(name: string): number | undefined {
    const since = this.now() - this.limit.window;
    const recent = (this.#begun.get(name) ?? []).filter((time) => time > since);
    if (recent.length >= this.limit.most) return Math.ceil((recent[0]! - since) / 1000);
    // Deleted and set anew, so that the map is in the order of the latest attempts.
    this.#begun.delete(name);
    this.#begun.set(name, [...recent, this.now()]);
    this.#forgetOld(since);
  }

  /** The name has proved to be who it says: what went before does not count any more. */
  succeed(name: string): void {
    this.#begun.delete(name);
  }

  /** Names that nobody has tried for a while, so that made-up ones do not add up. */
  #forgetOld(since: number): void {
    for (const [name, times] of this.#begun) {
      if (times.at(-1)! > since) return;
      this.#begun.delete(name);
    }
  }
}
