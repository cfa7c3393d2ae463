// The same work by hand: a chat pipeline that a good engineer would build on graphile-worker, against the
// product, in the same cluster and in turn.
import { tasksPerSecond } from "../life.ts";
import { interleave, type Run } from "../measure.ts";
import { peers, seedPeer } from "../peers.ts";
import { compare, type Result, type Target } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, makeChannels, settle } from "../seed.ts";
import { makeDevices } from "../tokens.ts";

const CLIENTS = 16;
const content = (call: number) => `Fix the build error in module ${call}`;

const MEASURES: { kind: "flat" | "threaded"; progress: number; target: Target }[] = [
  { kind: "flat", progress: 0, target: { atLeast: 1 } },
  { kind: "flat", progress: 3, target: { atLeast: 1 } },
  { kind: "threaded", progress: 0, target: { atLeast: 0.9 } },
  { kind: "threaded", progress: 3, target: { atLeast: 0.9 } },
];

export const samework: Scenario = {
  name: "samework",
  needs: "postgres",
  run: async ({ machine, sql, admin, rounds, quick }: Context): Promise<Result[]> => {
    const { graphile } = await peers(machine);
    await graphile.unsafe(
      await Deno.readTextFile(new URL("../peers/by_hand.sql", import.meta.url)),
    ).simple();
    const theirs = (await graphile<{ id: string }[]>`select id from by_hand.channels`)
      .map(({ id }) => id);
    await makeDevices(admin, CLIENTS);
    const ours = {
      flat: await makeChannels(admin, theirs.length),
      threaded: await makeChannels(admin, theirs.length, "threaded"),
    };
    const total = quick ? 200 : 2000;

    const product = (kind: "flat" | "threaded", progress: number): Run => () =>
      tasksPerSecond({
        worker: "aura",
        config: { url: machine.url(), executors: CLIENTS, claim: 1, progress },
        total,
        clear: () => clearTasks(admin),
        dispatch: (call) =>
          sql`
            select public.dispatch_task(
              ${ours[kind][call % theirs.length]!}::uuid, ${content(call)}
            )`,
        settle: () => settle(admin, "public.mac_tasks", "hub.queue", "public.hub_task_threads"),
      });

    const byHand = (kind: "flat" | "threaded", progress: number): Run => () =>
      tasksPerSecond({
        worker: "byHand",
        config: { url: machine.url("graphile", "supabase_admin"), executors: CLIENTS, progress },
        total,
        clear: async () => {
          await seedPeer(graphile, "graphile", 0);
          await graphile.unsafe(`
            truncate by_hand.tasks, by_hand.messages, by_hand.threads, by_hand.broadcasts cascade;
            update by_hand.channels set message_count = 0`);
        },
        dispatch: (call) =>
          graphile`
            select by_hand.dispatch(
              ${theirs[call % theirs.length]!}::uuid, ${content(call)}, ${kind === "threaded"}
            )`,
        settle: () =>
          settle(graphile, "graphile_worker._private_jobs", "by_hand.tasks", "by_hand.threads"),
      });

    const names = MEASURES.map(({ kind, progress }) => `${kind}, ${progress || "no"} reports`);
    const samples = await interleave(
      Object.fromEntries(MEASURES.flatMap(({ kind, progress }, at) => [
        [names[at]!, product(kind, progress)],
        [`by hand, ${names[at]}`, byHand(kind, progress)],
      ])),
      rounds,
    );
    return MEASURES.map(({ target }, at) =>
      compare("samework", `a task's life, ${names[at]}`, "tasks/s", samples, [
        names[at]!,
        `by hand, ${names[at]}`,
      ], target)
    );
  },
};
