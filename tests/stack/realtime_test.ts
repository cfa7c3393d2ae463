// Realtime as unmodified supabase-js sees it.
import assert from "node:assert/strict";
import type { RealtimeChannel } from "@supabase/supabase-js";
import {
  type Client,
  connect,
  connectAdmin,
  type Connection,
  publishableClient,
  signUp,
  stackEnv,
  until,
} from "../stack.ts";

const leaves = { sanitizeOps: false, sanitizeResources: false };

/** Resolves when the channel is joined; rejects with the refusal. */
function joined(channel: RealtimeChannel): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.subscribe((status, error) => {
      if (status === "SUBSCRIBED") resolve();
      else if (status !== "CLOSED") reject(error ?? new Error(status));
    });
  });
}

async function closed(...clients: Client[]): Promise<void> {
  for (const client of clients) await client.removeAllChannels();
}

async function anyChannel(sql: ReturnType<typeof connect>): Promise<string> {
  const [row] = await sql`
    select c.id from hub_channels c join hub_servers s on s.id = c.server_id
    where s.architecture_type = 'flat_task_pipeline' and not c.is_read_only limit 1`;
  return row!.id;
}

/**
 * Commits what `work` does in a session of its own, and keeps it from being seen by others for a while: it is
 * in the log, and waits for a standby that never comes.
 */
async function withheld(
  admin: Connection,
  work: (session: Connection) => Promise<void>,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  await using session = connect({ max: 1 });
  await using probe = connect({ max: 1 });
  const [{ pid } = { pid: 0 }] = await session`select pg_backend_pid() as pid`;
  const [{ pid: prober } = { pid: 0 }] = await probe`select pg_backend_pid() as pid`;
  const waits = async (pid: number) => {
    const [row] = await admin`
      select from pg_stat_activity as a, pg_stat_replication as r
      where a.pid = ${pid} and a.wait_event = 'SyncRep' and r.sent_lsn >= pg_current_wal_flush_lsn()`;
    return row;
  };
  const commits: Promise<unknown>[] = [];
  try {
    // Of all others nobody waits.
    await admin`alter system set synchronous_commit = 'local'`;
    await admin`alter system set synchronous_standby_names = 'nobody'`;
    await admin`select pg_reload_conf()`;
    for (const one of [session, probe]) await one`set synchronous_commit = 'on'`;
    // It holds from a moment on that only a commit tells.
    await until(async () => {
      if (await waits(prober)) return true;
      const [idle] =
        await admin`select from pg_stat_activity where pid = ${prober} and state = 'idle'`;
      if (idle) commits.push(probe`select pg_logical_emit_message(true, 'probe', '')`.execute());
      return false;
    }, "commits to wait");
    commits.push(work(session));
    await until(() => waits(pid), "the log to be sent");
    await meanwhile();
  } finally {
    await admin`alter system reset synchronous_standby_names`;
    await admin`alter system reset synchronous_commit`;
    await admin`select pg_reload_conf()`;
  }
  await Promise.all(commits);
}

Deno.test("Realtime gives a private topic to whoever may read it", leaves, async () => {
  await using sql = connect();
  const topic = `channel:${await anyChannel(sql)}`;
  const { client } = await signUp("viewer");
  const heard: unknown[] = [];
  const channel = client.channel(topic, { config: { private: true } })
    .on("broadcast", { event: "probe" }, ({ payload, meta }) => heard.push({ payload, meta }));
  await joined(channel);
  await sql`select realtime.send('{"a": [1]}', 'probe', ${topic}, true)`;
  const [first] = await until(() => heard.length > 0 && heard, "the broadcast") as [
    { payload: unknown; meta: { id: string } },
  ];
  assert.deepEqual(first.payload, { a: [1] });
  assert.match(first.meta.id, /^[0-9a-f-]{36}$/);
  await closed(client);
});

Deno.test("Realtime refuses a private topic to anon and to unknown topics", leaves, async () => {
  await using sql = connect();
  const topic = `channel:${await anyChannel(sql)}`;
  const anon = publishableClient();
  await assert.rejects(joined(anon.channel(topic, { config: { private: true } })), /Unauthorized/);
  const { client } = await signUp("viewer");
  await assert.rejects(
    joined(client.channel("nobody:knows", { config: { private: true } })),
    /Unauthorized/,
  );
  await closed(anon, client);
});

