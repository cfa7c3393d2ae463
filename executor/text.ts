import { stripVTControlCharacters } from "node:util";

/**
 * Text as Postgres and a chat can hold it: no terminal escapes, no control characters but newline
 * and tab, no lone surrogates. Of a line that rewrites itself, like a progress bar, the last state.
 */
export function clean(text: string): string {
  const lines = stripVTControlCharacters(text.replace(/\r+\n/g, "\n"));
  return lines.replace(/^[^\n]*\r(?=[^\n])/gm, "").replace(/[^\P{Cc}\n\t]/gu, "").toWellFormed();
}

/** The first line that says something, cut to `length` characters. */
export function firstLine(text: string, length = 160): string {
  for (const line of clean(text.slice(0, 4000)).split("\n")) {
    const trimmed = line.trim();
    if (trimmed) return cut(trimmed, length);
  }
  return "";
}

/** Cuts to `length` UTF-16 units, the last of them `…`; never inside a character. */
export function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, "").trimEnd() + "…";
}

/** Hides what must not leave this machine: the given secrets and anything shaped like a token. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let shown = text.replace(/\baura_[0-9a-f]{64}\b/g, "aura_…");
  for (const secret of secrets) {
    if (secret) shown = shown.replaceAll(secret, "…");
  }
  return shown;
}
