// Text of others as it may stand on a terminal: nothing in it moves the cursor, sets a title, or turns
// the direction of writing.
import { format, stripVTControlCharacters } from "node:util";

/** Control characters but line ends and tabs, and marks of direction. */
const OBEYED = /[^\P{Cc}\n\t]|\p{Bidi_Control}/gu;

/** The text without what a terminal would obey. */
export function printable(text: string): string {
  const lines = text.replaceAll("\r\n", "\n");
  return stripVTControlCharacters(lines).replace(OBEYED, "").toWellFormed();
}

/** A value as JSON that a terminal obeys no part of: what would be is written as \uXXXX. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(
    OBEYED,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Lets this process print nothing by `console` but printable text, whoever calls it. */
export function guardConsole(): void {
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    const print = console[method].bind(console);
    console[method] = (...values: unknown[]) => print(printable(format(...values)));
  }
}
