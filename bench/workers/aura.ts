// Executors of the product, in SQL: each claims for its own device and completes what it has claimed,
// until there is nothing left.
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
const sql = postgres(url, { max: executors, fetch_types: false, onnotice: () => {} });

await whenTold(async (total) => {
  let done = 0;
  const quarters: number[] = [];
  const start = performance.now();
  const drain = async (token: string) => {
    for (;;) {
      const [row] = await sql<{ tasks: Claimed[] }[]>`
        select public.claim_tasks(${token}, ${claim}::integer) as tasks`;
      if (row!.tasks.length === 0) return;
      await Promise.all(row!.tasks.map(async (task) => {
        await finish(token, task);
        if (++done % Math.ceil(total / 4) === 0) quarters.push(performance.now() - start);
      }));
    }
  };
  const ms = await timed(() =>
    Promise.all(Array.from({ length: executors }, (_, n) => drain(tokenOf(n))))
  );
  if (done !== total) throw new Error(`${done} tasks were done of ${total}.`);
  return { ms, quarters };
});

async function finish(token: string, { id, claim_id }: Claimed): Promise<void> {
  let output = "";
  for (let step = 1; step <= progress; step++) {
    output += `Step ${step} of ${progress} is done.\n`;
    await sql`select public.report_progress(${token}, ${id}::uuid, ${claim_id}::uuid, ${output})`;
  }
  await sql`
    select public.complete_task(${token}, ${id}::uuid, ${claim_id}::uuid, 'Done: all tests pass.')`;
}
