import { AuraError, UnavailableError } from "@aura-servers/client";

const away = { message: "The server cannot be reached.", hint: "Try again in a moment." };

/** What to show of an error: the backend's own sentence and hint. */
export function errorText(error: unknown): { message: string; hint: string | null } {
  // A refusal of the registry, as busy, has a sentence of its own.
  if (error instanceof UnavailableError && error.name === "unavailable") return away;
  if (error instanceof AuraError) return { message: error.message, hint: error.hint };
  if (!(error instanceof Error)) return { message: String(error), hint: null };
  // Auth's own client, which signs in, names it so.
  return error.name === "AuthRetryableFetchError" ? away : { message: error.message, hint: null };
}
