// Draining a queue: so many executors, each claiming so many tasks at a time, with the result delivered
// to a channel and without, against the bare queues of the peers.
import { interleave, type Run } from "../measure.ts";
import { peers, runWorker, seedPeer } from "../peers.ts";
import { compare, type Result } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, makeChannels, seedTasks } from "../seed.ts";
import { makeDevices } from "../tokens.ts";

export const queue: Scenario = {
  name: "queue",
  needs: "postgres",
  run: async (context) => {
    const results: Result[] = [];
    for (const executors of [1, 4, 16]) {
      for (const claim of [1, 10, 100]) {
        results.push(...await drain(context, executors, claim));
      }
    }
    results.push(...await tuned(context));
    return results;
  },
};

async function drain(
  context: Context,
  executors: number,
  claim: number,
): Promise<Result[]> {
  const { machine, admin, rounds, quick } = context;
  const { graphile, pgboss } = await peers(machine);
  const channels = await makeChannels(admin, 50);
  await makeDevices(admin, executors);
  const total = quick ? 200 : executors === 1 ? 1000 : claim === 1 ? 2000 : 4000;
  const perSecond = (ms: number) => total / ms * 1000;

  const aura = (channels: string[]): Run => async () => {
    await clearTasks(admin);
    await seedTasks(admin, { count: total, channels });
    return perSecond(
      await runWorker("aura", { url: machine.url(), executors, claim }),
    );
  };
  const peer = (name: "graphile" | "pgboss"): Run => async () => {
    await seedPeer(name === "graphile" ? graphile : pgboss, name, total);
    const url = machine.url(name, "supabase_admin");
    return perSecond(await runWorker(name, { url, executors, claim, total }));
  };
  const samples = await interleave({
    "delivered": aura(channels),
    "queue only": aura([]),
    "graphile-worker": peer("graphile"),
    "pg-boss": peer("pgboss"),
  }, rounds);

  const label = `drain, ${executors} executors, claims of ${claim}`;
  return [
    compare("queue", label, "tasks/s", samples, [
      "delivered",
      "graphile-worker",
    ], { atLeast: 1 }),
    compare("queue", label, "tasks/s", samples, [
      "queue only",
      "graphile-worker",
    ], { atLeast: 1.3 }),
    compare("queue", label, "tasks/s", samples, ["delivered", "pg-boss"]),
  ];
}

/** The peer at its best: 24 jobs at once, a local queue of 500, completions in batches. */
async function tuned(
  { machine, admin, rounds, quick }: Context,
): Promise<Result[]> {
  const { graphile } = await peers(machine);
  const channels = await makeChannels(admin, 50);
  await makeDevices(admin, 16);
  const total = quick ? 500 : 5000;
  const samples = await interleave({
    "delivered": async () => {
      await clearTasks(admin);
      await seedTasks(admin, { count: total, channels });
      return total /
        await runWorker("aura", {
          url: machine.url(),
          executors: 16,
          claim: 100,
        }) * 1000;
    },
    "graphile-worker tuned": async () => {
      await seedPeer(graphile, "graphile", total);
      const url = machine.url("graphile", "supabase_admin");
      const config = {
        url,
        executors: 24,
        claim: 500,
        total,
        batchCompletion: true,
      };
      return total / await runWorker("graphile", config) * 1000;
    },
  }, rounds);
  return [
    compare("queue", "drain, the peer tuned for bulk", "tasks/s", samples, [
      "delivered",
      "graphile-worker tuned",
    ]),
  ];
}
