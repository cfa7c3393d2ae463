// From dispatch_task to a claimed task, in an idle mesh of one device: as many samples as asked for. The
// wake-up, the broadcast on mesh:wake, is read from the log of the database, as Realtime reads it.
import postgres from "postgres";
import { tokenOf } from "../tokens.ts";
import { configuration, whenTold } from "./protocol.ts";

const { url, admin, channel } = configuration<{ url: string; admin: string; channel: string }>();
const sql = postgres(url, { max: 4, fetch_types: false, onnotice: () => {} });
const log = postgres(admin, {
  max: 1,
  publications: "supabase_realtime_messages_publication",
  onnotice: () => {},
});
let wakeUp = Promise.withResolvers<void>();
await log.subscribe("insert", (row) => {
  if ((row as { topic?: string } | null)?.topic === "mesh:wake") wakeUp.resolve();
});

await whenTold(async (count) => {
  const samples: number[] = [];
  for (let n = 0; n < count; n++) {
    await claim(); // Finds nothing: the device is idle, and the next task is broadcast.
    wakeUp = Promise.withResolvers();
    const start = performance.now();
    const dispatched = sql`
      select public.dispatch_task(${channel}::uuid, 'Fix the build error in module 1')`.execute();
    await wakeUp.promise;
    let [task] = await claim();
    // The log may tell of a commit a moment before others see it.
    while (!task) [task] = await claim();
    samples.push(performance.now() - start);
    await dispatched;
    await sql`
      select public.complete_task(${
      tokenOf(0)
    }, ${task.id}::uuid, ${task.claim_id}::uuid, 'Done.')`;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { samples };
});

async function claim(): Promise<{ id: string; claim_id: string }[]> {
  const [row] = await sql<{ tasks: { id: string; claim_id: string }[] }[]>`
    select public.claim_tasks(${tokenOf(0)}) as tasks`;
  return row!.tasks;
}
