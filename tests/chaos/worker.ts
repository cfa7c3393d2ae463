// An executor for the storm, in a process of its own so that it can be killed: claims, reports
// progress, asks, waits or parks, takes what it is told, completes. It prints a line for each completion and
// each input that the stack acknowledged.
import { Random } from "../random.ts";
import { call, Refusal } from "./rpc.ts";

const [url, key, token, seed] = Deno.args as [string, string, string, string];
const random = new Random(Number(seed));
/** The claim of each task that runs. */
const running = new Map<string, Claim>();

interface Claim {
  token: string;
  task_id: string;
  claim_id: string;
}

setInterval(() => {
  call({ url, key }, "device_heartbeat", { token, running: [...running.keys()] })
    .then(async ({ inputs }) => await Promise.all(inputs.map(take)))
    .catch(console.error);
}, 500);

// Until it is killed, or whoever started it is gone.
for (const parent = Deno.ppid; Deno.ppid === parent;) {
  const tasks = await call({ url, key }, "claim_tasks", { token, max_tasks: 3 });
  if (tasks.length === 0) await pause(100);
  await Promise.all(tasks.map(work));
}

Deno.exit(0);

async function work(task: { id: string; claim_id: string; content: string }): Promise<void> {
  const claim = { token, task_id: task.id, claim_id: task.claim_id };
  running.set(task.id, claim);
  try {
    for (let step = 1, output = ""; step <= 3; step++) {
      await pause(random.below(60));
      output += `step ${step}\n`;
      await call({ url, key }, "report_progress", { ...claim, partial_output: output });
    }
    if (random.below(6) === 0 && await parks(claim)) return;
    if (random.below(10) === 0) {
      await call({ url, key }, "fail_task", { ...claim, error: "bad luck" });
    } else {
      const result = `did ${task.content} as ${task.claim_id}`;
      const answer = await call({ url, key }, "complete_task", { ...claim, result });
      // A task that was cancelled meanwhile is no completion.
      if (answer.task.status === "complete") console.log(JSON.stringify({ id: task.id, result }));
    }
  } catch (error) {
    // An answer that was lost is asked for again, and finds the claim used up: the task is over.
    if (!(error instanceof Refusal && error.code === "stale_claim")) throw error;
  } finally {
    running.delete(task.id);
  }
}

/** Asks, once in the task's life, and waits for the answer; or parks, and the next claim has it. */
async function parks(claim: Claim): Promise<boolean> {
  const asks = { ...claim, kind: "approval", title: "Go on?", tool_call_id: "go on" };
  const isOpen = async () =>
    (await call({ url, key }, "ask_question", asks)).question.state === "open";
  if (!await isOpen()) return false;
  if (random.below(2) === 0) {
    await call({ url, key }, "park_task", { ...claim, session_id: `session of ${claim.task_id}` });
    return true;
  }
  while (await isOpen()) await pause(100);
  return false;
}

async function take(input: { id: string; task_id: string }): Promise<void> {
  const claim = running.get(input.task_id);
  if (!claim) return;
  try {
    const { input: taken } = await call({ url, key }, "take_input", {
      ...claim,
      input_id: input.id,
    });
    // Said again to a call whose answer was lost, or to two heartbeats at once: the same claim's.
    console.log(JSON.stringify({ input: taken.id, claim: taken.claim_id }));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
