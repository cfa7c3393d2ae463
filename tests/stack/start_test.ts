// What `npm start` promises, on stacks of the test's own.
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { createClient } from "@supabase/supabase-js";
import postgres from "postgres";
import { processesOf } from "../../executor/processes.ts";
import { freshSettings, OwnStack } from "../runner/own_stack.ts";
import { until } from "../stack.ts";

const leaves = { sanitizeOps: false, sanitizeResources: false };

function isFree(port: string): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port: Number(port) }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

async function isHealthy(stack: OwnStack): Promise<boolean> {
  const response = await fetch(`${stack.env.SUPABASE_URL}/health`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.ok ?? false;
}

/** Whether the demo user can sign in and read, through Auth, REST and the database. */
async function works(stack: OwnStack): Promise<boolean> {
  const client = createClient(stack.env.SUPABASE_URL!, stack.env.SUPABASE_PUBLISHABLE_KEY!, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { error } = await client.auth.signInWithPassword({
    email: stack.env.AURA_USER_EMAIL!,
    password: stack.env.AURA_USER_PASSWORD!,
  });
  if (error) return false;
  const { data } = await client.from("hub_servers").select("name");
  return Boolean(data?.some(({ name }) => name === "koji-pipeline"));
}

Deno.test(
  "npm start tells its settings, answers, and leaves nothing when it stops",
  leaves,
  async () => {
    await using stack = await OwnStack.start();
    for (const name of ["env", "lock", "secrets.json"]) {
      const { mode } = await Deno.stat(join(stack.settings.AURA_STATE_DIR!, name));
      assert.equal(mode! & 0o777, 0o600, name);
    }
    assert.deepEqual(Object.keys(stack.env), [
      "SUPABASE_URL",
      "SUPABASE_PUBLISHABLE_KEY",
      "SUPABASE_SECRET_KEY",
      "SUPABASE_DB_URL",
      "AURA_USER_EMAIL",
      "AURA_USER_PASSWORD",
    ]);
    const health = await fetch(`${stack.env.SUPABASE_URL}/health`);
    assert.deepEqual([health.status, await health.json()], [200, { ok: true }]);
    assert(await works(stack));
    const others = Deno.networkInterfaces().filter(({ family, address }) =>
      family === "IPv4" && !address.startsWith("127.")
    );
    const ports = [stack.settings.AURA_API_PORT!, stack.settings.AURA_DB_PORT!];
    for (const { address: hostname } of others) {
      for (const port of ports.map(Number)) {
        await assert.rejects(Deno.connect({ hostname, port }), Deno.errors.ConnectionRefused);
      }
    }
    const pid = await stack.postmaster();
    assert.equal(await stack.stop("SIGTERM"), 0);
    assert.throws(() => process.kill(pid, 0), "postgres has ended");
    assert(ports.every(isFree));
    const reset = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", join(import.meta.dirname!, "../../stack/reset.ts")],
      env: stack.settings,
    });
    assert((await reset.output()).success);
    await assert.rejects(Deno.stat(stack.settings.AURA_STATE_DIR!), Deno.errors.NotFound);
    await Deno.mkdir(stack.settings.AURA_STATE_DIR!);
  },
);

Deno.test("npm start gives none of its secrets to what it starts", leaves, async () => {
  // As after loading the env file of a project somewhere else.
  const elsewhere = `sb_secret_${crypto.randomUUID()}`;
  // Its secrets are nobody else's.
  await using stack = await OwnStack.start({
    ...await freshSettings(),
    AURA_EXECUTOR: "on",
    SUPABASE_SECRET_KEY: elsewhere,
  });
  const sql = postgres(stack.env.SUPABASE_DB_URL!, { max: 1 });
  await until(
    async () => (await sql`select from mesh_devices where status = 'online'`).count > 0,
    "the executor",
  );
  await sql.end();
  // The edge functions get them: only once they are asked for are all secrets in use.
  await (await fetch(`${stack.env.SUPABASE_URL}/functions/v1/recover`)).body?.cancel();
  const kept = await Deno.readTextFile(join(stack.settings.AURA_STATE_DIR!, "secrets.json"));
  const { userEmail: _, ...secrets } = JSON.parse(kept) as Record<string, string>;
  const children = (await processesOf(stack.pid, "")).filter(({ pid }) => pid !== stack.pid);
  assert(children.length > 2, "Postgres, the executor and its watcher run");
  for (const secret of [elsewhere, ...Object.values(secrets)]) {
    const informed = (await processesOf(null, secret)).filter(({ pid }) => pid !== stack.pid);
    assert.deepEqual(informed, [], secret);
  }
});

