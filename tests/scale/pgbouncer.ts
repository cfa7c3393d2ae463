// PgBouncer in transaction mode, on a free port before a stack's database.
import { join } from "node:path";
import { databaseUrl, unprivileged } from "../../stack/postgres.ts";
import type { Secrets } from "../../stack/secrets.ts";
import { connect, type Connection, until } from "../stack.ts";
import { PGBOUNCER } from "./debian.ts";

/** To the database, of all roles together. */
export const CONNECTIONS = 20;
const MOST_CLIENTS = 1_000;

export class PgBouncer implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #output: Promise<string>;

  private constructor(
    readonly port: number,
    readonly secrets: Secrets,
    readonly folder: string,
  ) {
    this.#process = new Deno.Command(PGBOUNCER, {
      ...unprivileged(),
      args: ["--quiet", join(folder, "pgbouncer.ini")],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#output = new Response(this.#process.stderr).text();
  }

  /** Starts it; the database need not be there yet. */
  static async start(
    ports: { port: number; dbPort: number },
    secrets: Secrets,
  ): Promise<PgBouncer> {
    const folder = await Deno.makeTempDir({ prefix: "aura-pgbouncer-" });
    const users = {
      postgres: secrets.postgresPassword,
      authenticator: secrets.apiPassword,
      supabase_auth_admin: secrets.apiPassword,
    };
    const { uid, gid } = unprivileged();
    const files = {
      "users.txt": Object.entries(users).map(([name, word]) => `"${name}" "${word}"\n`).join(""),
      "pgbouncer.ini": iniOf(ports, folder, await prepares()),
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(join(folder, name), text, { mode: 0o600 });
      if (uid !== undefined) await Deno.chown(join(folder, name), uid, gid!);
    }
    if (uid !== undefined) await Deno.chown(folder, uid, gid!);
    const pooler = new PgBouncer(ports.port, secrets, folder);
    await until(() => isOpen(ports.port), "PgBouncer to listen").catch(async (error) => {
      await pooler[Symbol.asyncDispose]();
      throw new Error(await pooler.#output, { cause: error });
    });
    return pooler;
  }

  /** One client: a connection to the pooler, as `postgres`. */
  client(prepare: boolean): Connection {
    return connect({ max: 1, fetch_types: false, prepare }, {
      SUPABASE_DB_URL: databaseUrl(this.port, "postgres", this.secrets.postgresPassword),
    });
  }

  /** How many clients are connected. */
  async clients(): Promise<number> {
    return (await this.#show("clients")).length;
  }

  /** The ports that its connections to the database come from. */
  async ports(): Promise<number[]> {
    return (await this.#show("servers")).map((row) => row.local_port);
  }

  async #show(what: "clients" | "servers") {
    const url = databaseUrl(this.port, "postgres", this.secrets.postgresPassword);
    await using own = connect({ max: 1, fetch_types: false }, {
      SUPABASE_DB_URL: url.replace(/postgres$/, "pgbouncer"),
    });
    return await own.unsafe(`show ${what}`).simple();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGINT");
    await this.#process.status;
    await this.#output;
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Whether clients may prepare statements: from 1.21 on, since it knows of them. */
export async function prepares(): Promise<boolean> {
  const { stdout } = await new Deno.Command(PGBOUNCER, { args: ["--version"] }).output();
  const [, major, minor] = /PgBouncer (\d+)\.(\d+)/.exec(new TextDecoder().decode(stdout)) ?? [];
  return Number(major) * 1_000 + Number(minor) >= 1_021;
}

function iniOf(
  { port, dbPort }: { port: number; dbPort: number },
  folder: string,
  withPrepared: boolean,
): string {
  return `
[databases]
postgres = host=127.0.0.1 port=${dbPort}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(folder, "users.txt")}
stats_users = postgres
pool_mode = transaction
max_client_conn = ${MOST_CLIENTS}
default_pool_size = ${CONNECTIONS}
max_db_connections = ${CONNECTIONS}
${withPrepared ? "max_prepared_statements = 200" : ""}
`;
}

async function isOpen(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