Deno.test(
  "Realtime keeps private broadcasts from a public channel of the same name",
  leaves,
  async () => {
    await using sql = connect();
    const topic = `channel:${await anyChannel(sql)}`;
    const anon = publishableClient();
    const heard: string[] = [];
    const channel = anon.channel(topic)
      .on("broadcast", { event: "*" }, ({ event }) => heard.push(event));
    await joined(channel);
    await sql`select realtime.send('{}', 'secret', ${topic}, true)`;
    await sql`select realtime.send('{}', 'open', ${topic}, false)`;
    await until(() => heard.includes("open"), "the public broadcast");
    assert.deepEqual(heard, ["open"]);
    await closed(anon);
  },
);

Deno.test("Realtime passes a client's broadcast on to the others", leaves, async () => {
  const [one, two] = [publishableClient(), publishableClient()];
  const topic = crypto.randomUUID();
  const heard: unknown[] = [];
  const own: unknown[] = [];
  const sender = one.channel(topic, { config: { broadcast: { ack: true } } })
    .on("broadcast", { event: "x" }, ({ payload }) => own.push(payload));
  await joined(sender);
  await joined(
    two.channel(topic).on("broadcast", { event: "x" }, ({ payload }) => heard.push(payload)),
  );
  assert.equal(await sender.send({ type: "broadcast", event: "x", payload: { é: 1 } }), "ok");
  await until(() => heard.length > 0, "the broadcast");
  assert.deepEqual([heard, own], [[{ é: 1 }], []]);
  await sender.httpSend("x", { by: "http" });
  await until(() => heard.length > 1, "the broadcast by HTTP");
  await closed(one, two);
});

Deno.test("httpSend() passes bytes on to a private channel", leaves, async () => {
  await using sql = connect();
  const topic = `bytes:${crypto.randomUUID()}`;
  await sql.unsafe(`create policy "${topic}" on realtime.messages for all to authenticated
    using (realtime.topic() = '${topic}')`);
  const { client } = await signUp("viewer");
  const heard: Uint8Array[] = [];
  const channel = client.channel(topic, { config: { private: true, broadcast: { self: true } } })
    .on("broadcast", { event: "bytes" }, ({ payload }) => heard.push(new Uint8Array(payload)));
  await joined(channel);
  assert.deepEqual(await channel.httpSend("bytes", new Uint8Array([1, 0, 255])), { success: true });
  await until(() => heard.length > 0, "the bytes");
  assert.deepEqual(heard, [new Uint8Array([1, 0, 255])]);
  await closed(client);
  await sql.unsafe(`drop policy "${topic}" on realtime.messages`);
});

Deno.test("Realtime tells changes only of rows the subscriber may see", leaves, async () => {
  await using sql = connect();
  const id = await anyChannel(sql);
  const [anon, { client: viewer }] = [publishableClient(), await signUp("viewer")];
  const heard: Record<string, unknown>[] = [];
  const refused: unknown[] = [];
  const changes = { event: "*", schema: "public", table: "hub_channel_messages" } as const;
  await joined(
    viewer.channel("seen").on("postgres_changes", {
      ...changes,
      filter: `channel_id=eq.${id}`,
    }, (change) => heard.push(change)),
  );
  await joined(anon.channel("unseen").on("postgres_changes", changes, (c) => refused.push(c)));
  const [message] = await sql`
    insert into hub_channel_messages (channel_id, sender_type, sender_label, content)
    values (${id}, 'system', 'test', 'hello') returning *`;
  // Whether a row may be seen is asked when its change is told: it must still be there.
  await until(() => heard.length === 1, "the insert");
  await sql`update hub_channel_messages set content = 'changed' where id = ${message!.id}`;
  await until(() => heard.length === 2, "the update");
  await sql`delete from hub_channel_messages where id = ${message!.id}`;
  await until(() => heard.length === 3, "the deletion");
  assert.deepEqual(heard.map(({ eventType }) => eventType), ["INSERT", "UPDATE", "DELETE"]);
  const [insert, update, removal] = heard;
  const { new: row } = insert as { new: Record<string, unknown> };
  assert.equal(row.content, "hello");
  assert.equal(new Date(row.created_at as string).toISOString(), message!.created_at.toISOString());
  assert.deepEqual(row.metadata, message!.metadata);
  assert.equal((update!.new as { content: string }).content, "changed");
  assert.deepEqual(removal!.old, { id: message!.id });
  assert.deepEqual(refused, []);
  await closed(anon, viewer);
});

