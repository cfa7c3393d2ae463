// From the database to clients through the whole stack: a message to its subscribers, progress from an
// executor to a client, a request from a client to an idle executor, and what the two ask and tell each
// other while a task runs.
import type { SupabaseClient } from "@supabase/supabase-js";
import { type ClaimedTask, type Heartbeat, Hub, type NewQuestion } from "../../executor/hub.ts";
import { listenForWork } from "../../executor/wake.ts";
import { type Operator, signUpOperator } from "../http.ts";
import { interleave, percentile, type Samples } from "../measure.ts";
import { compare, type Result, type Target } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, makeChannels } from "../seed.ts";
import { subscribe, type Subscribers } from "../subscribers.ts";
import { makeDevices, tokenOf } from "../tokens.ts";

export const realtime: Scenario = {
  name: "realtime",
  needs: "stack",
  run: async (context) => {
    const { admin, machine } = context;
    const { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: publishableKey } = machine.stack.env;
    const operator = await signUpOperator(context);
    await clearTasks(admin);
    await makeDevices(admin, 1);
    const hub = new Hub({ url: url!, publishableKey: publishableKey!, token: tokenOf(0) });
    const results = [
      ...await fanOut(context, operator.token),
      ...await progress(context, operator, hub),
      ...await wake(context, operator, hub),
      ...await conversation(context, operator, hub),
    ];
    await operator.client.realtime.disconnect();
    await clearTasks(admin);
    return results;
  },
};

async function fanOut(context: Context, token: string): Promise<Result[]> {
  const { sql, admin, machine, rounds, quick } = context;
  const { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: key } = machine.stack.env;
  const counts = quick ? [1, 10] : [1, 100, 1000];
  const channels = await makeChannels(admin, counts.length);
  const groups: Subscribers[] = [];
  for (const [index, count] of counts.entries()) {
    const topic = `channel:${channels[index]}`;
    groups.push(await subscribe(count, { url: url!, key: key!, token, topic }));
  }
  const variants = counts.map((count, index) =>
    [named(count), async () => {
      const latencies: number[] = [];
      for (let message = 0; message < (quick ? 5 : 20); message++) {
        const content = crypto.randomUUID();
        const received = groups[index]!.received(content);
        const start = performance.now();
        await sql`
          insert into public.hub_channel_messages (channel_id, content)
          values (${channels[index]!}, ${content})`;
        latencies.push(...(await received).map((time) => time - start));
      }
      return latencies;
    }] as const
  );
  const { half, most } = await percentiles(Object.fromEntries(variants), rounds);
  for (const group of groups) await group.close();
  return counts.flatMap((count) => {
    const name = named(count);
    const label = `insert → each of ${name}`;
    return [
      compare("realtime", `${label}, p50`, "ms", { [name]: half[name]! }, [name]),
      compare("realtime", `${label}, p95`, "ms", { [name]: most[name]! }, [name]),
    ];
  });
}

const named = (count: number) =>
  `${count.toLocaleString("en")} subscriber${count === 1 ? "" : "s"}`;

/** The executor reports over HTTP; the client is supabase-js on the channel's topic. */
async function progress(context: Context, operator: Operator, hub: Hub): Promise<Result[]> {
  const [channel] = await makeChannels(context.admin, 1);
  const news = await listen(operator.client, `channel:${channel}`);
  const latencies = async () => {
    await operator.rpc("dispatch_task", { channel_id: channel, content: "Report progress" });
    const [task] = await hub.claim(1);
    const found: number[] = [];
    let text = "";
    // Fewer than progress_limit, so that each is a message of its own.
    for (let step = 0; step < 14; step++) {
      const line = crypto.randomUUID();
      text += `${line}\n`;
      const arrived = news.next(line);
      const start = performance.now();
      await hub.progress(task!, text);
      found.push(await arrived - start);
    }
    await hub.complete(task!, "Done.", {});
    return found;
  };
  const samples = await percentiles({ "progress → client": latencies }, context.rounds);
  await news.stop();
  return named50And95(
    samples,
    "progress → client",
    "progress reported → client has the message",
    15,
  );
}

/** The executor's own code listens on mesh:wake, claims over HTTP, and is idle before each request. */
async function wake(context: Context, operator: Operator, hub: Hub): Promise<Result[]> {
  const [channel] = await makeChannels(context.admin, 1);
  const connected = Promise.withResolvers<void>();
  let onTask = async () => {};
  const stop = listenForWork(hub.client, {
    onTask: () => onTask(),
    onNews: () => {},
    onState: (isConnected) => isConnected && connected.resolve(),
  });
  await connected.promise;
  const latencies = async () => {
    const found: number[] = [];
    for (let request = 0; request < (context.quick ? 5 : 20); request++) {
      while ((await hub.claim(1)).length > 0);
      const claimed = Promise.withResolvers<ClaimedTask>();
      onTask = async () => {
        // The ring can come before the request is visible: the executor asks again, too.
        let task: ClaimedTask | undefined;
        while (!task) [task] = await hub.claim(1);
        claimed.resolve(task);
      };
      const start = performance.now();
      await operator.rpc("dispatch_task", { channel_id: channel, content: "Run the tests" });
      const task = await claimed.promise;
      found.push(performance.now() - start);
      await hub.complete(task, "Done.", {});
    }
    return found;
  };
  const samples = await percentiles({ "dispatch → executor": latencies }, context.rounds);
  await stop();
  return named50And95(
    samples,
    "dispatch → executor",
    "dispatch → an idle executor has the task",
    10,
  );
}

