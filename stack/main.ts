// `npm start`: the whole backend on this machine. Prepares the state, starts the database, applies
// the migrations, opens the gateway, and keeps all of it running until it is told to stop.
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { guardConsole } from "../terminal/printable.ts";
import { createApps } from "./api/apps.ts";
import { bootstrap } from "./bootstrap.ts";
import { announce } from "./announce.ts";
import { isDisconnected } from "./api/errors.ts";
import { claimState, requireFreePort } from "./claims.ts";
import { buildConsole } from "./build_console.ts";
import { Clock } from "./clock.ts";
import { serveConsole } from "./console.ts";
import { surviveDriverFaults } from "./driver_faults.ts";
import { createDemoUser } from "./demo.ts";
import { environmentOf, writeEnvironment } from "./environment.ts";
import { executorService } from "./executor.ts";
import { edgeFunctions } from "./functions.ts";
import { createGateway } from "./gateway.ts";
import { migrate } from "./migrate.ts";
import {
  type Cluster,
  clusterOf,
  createCluster,
  databaseHome,
  databaseUrl,
  postgresService,
  stopLeftover,
} from "./postgres.ts";
import { RealtimeServer } from "./realtime/server.ts";
import { Runner } from "./runner.ts";
import { copyRuntime } from "./runtime.ts";
import { loadSecrets, type Secrets } from "./secrets.ts";
import { readSettings } from "./settings.ts";
import { keepConnected } from "./persistent_connection.ts";
import { StorageServer } from "./storage/server.ts";
import { untilTold } from "./signals.ts";

guardConsole();
surviveDriverFaults();
const told = untilTold();
const settings = readSettings(Deno.env.get);
try {
  await run();
  Deno.exit(0);
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}

async function run(): Promise<void> {
  requireFreePort(settings.apiPort, "AURA_API_PORT");
  await claimState(settings.state);
  const secrets = await loadSecrets(settings.state);
  const cluster = await prepareCluster(secrets);
  const broken = Promise.withResolvers<never>();
  const runner = new Runner(join(settings.state, "logs"), broken.reject);
  try {
    await Promise.race([start(runner, cluster, secrets), told, broken.promise]);
    await Promise.race([told, broken.promise]);
  } finally {
    await runner.stop();
  }
}

async function prepareCluster(secrets: Secrets): Promise<Cluster> {
  const home = await databaseHome(settings.state);
  await Deno.mkdir(home, { recursive: true });
  const bin = settings.postgresBin ?? await copyRuntime(join(home, "postgres"));
  const cluster = clusterOf(settings, home, bin);
  await stopLeftover(cluster, secrets);
  requireFreePort(settings.dbPort, "AURA_DB_PORT");
  await createCluster(cluster, secrets);
  return cluster;
}

async function start(runner: Runner, cluster: Cluster, secrets: Secrets): Promise<void> {
  await runner.start(postgresService(cluster, secrets));
  const adminUrl = databaseUrl(settings.dbPort, "supabase_admin", secrets.adminPassword);
  const admin = postgres(adminUrl, { max: 8, idle_timeout: 60, onnotice: () => {} });
  runner.add(() => admin.end({ timeout: 5 }));
  const apps = createApps(settings, secrets);
  runner.add(() => apps.close());
  await bootstrap(admin, apps, secrets);
  await migrate(settings, admin, environmentOf(settings, secrets).SUPABASE_DB_URL!);
  // Of version 1.4, it does not notice jobs that were made right after its extension, until one is changed.
  if (cluster.pgCron) await admin`select cron.alter_job(jobid, active => active) from cron.job`;
  await createDemoUser(apps.auth, settings, secrets);

  const clock = cluster.pgCron ? undefined : new Clock(admin, adminUrl);
  if (clock) runner.add(() => clock.stop());
  const notices = keepConnected({
    url: adminUrl,
    name: "notices",
    open: async (sql) => {
      await sql.unsafe("listen pgrst; listen aura_cron");
      // What was notified before is unknown.
      await apps.connected();
      clock?.reload();
    },
    onLost: () => apps.disconnected(),
    onnotify: (channel) => channel === "pgrst" ? apps.reloadSchema() : clock?.reload(),
  });
  runner.add(() => notices.stop());
  const realtime = new RealtimeServer(admin, secrets, adminUrl);
  runner.add(() => realtime.stop());
  const storage = new StorageServer(admin, secrets, settings);
  await Promise.all([notices.ready, realtime.ready, storage.prepare()]);

  const gateway = createGateway(
    {
      apps,
      functions: edgeFunctions(settings, secrets),
      realtime: (request) => realtime.handle(request),
      storage: (request) => storage.handle(request),
      console: serveConsole(join(settings.root, "console/dist"), secrets.publishableKey),
      healthy: async () => apps.isConnected() && await answers(admin),
    },
    settings,
    secrets,
  );
  await writeEnvironment(settings, secrets);
  const closing = new AbortController();
  Deno.serve(
    {
      hostname: "127.0.0.1",
      port: settings.apiPort,
      onListen: () => {},
      signal: closing.signal,
    },
    gateway.fetch,
  );
  // Not shutdown(), and no waiting: open sockets and streams would be waited for without end.
  runner.add(() => Promise.resolve(closing.abort()));
  announce(settings);
  runner.add(await buildConsole(settings.root, join(settings.state, "logs/console.log")));
  if (settings.executor) await startExecutor(runner, secrets);
}

/** The stack is of use without the demo executor, too. */
async function startExecutor(runner: Runner, secrets: Secrets): Promise<void> {
  try {
    await runner.start(await executorService(settings, secrets));
  } catch (error) {
    console.error((error as Error).message);
  }
}

async function answers(admin: Sql): Promise<boolean> {
  try {
    await admin`select 1`;
    return true;
  } catch (error) {
    if (isDisconnected(error)) return false;
    throw error;
  }
}
