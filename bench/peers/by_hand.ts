// The same work by hand: graphile-worker takes the jobs, and each is a task that is started, reported on
// and completed in the tables of by_hand.sql.
import { Logger, run } from "graphile-worker";
import pg from "pg";
import { configuration, whenTold } from "../workers/protocol.ts";

const { url, executors, progress = 0 } = configuration<
  { url: string; executors: number; progress?: number }
>();
const pool = new pg.Pool({ connectionString: url, max: executors + 2 });
const fail = (error: Error) => {
  throw error;
};
pool.on("error", fail).on("connect", (client) => void client.on("error", fail));

await whenTold(async (total) => {
  let done = 0;
  const all = Promise.withResolvers<void>();
  const start = performance.now();
  const runner = await run({
    pgPool: pool,
    noHandleSignals: true,
    preset: {
      worker: { concurrentJobs: executors, pollInterval: 1000, logger: new Logger(() => () => {}) },
    },
    taskList: {
      by_hand: async (payload) => {
        await work((payload as { id: string }).id);
        if (++done === total) all.resolve();
      },
    },
  });
  await all.promise;
  await untilEmpty();
  const ms = performance.now() - start;
  await runner.stop();
  return { ms };
});

async function work(id: string): Promise<void> {
  await call("start", "select by_hand.start($1, $2)", [id, "bench"]);
  let output = "";
  for (let step = 1; step <= progress; step++) {
    output += `Step ${step} of ${progress} is done.\n`;
    await call("report", "select by_hand.report($1, $2)", [id, output]);
  }
  await call("complete", "select by_hand.complete($1, $2)", [id, "Done: all tests pass."]);
}

async function call(name: string, text: string, values: unknown[]): Promise<void> {
  await pool.query({ name, text, values });
}

async function untilEmpty(): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      "select exists (select from graphile_worker._private_jobs) as left",
    );
    if (!rows[0].left) return;
  }
}
