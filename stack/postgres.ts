// The database: a cluster of its own in the state directory, run as a service.
import { join } from "node:path";
import process from "node:process";
import postgres from "postgres";
import { readIfThere, removeIfThere } from "./files.ts";
import type { Service } from "./runner.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

/**
 * Who Postgres runs as when the stack is root's, since initdb and postgres refuse to: the user
 * aura-postgres where somebody has made it, else nobody, whom other programs may share.
 */
const UNPRIVILEGED = Deno.uid() === 0 ? unprivilegedUser(passwd()) : undefined;

/** The ids of the user aura-postgres in the lines of /etc/passwd, or else of nobody. */
export function unprivilegedUser(passwd: string): { uid: number; gid: number } {
  const [, uid, gid] = /^aura-postgres:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? [];
  return uid ? { uid: Number(uid), gid: Number(gid) } : { uid: 65534, gid: 65534 };
}

function passwd(): string {
  try {
    return Deno.readTextFileSync("/etc/passwd");
  } catch {
    return "";
  }
}

export interface Cluster {
  bin: string;
  data: string;
  port: number;
  /** The real pg_cron, which the embedded Postgres lacks. */
  pgCron: boolean;
}

export function databaseUrl(port: number, user: string, password: string): string {
  return `postgresql://${user}:${password}@127.0.0.1:${port}/postgres`;
}

/**
 * Where Postgres' own files are kept: the state directory, unless Postgres cannot run as root and
 * may not enter it (a checkout below /root).
 */
export async function databaseHome(state: string): Promise<string> {
  if (Deno.uid() !== 0) return state;
  for (let path = state; path !== "/"; path = join(path, "..")) {
    const mode = (await Deno.stat(path)).mode ?? 0o777;
    if (!(mode & 0o001)) return `/var/lib/aura-servers${state}`;
  }
  return state;
}

/** Makes the cluster when there is none. A half-made one is thrown away. */
export async function createCluster(cluster: Cluster, secrets: Secrets): Promise<void> {
  if (await readIfThere(join(cluster.data, "PG_VERSION"))) return;
  const draft = `${cluster.data}.new`;
  const passwordFile = `${cluster.data}.password`;
  await removeIfThere(draft);
  await Deno.mkdir(draft, { mode: 0o700 });
  await Deno.writeTextFile(passwordFile, secrets.adminPassword, { mode: 0o600 });
  if (UNPRIVILEGED) {
    const { uid, gid } = UNPRIVILEGED;
    await Deno.chown(draft, uid, gid);
    await Deno.chown(passwordFile, uid, gid);
  }
  try {
    await run(join(cluster.bin, "initdb"), [
      ...["--pgdata", draft, "--username", "supabase_admin", "--pwfile", passwordFile],
      ...["--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync", "--no-instructions"],
      ...await localeOptions(cluster),
    ]);
  } finally {
    await Deno.remove(passwordFile);
  }
  await Deno.rename(draft, cluster.data);
}

/** The same collation on every system: Postgres' own C.UTF-8, which versions before 17 lack. */
async function localeOptions(cluster: Cluster): Promise<string[]> {
  const version = await run(join(cluster.bin, "postgres"), ["--version"]);
  const major = Number(/(\d+)/.exec(version)?.[1]);
  return major >= 17
    ? ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    : ["--locale=C.UTF-8"];
}

export function postgresService(cluster: Cluster, secrets: Secrets): Service {
  return {
    name: "postgres",
    command: () => ({
      program: join(cluster.bin, "postgres"),
      args: ["-D", cluster.data, ...settingsOf(cluster).flatMap((setting) => ["-c", setting])],
      options: unprivileged(),
    }),
    ready: () => waitUntilReady(cluster, secrets),
    // Fast shutdown: open transactions are rolled back, nothing waits for clients.
    stopSignal: "SIGINT",
    adopted: () => {
      const pid = runningPid(cluster);
      return pid === undefined ? undefined : ended(pid);
    },
    stopAdopted: () => stopCluster(cluster),
  };
}

function settingsOf({ port, pgCron }: Cluster): string[] {
  return [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "wal_level=logical",
    "compute_query_id=on",
    "max_connections=100",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] %q%u ",
    ...pgCron
      ? [
        "shared_preload_libraries=pg_cron",
        "cron.database_name=postgres",
        "cron.use_background_workers=on",
      ]
      : [],
  ];
}

async function waitUntilReady(cluster: Cluster, secrets: Secrets): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (await probe(cluster.port, secrets) !== "ready") {
    if (Date.now() > deadline) {
      throw new Error(`Postgres did not answer on port ${cluster.port} within a minute.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

type Answer = "ready" | "starting" | "nothing" | "stranger";

/** Whether this stack's database answers on the port: only it knows the password. */
async function probe(port: number, secrets: Secrets): Promise<Answer> {
  const sql = postgres(databaseUrl(port, "supabase_admin", secrets.adminPassword), {
    max: 1,
    fetch_types: false,
    connect_timeout: 5,
  });
  try {
    await sql`select 1`;
    return "ready";
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ECONNREFUSED") return "nothing";
    return code === "57P03" ? "starting" : "stranger";
  } finally {
    await sql.end({ timeout: 0 });
  }
}

/** Stops a database that an earlier stack left running, which happens when that was killed. */
export async function stopLeftover(cluster: Cluster, secrets: Secrets): Promise<void> {
  const port = Number((await pidFile(cluster))?.[3]);
  if (!port) return;
  for (let tries = 0; tries < 300; tries++) {
    const answer = await probe(port, secrets);
    if (answer === "ready") return await stopCluster(cluster);
    if (answer !== "starting") return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function stopCluster(cluster: Cluster): Promise<void> {
  await run(join(cluster.bin, "pg_ctl"), ["stop", "-D", cluster.data, "-m", "fast", "-w"]);
}

/** The lines of postmaster.pid: process id, data directory, start time, port, ... */
async function pidFile(cluster: Cluster): Promise<string[] | undefined> {
  return (await readIfThere(join(cluster.data, "postmaster.pid")))?.split("\n");
}

function runningPid(cluster: Cluster): number | undefined {
  try {
    const pid = Number(
      Deno.readTextFileSync(join(cluster.data, "postmaster.pid")).split("\n")[0],
    );
    return isAlive(pid) ? pid : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function ended(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 500));
}

/** Runs one of Postgres' programs as the user it accepts, and returns what it printed. */
async function run(program: string, args: string[]): Promise<string> {
  const command = new Deno.Command(program, { ...unprivileged(), args, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`"${program} ${args[0]}" failed: ${new TextDecoder().decode(stderr).trim()}`);
}

/** How a program is run that refuses to be root's: as the user it accepts, with no environment but this. */
export function unprivileged(): Deno.CommandOptions {
  const options = { cwd: "/", clearEnv: true, env: { LC_ALL: "C", TZ: "UTC" } };
  return { ...options, ...UNPRIVILEGED };
}

export function clusterOf(settings: Settings, home: string, bin: string): Cluster {
  return {
    bin,
    data: join(home, "data"),
    port: settings.dbPort,
    pgCron: settings.postgresBin !== undefined,
  };
}
