// Many devices in one process, so that they can be killed together: each claims, reports progress, leaves
// files, asks, takes what it is told, and completes, with the client that executors use.
import { Hub } from "../../executor/hub.ts";
import type { Claim, ClaimedTask } from "../../executor/hub.ts";
import { listenForWork } from "../../executor/wake.ts";
import { WakeSignal } from "../../executor/wake_signal.ts";
import { Random } from "../random.ts";

const HEARTBEAT = 5_000;
const POLL = 20_000;

/** Told on the command line, as JSON. */
interface Orders {
  url: string;
  publishableKey: string;
  tokens: string[];
  seed: number;
  /** How long a step of a task lasts at most, in ms; it has up to six. */
  step: number;
}

const orders = JSON.parse(Deno.args[0]!) as Orders;
const random = new Random(orders.seed);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const token of orders.tokens) void live(new Hub({ ...orders, token }));

// Until it is killed, or whoever started it is gone.
for (const parent = Deno.ppid; Deno.ppid === parent;) await pause(500);
Deno.exit(0);

/** One device, for ever. Whatever a call fails with, it goes on: the hub knows better what has become of it. */
async function live(hub: Hub): Promise<void> {
  const running = new Map<string, ClaimedTask>();
  const soon = new WakeSignal();
  await pause(random.below(3_000));
  listenForWork(hub.client, {
    onTask: () => soon.ring(),
    onNews: () => running.size > 0 && void beat(hub, running),
    onState: (isConnected) => isConnected && soon.ring(),
  });
  void (async () => {
    for (;;) {
      await beat(hub, running);
      await pause(HEARTBEAT * (0.5 + random.next()));
    }
  })();
  for (;;) {
    const [task] = running.size === 0 ? await hub.claim(1).catch(() => []) : [];
    if (!task) {
      await soon.wait(POLL * (0.5 + random.next()));
      continue;
    }
    running.set(task.id, task);
    await work(hub, task, () => running.has(task.id)).catch(() => {});
    running.delete(task.id);
  }
}

async function beat(hub: Hub, running: Map<string, ClaimedTask>): Promise<void> {
  try {
    const { cancel, lost, inputs = [] } = await hub.heartbeat([...running.keys()]);
    for (const id of [...cancel, ...lost]) running.delete(id);
    for (const input of inputs) {
      const task = running.get(input.task_id);
      if (task) await hub.takeInput(task, input.id);
    }
  } catch {
    // The next one says it again.
  }
}

async function work(hub: Hub, task: ClaimedTask, goesOn: () => boolean): Promise<void> {
  let text = "";
  for (let step = 1 + random.below(6); step > 0 && goesOn(); step--) {
    await pause(random.below(orders.step));
    text += `Read ${random.below(100)} files, ${step} to go.\n`;
    await hub.progress(task, text);
  }
  if (random.below(8) === 0) await ask(hub, task, goesOn);
  if (random.below(10) === 0) await leaveFile(hub, task);
  if (!goesOn()) return;
  if (random.below(20) === 0) await hub.fail(task, "It did not work out.", { retryable: true });
  else await hub.complete(task, `Did "${task.content}".`, { model: task.model });
}

async function ask(hub: Hub, task: Claim, goesOn: () => boolean): Promise<void> {
  const question = {
    kind: "approval" as const,
    title: "May I go on?",
    detail: "rm -rf build",
    options: [
      { id: "allow", label: "Allow once", kind: "allow_once" as const },
      { id: "reject", label: "Reject", kind: "reject_once" as const },
    ],
    allow_text: false,
    tool_call_id: "go on",
  };
  while (goesOn() && (await hub.ask(task, question)).state === "open") await pause(1_000);
}

async function leaveFile(hub: Hub, task: Claim): Promise<void> {
  const body = new Uint8Array(1_000 + random.below(20_000));
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", body)).toHex();
  const about = { name: "notes.bin", media_type: "application/octet-stream", size: body.length };
  const { url } = await hub.offerFile(task, { ...about, sha256 });
  if (!url) return;
  const headers = { "content-type": about.media_type };
  await (await fetch(url, { method: "PUT", headers, body })).body?.cancel();
}
