// An executor for the storm, in a process of its own so that it can be killed: claims, reports
// progress, completes. It prints a line for each completion that the stack acknowledged.
import { Random } from "../random.ts";
import { call, Refusal } from "./rpc.ts";

const [url, key, token, seed] = Deno.args as [string, string, string, string];
const random = new Random(Number(seed));
const running = new Set<string>();

setInterval(() => {
  call({ url, key }, "device_heartbeat", { token, running: [...running] }).catch(console.error);
}, 500);

// Until it is killed, or whoever started it is gone.
for (const parent = Deno.ppid; Deno.ppid === parent;) {
  const tasks = await call({ url, key }, "claim_tasks", { token, max_tasks: 3 });
  if (tasks.length === 0) await pause(100);
  await Promise.all(tasks.map(work));
}

Deno.exit(0);

async function work(task: { id: string; claim_id: string; content: string }): Promise<void> {
  running.add(task.id);
  const claim = { token, task_id: task.id, claim_id: task.claim_id };
  try {
    for (let step = 1, output = ""; step <= 3; step++) {
      await pause(random.below(60));
      output += `step ${step}\n`;
      await call({ url, key }, "report_progress", { ...claim, partial_output: output });
    }
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

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
