// Draining a queue: so many executors, each claiming so many tasks at a time, with the result delivered
// to a channel and without, against the bare queues of the peers.
import { interleave, type Run } from "../measure.ts";
import { drain, peers, seedPeer } from "../peers.ts";
import { compare, type Result } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, makeChannels, seedTasks } from "../seed.ts";
import { makeDevices } from "../tokens.ts";

/** Executors, tasks of one claim, tasks in all. */
const SHAPES: [number, number, number][] = [
  [1, 1, 1000],
  [4, 1, 2000],
  [16, 1, 3000],
  [4, 10, 3000],
  [16, 10, 3000],
  [16, 100, 5000],
];

export const queue: Scenario = {
  name: "queue",
  needs: "postgres",
  run: async (context) => {
    const results: Result[] = [];
    for (const [executors, claim, total] of context.quick ? SHAPES.slice(2, 4) : SHAPES) {
      results.push(...await shape(context, executors, claim, context.quick ? 500 : total));
    }
    results.push(await tunedPeer(context));
    return results;
  },
};

async function shape(
  context: Context,
  executors: number,
  claim: number,
  total: number,
): Promise<Result[]> {
  const { machine, admin, rounds } = context;
  const { graphile, pgboss } = await peers(machine);
  const channels = await makeChannels(admin, 50);
  await makeDevices(admin, executors);
  const peer = (name: "graphile" | "pgboss"): Run => async () => {
    const url = machine.url(name, "supabase_admin");
    const seed = (count: number) => seedPeer(name === "graphile" ? graphile : pgboss, name, count);
    const { ms } = await drain(name, { url, executors, claim }, seed, total);
    return total / ms * 1000;
  };
  const samples = await interleave({
    "delivered": aura(context, executors, claim, total, channels),
    "queue only": aura(context, executors, claim, total, []),
    "graphile-worker": peer("graphile"),
    "pg-boss": peer("pgboss"),
  }, rounds);

  const label = `drain, ${executors} executor${executors > 1 ? "s" : ""}, claims of ${claim}`;
  const line = (subject: string, against: string, atLeast?: number) =>
    compare(
      "queue",
      label,
      "tasks/s",
      samples,
      [subject, against],
      atLeast ? { atLeast } : undefined,
    );
  return [
    line("delivered", "graphile-worker"),
    line("queue only", "graphile-worker", { 1: 0.6, 10: 0.5 }[claim]),
    line("delivered", "pg-boss"),
  ];
}

/** Tasks a second of so many executors, in these channels or in none. */
function aura(
  { machine, admin }: Context,
  executors: number,
  claim: number,
  total: number,
  channels: string[],
): Run {
  const seed = async (count: number) => {
    await clearTasks(admin);
    await seedTasks(admin, { count, channels });
  };
  return async () => {
    const { ms } = await drain("aura", { url: machine.url(), executors, claim }, seed, total);
    return total / ms * 1000;
  };
}

/** The peer at its best: 24 jobs at once, a local queue of 500, completions in batches. */
async function tunedPeer(context: Context): Promise<Result> {
  const { machine, admin, rounds, quick } = context;
  const { graphile } = await peers(machine);
  const channels = await makeChannels(admin, 50);
  await makeDevices(admin, 16);
  const total = quick ? 500 : 20_000;
  const ours = quick ? 500 : 5000;
  const samples = await interleave({
    "delivered": aura(context, 16, 100, ours, channels),
    "graphile-worker tuned": async () => {
      const url = machine.url("graphile", "supabase_admin");
      const config = { url, executors: 24, claim: 500, batchCompletion: true };
      const { ms } = await drain(
        "graphile",
        config,
        (count) => seedPeer(graphile, "graphile", count),
        total,
      );
      return total / ms * 1000;
    },
  }, rounds);
  return compare("queue", "drain, the peer tuned for bulk", "tasks/s", samples, [
    "delivered",
    "graphile-worker tuned",
  ]);
}
