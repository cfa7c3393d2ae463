// Queues that have seen many tasks: the rate at their end against the rate at their beginning, and the
// rate while an old snapshot keeps vacuum from taking the dead rows away.
import { interleave, type Run, type Samples } from "../measure.ts";
import { drain, peers, seedPeer } from "../peers.ts";
import { compare, type Result } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, seedTasks } from "../seed.ts";
import { makeDevices } from "../tokens.ts";

const EXECUTORS = 16;

export const churn: Scenario = {
  name: "churn",
  needs: "postgres",
  run: async (context) => {
    await makeDevices(context.admin, EXECUTORS);
    return [await quarters(context), ...await oldSnapshot(context)];
  },
};

async function quarters({ machine, admin, quick }: Context): Promise<Result> {
  const total = quick ? 2000 : 200_000;
  const { quarters: ends } = await drain(
    "aura",
    { url: machine.url(), executors: EXECUTORS, claim: 1 },
    async (count) => {
      await clearTasks(admin);
      await seedTasks(admin, { count });
    },
    total,
  );
  const [first, , third, last] = ends as [number, number, number, number];
  const samples: Samples = {
    "last quarter": [total / 4 / (last - third) * 1000],
    "first quarter": [total / 4 / first * 1000],
  };
  const label = `drain of ${total.toLocaleString("en")}, one task a claim`;
  return compare("churn", label, "tasks/s", samples, ["last quarter", "first quarter"], {
    atLeast: 0.9,
  });
}

async function oldSnapshot(context: Context): Promise<Result[]> {
  const { machine, admin, quick } = context;
  const { graphile } = await peers(machine);
  const total = quick ? 500 : 10_000;
  const aura = async () => {
    const config = { url: machine.url(), executors: EXECUTORS, claim: 1 };
    const seed = async (count: number) => {
      await clearTasks(admin);
      await seedTasks(admin, { count });
    };
    const { ms } = await drain("aura", config, seed, total);
    return total / ms * 1000;
  };
  const peer = async () => {
    const url = machine.url("graphile", "supabase_admin");
    const config = { url, executors: EXECUTORS, claim: 1 };
    const seed = (count: number) => seedPeer(graphile, "graphile", count);
    const { ms } = await drain("graphile", config, seed, total);
    return total / ms * 1000;
  };
  const samples = await interleave({
    "queue only": held(context, "postgres", aura),
    "queue only, no snapshot": aura,
    "graphile-worker": held(context, "graphile", peer),
    "graphile-worker, no snapshot": peer,
  }, quick ? 1 : 3);
  const label = `drain of ${total.toLocaleString("en")} with an old snapshot held`;
  return [
    compare("churn", label, "tasks/s", samples, ["queue only", "graphile-worker"], { atLeast: 1 }),
    compare("churn", label, "tasks/s", samples, ["queue only", "queue only, no snapshot"]),
    compare("churn", label, "tasks/s", samples, [
      "graphile-worker",
      "graphile-worker, no snapshot",
    ]),
  ];
}

/** The same while a transaction of this database keeps its first snapshot. */
function held({ machine }: Context, database: string, run: Run): Run {
  return async () => {
    const holder = machine.connect({ database, user: "supabase_admin", max: 1 });
    const result = await holder.begin("isolation level repeatable read", async (sql) => {
      await sql`select count(*) from pg_catalog.pg_class`;
      return await run();
    });
    await holder.end();
    return result;
  };
}
