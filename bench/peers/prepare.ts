// Makes the peers' schemas in their databases, and an empty queue "bench".
import { runMigrations } from "graphile-worker";
import { PgBoss } from "pg-boss";

const { graphile, pgboss } = JSON.parse(Deno.args[0]!) as {
  graphile: string;
  pgboss: string;
};
await runMigrations({ connectionString: graphile });
const boss = new PgBoss(pgboss);
await boss.start();
for (const queue of ["bench", "warm"]) await boss.createQueue(queue);
await boss.stop();
Deno.exit(0);
