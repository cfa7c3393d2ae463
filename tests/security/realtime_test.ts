// Realtime: who may not read cannot listen, and nobody speaks as the server.
import assert from "node:assert/strict";
import type { RealtimeChannel } from "@supabase/supabase-js";
import { type Client, connect, publishableClient, signUp, stackEnv, until } from "../stack.ts";

type Join = "SUBSCRIBED" | "refused";

/** Joins, and resolves to what came of it. */
function join(client: Client, topic: string, isPrivate = true): Promise<[Join, RealtimeChannel]> {
  const channel = client.channel(topic, {
    config: { private: isPrivate, broadcast: { ack: true } },
  });
  return new Promise((resolve) =>
    channel.subscribe((status) => {
      if (status === "SUBSCRIBED") resolve(["SUBSCRIBED", channel]);
      if (status === "CHANNEL_ERROR" || status === "TIMED_OUT") resolve(["refused", channel]);
    })
  );
}

async function channelId(): Promise<string> {
  await using sql = connect();
  const [row] = await sql<{ id: string }[]>`select id from hub_channels where name = 'bridge'`;
  return row!.id;
}

Deno.test({
  name: "a private topic opens to whoever may read it, and to nobody else",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const id = await channelId();
    const [member, stranger] = [(await signUp("viewer")).client, publishableClient()];
    const cases: [Client, string, Join][] = [
      [member, `channel:${id}`, "SUBSCRIBED"],
      [member, "mesh", "SUBSCRIBED"],
      [member, "channel:00000000-0000-0000-0000-000000000001", "refused"],
      [member, "room:1", "refused"],
      [stranger, `channel:${id}`, "refused"],
      [stranger, "mesh", "refused"],
    ];
    for (const [client, topic, expected] of cases) {
      const [outcome, channel] = await join(client, topic);
      assert.equal(outcome, expected, topic);
      await client.removeChannel(channel);
    }
    await Promise.all([member, stranger].map((client) => client.realtime.disconnect()));
  },
});

Deno.test({
  name: "nobody but the database is heard on a private topic",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const topic = `channel:${await channelId()}`;
    const listener = await signUp("viewer");
    const heard: string[] = [];
    const [outcome, channel] = await join(listener.client, topic);
    assert.equal(outcome, "SUBSCRIBED");
    channel.on("broadcast", { event: "*" }, ({ payload }) => {
      heard.push((payload as { content: string }).content);
    });

    // An admin on the private topic, and anybody on a public one of the same name.
    const payload = { content: "forged", sender_type: "system" };
    const admin = await signUp("admin");
    const stranger = publishableClient();
    for (const [client, isPrivate] of [[admin.client, true], [stranger, false]] as const) {
      const [, speaker] = await join(client, topic, isPrivate);
      await speaker.send({ type: "broadcast", event: "message", payload });
      // Over HTTP, as hosted projects allow: refused, or unknown here.
      await speaker.httpSend("message", payload).catch(() => {});
    }

    const { error } = await admin.client.from("hub_channel_messages").insert({
      channel_id: topic.split(":")[1]!,
      content: "said",
    });
    assert.equal(error, null);
    await until(() => heard.includes("said"), "the message that was said");
    assert.deepEqual(heard, ["said"]);
    await Promise.all(
      [listener.client, admin.client, stranger].map((client) => client.realtime.disconnect()),
    );
  },
});

Deno.test({
  name: "a public topic of the same name hears nothing that is private",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const topic = `channel:${await channelId()}`;
    const stranger = publishableClient();
    const member = await signUp("operator");
    const [joined, eavesdropper] = await join(stranger, topic, false);
    assert.equal(joined, "SUBSCRIBED");
    const overheard: unknown[] = [];
    eavesdropper.on("broadcast", { event: "*" }, (message) => overheard.push(message));
    const changes: unknown[] = [];
    const table = stranger.channel("changes").on(
      "postgres_changes",
      { event: "*", schema: "public", table: "hub_channel_messages" },
      (change) => changes.push(change),
    );
    await new Promise((resolve) => table.subscribe(resolve));

    const [outcome, channel] = await join(member.client, topic);
    assert.equal(outcome, "SUBSCRIBED");
    let arrived = false;
    channel.on("broadcast", { event: "message" }, () => arrived = true);
    await member.client.from("hub_channel_messages").insert({
      channel_id: topic.split(":")[1]!,
      content: "private",
    });
    await until(() => arrived, "the member's own message");
    assert.deepEqual({ overheard, changes }, { overheard: [], changes: [] });
    await Promise.all([stranger, member.client].map((client) => client.realtime.disconnect()));
  },
});

