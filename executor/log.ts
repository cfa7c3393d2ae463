import { clean, redact } from "./text.ts";

/**
 * Writes one line with the time to stderr. Neither prompts nor results belong in the log, and nothing
 * that a terminal would obey: what an error says may be an agent's own words.
 */
export function log(text: string): void {
  const line = clean(redact(text)).replaceAll("\n", " ");
  console.error(`${new Date().toTimeString().slice(0, 8)} ${line}`);
}
