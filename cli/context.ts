import type { SupabaseClient } from "@supabase/supabase-js";
import { AuraClient } from "../client/index.ts";
import { Output } from "./output.ts";
import { resumeSession } from "./session.ts";

/** What every command works with. */
export class Context {
  readonly out: Output;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  #aura: AuraClient | null = null;

  constructor(json: boolean, signal: AbortSignal) {
    this.out = new Output(json);
    this.signal = signal;
  }

  /** The client of the saved session. */
  get aura(): AuraClient {
    return this.#aura ??= new AuraClient(resumeSession() as SupabaseClient);
  }
}
