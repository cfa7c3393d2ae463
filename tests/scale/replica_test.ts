// A streaming replica that lags, what a client reads there and follows on the primary; and the replica in
// the primary's place.
import assert from "node:assert/strict";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import type { Sql } from "postgres";
import { AuraClient, type Message } from "../../client/index.ts";
import { createApps } from "../../stack/api/apps.ts";
import { databaseHome } from "../../stack/postgres.ts";
import { loadSecrets } from "../../stack/secrets.ts";
import { readSettings } from "../../stack/settings.ts";
import { collect, Fixture } from "../client/fixture.ts";
import { freePorts, OwnStack } from "../runner/own_stack.ts";
import { connect, type Connection, until } from "../stack.ts";
import { isMissing, POSTGRES_BIN } from "./debian.ts";
import { assertRight, registerDevice, taskChannels } from "./main_job.ts";
import { cutPower, Replica } from "./replica.ts";

const TASKS = 150;

Deno.test({
  name: "a replica serves pages however late it is, and takes over with all that was acknowledged",
  ignore: isMissing(join(POSTGRES_BIN, "pg_basebackup"), "postgresql-15"),
  sanitizeOps: false,
  sanitizeResources: false,
  async fn(t) {
    await using stack = await OwnStack.start({ AURA_POSTGRES_BIN: POSTGRES_BIN });
    const secrets = await loadSecrets(stack.settings.AURA_STATE_DIR!);
    const fixture = new Fixture(stack.env);
    const user = await fixture.user("operator");
    const channel = await fixture.channel("flat_task_pipeline");
    const token = await registerDevice(fixture.sql, "mac-1");
    // Each report from the second on rewrites the message of the first.
    await fixture.sql`update hub.settings set progress_limit = 1`;
    const { task } = await user.aura.dispatchTask(channel.id, "Watch this");
    const [claimed] = await fixture.sql`select claim_tasks(${token}, 1) -> 0 as task`;
    const report = async (text: string) =>
      await fixture.sql`
        select report_progress(${token}, ${task.id}, ${claimed!.task.claim_id}, ${text})`;
    await report("one");

    const [port] = freePorts(1);
    const dbPort = Number(stack.settings.AURA_DB_PORT);
    await using replica = await Replica.of(dbPort, port!, secrets, "1h");

    await t.step("a page of a replica that is late is followed on the primary", async () => {
      await using api = new ReplicaApi(stack, replica);
      const { data } = await user.supabase.auth.getSession();
      const late = api.client(stack.env.SUPABASE_PUBLISHABLE_KEY!, data.session!.access_token);
      const live: Message[] = [];
      const stop = new AbortController();
      const first = await user.aura.fetchChannelMessages(channel.id);
      const watching = (async () => {
        const feed = user.aura.subscribeToChannelMessages(channel.id, {
          held: first,
          signal: stop.signal,
        });
        for await (const { row } of feed) live.push(row);
      })();
      await report("one two");
      await report("one two three");
      await until(() => live.at(-1)?.content.endsWith("three"), "the last report");

      const held = await late.fetchChannelMessages(channel.id);
      assert.match(held.at(-1)!.content, /one$/);
      const feed = user.aura.subscribeToChannelMessages(channel.id, { held });
      const changes = collect(feed, ({ row }) => row.metadata.event === "task_completed");
      await fixture.sql`
        select complete_task(${token}, ${task.id}, ${claimed!.task.claim_id}, ${`Did ${task.id}`})`;

      // Nothing that was newer is replaced, nothing that the page lacked is missing.
      const rows = new Map(held.map((row) => [row.id, row]));
      for (const { row } of await changes) rows.set(row.id, row);
      const now = await user.aura.fetchChannelMessages(channel.id);
      assert.deepEqual([...rows.values()], now);
      await until(() => live.at(-1)?.metadata.event === "task_completed", "the result");
      stop.abort();
      await watching;
      const told = live.filter((row) => row.is_progress).map((row) => row.content).join("\n");
      assert.match(told, /three$/);
      assert.doesNotMatch(told, /: one$/m);
      // It writes nothing, and says so.
      const refused = await late.dispatchTask(channel.id, "Not here").catch((error) => error);
      assert.ok(refused instanceof Error);
    });

    await t.step("it is promoted while work goes on", async () => {
      await user.supabase.removeAllChannels();
      await using admin = replica.admin();
      await admin`alter system set recovery_min_apply_delay = 0`;
      await admin`select pg_reload_conf()`;
      {
        await using primary = connect({ max: 1 }, adminEnv(stack, secrets.adminPassword));
        await primary.unsafe("alter system set synchronous_standby_names = '*'");
        await primary`select pg_reload_conf()`;
        await until(async () => {
          const [row] = await primary`select sync_state from pg_stat_replication`;
          return row?.sync_state === "sync";
        }, "the replica to be synchronous");
      }
      await fixture.sql`update hub.settings set task_lease = '3 seconds'`;
      const channels = await taskChannels(fixture.sql);
      const tokens = [token, await registerDevice(fixture.sql, "mac-2")];
      await fixture.sql.end();
      const data = join(await databaseHome(stack.settings.AURA_STATE_DIR!), "data");
      await using work = new Work(stack.env, channels);
      const done = Promise.all([
        ...Array.from({ length: 4 }, () => work.dispatch()),
        ...tokens.map((own) => work.execute(own)),
      ]);

      await Promise.race([
        done,
        until(() => work.completed.size >= TASKS / 3, "a third of the work"),
      ]);
      stack.kill("SIGKILL");
      await stack.ended();
      await cutPower(data);
      await admin`select pg_promote()`;
      work.moveTo(replica.env);
      await done;

      await using sql = connect({ max: 1 }, replica.env);
      const kept = await sql`select id from mac_tasks`;
      const ids = new Set(kept.map((row) => row.id));
      assert.deepEqual([...work.dispatched].filter((id) => !ids.has(id)), []);
      assert.equal(work.dispatched.size, TASKS);
      await assertRight(sql, [...work.completed]);
    });
  },
});