Deno.test(
  "npm start says so when a port or the state is in use, and harms nothing",
  leaves,
  async () => {
    await using stack = await OwnStack.start();
    const other = await freshSettings();
    const second = async (settings: Record<string, string>, reason: RegExp) => {
      const started = new OwnStack({ ...other, ...settings });
      assert.equal(await started.ended(), 1);
      assert.match(started.output, reason);
      assert(await works(stack));
    };
    const { AURA_API_PORT, AURA_DB_PORT, AURA_STATE_DIR } = stack.settings as Record<
      string,
      string
    >;
    await second({ AURA_API_PORT: AURA_API_PORT! }, /Port \d+ is in use already/);
    await second({ AURA_DB_PORT: AURA_DB_PORT! }, /Port \d+ is in use already/);
    await second(
      { AURA_STATE_DIR: AURA_STATE_DIR! },
      /A stack is running with the state directory/,
    );
    await second(stack.settings, /Port \d+ is in use already/);
    await Deno.remove(other.AURA_STATE_DIR!, { recursive: true });
  },
);

Deno.test("npm start recovers from kill -9 of the stack, with its data", leaves, async () => {
  const settings = await freshSettings();
  const killed = new OwnStack(settings);
  await killed.ready();
  const sql = postgres(killed.env.SUPABASE_DB_URL!, { max: 1 });
  await sql`update hub_servers set description = 'kept' where name = 'koji-pipeline'`;
  await sql.end();
  killed.kill("SIGKILL");
  await killed.ended();
  await using stack = new OwnStack(settings);
  await stack.ready();
  assert(await works(stack));
  const after = postgres(stack.env.SUPABASE_DB_URL!, { max: 1 });
  const rows = await after`select description from hub_servers where name = 'koji-pipeline'`;
  assert.deepEqual([...rows], [{ description: "kept" }]);
  await after.end();
});

Deno.test("npm start recovers from kill -9 in the middle of its first start", leaves, async () => {
  const settings = await freshSettings();
  const killed = new OwnStack(settings);
  await until(
    () => Deno.stat(join(settings.AURA_STATE_DIR!, "data.new")).catch(() => null),
    "initdb",
  );
  killed.kill("SIGKILL");
  await killed.ended();
  await using stack = new OwnStack(settings);
  await stack.ready();
  assert(await works(stack));
});

Deno.test(
  "the stack starts a killed Postgres again, and its clients come back",
  leaves,
  async () => {
    await using stack = await OwnStack.start();
    const client = createClient(stack.env.SUPABASE_URL!, stack.env.SUPABASE_PUBLISHABLE_KEY!);
    const states: string[] = [];
    let heard = 0;
    client.channel("mesh:wake").on("broadcast", { event: "task_queued" }, () => heard++)
      .subscribe((status) => states.push(status));
    await until(() => states.includes("SUBSCRIBED"), "the channel");

    const pid = await stack.postmaster();
    process.kill(pid, "SIGKILL");
    await until(async () => !await isHealthy(stack), "the loss of Postgres");
    await until(() => isHealthy(stack), "Postgres");
    assert(await works(stack));
    assert.notEqual(await stack.postmaster(), pid);

    // A subscriber learns that it missed something by being subscribed anew.
    await until(() => states.filter((state) => state === "SUBSCRIBED").length > 1, "the channel");
    const sql = postgres(stack.env.SUPABASE_DB_URL!, { max: 1 });
    await sql`select realtime.send('{}', 'task_queued', 'mesh:wake', false)`;
    await sql.end();
    await until(() => heard > 0, "the broadcast");
    await client.removeAllChannels();
  },
);

Deno.test(
  "the stack goes on with a Postgres that somebody else has restarted",
  leaves,
  async () => {
    await using stack = await OwnStack.start();
    const pid = await stack.postmaster();
    const state = stack.settings.AURA_STATE_DIR!;
    const bin = Deno.env.get("AURA_POSTGRES_BIN") ?? join(state, "postgres/bin");
    const root = Deno.uid() === 0 ? { uid: 65534, gid: 65534 } : {};
    const { success } = await new Deno.Command(join(bin, "pg_ctl"), {
      args: ["restart", "-D", join(state, "data"), "-m", "fast", "-w", "-l", "/dev/null"],
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "null",
      ...root,
    }).output();
    assert(success);
    await until(() => works(stack), "the stack");
    assert.notEqual(await stack.postmaster(), pid);
    await stack.stop();
    assert(isFree(stack.settings.AURA_DB_PORT!));
  },
);

Deno.test("the stack stops when what started it has ended", leaves, async () => {
  const settings = await freshSettings();
  const main = join(import.meta.dirname!, "../../stack/main.ts");
  // As npm does: a parent that ends at SIGTERM without passing it on.
  const parent = new Deno.Command("sh", {
    args: ["-c", `"${Deno.execPath()}" run -A "${main}" & wait`],
    env: settings,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const url = `http://127.0.0.1:${settings.AURA_API_PORT}/health`;
  const answers = async () => {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    return response?.ok ?? false;
  };
  await until(answers, "the stack", 120_000);
  parent.kill("SIGTERM");
  await parent.status;
  await until(() => isFree(settings.AURA_API_PORT!) && isFree(settings.AURA_DB_PORT!), "its end");
  await Deno.remove(settings.AURA_STATE_DIR!, { recursive: true });
});
