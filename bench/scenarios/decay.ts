// The tick of the threads' life cycle: a thousand due threads among more and more, nearly all of them
// archived, and none due.
import type { Sql } from "postgres";
import { interleave, type Run, type Samples, timed } from "../measure.ts";
import { compare, type Result } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import { clearTasks, makeChannels, settle } from "../seed.ts";

export const decay: Scenario = {
  name: "decay",
  needs: "postgres",
  run: async ({ admin, rounds, quick }) => {
    const due = quick ? 50 : 1000;
    const sizes = quick ? [1000, 3000, 10_000] : [10_000, 100_000, 1_000_000];
    const [channel] = await makeChannels(admin, 1);
    const buffers: Samples = {};
    const quiet: Samples = {};
    const tick = (threads: number): Run => async () => {
      await seedThreads(admin, channel!, threads, due);
      const { ms, pages } = await timedTick(admin);
      (buffers[name(threads)] ??= []).push(pages);
      // The first tick has moved on all that was due; the idle ones are due in an hour at the earliest.
      await admin`update public.hub_task_threads set next_transition_at = now() + interval '1 hour'
        where next_transition_at <= now()`;
      (quiet[name(threads)] ??= []).push((await timedTick(admin)).ms);
      return ms;
    };
    const samples = await interleave(
      Object.fromEntries(sizes.map((threads) => [name(threads), tick(threads)])),
      rounds,
    );
    await clearTasks(admin);
    return report(samples, buffers, quiet, sizes, due);
  },
};

function name(threads: number): string {
  return `${threads.toLocaleString("en")} threads`;
}

function report(
  samples: Samples,
  buffers: Samples,
  quiet: Samples,
  sizes: number[],
  due: number,
): Result[] {
  const few = name(sizes[0]!);
  return sizes.slice(1).map(name).flatMap((many) => [
    compare("decay", `tick, ${due} due`, "ms", samples, [many, few], {
      atMost: 1.5,
    }),
    compare("decay", `tick, ${due} due`, "pages touched", buffers, [many, few]),
    compare("decay", "tick, none due", "ms", quiet, [many, few]),
  ]);
}

/** One tick as a transaction of its own; `pages` are the buffers it touched. */
async function timedTick(
  admin: Sql,
): Promise<{ ms: number; pages: number }> {
  let plan: { Plan: Record<string, number> }[] = [];
  const ms = await timed(async () => {
    const [row] = await admin`
      explain (analyze, buffers, timing off, format json) select hub.decay_threads()`;
    plan = row!["QUERY PLAN"];
  });
  const { "Shared Hit Blocks": hit, "Shared Read Blocks": read } = plan[0]!.Plan;
  return { ms, pages: hit! + read! };
}

/**
 * Nearly all archived. Of the others, which have a finished task each, so many are due: a third active,
 * a third idle, a third decaying.
 */
async function seedThreads(
  admin: Sql,
  channel: string,
  threads: number,
  due: number,
): Promise<void> {
  await clearTasks(admin);
  const open = Math.max(Math.round(threads * 0.05), due);
  await admin.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql`
      insert into public.hub_task_threads (
        channel_id, name, status, message_count, last_activity_at, archived_at, next_transition_at
      )
      select ${channel}, 'Thread ' || n,
        case when n > ${open} then 'archived' else (array['active', 'idle', 'decaying'])[1 + n % 3] end,
        5, now() - interval '4 hours',
        case when n > ${open} then now() end,
        case when n <= ${due} then now() - n * interval '1 second'
          when n <= ${open} then now() + n * interval '1 minute' end
      from generate_series(1, ${threads}::integer) as n`;
    await sql`
      insert into public.mac_tasks (
        channel_id, task_thread_id, content, status, result, created_at, started_at, finished_at, delivered_at
      )
      select t.channel_id, t.id, t.name, 'complete', 'All checks passed.', now(), now(), now(), now()
      from public.hub_task_threads as t where t.status <> 'archived'`;
  });
  await settle(admin, "public.hub_task_threads", "public.mac_tasks");
}
