import { join } from "node:path";

/**
 * Programs count the cost of a session from its beginning. What was counted before a run is kept
 * here, so that each attempt is charged what it cost itself.
 */
export class SessionCosts {
  readonly #path: string;

  constructor(stateFolder: string) {
    this.#path = join(stateFolder, "costs.json");
  }

  /** What has been added since the last run of this session, in US dollars. */
  spent(session: string, total: number): number {
    const known = this.#read();
    const before = known[session] ?? 0;
    delete known[session];
    const newest = Object.entries(known).slice(-MOST_SESSIONS);
    const text = JSON.stringify(Object.fromEntries([...newest, [session, total]]));
    Deno.writeTextFileSync(`${this.#path}.new`, text, { mode: 0o600 });
    Deno.renameSync(`${this.#path}.new`, this.#path);
    return total < before ? total : Number((total - before).toFixed(6));
  }

  #read(): Record<string, number> {
    try {
      return JSON.parse(Deno.readTextFileSync(this.#path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return {};
      throw error;
    }
  }
}

const MOST_SESSIONS = 1_000;
