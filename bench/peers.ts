// graphile-worker and pg-boss, each in a database of its own in the same cluster, installed when needed.
// What imports them is below peers/ and runs in processes of its own: nothing else needs them installed.
import { join } from "node:path";
import type { Sql } from "postgres";
import type { Machine } from "./machine.ts";
import { TextLineStream } from "./workers/lines.ts";
import type { Worked } from "./workers/protocol.ts";

const FOLDER = import.meta.dirname!;

const PROGRAMS = {
  aura: "workers/aura.ts",
  graphile: "peers/graphile.ts",
  byHand: "peers/by_hand.ts",
  pgboss: "peers/pgboss.ts",
  latency: "workers/latency.ts",
  graphileLatency: "peers/latency.ts",
  pgbossSend: "peers/send.ts",
};

export type Program = keyof typeof PROGRAMS;
export type Worker = "aura" | "graphile" | "pgboss" | "byHand";

export interface Peers {
  graphile: Sql;
  pgboss: Sql;
}

let opened: Promise<Peers> | undefined;

/** Connections to the peers' databases, which hold their schemas and an empty queue `bench`. */
export function peers(machine: Machine): Promise<Peers> {
  return opened ??= open(machine);
}

/** Closes what `peers` has opened. */
export async function closePeers(): Promise<void> {
  if (!opened) return;
  const { graphile, pgboss } = await opened;
  await Promise.all([graphile.end(), pgboss.end()]);
}

async function open(machine: Machine): Promise<Peers> {
  await install();
  const admin = machine.connect({ user: "supabase_admin", max: 1 });
  for (const name of ["graphile", "pgboss"]) {
    await admin.unsafe(`create database ${name}`);
  }
  await admin.end();
  await run(Deno.execPath(), [
    "run",
    "-A",
    join(FOLDER, "peers/prepare.ts"),
    JSON.stringify({
      graphile: machine.url("graphile", "supabase_admin"),
      pgboss: machine.url("pgboss", "supabase_admin"),
    }),
  ]);
  const connect = (database: string) =>
    machine.connect({ database, user: "supabase_admin", max: 16 });
  return { graphile: connect("graphile"), pgboss: connect("pgboss") };
}

async function install(): Promise<void> {
  const wanted = join(FOLDER, "peers/node_modules/graphile-worker/package.json");
  if (await Deno.stat(wanted).then(() => true, () => false)) return;
  console.error("Installing the peers ...");
  // npm tells its scripts which folder is its own, and would go on in that one.
  await run("npm", ["ci", "--prefix", join(FOLDER, "peers")]);
}

async function run(program: string, args: string[]): Promise<void> {
  const { success } = await new Deno.Command(program, {
    args,
    cwd: FOLDER,
    stdout: "null",
  })
    .output();
  if (!success) {
    throw new Error(`"${program} ${args.join(" ")}" failed in bench/peers/.`);
  }
}

/** Empties a peer's queue and fills it with so many jobs. */
export async function seedPeer(
  sql: Sql,
  peer: "graphile" | "pgboss",
  count: number,
): Promise<void> {
  if (peer === "graphile") {
    await sql`truncate graphile_worker._private_jobs`;
    await sql`
      select count(*) from graphile_worker.add_jobs(array(
        select row('bench', json_build_object('content', 'Fix the build error in module ' || n), null,
          null, null, null, null, null)::graphile_worker.job_spec
        from generate_series(1, ${count}::integer) as n
      ))`;
    await sql.unsafe("vacuum (analyze) graphile_worker._private_jobs");
  } else {
    await sql`delete from pgboss.job`;
    await sql`
      insert into pgboss.job (name, data)
      select 'bench', jsonb_build_object('content', 'Fix the build error in module ' || n)
      from generate_series(1, ${count}::integer) as n`;
    await sql.unsafe("vacuum (analyze)");
  }
  await sql.unsafe("checkpoint");
}

/** Fills a queue with so many tasks. */
export type Seed = (count: number) => Promise<unknown>;

/**
 * Has a fresh process work off so many tasks and resolves to what it answers. Before the clock starts it
 * works off some others, so that neither its code nor its connections are new.
 */
export async function drain(
  worker: Worker,
  config: { executors: number; [name: string]: unknown },
  seed: Seed,
  total: number,
): Promise<Worked> {
  const warm = config.executors * 20;
  return await ask<Worked>(worker, config, [[warm, seed], [total, seed]]);
}

/** Starts a program, sends it each number after its seed, and resolves to its last answer. */
export async function ask<Answer>(
  program: Program,
  config: Record<string, unknown>,
  rounds: [number, Seed?][],
): Promise<Answer> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(FOLDER, PROGRAMS[program]), JSON.stringify(config)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const writer = child.stdin.getWriter();
  let { value } = await lines.read();
  for (const [count, seed] of rounds) {
    await seed?.(count);
    await writer.write(new TextEncoder().encode(`${count}\n`));
    ({ value } = await lines.read());
    if (value === undefined) break;
  }
  await writer.close();
  const { success } = await child.status;
  if (!success || value === undefined) {
    throw new Error(`"${PROGRAMS[program]}" failed with ${JSON.stringify(config)}.`);
  }
  return JSON.parse(value);
}
