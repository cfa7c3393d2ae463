// A pooler in transaction mode before everything: REST and Auth, executors on SQL, what cron calls.
import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { loadSecrets } from "../../stack/secrets.ts";
import { freePorts, freshSettings, OwnStack } from "../runner/own_stack.ts";
import { connect } from "../stack.ts";
import { isMissing, PGBOUNCER } from "./debian.ts";
import { assertRight, registerDevice, runJob, taskChannels } from "./main_job.ts";
import { CONNECTIONS, PgBouncer, prepares } from "./pgbouncer.ts";

const PEOPLE = 460;
const EXECUTORS = 40;
const missing = isMissing(PGBOUNCER, "pgbouncer");

Deno.test({
  name: "500 clients work through 20 connections of PgBouncer, which loses and miscounts nothing",
  ignore: missing,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    const settings = await freshSettings();
    const [port] = freePorts(1);
    const dbPort = Number(settings.AURA_DB_PORT);
    await using pooler = await PgBouncer.start(
      { port: port!, dbPort },
      await loadSecrets(settings.AURA_STATE_DIR!),
    );
    await using stack = await OwnStack.start({ ...settings, AURA_POOLER_PORT: String(port) });
    // Not through the pooler: what looks on.
    await using sql = connect({ max: 1 }, stack.env);
    const channels = await taskChannels(sql);

    await t.step("people come over HTTP", async () => {
      await overHttp(stack.env, channels);
      const rows = await sql`
        select distinct client_port from pg_stat_activity
        where usename in ('authenticator', 'supabase_auth_admin')`;
      const pooled = await pooler.ports();
      assert.ok(rows.length > 0);
      assert.deepEqual(rows.filter((row) => !pooled.includes(row.client_port)), []);
    });

    const prepared = await prepares();
    if (!prepared) console.log("Skipped: prepared statements, which PgBouncer knows from 1.21 on.");
    for (const prepare of prepared ? [false, true] : [false]) {
      await t.step(`the main job, prepared statements ${prepare ? "on" : "off"}`, async () => {
        await using clients = await Clients.connect(pooler, prepare);
        const tokens = await Promise.all(
          clients.executors.map((own, n) => registerDevice(own, `mac-${prepare}-${n}`)),
        );
        const completed = runJob({
          people: clients.people,
          executors: clients.executors.map((own, n) => ({ sql: own, token: tokens[n]! })),
          channels,
          tasks: PEOPLE,
        });
        // What cron calls, at the same time.
        await clients.people[0]!`select hub.recover(), hub.decay_threads()`;
        const ids = await completed;
        assert.ok(await pooler.clients() >= PEOPLE + EXECUTORS);
        assert.ok((await pooler.ports()).length <= CONNECTIONS);
        assert.equal(new Set(ids).size, PEOPLE);
        await assertRight(sql, ids);
      });
    }
  },
});

class Clients implements AsyncDisposable {
  private constructor(readonly all: ReturnType<PgBouncer["client"]>[]) {}

  get people() {
    return this.all.slice(EXECUTORS);
  }

  get executors() {
    return this.all.slice(0, EXECUTORS);
  }

  static async connect(pooler: PgBouncer, prepare: boolean): Promise<Clients> {
    const all = Array.from({ length: PEOPLE + EXECUTORS }, () => pooler.client(prepare));
    await Promise.all(all.map((sql) => sql`select 1`));
    return new Clients(all);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((sql) => sql.end()));
  }
}

/** Signs up, is refused what a stranger may not do, dispatches by RPC, and reads by REST. */
async function overHttp(env: Record<string, string>, channels: string[]): Promise<void> {
  const auth = { persistSession: false, autoRefreshToken: false };
  const service = createClient(env.SUPABASE_URL!, env.SUPABASE_SECRET_KEY!, { auth });
  await Promise.all(Array.from({ length: 20 }, async (_, n) => {
    const own = createClient(env.SUPABASE_URL!, env.SUPABASE_PUBLISHABLE_KEY!, { auth });
    const { data, error } = await own.auth.signUp({
      email: `${crypto.randomUUID()}@example.com`,
      password: crypto.randomUUID(),
    });
    if (error) throw error;
    const user_id = data.user!.id;
    await service.rpc("set_member_role", { user_id, role: "viewer" }).throwOnError();
    const args = { channel_id: channels[n % channels.length], content: `By ${user_id}` };
    const refused = await own.rpc("dispatch_task", args);
    assert.equal(refused.error?.details, "role_required");
    await service.rpc("set_member_role", { user_id, role: "operator" }).throwOnError();
    const { data: made } = await own.rpc("dispatch_task", args).throwOnError();
    const { data: tasks } = await own.from("mac_tasks").select("id, created_by")
      .eq("id", made.task.id).throwOnError();
    assert.deepEqual(tasks, [{ id: made.task.id, created_by: user_id }]);
    await own.rpc("cancel_task", { task_id: made.task.id }).throwOnError();
  }));
}
