/** What somebody writes, and how it was last tried to be sent. */
interface Kept {
  text: string;
  /** The request that was sent and not yet done, with its key. */
  sent?: { request: string; key: string };
}

/**
 * A text being written, kept by this browser tab until it is sent, also through a reload.
 *
 * Every request has a key, so that the server does once what is sent twice. The same request keeps
 * its key until it is done, through reloads too; a changed one is another request.
 */
export class Draft {
  readonly #place: string;

  constructor(place: string) {
    this.#place = place;
  }

  get text(): string {
    return this.#kept.text;
  }

  /** Keeps what is written now. */
  write(text: string): void {
    this.#keep({ ...this.#kept, text });
  }

  /** The key of a request, to be called before it is sent. */
  keyOf(request: string): string {
    const { text, sent } = this.#kept;
    const key = sent?.request === request ? sent.key : crypto.randomUUID();
    this.#keep({ text, sent: { request, key } });
    return key;
  }

  /** The request was done: another one with the same words is another one. */
  done(): void {
    this.#keep({ text: this.#kept.text });
  }

  get #kept(): Kept {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.#place) ?? "null") as Kept | null;
      if (typeof kept?.text === "string") return kept;
    } catch {
      // Something else wrote there: start afresh.
    }
    return { text: "" };
  }

  #keep(kept: Kept): void {
    if (kept.text || kept.sent) sessionStorage.setItem(this.#place, JSON.stringify(kept));
    else sessionStorage.removeItem(this.#place);
  }
}
