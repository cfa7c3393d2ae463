import type { SupabaseClient } from "@supabase/supabase-js";
import { AuraClient, versionProblem } from "../client/index.ts";
import { Output } from "./output.ts";
import { resumeSession } from "./session.ts";

/** What every command works with. */
export class Context {
  readonly out: Output;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  #aura: AuraClient | null = null;
  #version: Promise<string | undefined> = Promise.resolve(undefined);

  constructor(json: boolean, signal: AbortSignal) {
    this.out = new Output(json);
    this.signal = signal;
  }

  /** The client of the saved session. */
  get aura(): AuraClient {
    if (!this.#aura) {
      this.#aura = new AuraClient(resumeSession() as SupabaseClient);
      this.#version = problemOf(this.#aura);
    }
    return this.#aura;
  }

  /** Why this program does not fit the server, asked while a command runs; undefined where it does. */
  get versionProblem(): Promise<string | undefined> {
    return this.#version;
  }
}

/** Whatever else keeps the server from answering, the command itself says. */
async function problemOf(aura: AuraClient): Promise<string | undefined> {
  try {
    return versionProblem((await aura.whoami()).version, "hub");
  } catch {
    return undefined;
  }
}
