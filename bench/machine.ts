// The machine under test: a stack of its own in a state directory that goes with it, first whole and
// as it is installed, then its Postgres alone with the memory that the peers' figures were taken with.
import { join } from "node:path";
import postgres, { type Options, type Sql } from "postgres";
import { clusterOf, databaseHome, postgresService } from "../stack/postgres.ts";
import { removeIfThere } from "../stack/files.ts";
import { Runner } from "../stack/runner.ts";
import { loadSecrets } from "../stack/secrets.ts";
import { readSettings } from "../stack/settings.ts";
import { OwnStack } from "../tests/runner/own_stack.ts";

const ROOT = join(import.meta.dirname!, "..");

/** The same for the product and for its peers, which live in databases of the same cluster. */
export const TUNED = {
  shared_buffers: "1GB",
  max_wal_size: "8GB",
  checkpoint_timeout: "30min",
  max_connections: "200",
};

export class Machine {
  #stack?: OwnStack;
  #runner?: Runner;
  #passwords: Record<string, string> = {};

  private constructor(private readonly variables: Record<string, string>) {}

  /** A fresh stack, ready: everything installed, nothing tuned. */
  static async start(): Promise<Machine> {
    const state = Deno.env.get("AURA_STATE_DIR") ?? join(ROOT, ".local-bench");
    await removeIfThere(state);
    const machine = new Machine({
      AURA_API_PORT: Deno.env.get("AURA_API_PORT") ?? "59521",
      AURA_DB_PORT: Deno.env.get("AURA_DB_PORT") ?? "59522",
      AURA_STATE_DIR: state,
      AURA_EXECUTOR: "off",
    });
    await machine.startStack();
    const secrets = await loadSecrets(state);
    machine.#passwords = {
      postgres: secrets.postgresPassword,
      supabase_admin: secrets.adminPassword,
    };
    return machine;
  }

  /** Resolves when it answers. */
  async startStack(): Promise<void> {
    this.#stack = new OwnStack(this.variables);
    await this.#stack.ready();
  }

  get stack(): OwnStack {
    if (!this.#stack) {
      throw new Error("The stack does not run in this part of the benchmarks.");
    }
    return this.#stack;
  }

  async stopStack(): Promise<void> {
    await this.#stack?.stop();
    this.#stack = undefined;
  }

  /** Goes on with Postgres alone. */
  async tune(): Promise<void> {
    const admin = this.connect({ user: "supabase_admin", max: 1 });
    for (const [name, value] of Object.entries(TUNED)) {
      await admin.unsafe(`alter system set ${name} = '${value}'`);
    }
    await admin.end();
    await this.stopStack();
    const settings = readSettings((name) => this.variables[name]);
    const home = await databaseHome(settings.state);
    const cluster = clusterOf(
      settings,
      home,
      settings.postgresBin ?? join(home, "postgres/bin"),
    );
    this.#runner = new Runner(join(settings.state, "logs"), (error) => {
      throw error;
    });
    await this.#runner.start(
      postgresService(cluster, await loadSecrets(settings.state)),
    );
  }

  url(database = "postgres", user = "postgres"): string {
    const login = `${user}:${this.#passwords[user]}`;
    return `postgresql://${login}@127.0.0.1:${this.variables.AURA_DB_PORT}/${database}`;
  }

  connect(
    options: Options<Record<never, never>> & { database?: string; user?: string } = {},
  ): Sql {
    const { database, user, ...rest } = options;
    return postgres(this.url(database, user), { onnotice: () => {}, ...rest });
  }

  async stop(): Promise<void> {
    await this.stopStack();
    await this.#runner?.stop();
    await Deno.remove(this.variables.AURA_STATE_DIR!, { recursive: true });
  }
}
