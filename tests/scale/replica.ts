// A streaming replica of a stack's database, on a free port.
import { join } from "node:path";
import { databaseUrl, unprivileged } from "../../stack/postgres.ts";
import type { Secrets } from "../../stack/secrets.ts";
import { connect, type Connection, until } from "../stack.ts";
import { POSTGRES_BIN } from "./debian.ts";

export class Replica implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #output: Promise<string>;

  private constructor(
    readonly port: number,
    readonly secrets: Secrets,
    readonly folder: string,
  ) {
    this.#process = new Deno.Command(join(POSTGRES_BIN, "postgres"), {
      ...unprivileged(),
      args: ["-D", join(folder, "data"), ...settingsOf(port).flatMap((each) => ["-c", each])],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#output = new Response(this.#process.stderr).text();
  }

  /** Copies the primary as it is now, and follows it; replays each commit `delay` after it was made. */
  static async of(
    primaryPort: number,
    port: number,
    secrets: Secrets,
    delay: string,
  ): Promise<Replica> {
    const folder = await Deno.makeTempDir({ prefix: "aura-replica-" });
    const { uid, gid } = unprivileged();
    if (uid !== undefined) await Deno.chown(folder, uid, gid!);
    const data = join(folder, "data");
    await run("pg_basebackup", [
      `--dbname=${databaseUrl(primaryPort, "supabase_admin", secrets.adminPassword)}`,
      ...[`--pgdata=${data}`, "--write-recovery-conf", "--checkpoint=fast", "--no-sync"],
    ]);
    // In the file, so that `alter system` changes it.
    await Deno.writeTextFile(
      join(data, "postgresql.auto.conf"),
      `recovery_min_apply_delay = '${delay}'\n`,
      { append: true },
    );
    const replica = new Replica(port, secrets, folder);
    const { SUPABASE_DB_URL } = replica.env;
    await until(async () => {
      await using own = connect({ max: 1 }, { SUPABASE_DB_URL });
      return await own`select 1`.catch(() => undefined);
    }, "the replica to answer").catch(async (error) => {
      await replica[Symbol.asyncDispose]();
      throw new Error(await replica.#output, { cause: error });
    });
    return replica;
  }

  /** Where it is, for `connect()`. */
  get env(): { SUPABASE_DB_URL: string } {
    return { SUPABASE_DB_URL: databaseUrl(this.port, "postgres", this.secrets.postgresPassword) };
  }

  /** A connection as the superuser. */
  admin(): Connection {
    return connect({ max: 1 }, {
      SUPABASE_DB_URL: databaseUrl(this.port, "supabase_admin", this.secrets.adminPassword),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGINT");
    await this.#process.status;
    await this.#output;
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Ends a primary as a power cut does. Whatever looked after it must be gone already. */
export async function cutPower(data: string): Promise<void> {
  await run("pg_ctl", ["stop", "-D", data, "-m", "immediate", "-w"]);
}

function settingsOf(port: number): string[] {
  return [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "wal_level=logical",
    "max_connections=100",
    "timezone=UTC",
    "shared_preload_libraries=pg_cron",
    "cron.database_name=postgres",
    "cron.use_background_workers=on",
  ];
}

async function run(program: string, args: string[]): Promise<void> {
  const options = { ...unprivileged(), args, stdin: "null" } as const;
  const command = new Deno.Command(join(POSTGRES_BIN, program), options);
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`"${program}" failed: ${new TextDecoder().decode(stderr)}`);
}
