// graphile-worker, until it has done so many jobs and the database shows none left. Answers with the
// milliseconds it took.
import { Logger, run } from "graphile-worker";
import pg from "pg";
import { timed } from "../measure.ts";
import { configuration, whenTold } from "../workers/protocol.ts";

const { url, executors, claim, total, batchCompletion = false } = configuration<
  {
    url: string;
    executors: number;
    claim: number;
    total: number;
    batchCompletion?: boolean;
  }
>();
const pool = new pg.Pool({ connectionString: url, max: executors + 2 });
await Promise.all(
  Array.from({ length: executors }, () => pool.query("select pg_sleep(0.05)")),
);
await whenTold(() => timed(drain));

async function drain(): Promise<void> {
  let done = 0;
  const all = Promise.withResolvers<void>();
  await run({
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
  for (;;) {
    const { rows } = await pool.query(
      "select exists (select from graphile_worker._private_jobs) as left",
    );
    if (!rows[0].left) return;
  }
}
