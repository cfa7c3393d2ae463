import { AuraError } from "@aura-servers/client";

/** What to show of an error: the backend's own sentence and hint. */
export function errorText(error: unknown): { message: string; hint: string | null } {
  if (error instanceof AuraError) return { message: error.message, hint: error.hint };
  return { message: error instanceof Error ? error.message : String(error), hint: null };
}
