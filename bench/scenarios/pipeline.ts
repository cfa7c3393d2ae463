// A whole life: dispatched into a thread of its own, claimed, three times reported on, completed. Against
// a bare job of each peer, from its enqueueing to its end.
import { tasksPerSecond } from "../life.ts";
import { interleave, type Run } from "../measure.ts";
import { ask, drain, peers, seedPeer } from "../peers.ts";
import { compare, type Result } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, makeChannels, settle } from "../seed.ts";
import { makeDevices } from "../tokens.ts";

const CLIENTS = 16;

export const pipeline: Scenario = {
  name: "pipeline",
  needs: "postgres",
  run: async (context: Context): Promise<Result[]> => {
    const { machine, sql, admin, rounds, quick } = context;
    const { graphile, pgboss } = await peers(machine);
    const channels = await makeChannels(admin, 50, "threaded");
    await makeDevices(admin, CLIENTS);
    const total = quick ? 100 : 1500;

    const life = (progress: number): Run => () =>
      tasksPerSecond({
        worker: "aura",
        config: { url: machine.url(), executors: CLIENTS, claim: 1, progress },
        total,
        clear: () => clearTasks(admin),
        dispatch: (call) =>
          sql`
            select public.dispatch_task(
              ${channels[call % channels.length]!}::uuid, ${"Fix the build error in module " + call}
            )`,
        settle: () => settle(admin, "public.mac_tasks", "hub.queue", "public.hub_task_threads"),
      });
    const samples = await interleave({
      "with 3 progress messages": life(3),
      "with none": life(0),
      "graphile-worker": () =>
        tasksPerSecond({
          worker: "graphile",
          config: { url: machine.url("graphile", "supabase_admin"), executors: CLIENTS, claim: 1 },
          total,
          clear: () => seedPeer(graphile, "graphile", 0),
          dispatch: (call) =>
            graphile`select graphile_worker.add_job('bench', ${graphile.json({ call })}::json)`,
          settle: () => graphile.unsafe("vacuum (analyze) graphile_worker._private_jobs"),
        }),
      "pg-boss": async () => {
        const url = machine.url("pgboss", "supabase_admin");
        let enqueueing = 0;
        const { ms } = await drain(
          "pgboss",
          { url, executors: CLIENTS, claim: 1 },
          async (count) => {
            await seedPeer(pgboss, "pgboss", 0);
            const config = { url, clients: CLIENTS };
            const { perSecond } = await ask<{ perSecond: number }>("pgbossSend", config, [[count]]);
            enqueueing = count / perSecond * 1000;
          },
          total,
        );
        return total / (enqueueing + ms) * 1000;
      },
    }, rounds);
    const label = "a task's life, threaded";
    return ["with 3 progress messages", "with none"].flatMap((subject) =>
      ["graphile-worker", "pg-boss"].map((against) =>
        compare("pipeline", label, "tasks/s", samples, [subject, against])
      )
    );
  },
};
