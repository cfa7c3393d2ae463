import assert from "node:assert/strict";
import { join } from "node:path";
import { createClient } from "@supabase/supabase-js";
import { decodeJwt, type JWTPayload, SignJWT } from "jose";
import { AuraClient, type Change, type Message, type Thread } from "../../client/index.ts";
import { KEY_ID } from "../../stack/api/tokens.ts";
import { stackEnv } from "../stack.ts";
import { collect, type Fixture, stackTest } from "./fixture.ts";

/** Posts as the system does. */
async function post(fixture: Fixture, channel_id: string, content: string): Promise<string> {
  const row = { channel_id, sender_type: "system", content };
  const [message] = await fixture.sql`
    insert into hub_channel_messages ${fixture.sql(row)} returning id`;
  return message!.id;
}

const contents = (changes: Change<Message>[]) =>
  changes.map(({ kind, row }) => `${kind} ${row.content}`);

stackTest(
  "subscribeToChannelMessages() delivers what came after the held page",
  async (fixture) => {
    const { aura } = await fixture.user("viewer");
    const channel = await fixture.channel("flat_task_pipeline");
    await post(fixture, channel.id, "before");
    const held = await aura.fetchChannelMessages(channel.id);
    await post(fixture, channel.id, "between");

    const feed = aura.subscribeToChannelMessages(channel.id, { held });
    const changes = collect(feed, ({ row }) => row.content === "last");
    await post(fixture, channel.id, "after");
    await post(fixture, channel.id, "last");

    assert.deepEqual(contents(await changes), ["new between", "new after", "new last"]);
    const rows = [...held, ...(await changes).map(({ row }) => row)];
    assert.deepEqual(rows, await aura.fetchChannelMessages(channel.id));
  },
);

stackTest(
  "subscribeToChannelMessages() starts at the first row when nothing is held",
  async (fixture) => {
    const { aura } = await fixture.user("viewer");
    const channel = await fixture.channel("flat_task_pipeline");
    for (const content of ["a", "b", "c"]) await post(fixture, channel.id, content);

    const feed = aura.subscribeToChannelMessages(channel.id, { held: [] });

    const changes = await collect(feed, ({ row }) => row.content === "c");
    assert.deepEqual(contents(changes), ["new a", "new b", "new c"]);
  },
);

stackTest(
  "subscribeToChannelMessages() leaves out what is there without a held page",
  async (fixture) => {
    const { aura } = await fixture.user("viewer");
    const channel = await fixture.channel("flat_task_pipeline");
    await post(fixture, channel.id, "before");
    const changes = collect(
      aura.subscribeToChannelMessages(channel.id),
      ({ row }) => row.content === "b",
    );
    // Nothing says when the iteration has begun: post until something arrives.
    const posting = (async () => {
      for (let n = 0; n < 600; n++) {
        if (
          await Promise.race([changes.then(() => true), pause(50)])
        ) return;
        await post(fixture, channel.id, "b");
      }
    })();

    assert.deepEqual(contents(await changes), ["new b"]);
    await posting;
  },
);

stackTest(
  "subscribeToChannelMessages() delivers the rewritten progress message as changed",
  async (fixture) => {
    const { aura } = await fixture.user();
    const channel = await fixture.channel("flat_task_pipeline");
    const { task, message } = await aura.dispatchTask(channel.id, "Work");
    const change = (columns: Record<string, string>) =>
      fixture.sql`update mac_tasks set ${fixture.sql(columns)} where id = ${task.id}`;
    await change({ status: "running", claimed_by: "mac" });

    let step = 0;
    let text = "";
    const changes: Change<Message>[] = [];
    for await (const next of aura.subscribeToChannelMessages(channel.id, { held: [message] })) {
      changes.push(next);
      if (next.row.content.startsWith("✅")) break;
      if (step > 0 && !next.row.content.includes(`step ${step}`)) continue;
      text += `step ${++step}\n`;
      if (step <= 18) await change({ partial_output: text });
      else await change({ status: "complete", result: "Done" });
    }

    const progress = changes.filter(({ row }) => row.is_progress);
    assert.equal(new Set(progress.map(({ row }) => row.id)).size, 15);
    assert.equal(progress.filter(({ kind }) => kind === "new").length, 15);
    assert(progress.at(-1)!.row.content.includes("step 18"));
    assert.equal(progress.at(-1)!.kind, "changed");
  },
);

stackTest(
  "subscribeToChannelMessages() fetches a message too long for a broadcast",
  async (fixture) => {
    const { aura } = await fixture.user("viewer");
    const channel = await fixture.channel("flat_task_pipeline");
    const long = "x".repeat(100_000);
    const feed = aura.subscribeToChannelMessages(channel.id, { held: [] });
    const changes = collect(feed, ({ row }) => row.content === "last");
    const first = await post(fixture, channel.id, "first");
    await post(fixture, channel.id, long);
    await post(fixture, channel.id, "last");

    assert.deepEqual((await changes).map(({ row }) => row.content), ["first", long, "last"]);
    assert.equal((await changes)[0]!.row.id, first);
  },
);

