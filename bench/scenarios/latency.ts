// From the request to the executor that has the task, while nothing else goes on.
import { interleave, percentile } from "../measure.ts";
import { ask, peers, seedPeer } from "../peers.ts";
import { compare, type Result } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, makeChannels } from "../seed.ts";
import { makeDevices } from "../tokens.ts";

export const latency: Scenario = {
  name: "latency",
  needs: "postgres",
  run: async ({ machine, admin, rounds, quick }: Context): Promise<Result[]> => {
    const { graphile } = await peers(machine);
    const [channel] = await makeChannels(admin, 1);
    await makeDevices(admin, 1);
    const count = quick ? 20 : 200;
    const median = async (...question: Parameters<typeof ask>) =>
      percentile((await ask<{ samples: number[] }>(...question)).samples, 0.5);
    const samples = await interleave({
      "dispatch to claimed": async () => {
        await clearTasks(admin);
        const config = {
          url: machine.url(),
          admin: machine.url("postgres", "supabase_admin"),
          channel,
        };
        return await median("latency", config, [[20], [count]]);
      },
      "graphile-worker": async () => {
        await seedPeer(graphile, "graphile", 0);
        const url = machine.url("graphile", "supabase_admin");
        return await median("graphileLatency", { url }, [[20], [count]]);
      },
    }, rounds);
    const label = "enqueue to start when idle, in SQL, p50";
    return [
      compare("latency", label, "ms", samples, ["dispatch to claimed"], { atMost: 3 }),
      compare("latency", label, "ms", samples, ["dispatch to claimed", "graphile-worker"]),
    ];
  },
};
