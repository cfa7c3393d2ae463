// Reads a parameter of an address sign by sign.
import type { Refusal } from "../api/errors.ts";
import { unreadable } from "./refusals.ts";

export class Reader {
  at = 0;

  /** `what` names the parameter where it cannot be read. */
  constructor(readonly text: string, private readonly what: string) {}

  get isDone(): boolean {
    return this.at >= this.text.length;
  }

  get next(): string {
    return this.text[this.at] ?? "";
  }

  /** Whether it goes on like this; if so, it is read. */
  take(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  expect(text: string): void {
    if (!this.take(text)) throw this.refusal();
  }

  /** What the pattern, which must be sticky, finds here; undefined when it finds nothing. */
  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at += found.length;
    return found;
  }

  skipSpaces(): void {
    this.match(/ */y);
  }

  /** A text in quotation marks, in which a backslash stands before what is meant as it is. */
  quoted(): string | undefined {
    const text = this.match(/"(?:[^"\\]|\\.)*"/ys);
    return text?.slice(1, -1).replace(/\\(.)/gs, "$1");
  }

  /** A name; in quotation marks it may have any signs. */
  name(): string {
    const name = this.quoted() ?? this.match(/(?:[\p{L}\p{N}_ $]|-(?!>))+/yu)?.trim();
    if (!name) throw this.refusal();
    return name;
  }

  refusal(): Refusal {
    const unexpected = this.isDone
      ? "unexpected end of input"
      : `unexpected ${JSON.stringify(this.next)}`;
    return unreadable(this.what, this.text, this.at, unexpected);
  }
}
