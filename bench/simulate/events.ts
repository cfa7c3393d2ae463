// A clock that jumps from event to event, in the order of their times and, at one time, of their making.

interface Event {
  at: number;
  order: number;
  happen: () => void;
}

export class Events {
  /** In seconds. */
  now = 0;
  /** A binary heap: each event is before its two children. */
  #heap: Event[] = [];
  #made = 0;

  after(delay: number, happen: () => void): void {
    const event = { at: this.now + delay, order: this.#made++, happen };
    let at = this.#heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(this.#heap[parent]!, event)) break;
      this.#heap[at] = this.#heap[parent]!;
      at = parent;
    }
    this.#heap[at] = event;
  }

  /** Goes on until nothing is left to happen, or until the time is over. */
  run(until = Infinity): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= until) {
      const event = this.#take();
      this.now = event.at;
      event.happen();
    }
  }

  #take(): Event {
    const first = this.#heap[0]!;
    const last = this.#heap.pop()!;
    const size = this.#heap.length;
    if (size === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      if (isBefore(last, this.#heap[child]!)) break;
      this.#heap[at] = this.#heap[child]!;
      at = child;
    }
    this.#heap[at] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
