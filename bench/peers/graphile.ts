// graphile-worker, until it has done all jobs and the database shows none left.
import { Logger, run } from "graphile-worker";
import pg from "pg";
import { configuration, whenTold } from "../workers/protocol.ts";

const { url, executors, claim, batchCompletion = false } = configuration<
  { url: string; executors: number; claim: number; batchCompletion?: boolean }
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
      worker: {
        concurrentJobs: executors,
        pollInterval: 1000,
        logger: new Logger(() => () => {}),
        ...claim > 1 ? { localQueue: { size: claim } } : {},
        ...batchCompletion ? { completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {},
      },
    },
    taskList: {
      bench: () => {
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

async function untilEmpty(): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      "select exists (select from graphile_worker._private_jobs) as left",
    );
    if (!rows[0].left) return;
  }
}
