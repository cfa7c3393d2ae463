// Servers with one line before them: the cores of a database, or the row lock of a channel.
import type { Events } from "./events.ts";

export class Station {
  /** Seconds of work done, of all servers together. */
  busySeconds = 0;
  #busy = 0;
  #line: { seconds: number; done: () => void }[] = [];
  #next = 0;

  constructor(private readonly events: Events, private readonly servers: number) {}

  /** Calls `done` once a server has worked on it for so long, first come, first served. */
  serve(seconds: number, done: () => void): void {
    if (this.#busy < this.servers) this.#begin(seconds, done);
    else this.#line.push({ seconds, done });
  }

  #begin(seconds: number, done: () => void): void {
    this.#busy++;
    this.busySeconds += seconds;
    this.events.after(seconds, () => {
      this.#busy--;
      const next = this.#line[this.#next];
      if (next) {
        this.#next++;
        if (this.#next === this.#line.length) {
          this.#line = [];
          this.#next = 0;
        }
        this.#begin(next.seconds, next.done);
      }
      done();
    });
  }
}
