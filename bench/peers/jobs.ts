// graphile-worker, working off jobs of one kind until all are done and the database shows none left.
import { Logger, run } from "graphile-worker";
import pg from "pg";

export interface Jobs {
  pool: pg.Pool;
  executors: number;
  /** What the jobs are called. */
  name: string;
  work: (payload: unknown) => void | Promise<void>;
  /** Further settings of its worker. */
  preset?: Record<string, unknown>;
}

export function poolOf(url: string, executors: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: executors + 2 });
  const fail = (error: Error) => {
    throw error;
  };
  return pool.on("error", fail).on("connect", (client) => void client.on("error", fail));
}

/** Resolves to the ms that so many jobs took. */
export async function workOff({ pool, executors, name, work, preset }: Jobs, total: number) {
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
        ...preset,
      },
    },
    taskList: {
      [name]: async (payload) => {
        await work(payload);
        if (++done === total) all.resolve();
      },
    },
  });
  await all.promise;
  await untilEmpty(pool);
  const ms = performance.now() - start;
  await runner.stop();
  return { ms };
}

async function untilEmpty(pool: pg.Pool): Promise<void> {
  for (;;) {
    const { rows } = await pool.query(
      "select exists (select from graphile_worker._private_jobs) as left",
    );
    if (!rows[0].left) return;
  }
}
