import { redact } from "./text.ts";

/** Writes one line with the time to stderr. Neither prompts nor results belong in the log. */
export function log(text: string): void {
  console.error(`${new Date().toTimeString().slice(0, 8)} ${redact(text)}`);
}