Deno.test("Realtime tells a change that its log has before others see it", leaves, async () => {
  await using sql = connect();
  await using admin = await connectAdmin();
  const id = await anyChannel(sql);
  const { client: viewer } = await signUp("viewer");
  const heard: unknown[] = [];
  await joined(
    viewer.channel("early").on("postgres_changes", {
      event: "INSERT",
      schema: "public",
      table: "hub_channel_messages",
      filter: `channel_id=eq.${id}`,
    }, (change) => heard.push(change)),
  );
  await withheld(admin, async (session) => {
    await session`
      insert into hub_channel_messages (channel_id, sender_type, sender_label, content)
      values (${id}, 'system', 'test', 'early')`;
  });
  await until(() => heard.length === 1, "the insert");
  await sql`delete from hub_channel_messages where channel_id = ${id} and content = 'early'`;
  await closed(viewer);
});

Deno.test("Realtime refuses a socket without a key of the project", leaves, async () => {
  const url = `${stackEnv("SUPABASE_URL")}/realtime/v1/websocket?apikey=nope&vsn=2.0.0`;
  const response = await fetch(url);
  assert.equal(response.status, 401);
  await response.body?.cancel();
});

Deno.test(
  "Realtime ends a private membership when its token no longer permits it",
  leaves,
  async () => {
    await using sql = connect();
    const topic = `channel:${await anyChannel(sql)}`;
    const { client } = await signUp("viewer");
    const states: string[] = [];
    const channel = client.channel(topic, { config: { private: true } });
    channel.subscribe((status) => states.push(status));
    await until(() => states.includes("SUBSCRIBED"), "the channel");
    // The same socket goes on as anon, who may not read the topic.
    await client.realtime.setAuth(stackEnv("SUPABASE_PUBLISHABLE_KEY"));
    await until(() => states.includes("CLOSED"), "the end of the membership");
    await closed(client);
  },
);

Deno.test("Realtime tells nothing that others cannot see yet", leaves, async () => {
  await using sql = connect();
  await using admin = await connectAdmin();
  const id = await anyChannel(sql);
  const { client } = await signUp("operator");
  const [task] = await sql`
    insert into mac_tasks (channel_id, content, run_at) values (${id}, 'Later', now() + interval '1 day')
    returning id`;
  // Whoever hears of a change asks for the rest of it.
  const seen: Record<string, Promise<string>[]> = { broadcast: [], change: [] };
  const ask = async () =>
    (await sql`select metadata ->> 'probe' as probe from mac_tasks where id = ${task!.id}`)[0]!
      .probe;
  const channel = client.channel(`channel:${id}`, { config: { private: true } })
    .on("broadcast", { event: "probe" }, () => seen.broadcast!.push(ask()))
    .on("postgres_changes", {
      event: "UPDATE",
      schema: "public",
      table: "mac_tasks",
      filter: `id=eq.${task!.id}`,
    }, () => seen.change!.push(ask()));
  await joined(channel);

  try {
    await withheld(admin, async (session) => {
      await session.begin(async (tx) => {
        await tx`update mac_tasks set metadata = '{"probe": "new"}' where id = ${task!.id}`;
        await tx`select realtime.send('{}', 'probe', ${`channel:${id}`}, true)`;
      });
    }, async () => assert.equal(await ask(), null));
    await until(() => seen.broadcast!.length > 0 && seen.change!.length > 0, "both to be told");
    assert.deepEqual(await Promise.all([...seen.broadcast!, ...seen.change!]), ["new", "new"]);
  } finally {
    await sql`delete from mac_tasks where id = ${task!.id}`;
    await closed(client);
  }
});
