import { redact } from "./text.ts";

/** Writes one line with the time to stderr. Neither prompts nor results belong in the log. */
export function log(text: string): void {
  const line = redact(text).replace(/\s*\n\s*/g, " ");
  console.error(`${new Date().toTimeString().slice(0, 8)} ${line}`);
}
