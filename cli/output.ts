/**
 * Where the program writes. On a terminal: colours, aligned columns and one live line at the bottom;
 * in a pipe: plain lines and tabs; with --json: one JSON value, or one a line where things follow.
 */
import process from "node:process";
import { styleText } from "node:util";
import { AuraError, NotSignedInError } from "../client/index.ts";
import { printable, printableJson } from "../terminal/printable.ts";

type Style = Parameters<typeof styleText>[0];

const NO_WRAP = "\x1b[?7l";
const WRAP = "\x1b[?7h";
const CLEAR_LINE = "\r\x1b[2K";

export class Output {
  readonly json: boolean;
  readonly isTerminal: boolean = process.stdout.isTTY ?? false;
  #live = "";

  constructor(json: boolean) {
    this.json = json;
  }

  style(style: Style, text: string): string {
    return styleText(style, text, { stream: process.stdout });
  }

  /** One result: the lines for people, or the value for programs. */
  result(value: unknown, lines: () => string[]): void {
    if (this.json) this.#write(printableJson(value));
    else for (const line of lines()) this.#write(line);
  }

  /** Rows of cells: aligned under a heading and cut at the edge on a terminal, with tabs in a pipe. */
  table(value: unknown[], heading: string[], cells: string[][]): void {
    this.result(value, () => {
      const rows = cells.map((row) => row.map((cell) => printable(cell).replaceAll("\n", " ")));
      if (!this.isTerminal) return rows.map((row) => row.join("\t"));
      const widths = heading.map((title, column) =>
        Math.max(title.length, ...rows.map((row) => row[column]!.length))
      );
      const align = (row: string[]) =>
        row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd();
      return [this.style("dim", align(heading)), ...rows.map(align)]
        .map((line) => NO_WRAP + line + WRAP);
    });
  }

  /** The line at the bottom that the next one replaces; only on a terminal. */
  live(line: string): void {
    if (this.json || !this.isTerminal || line === this.#live) return;
    this.#live = line;
    process.stdout.write(line ? CLEAR_LINE + NO_WRAP + line + WRAP : CLEAR_LINE);
  }

  /** Trouble, to the error output. */
  trouble(error: Error | AuraError): void {
    const { name, message } = error;
    const { status, hint: advice } = error instanceof AuraError
      ? error
      : { status: null, hint: null };
    const hint = error instanceof NotSignedInError ? "Sign in with `hub login`." : advice;
    if (this.json) {
      console.error(printableJson({ error: { name, status, message, hint } }));
      return;
    }
    console.error(styleText("red", printable(message), { stream: process.stderr }));
    if (hint) console.error(printable(hint));
  }

  #write(line: string): void {
    const below = this.#live;
    this.live("");
    process.stdout.write(line + "\n");
    this.live(below);
  }
}
