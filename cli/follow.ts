import process from "node:process";
import type { HubFile, Task } from "../client/index.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit.ts";
import { sizeText } from "./files.ts";
import { shortId } from "./names.ts";
import { printable } from "../terminal/printable.ts";
import { questionLines } from "./question.ts";

/**
 * Shows a task until it ends: what its progress adds as lines, what it asks, and on a terminal who
 * works on it since when as a live line. Sets the exit code if the task fails.
 */
export async function followTask(context: Context, taskId: string): Promise<void> {
  const { aura, out, signal } = context;
  const ended = new AbortController();
  const asked = showQuestions(context, await aura.fetchTask(taskId), ended.signal);
  asked.catch(() => {}); // thrown where it is awaited
  let task: Task | undefined;
  let shown = "";
  const tick = setInterval(() => task && out.live(status(task)), 1000);
  try {
    for await (task of aura.pollTaskProgress(taskId, { signal })) {
      const progress = task.partial_output ?? "";
      const added = progress.startsWith(shown) ? progress.slice(shown.length) : progress;
      shown = progress;
      if (!out.json && added.trim()) {
        out.result(task, () => [printable(added.trim())]);
      } else if (out.json) out.result(task, () => []);
      out.live(status(task));
    }
  } finally {
    clearInterval(tick);
    ended.abort();
    await asked;
    out.live("");
  }
  if (!task || signal.aborted) return;
  if (!out.json) {
    const files = (await aura.fetchTaskFiles(taskId)).filter(({ direction }) =>
      direction === "out"
    );
    out.result(task, () => [...ending(task!), ...files.map(fileLine)]);
  }
  if (task.status === "failed") process.exitCode = EXIT.taskFailed;
}

/** What a task asks, from the questions that are open on, and what becomes of it. */
async function showQuestions({ aura, out }: Context, task: Task, signal: AbortSignal) {
  const { channel_id: channelId, task_thread_id: threadId } = task;
  if (!channelId) return;
  const view = threadId ? { threadId } : { channelId };
  for await (const { row } of aura.subscribeToQuestions(view, { held: [], signal })) {
    if (row.task_id === task.id) out.result(row, () => questionLines(out, row));
  }
}

/** How a task ended, and with what. */
export function ending(task: Task): string[] {
  const by = `[${task.model_used ?? "–"}/${task.claimed_by ?? "–"}]`;
  const id = shortId(task.id);
  if (task.status === "complete") {
    const refused = task.refusals?.length ?? 0;
    const actions = refused === 1 ? "action" : "actions";
    const head = refused > 0
      ? `⚠️ ${id} complete, ${refused} ${actions} refused ${by}`
      : `✅ ${id} complete ${by}`;
    return [head, printable(task.result ?? "")];
  }
  if (task.cancelled_at) return [`🚫 ${id} cancelled`];
  return [`❌ ${id} failed ${by}`, printable(task.error ?? task.result ?? "")];
}

/** A file that the agent left, or why it is not there. */
export function fileLine({ name, size, error }: HubFile): string {
  return printable(
    `📎 ${name} ${error ? `could not be delivered: ${error}` : `(${sizeText(size)})`}`,
  );
}

function status(task: Task): string {
  const since = task.status === "running" ? task.started_at : task.created_at;
  const seconds = since ? Math.max(0, Math.round((Date.now() - Date.parse(since)) / 1000)) : 0;
  const where = task.status === "running" ? ` on ${task.claimed_by}` : "";
  const attempt = task.attempt > 1 ? `, attempt ${task.attempt}` : "";
  return printable(`${shortId(task.id)} ${task.status}${where} for ${seconds} s${attempt}`);
}
