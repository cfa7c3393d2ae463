// A private server, as a stranger sees it over HTTP and Realtime who knows all of its ids: not at all. What
// each role may do with each table and function is in supabase/tests/security/servers.test.sql.
import assert from "node:assert/strict";
import {
  type Client,
  connect,
  type Connection,
  serviceClient,
  signUp,
  stackEnv,
  until,
  type User,
} from "../stack.ts";

/** supabase-js leaves timers behind that end by themselves. */
const leaves = { sanitizeOps: false, sanitizeResources: false };

/** One of everything, on a server of which somebody who has no row there has no role. */
class PrivateServer implements AsyncDisposable {
  private constructor(
    readonly sql: Connection,
    readonly name: string,
    /** Ids by what they are of. */
    readonly ids: Record<"server" | "channel" | "task" | "thread" | "question" | "file", string>,
    readonly device: { id: string; name: string; token: string },
    readonly member: User,
    /** An operator everywhere else. */
    readonly stranger: User,
  ) {}

  static async open(): Promise<PrivateServer> {
    const sql = connect();
    const name = `private-${crypto.randomUUID().slice(0, 8)}`;
    const [server] = await sql`
      insert into hub_servers (name, display_name, architecture_type, default_role)
      values (${name}, ${name}, 'threaded_task_isolation', 'none') returning id`;
    const [channel] = await sql`
      insert into hub_channels (server_id, name, display_name)
      values (${server!.id}, ${`${name}-room`}, '#room') returning id`;
    const [member, stranger] = [await signUp("operator"), await signUp("operator")];
    await rpc(serviceClient(), "set_server_role", {
      ...{ server_id: server!.id, user_id: member.id, role: "admin" },
    });
    const { task } = await rpc(member.client, "dispatch_task", {
      ...{ channel_id: channel!.id, content: `${name} needs a secret` },
    });
    await rpc(member.client, "send_input", { task_id: task.id, content: `${name} adds` });
    const { file } = await rpc(member.client, "create_file", {
      ...{ channel_id: channel!.id, name: `${name}.txt`, media_type: "text/plain", size: 1 },
    });
    const { device, token } = await rpc(member.client, "register_device", {
      ...{ name: `${name}-mac`, platform: "macos", models: ["claude"] },
      servers: [server!.id],
    });
    const [claimed] = await rpc(member.client, "claim_tasks", { token });
    const { question } = await rpc(member.client, "ask_question", {
      ...{ token, task_id: claimed.id, claim_id: claimed.claim_id },
      ...{ kind: "approval", title: `${name} asks`, tool_call_id: "call" },
    });
    const ids = {
      ...{ server: server!.id, channel: channel!.id, task: task.id, thread: task.task_thread_id },
      ...{ question: question.id, file: file.id },
    };
    return new PrivateServer(sql, name, ids, { ...device, token }, member, stranger);
  }

  /** Whether a text tells anything of it. */
  isIn(text: string): boolean {
    return [this.name, this.device.id, ...Object.values(this.ids)].some((secret) =>
      text.includes(secret)
    );
  }

  /** The same ids, of things that do not exist. */
  nowhere(): PrivateServer["ids"] {
    const ids = Object.keys(this.ids).map((name) => [name, crypto.randomUUID()]);
    return Object.fromEntries(ids) as PrivateServer["ids"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of [this.member, this.stranger]) await client.realtime.disconnect();
    await this.sql`delete from mesh_devices where id = ${this.device.id}`;
    await this.sql`delete from hub_servers where id = ${this.ids.server}`;
    await this.sql`delete from auth.users where id in (${this.member.id}, ${this.stranger.id})`;
    await this.sql.end();
  }
}

// deno-lint-ignore no-explicit-any -- the answer of an RPC
async function rpc(client: Client, name: string, args: Record<string, unknown>): Promise<any> {
  const { data, error } = await client.rpc(name as never, args as never);
  if (error) throw error;
  return data;
}

