// Thousands of requests that nobody should send, to everything that is reached over HTTP. None is
// answered with 5xx or with the inside of the server, and a refused one has changed nothing.
// AURA_SEED repeats a run, AURA_FUZZ_RUNS sets its length.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Sql } from "postgres";
import { Random } from "../random.ts";
import { OwnStack } from "../runner/own_stack.ts";
import { connect } from "../stack.ts";
import { type Actor, anyRequest, type Call, Raw } from "./fuzz/requests.ts";
import { contradictions, digest } from "./fuzz/state.ts";
import { Existing, Made, Nested } from "./fuzz/values.ts";

const RUNS = Number(Deno.env.get("AURA_FUZZ_RUNS") ?? 3_000);

Deno.test("every RPC, table and edge function survives whatever it is sent", async () => {
  const { seed } = Random.fromEnvironment();
  console.log(`AURA_SEED=${seed} repeats this run of ${RUNS} requests.`);
  await using stack = await OwnStack.start();
  // What the test itself makes may have any number in its id, and is not refused.
  await using sql = connect({ connection: { "app.quiet": "on" } }, stack.env);
  const tokens = await prepare(sql, stack);
  const pool = new Pool(sql);
  const send = sender(stack.env.SUPABASE_URL!, tokens, pool);
  let before = await digest(sql);
  const answers: Record<string, number> = {};

  await fc.assert(
    fc.asyncProperty(await anyRequest(sql), async (call) => {
      if (await pool.refresh()) before = await digest(sql);
      const { status, text } = await send(call);
      answers[status] = (answers[status] ?? 0) + 1;
      assert(status < 500, `${status} ${text.slice(0, 500)}`);
      assert(
        !/node_modules|file:\/\/|\.ts:\d|\bat \w+ \(/.test(text),
        `inside of the server: ${text}`,
      );
      if (status >= 400 && call.method !== "HEAD") assertRefusal(call.path, text);
      const after = await digest(sql);
      if (status >= 400 || ["GET", "HEAD", "OPTIONS"].includes(call.method)) {
        assert.equal(after, before, `${status} has changed something`);
      }
      before = after;
    }),
    { seed, numRuns: RUNS, endOnFailure: true },
  );
  console.log(`Answers by status: ${JSON.stringify(answers)}`);
  assert.deepEqual(await contradictions(sql), []);
  assert(answers[200]! > RUNS / 20, "hardly anything was accepted: the inputs are no test");
});

/** Something of everything to name, one user of each role, and no clock. Returns the tokens. */
async function prepare(sql: Sql, { env }: OwnStack): Promise<Record<Actor, string>> {
  await sql`select cron.unschedule(jobname) from cron.job`;
  await sql`update hub.settings set default_role = 'viewer', max_open_tasks_per_user = 1000 where id`;
  // An app's trigger that refuses some of the system's messages, and a column that is no more.
  await sql`
    create function public.app_refuse() returns trigger language plpgsql as $$
    begin raise 'the app: no'; end $$`;
  await sql`revoke execute on function public.app_refuse() from public, anon, authenticated`;
  await sql`
    create trigger app_refuse before insert on hub_channel_messages
    for each row when (new.sender_type = 'system' and new.content like '%77%'
      and current_setting('app.quiet', true) is distinct from 'on') execute function public.app_refuse()`;
  await sql`alter table mac_tasks add column app_note text default 'x', add column app_dead numeric default 1`;
  await sql`alter table mac_tasks drop column app_dead`;
  const tokens: Record<string, string> = { service: env.SUPABASE_SECRET_KEY!, anon: "" };
  for (const role of ["viewer", "operator", "admin"]) {
    const response = await fetch(`${env.SUPABASE_URL}/auth/v1/signup`, {
      method: "POST",
      headers: { apikey: env.SUPABASE_PUBLISHABLE_KEY!, "content-type": "application/json" },
      body: JSON.stringify({ email: `${role}@example.com`, password: crypto.randomUUID() }),
    });
    const { access_token, user } = await response.json();
    await sql`select set_member_role(${user.id}, ${role})`;
    tokens[role] = access_token;
  }
  const [header, , signature] = tokens.admin!.split(".");
  const claims = btoa(JSON.stringify({ role: "service_role", exp: 9_999_999_999 }));
  tokens.forged = `${header}.${claims.replaceAll("=", "")}.${signature}`;
  tokens.key = env.SUPABASE_PUBLISHABLE_KEY!;
  return tokens as Record<Actor, string>;
}

interface Answer {
  status: number;
  text: string;
}

function sender(url: string, tokens: Record<string, string>, pool: Pool) {
  return async ({ actor, method, path, query, body, headers }: Call): Promise<Answer> => {
    const address = new URL(path, url);
    for (const [key, value] of Object.entries(query)) {
      address.searchParams.set(key, String(value));
    }
    const bodyless = method === "GET" || method === "HEAD" || method === "OPTIONS";
    const response = await fetch(address, {
      method,
      headers: {
        apikey: actor === "service" ? tokens.service! : tokens.key!,
        ...tokens[actor] && actor !== "service" ? { authorization: `Bearer ${tokens[actor]}` } : {},
        "content-type": "application/json",
        ...headers,
      },
      body: bodyless
        ? undefined
        : body instanceof Raw
        ? body.text
        : Nested.expand(JSON.stringify(pool.resolve(body)) ?? ""),
    });
    return { status: response.status, text: await response.text() };
  };
}

function assertRefusal(path: string, text: string): void {
  const body = JSON.parse(text);
  const error = body.error ?? body;
  assert(path.startsWith("/auth/") || typeof error.code === "string", text);
  assert.equal(typeof (error.message ?? body.msg), "string", text);
}

/** The ids of what exists. */
class Pool {
  #ids: Record<string, string[]> = {};
  #token = "";
  #uses = 0;

  constructor(readonly sql: Sql) {}

  /** Now and then: what runs, and what is there, changes with every request. */
  async refresh(): Promise<boolean> {
    if (this.#uses++ % 25 > 0) return false;
    const { sql } = this;
    if (!this.#token) {
      const [row] = await sql`
        select register_device('fuzz', 'linux', '["claude", "codex", "gemini"]', 100) ->> 'token' as token`;
      this.#token = row!.token;
      await sql`select dispatch_task(c.id, 'Some work') from hub_channels as c where c.name in ('bridge', 'dispatch')`;
    }
    await sql`select claim_tasks(${this.#token}, 3)`.catch(() => {});
    const rows = await sql<{ kind: string; ids: string[] }[]>`
      select 'channel' as kind, array_agg(id::text) as ids from hub_channels
      union all select 'channel_name', array_agg(s.name || '/' || c.name)
        from hub_channels as c join hub_servers as s on s.id = c.server_id
      union all select 'server', array_agg(id::text) from hub_servers
      union all select 'thread', array_agg(id::text) from hub_task_threads
      union all select 'task', array_agg(id::text) from mac_tasks
      union all select 'team', array_agg(id::text) from hub_teams
      union all select 'message', (array_agg(id::text))[1:50] from hub_channel_messages
      union all select 'device', array_agg(id::text) from mesh_devices where name <> 'fuzz'
      union all select 'user', array_agg(user_id::text) from hub_members where role <> 'admin'
      union all select 'claim', array_agg(claim_id::text) from mac_tasks where claim_id is not null
      union all select 'sweep', array_agg(id::text) from koji.sweeps`;
    this.#ids = Object.fromEntries(rows.map(({ kind, ids }) => [kind, ids ?? []]));
    this.#ids.token = [this.#token];
    return true;
  }

  resolve(value: unknown): unknown {
    if (value instanceof Existing) {
      const ids = this.#ids[value.kind] ?? [];
      return ids.length > 0 ? ids[value.index % ids.length] : null;
    }
    if (value instanceof Made) return value.make();
    if (Array.isArray(value)) return value.map((item) => this.resolve(item));
    if (value === null || typeof value !== "object" || value instanceof Nested) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, this.resolve(item)]),
    );
  }
}
