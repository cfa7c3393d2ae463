// Executors of the product, in SQL: each claims for its own device and completes what it has claimed,
// until there is nothing left. Answers with the milliseconds it took.
import postgres from "postgres";
import { timed } from "../measure.ts";
import { tokenOf } from "../tokens.ts";
import { configuration, whenTold } from "./protocol.ts";

interface Claimed {
  id: string;
  claim_id: string;
}

const { url, executors, claim, progress = 0 } = configuration<
  { url: string; executors: number; claim: number; progress?: number }
>();
const sql = postgres(url, {
  max: executors,
  fetch_types: false,
  onnotice: () => {},
});
await Promise.all(
  Array.from({ length: executors }, () => sql`select pg_sleep(0.05)`),
);
await whenTold(() =>
  timed(() => Promise.all(Array.from({ length: executors }, (_, n) => drain(tokenOf(n)))))
);

async function drain(token: string): Promise<void> {
  for (;;) {
    const [row] = await sql<{ tasks: Claimed[] }[]>`
      select public.claim_tasks(${token}, ${claim}::integer) as tasks`;
    if (row!.tasks.length === 0) return;
    await Promise.all(row!.tasks.map((task) => finish(token, task)));
  }
}

async function finish(token: string, { id, claim_id }: Claimed): Promise<void> {
  let output = "";
  for (let step = 1; step <= progress; step++) {
    output += `Step ${step} of ${progress} is done.\n`;
    await sql`select public.report_progress(${token}, ${id}::uuid, ${claim_id}::uuid, ${output})`;
  }
  await sql`
    select public.complete_task(${token}, ${id}::uuid, ${claim_id}::uuid, 'Done: all tests pass.')`;
}
