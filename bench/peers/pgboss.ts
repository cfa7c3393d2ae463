// pg-boss by its own fetch and complete, from several loops, until there is nothing left.
import { PgBoss } from "pg-boss";
import { timed } from "../measure.ts";
import { configuration, whenTold } from "../workers/protocol.ts";

const { url, executors, claim } = configuration<
  { url: string; executors: number; claim: number }
>();
const boss = new PgBoss({
  connectionString: url,
  max: executors,
  supervise: false,
  schedule: false,
});
boss.on("error", (error) => {
  throw error;
});
await boss.start();
await whenTold(async () => ({
  ms: await timed(() => Promise.all(Array.from({ length: executors }, drain))),
}));

async function drain(): Promise<void> {
  for (;;) {
    const jobs = await boss.fetch("bench", { batchSize: claim });
    if (jobs.length === 0) return;
    await boss.complete("bench", jobs.map(({ id }) => id));
  }
}
