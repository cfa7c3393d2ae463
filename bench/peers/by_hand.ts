// The same work by hand: graphile-worker takes the jobs, and each is a task that is started, reported on
// and completed in the tables of by_hand.sql.
import { configuration, whenTold } from "../workers/protocol.ts";
import { poolOf, workOff } from "./jobs.ts";

const { url, executors, progress = 0 } = configuration<
  { url: string; executors: number; progress?: number }
>();
const pool = poolOf(url, executors);

await whenTold((total) => workOff({ pool, executors, name: "by_hand", work }, total));

async function work(payload: unknown): Promise<void> {
  const { id } = payload as { id: string };
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
