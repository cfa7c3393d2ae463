// Messages flow while sockets are cut, Realtime loses the database, tokens change and the server is
// killed; what a subscription delivered is then compared with the table.
import assert from "node:assert/strict";
import type { Change, Message } from "../../client/index.ts";
import { OwnStack } from "../runner/own_stack.ts";
import { connectAdmin } from "../stack.ts";
import { Fixture } from "./fixture.ts";
import { Proxy } from "./proxy.ts";

const PATIENCE_MS = 60_000;

Deno.test({
  name: "subscribeToChannelMessages() loses and repeats nothing while sockets and servers die",
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    let stack = await OwnStack.start();
    await using life = new AsyncDisposableStack();
    life.defer(() => stack[Symbol.asyncDispose]());
    const { settings, env } = stack;
    using proxy = new Proxy(Number(settings.AURA_API_PORT));
    await using fixture = new Fixture(env);
    const reader = await fixture.user("viewer", proxy.url);
    const writer = await fixture.user("operator");
    const channel = await fixture.channel("flat_task_pipeline");
    const { task } = await writer.aura.dispatchTask(channel.id, "Work");

    const delivered: Change<Message>[] = [];
    const abort = new AbortController();
    const feed = reader.aura.subscribeToChannelMessages(channel.id, {
      held: [],
      signal: abort.signal,
    });
    const reading = (async () => {
      for await (const change of feed) delivered.push(change);
    })();
    using flow = new Flow([
      () => writer.aura.postChannelMessage(channel.id, crypto.randomUUID()),
      () => latePost(fixture, channel.id),
      (n) =>
        fixture.sql`
        update mac_tasks set status = 'running', claimed_by = 'mac', partial_output = ${`step ${n}`}
        where id = ${task.id}`,
    ]);

    const cut = () => void proxy.cut();
    const harms = [
      ...[cut, cut, cut],
      () => cutReplication({ ...settings, ...env }),
      () => cutReplication({ ...settings, ...env }),
      async () => {
        await stack.stop("SIGKILL");
        stack = new OwnStack(settings);
        await stack.ready();
      },
      async () => void await reader.supabase.auth.refreshSession(),
    ];
    for (const harm of shuffled(harms)) {
      await flow.more(10);
      await harm();
    }
    await flow.more(10);
    await flow.stop();

    const inTable = () =>
      fixture.sql`
        select id, content from hub_channel_messages where channel_id = ${channel.id}`;
    const latest = () => new Map(delivered.map(({ row }) => [row.id, row.content]));
    const expected = new Map((await inTable()).map(({ id, content }) => [id, content]));
    for (const end = Date.now() + PATIENCE_MS; Date.now() < end;) {
      if (equal(latest(), expected)) break;
      await pause(100);
    }
    abort.abort();
    await reading;

    assert.deepEqual(latest(), expected);
    const announced = delivered.filter(({ kind }) => kind === "new").map(({ row }) => row.id);
    assert.equal(announced.length, expected.size);
    assert.equal(new Set(announced).size, announced.length);
    const states = delivered.map(({ row }) => `${row.id} ${row.content}`);
    assert.equal(new Set(states).size, states.length);
  },
});

/** Writes that go on, each after the last; one that fails while the server is away is made again. */
class Flow implements Disposable {
  readonly #loops: Promise<void>[];
  #done = 0;
  #stopped = false;

  constructor(writes: ((n: number) => PromiseLike<unknown>)[]) {
    this.#loops = writes.map(async (write) => {
      for (let n = 1; !this.#stopped; n++) {
        // Whether a failed write was committed does not matter: the table is what counts.
        await Promise.resolve(write(n)).then(() => this.#done++, () => pause(50));
      }
    });
  }

  /** Waits until so many more writes have succeeded. */
  async more(count: number): Promise<void> {
    const enough = this.#done + count;
    while (this.#done < enough) await pause(10);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  [Symbol.dispose](): void {
    this.#stopped = true;
  }
}

/** Ends the connection by which Realtime follows the database. */
async function cutReplication(env: Record<string, string>): Promise<void> {
  await using sql = await connectAdmin(env);
  await sql`select pg_terminate_backend(pid) from pg_stat_replication`;
}

/** A message written two seconds ago whose transaction commits only now: behind newer ones. */
function latePost({ sql }: Fixture, channelId: string) {
  return sql`
    insert into hub_channel_messages (channel_id, sender_type, content, created_at)
    values (${channelId}, 'system', ${crypto.randomUUID()}, clock_timestamp() - interval '2 seconds')`;
}

function equal(some: Map<string, string>, others: Map<string, string>): boolean {
  return some.size === others.size && [...some].every(([id, text]) => others.get(id) === text);
}

function shuffled<Item>(items: Item[]): Item[] {
  return items.map((item) => ({ item, at: Math.random() })).sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
