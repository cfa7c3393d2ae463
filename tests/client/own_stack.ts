// A stack of a test's own, which the test may kill.
import { join } from "node:path";
import { parseEnv } from "node:util";
import postgres from "postgres";
import { databaseUrl } from "../../stack/postgres.ts";

const root = join(import.meta.dirname!, "../..");

export class OwnStack implements AsyncDisposable {
  readonly port: number = freePort();
  readonly #dbPort: number = freePort();
  readonly #state: string;
  #process!: Deno.ChildProcess;

  private constructor(state: string) {
    this.#state = state;
  }

  static async start(): Promise<OwnStack> {
    const stack = new OwnStack(await Deno.makeTempDir({ prefix: "aura-client-" }));
    await stack.#start();
    return stack;
  }

  /** What the stack wrote for its clients. */
  get env(): Record<string, string | undefined> {
    return parseEnv(Deno.readTextFileSync(join(this.#state, "env")));
  }

  /** Kills the server without warning and starts it again over what it left. */
  async killAndRestart(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#start();
  }

  /** Ends the connection by which Realtime follows the database. */
  async cutReplication(): Promise<void> {
    const { adminPassword } = JSON.parse(
      await Deno.readTextFile(join(this.#state, "secrets.json")),
    );
    const sql = postgres(databaseUrl(this.#dbPort, "supabase_admin", adminPassword), { max: 1 });
    await sql`select pg_terminate_backend(pid) from pg_stat_replication`;
    await sql.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.status;
    await Deno.remove(this.#state, { recursive: true });
  }

  async #start(): Promise<void> {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", join(root, "stack/main.ts")],
      env: {
        AURA_API_PORT: String(this.port),
        AURA_DB_PORT: String(this.#dbPort),
        AURA_STATE_DIR: this.#state,
        AURA_EXECUTOR: "off",
      },
      stdin: "null",
      stdout: "null",
    }).spawn();
    const ended = this.#process.status.then(() => {
      throw new Error("The stack ended before it was ready.");
    });
    await Promise.race([ended, this.#ready()]);
    ended.catch(() => {});
  }

  async #ready(): Promise<void> {
    while (true) {
      const answer = await fetch(`http://127.0.0.1:${this.port}/health`).catch(() => null);
      await answer?.body?.cancel();
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}