interface Conversation {
  frames: string[];
  close: { code: number; reason: string } | undefined;
}

/** Sends frames to a socket of its own, and returns what came back once `enough` of it has. */
async function converse(
  frames: (string | Uint8Array<ArrayBuffer>)[],
  enough: (said: Conversation) => boolean,
): Promise<Conversation> {
  const address = `${stackEnv("SUPABASE_URL").replace("http", "ws")}/realtime/v1/websocket`;
  const socket = new WebSocket(
    `${address}?apikey=${stackEnv("SUPABASE_PUBLISHABLE_KEY")}&vsn=2.0.0`,
  );
  const said: Conversation = { frames: [], close: undefined };
  socket.onmessage = ({ data }) => said.frames.push(String(data));
  socket.onclose = ({ code, reason }) => said.close = { code, reason };
  await new Promise((resolve) => socket.onopen = resolve);
  for (const frame of frames) socket.send(frame);
  await until(() => enough(said), "the answers to the frames");
  if (!said.close) {
    socket.close();
    await until(() => said.close, "the socket's end");
  }
  return said;
}

const joining = (topic: string, payload: unknown = {}) =>
  JSON.stringify(["1", "1", topic, "phx_join", payload]);

for (
  const [what, frame] of Object.entries({
    "text": "x",
    "a number": "5",
    "null": "null",
    "a broken array": "[".repeat(100_000),
    "half a binary frame": new Uint8Array([3, 255, 255, 255, 255, 255, 1, 1]),
  })
) {
  Deno.test(`a socket that sends ${what} is closed`, async () => {
    const { close } = await converse([frame], ({ close }) => close !== undefined);
    assert.equal(close!.code, 1003);
  });
}

for (
  const [what, payload] of Object.entries({
    "no object": "x",
    "a key that is no token": { access_token: ["x"] },
    "a private channel in words": { config: { private: "true" } },
    "changes that are no array": { config: { postgres_changes: "x" } },
    "a change that is null": { config: { postgres_changes: [null] } },
    "a hundred and one changes": { config: { postgres_changes: Array(101).fill({ event: "*" }) } },
  })
) {
  Deno.test(`a join with ${what} is refused`, async () => {
    const { frames } = await converse(
      [joining("realtime:x", payload)],
      ({ frames }) => frames.length > 0,
    );
    const [, , , , answer] = JSON.parse(frames[0]!);
    assert.equal(answer.status, "error");
    assert.match(answer.response.reason, /^The join is not valid: /);
  });
}

Deno.test("a socket joins a hundred topics and no more, and sends no frame without end", async () => {
  const joins = Array.from({ length: 101 }, (_, number) => joining(`realtime:room:${number}`));
  const { frames } = await converse(joins, ({ frames }) => frames.length === 101);
  assert.deepEqual(
    frames.map((frame) => JSON.parse(frame)[4].status),
    [...Array(100).fill("ok"), "error"],
  );
  const { close } = await converse(["x".repeat(3_000_001)], ({ close }) => close !== undefined);
  assert.equal(close!.code, 1009);
});

Deno.test("Realtime takes no secret key from a browser, nor a flood over HTTP", async () => {
  const url = `${stackEnv("SUPABASE_URL")}/realtime/v1`;
  const browser = await fetch(`${url}/websocket?apikey=${stackEnv("SUPABASE_SECRET_KEY")}`, {
    headers: { "user-agent": "Mozilla/5.0" },
  });
  await browser.body?.cancel();
  assert.equal(browser.status, 401);
  const message = { topic: "channel:x", event: "x", payload: {}, private: true };
  const flood = await fetch(`${url}/api/broadcast`, {
    method: "POST",
    headers: { apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY") },
    body: JSON.stringify({ messages: Array(101).fill(message) }),
  });
  await flood.body?.cancel();
  assert.equal(flood.status, 422);
});