/** An answer over HTTP as its reader sees it: status, how many rows in all, body. */
async function ask(user: User, path: string, body?: unknown): Promise<string> {
  const response = await fetch(`${stackEnv("SUPABASE_URL")}/${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: {
      ...{ apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY"), "content-type": "application/json" },
      ...{ authorization: `Bearer ${user.accessToken}`, prefer: "count=exact" },
    },
    ...body !== undefined && { body: JSON.stringify(body) },
  });
  const range = response.headers.get("content-range");
  return `${response.status} ${range} ${await response.text()}`;
}

Deno.test("REST has no row and no count of a private server for a stranger", leaves, async () => {
  await using place = await PrivateServer.open();
  const { sql, ids, stranger, member } = place;
  const known = {
    ...{ server_id: ids.server, channel_id: ids.channel, task_id: ids.task },
    ...{ task_thread_id: ids.thread, device_id: place.device.id },
  };
  const tables = await sql<{ name: string; column: keyof typeof known }[]>`
    select c.relname as name, a.attname as column
    from pg_class as c join pg_attribute as a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
      and a.attname = any (${Object.keys(known)})`;
  const asked = [
    ...tables.map(({ name, column }) => `${name}?select=*&${column}=eq.${known[column]}`),
    `hub_servers?select=*,hub_channels(*)&id=eq.${ids.server}`,
    `hub_channels?select=*,hub_servers!inner(*)&hub_servers.name=eq.${place.name}`,
    `mac_tasks?select=*&id=eq.${ids.task}`,
    `mesh_devices?select=*&name=eq.${place.device.name}`,
  ];
  for (const path of asked) {
    assert.match(await ask(stranger, `rest/v1/${path}`), /^200 \*\/0 \[\]$/, path);
  }
  // The member reads the same: it was asked about what is there.
  const seen = await Promise.all(asked.map((path) => ask(member, `rest/v1/${path}`)));
  assert(seen.filter((answer) => place.isIn(answer)).length >= 12, seen.join("\n"));

  // Nor is it in the whole of any table: the feeds tell of devices, and the morning's of what was done.
  await rpc(member.client, "device_heartbeat", { token: place.device.token });
  await sql`select hub.morning_brief()`;
  await sql`select hub.post_lines(feed) from unnest(array['heartbeat', 'morning-brief', 'memory-log']) as feed`;
  for (const name of new Set(tables.map(({ name }) => name))) {
    const all = await ask(stranger, `rest/v1/${name}?select=*&limit=1000`);
    assert(all.startsWith("20") && !place.isIn(all), `${name}: ${all.slice(0, 2000)}`);
  }
});

Deno.test("calls say the same of a private server as of none", leaves, async () => {
  await using place = await PrivateServer.open();
  const { stranger, ids } = place;
  const content = "x";
  const calls = (of: PrivateServer["ids"], name: string): [string, unknown][] =>
    [
      ["rpc/answer_question", { question_id: of.question, option_id: "allow" }],
      ["rpc/cancel_task", { task_id: of.task }],
      ["rpc/create_file", { channel_id: of.channel, name: "x", media_type: "text/plain", size: 1 }],
      ["rpc/create_task_thread", { channel_id: of.channel, task_id: of.task }],
      ["rpc/dispatch_task", { channel_id: of.channel, content }],
      ["rpc/dispatch_task", { channel_id: of.channel, content, task_thread_id: of.thread }],
      ["rpc/dispatch_team", { channel_id: of.channel, goal: content }],
      ["rpc/execute_command", { channel_id: of.channel, command: "!stats" }],
      ["rpc/explain_task", { task_id: of.task }],
      ["rpc/order_channels", { server_id: of.server, channel_ids: [of.channel] }],
      ["rpc/publish_changes", { task_id: of.task }],
      ["rpc/register_device", {
        ...{ name: crypto.randomUUID(), platform: "linux", models: ["claude"] },
        servers: [of.server],
      }],
      ["rpc/retry_task", { task_id: of.task }],
      ["rpc/search_messages", { query: "secret", server_id: of.server }],
      ["rpc/search_messages", { query: "secret", channel_id: of.channel }],
      ["rpc/send_input", { task_id: of.task, content }],
      ["rpc/set_server_paused", { server_id: of.server, paused: true }],
      ["rpc/set_server_role", { server_id: of.server, user_id: stranger.id, role: "admin" }],
      ["rpc/update_thread_status", { thread_id: of.thread, status: "archived" }],
      ["hub_channel_messages", { channel_id: of.channel, content }],
      ["hub_channel_messages", { channel_id: of.channel, task_thread_id: of.thread, content }],
      ["mac_tasks", { channel_id: of.channel, content }],
    ].map(([path, body]) => [`rest/v1/${path}`, body] as [string, unknown]).concat([
      ["functions/v1/dispatch", { channel: of.channel, content }],
      ["functions/v1/dispatch", { channel: `${name}/${name}-room`, content }],
      ["functions/v1/koji", { channel: `${name}/${name}-room`, command: "!stats" }],
      ["storage/v1/object/sign/hub-files/" + `${of.channel}/${of.file}`, { expiresIn: 60 }],
      ["storage/v1/object/list/hub-files", { prefix: of.channel }],
    ]);
  const other = `private-${crypto.randomUUID().slice(0, 8)}`;
  const nowhere = place.nowhere();
  const [there, missing] = [calls(ids, place.name), calls(nowhere, other)];
  const plain = (answer: string) =>
    answer.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|private-[0-9a-f]{8}/g, "…");
  for (const [at, [path, body]] of there.entries()) {
    const [answer, same] = [await ask(stranger, path, body), await ask(stranger, ...missing[at]!)];
    assert.equal(plain(answer), plain(same), `${path} ${JSON.stringify(body)}`);
    // And not because the call was not understood.
    assert(!answer.includes("PGRST"), `${path}: ${answer}`);
  }
  const told = [
    await ask(stranger, "rest/v1/rpc/whoami", {}),
    await ask(stranger, "rest/v1/rpc/search_messages", { query: place.name }),
    await ask(stranger, "rest/v1/rpc/search_messages", { query: "secret" }),
  ];
  assert(!told.some((answer) => place.isIn(answer)), told.join("\n"));
  // Nothing of it was changed.
  const [row] = await place.sql`
    select t.status, t.cancel_requested_at, s.paused_at, (select count(*)::int from mac_tasks where channel_id = ${ids.channel}) as tasks
    from mac_tasks as t, hub_servers as s where t.id = ${ids.task} and s.id = ${ids.server}`;
  assert.deepEqual({ ...row }, {
    ...{ status: "running", cancel_requested_at: null, paused_at: null, tasks: 1 },
  });
});

Deno.test(
  "Realtime has no topic and no change of a private server for a stranger",
  leaves,
  async () => {
    await using place = await PrivateServer.open();
    const { member, stranger, ids, sql } = place;
    const nowhere = place.nowhere();
    const own: string[] = [];
    for (const kind of ["channel", "thread"] as const) {
      const topic = `${kind}:${ids[kind]}`;
      assert.equal(
        await joined(member.client, topic, (what) => own.push(JSON.stringify(what))),
        "SUBSCRIBED",
      );
      const [refused, unknown] = [
        await joined(stranger.client, topic),
        await joined(stranger.client, `${kind}:${nowhere[kind]}`),
      ];
      assert.notEqual(refused, "SUBSCRIBED");
      assert.equal(refused.replace(ids[kind], "…"), unknown.replace(nowhere[kind], "…"));
    }

    // What everybody may join, and every table that is published.
    const heard: string[] = [];
    const hear = (what: unknown) => heard.push(JSON.stringify(what));
    assert.equal(await joined(stranger.client, "mesh", hear), "SUBSCRIBED");
    const changes = stranger.client.channel("changes")
      .on("postgres_changes", { event: "*", schema: "public" }, hear);
    await new Promise<void>((resolve) =>
      changes.subscribe((status) => status === "SUBSCRIBED" && resolve())
    );
    await rpc(member.client, "device_heartbeat", { token: place.device.token, agent_version: "9" });
    await rpc(member.client, "cancel_task", { task_id: ids.task });
    const message = { channel_id: ids.channel, content: `${place.name} said` };
    const { error } = await member.client.from("hub_channel_messages").insert(message);
    assert.equal(error, null);
    await until(() => own.some((text) => text.includes(message.content)), "the member's own words");
    // Changes come in the order of their commits: whoever hears this has had what was before it.
    await sql`
    insert into hub_channel_messages (channel_id, sender_type, content)
    select id, 'agent', ${`for all ${
      ids.thread.slice(0, 8)
    }`} from hub_channels where name = 'bridge'`;
    await until(() => heard.some((text) => text.includes("for all ")), "what everybody may read");
    assert(!heard.some((text) => place.isIn(text)), heard.join("\n"));
  },
);

/** Joins a private topic, and resolves to SUBSCRIBED or to what was said instead. */
function joined(client: Client, topic: string, hear = (_: unknown) => {}): Promise<string> {
  const channel = client.channel(topic, { config: { private: true } })
    .on("broadcast", { event: "*" }, hear);
  return new Promise((resolve) =>
    channel.subscribe((status, error) => {
      if (status === "CLOSED") return;
      resolve(status === "SUBSCRIBED" ? status : `${status} ${error?.message}`);
      if (status !== "SUBSCRIBED") client.removeChannel(channel);
    })
  );
}
