// What a stack uses and what waits in it, every few seconds.
import type { OwnStack } from "../runner/own_stack.ts";
import { connect } from "../stack.ts";

export interface Sample {
  /** Seconds since the beginning. */
  at: number;
  /** Of the stack's own process, in MB. */
  memory: number;
  /** Of Postgres with all its processes, each page counted once for those that share it, in MB. */
  database: number;
  /** Connections to the database. */
  connections: number;
  /** Rows that nobody can see any more and that are not cleared away, of the busiest tables. */
  deadRows: number;
  /** Tasks that are ready to be claimed. */
  ready: number;
  /** How long the oldest of them has been, in seconds. */
  oldest: number;
}

export type Figure = Exclude<keyof Sample, "at">;

/** One sample; undefined while the database cannot be reached. */
export async function sample(stack: OwnStack, at: number): Promise<Sample | undefined> {
  try {
    await using sql = connect({ max: 1, connect_timeout: 5 }, stack.env);
    const [row] = await sql`
      select
        (select count(*)::integer from pg_stat_activity where backend_type = 'client backend') as connections,
        (
          select sum(s.n_dead_tup)::integer from pg_stat_user_tables as s
          where s.schemaname in ('hub', 'public')
        ) as "deadRows",
        (select count(*)::integer from hub.queue where state = 'ready') as ready,
        (select coalesce(extract(epoch from clock_timestamp() - min(since)), 0)::float from hub.queue where state = 'ready') as oldest`;
    const postmaster = await stack.postmaster();
    return {
      at,
      memory: await megabytes(stack.pid, "Rss"),
      database: (await Promise.all(
        [postmaster, ...await childrenOf(postmaster)].map((pid) => megabytes(pid, "Pss")),
      )).reduce((sum, own) => sum + own, 0),
      ...row as Omit<Sample, "at" | "memory" | "database">,
    };
  } catch {
    return undefined;
  }
}

/** What a process holds; 0 once it has ended. */
async function megabytes(pid: number, kind: "Rss" | "Pss"): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`).catch(() => "");
  return Number(new RegExp(`^${kind}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? 0) / 1024;
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  return text.split(" ").filter(Boolean).map(Number);
}
