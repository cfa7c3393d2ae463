// graphile-worker and pg-boss, each in a database of its own in the same cluster, installed when needed.
// What imports them is below peers/ and runs in processes of its own: nothing else needs them installed.
import { join } from "node:path";
import type { Sql } from "postgres";
import type { Machine } from "./machine.ts";
import { TextLineStream } from "./workers/lines.ts";

const FOLDER = import.meta.dirname!;

const PROGRAMS = {
  aura: "workers/aura.ts",
  graphile: "peers/graphile.ts",
  pgboss: "peers/pgboss.ts",
};

export type Worker = keyof typeof PROGRAMS;

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
  await run("npm", ["ci", "--no-audit", "--no-fund"]);
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

/** Runs a worker in a fresh process; resolves to what it answers. Its start does not count. */
export async function runWorker(
  worker: Worker,
  config: Record<string, unknown>,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join(FOLDER, PROGRAMS[worker]), JSON.stringify(config)],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  const ready = await lines.read();
  if (ready.value !== "ready") {
    throw new Error(`The worker "${worker}" ended before it was ready.`);
  }
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("go\n"));
  await writer.close();
  const answer = await lines.read();
  const { success } = await child.status;
  if (!success || answer.value === undefined) {
    throw new Error(
      `The worker "${worker}" failed with ${JSON.stringify(config)}.`,
    );
  }
  return Number(answer.value);
}