function adminEnv(stack: OwnStack, password: string): { SUPABASE_DB_URL: string } {
  const url = new URL(stack.env.SUPABASE_DB_URL!);
  url.username = "supabase_admin";
  url.password = password;
  return { SUPABASE_DB_URL: url.href };
}

/** REST on the replica, as a project's read replica has one. */
class ReplicaApi implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #apps: ReturnType<typeof createApps>;

  constructor(stack: OwnStack, { port, secrets }: Replica) {
    const settings = { ...readSettings((name) => stack.settings[name]), dbPort: port };
    this.#apps = createApps(settings, secrets);
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#server = Deno.serve(options, (request) => this.#apps.rest(request));
  }

  client(key: string, token: string): AuraClient {
    const url = `http://127.0.0.1:${this.#server.addr.port}`;
    return new AuraClient(createClient(url, key, { accessToken: () => Promise.resolve(token) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    await this.#apps.close();
  }
}

/** People and executors who lose their database in the middle, and go on with the other. */
class Work implements AsyncDisposable {
  readonly dispatched = new Set<string>();
  readonly completed = new Set<string>();
  #sql: Connection;
  #next = 0;

  constructor(env: Record<string, string>, readonly channels: string[]) {
    this.#sql = connect({ max: 8 }, env);
  }

  moveTo(env: Record<string, string>) {
    const old = this.#sql;
    this.#sql = connect({ max: 8 }, env);
    void old.end({ timeout: 0 });
  }

  async dispatch(): Promise<void> {
    for (let n = this.#next++; n < TASKS; n = this.#next++) {
      const channel = this.channels[n % this.channels.length]!;
      const key = `work ${n}`;
      const [row] = await this.#insist((sql) =>
        sql`
          select dispatch_task(${channel}, ${key}, idempotency_key => ${key}) #>> '{task,id}' as id`
      );
      this.dispatched.add(row!.id);
    }
  }

  async execute(token: string): Promise<void> {
    for (;;) {
      const [row] = await this.#insist((sql) => sql`select claim_tasks(${token}, 2) as tasks`);
      for (const { id, claim_id } of row!.tasks) {
        await this.#complete(token, id, claim_id);
      }
      // What was claimed by a call whose answer was lost comes back when its lease has run out.
      if (row!.tasks.length === 0) {
        if (this.completed.size >= TASKS) return;
        await this.#insist((sql) => sql`select hub.recover()`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async #complete(token: string, id: string, claim_id: string): Promise<void> {
    try {
      await this.#insist((sql) =>
        sql`select complete_task(${token}, ${id}, ${claim_id}, ${`Did ${id}`})`
      );
    } catch (error) {
      // It is complete already, by the same call, whose answer was lost; or its lease has run out.
      if ((error as { code?: string }).code !== "PT409") throw error;
      const [row] = await this.#insist((sql) => sql`select status from mac_tasks where id = ${id}`);
      if (row!.status !== "complete") return;
    }
    this.completed.add(id);
  }

  /** Asks until there is an answer. */
  async #insist<T>(ask: (sql: Sql) => Promise<T>): Promise<T> {
    for (;;) {
      const sql = this.#sql;
      try {
        return await ask(sql);
      } catch (error) {
        // What is no refusal is tried again: no connection, or a database that is being ended.
        const { code = "" } = error as { code?: string };
        if (/^(PT|22|23|42)/.test(code) && code !== "PT503") throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sql.end();
  }
}