/** Questions, their answers, and words for a task that runs, as a client and the executor's own code have them. */
async function conversation(context: Context, operator: Operator, hub: Hub): Promise<Result[]> {
  const [channel] = await makeChannels(context.admin, 1);
  const questions = await listen(operator.client, `channel:${channel}`, "question");
  const connected = Promise.withResolvers<void>();
  let onNews = () => {};
  const stop = listenForWork(hub.client, {
    onTask: () => {},
    onNews: () => onNews(),
    onState: (isConnected) => isConnected && connected.resolve(),
  });
  await connected.promise;
  const times = { asked: [] as number[], answered: [] as number[], told: [] as number[] };
  /** Resolves when a heartbeat, rung for, brings what is waited for; to how long that took. */
  const heard = async (task: ClaimedTask, cause: () => Promise<unknown>, isThere: News) => {
    const there = Promise.withResolvers<void>();
    onNews = async () => {
      if (await isThere(await hub.heartbeat([task.id]))) there.resolve();
    };
    const start = performance.now();
    await cause();
    await there.promise;
    return performance.now() - start;
  };
  const exchange = async () => {
    await operator.rpc("dispatch_task", { channel_id: channel, content: "Deploy it" });
    const [task] = await hub.claim(1);
    for (let step = 0; step < (context.quick ? 3 : 10); step++) {
      const title = crypto.randomUUID();
      const arrived = questions.next(title);
      const start = performance.now();
      const question = { ...QUESTION, title, tool_call_id: title };
      const { id } = await hub.ask(task!, question);
      times.asked.push(await arrived - start);
      times.answered.push(
        await heard(
          task!,
          () => operator.rpc("answer_question", { question_id: id, option_id: "allow" }),
          async ({ answered = [] }) =>
            answered.includes(id) && (await hub.ask(task!, question)).state === "answered",
        ),
      );
      times.told.push(
        await heard(
          task!,
          () => operator.rpc("send_input", { task_id: task!.id, content: "And then?" }),
          async ({ inputs = [] }) => {
            for (const input of inputs) await hub.takeInput(task!, input.id);
            return inputs.length > 0;
          },
        ),
      );
    }
    await hub.complete(task!, "Done.", {});
  };
  const half: Record<string, number[]> = { asked: [], answered: [], told: [] };
  for (let round = 0; round < context.rounds; round++) {
    await exchange();
    for (const [name, found] of Object.entries(times)) {
      half[name]!.push(percentile(found.splice(0), 0.5));
    }
  }
  await stop();
  await questions.stop();
  const line = (measure: string, name: string, atMost: number) =>
    compare("realtime", `${measure}, p50`, "ms", half, [name], { atMost });
  return [
    line("question asked → a person's client has it", "asked", 10),
    line("answered → the executor has it", "answered", 15),
    line("words for a running task → its executor has taken them", "told", 50),
  ];
}

type News = (heartbeat: Heartbeat) => Promise<boolean>;

const QUESTION = {
  kind: "approval",
  detail: "npm publish",
  options: [
    { id: "allow", label: "Allow once", kind: "allow_once" },
    { id: "reject", label: "No", kind: "reject_once" },
  ],
  allow_text: false,
} satisfies Partial<NewQuestion>;

interface Percentiles {
  half: Samples;
  most: Samples;
}

/** Of each round's latencies, the median and the 95th percentile. */
async function percentiles(
  variants: Record<string, () => Promise<number[]>>,
  rounds: number,
): Promise<Percentiles> {
  const most: Samples = {};
  const half = await interleave(
    Object.fromEntries(
      Object.entries(variants).map(([name, run]) => [name, async () => {
        const latencies = await run();
        (most[name] ??= []).push(percentile(latencies, 0.95));
        return percentile(latencies, 0.5);
      }]),
    ),
    rounds,
  );
  return { half, most };
}

function named50And95(
  { half, most }: Percentiles,
  name: string,
  label: string,
  atMost: number,
): Result[] {
  const line = (measure: string, samples: Samples, target?: Target) =>
    compare("realtime", measure, "ms", samples, [name], target);
  return [line(`${label}, p50`, half, { atMost }), line(`${label}, p95`, most)];
}

/** Messages, or questions, of a topic as a supabase-js client gets them. */
async function listen(client: SupabaseClient, topic: string, event = "message") {
  let waiting: { text: string; done: (time: number) => void } | undefined;
  const subscribed = Promise.withResolvers<void>();
  const channel = client.channel(topic, { config: { private: true } })
    .on("broadcast", { event }, ({ payload: { content, title } }) => {
      if (waiting && (content ?? title).includes(waiting.text)) waiting.done(performance.now());
    })
    .subscribe((state) => state === "SUBSCRIBED" && subscribed.resolve());
  await subscribed.promise;
  return {
    next: (text: string) => new Promise<number>((done) => waiting = { text, done }),
    stop: () => client.removeChannel(channel),
  };
}
