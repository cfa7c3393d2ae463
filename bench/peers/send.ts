// pg-boss' send from several loops: as many jobs as asked for.
import { PgBoss } from "pg-boss";
import { rate } from "../measure.ts";
import { configuration, whenTold } from "../workers/protocol.ts";

const { url, clients } = configuration<{ url: string; clients: number }>();
const boss = new PgBoss({
  connectionString: url,
  max: clients,
  supervise: false,
  schedule: false,
});
boss.on("error", (error) => {
  throw error;
});
await boss.start();
await whenTold(async (total) => ({
  perSecond: await rate(
    total,
    clients,
    (call) => boss.send("bench", { content: `Fix the build error in module ${call}` }),
  ),
}));
