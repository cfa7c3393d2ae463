// From add_job to the start of the job in an idle graphile-worker: as many samples as asked for.
import { Logger, run } from "graphile-worker";
import pg from "pg";
import { configuration, whenTold } from "../workers/protocol.ts";

const { url } = configuration<{ url: string }>();
const pool = new pg.Pool({ connectionString: url, max: 4 });
const fail = (error: Error) => {
  throw error;
};
pool.on("error", fail).on("connect", (client) => void client.on("error", fail));
let begun = Promise.withResolvers<number>();
await run({
  pgPool: pool,
  noHandleSignals: true,
  preset: { worker: { concurrentJobs: 1, logger: new Logger(() => () => {}) } },
  taskList: { bench: () => begun.resolve(performance.now()) },
});

await whenTold(async (count) => {
  const samples: number[] = [];
  for (let n = 0; n < count; n++) {
    begun = Promise.withResolvers();
    const start = performance.now();
    await pool.query("select graphile_worker.add_job('bench', '{}')");
    samples.push(await begun.promise - start);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { samples };
});