stackTest(
  "subscribeToThreadMessages() and the channel's feed share one topic each",
  async (fixture) => {
    const { aura } = await fixture.user();
    const channel = await fixture.channel("threaded_task_isolation");
    const threads: Change<Thread>[] = [];
    const watching = (async () => {
      for await (const change of aura.subscribeToTaskThreadUpdates(channel.id, { held: [] })) {
        threads.push(change);
        if (change.row.status === "archived") return;
      }
    })();
    const channelFeed = aura.subscribeToChannelMessages(channel.id, { held: [] });
    const inChannel = collect(channelFeed, () => true);
    const { task, thread } = await aura.dispatchTask(channel.id, "Look at the disks");
    const threadFeed = aura.subscribeToThreadMessages(thread!.id, { held: [] });
    const inThread = collect(threadFeed, ({ row }) => row.content === "Full");
    await fixture
      .sql`update mac_tasks set status = 'complete', result = 'Full' where id = ${task.id}`;

    assert((await inChannel)[0]!.row.content.startsWith("🧵"));
    assert.equal((await inThread)[0]!.row.content, "Look at the disks");
    await aura.updateThreadStatus(thread!.id, "archived");
    await watching;
    assert.equal(threads[0]!.kind, "new");
    assert(threads.slice(1).every(({ kind, row }) => kind === "changed" && row.id === thread!.id));
  },
);

stackTest("subscribeToDevices() delivers a new device and its changes", async (fixture) => {
  const { aura } = await fixture.user();
  const held = await aura.fetchDevices();
  const name = `test-${crypto.randomUUID()}`;
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { kind, row } of aura.subscribeToDevices({ held })) {
      if (row.name !== name) continue;
      seen.push(kind);
      if (row.models.length === 2 && row.max_running === 3) return;
    }
  })();
  const { device } = await aura.registerDevice(name, "linux", ["claude"]);
  await aura.registerDevice(name, "linux", ["claude", "gemini"], { max_running: 3 });

  await watching;
  assert.equal(seen[0], "new");
  assert(seen.slice(1).every((kind) => kind === "changed"));
  await fixture.sql`delete from mesh_devices where id = ${device.id}`;
});

stackTest("subscriptions end with the signal and throw what is refused", async (fixture) => {
  const { aura } = await fixture.user("viewer");
  const channel = await fixture.channel("flat_task_pipeline");
  const abort = new AbortController();
  const feed = aura.subscribeToChannelMessages(channel.id, { held: [], signal: abort.signal });
  const first = feed.next();
  await post(fixture, channel.id, "one");
  assert.equal((await first).value!.row.content, "one");
  const second = feed.next();
  abort.abort();
  assert.equal((await second).done, true);

  const { supabase, aura: stranger } = await fixture.user("viewer");
  await supabase.auth.signOut();
  await assert.rejects(
    stranger.subscribeToChannelMessages(channel.id).next(),
    { name: "not_signed_in" },
  );
  for (const held of [[], undefined]) {
    const nowhere = aura.subscribeToChannelMessages(crypto.randomUUID(), { held });
    await assert.rejects(nowhere.next(), { name: "channel_not_found" });
    const threads = aura.subscribeToTaskThreadUpdates(crypto.randomUUID(), { held });
    await assert.rejects(threads.next(), { name: "channel_not_found" });
  }
});

stackTest("subscribeToChannelMessages() goes on when tokens expire", async (fixture) => {
  const { supabase } = await fixture.user("viewer");
  const channel = await fixture.channel("flat_task_pipeline");
  const { data } = await supabase.auth.getSession();
  const tokens = new ShortTokens(data.session!.access_token);
  const brief = createClient(fixture.url, fixture.key, { accessToken: () => tokens.current() });

  const posted: string[] = [];
  const delivered: string[] = [];
  const feed = new AuraClient(brief).subscribeToChannelMessages(channel.id, { held: [] });
  const reading = (async () => {
    for await (const { row } of feed) {
      delivered.push(row.content);
      if (row.content === "last") return;
    }
  })();
  // Each token outlives the one before: four of them, and three have run out.
  while (tokens.count < 4) {
    posted.push(`message ${posted.length}`);
    await post(fixture, channel.id, posted.at(-1)!);
    await pause(200);
  }
  await post(fixture, channel.id, "last");
  await reading;

  assert.deepEqual(delivered, [...posted, "last"]);
  await brief.removeAllChannels();
});

stackTest("pollTaskProgress() yields each state of a task until it ends", async (fixture) => {
  const { aura } = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const { task } = await aura.dispatchTask(channel.id, "Work");
  const seen: string[] = [];
  for await (const { status, partial_output, result } of aura.pollTaskProgress(task.id)) {
    seen.push([status, partial_output, result].filter(Boolean).join(" "));
    const next = {
      "pending": { status: "running", claimed_by: "mac" },
      "running": { partial_output: "half" },
      "running half": { status: "complete", result: "Done" },
    }[seen.at(-1)!];
    if (next) await fixture.sql`update mac_tasks set ${fixture.sql(next)} where id = ${task.id}`;
  }

  assert.deepEqual(seen, ["pending", "running", "running half", "complete half Done"]);
});

/** The user's token, signed anew to last two seconds, whenever the last one is about to end. */
class ShortTokens {
  count = 0;
  readonly #claims: JWTPayload;
  #token = "";
  #end = 0;

  constructor(token: string) {
    this.#claims = decodeJwt(token);
  }

  async current(): Promise<string> {
    if (Date.now() < this.#end - 500) return this.#token;
    const secrets = await Deno.readTextFile(join(stackEnv("AURA_STATE_DIR"), "secrets.json"));
    const key = new TextEncoder().encode(JSON.parse(secrets).jwtSecret);
    this.#end = Date.now() + 2000;
    this.#token = await new SignJWT({ ...this.#claims, exp: this.#end / 1000 })
      .setProtectedHeader({ alg: "HS256", kid: KEY_ID }).sign(key);
    this.count++;
    return this.#token;
  }
}

function pause(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(resolve, ms, false));
}
