import type { Command } from "commander";
import type { Explanation, Task } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { ending } from "../follow.ts";
import { findTask, shortId } from "../names.ts";
import { printable } from "../../terminal/printable.ts";
import { when } from "../when.ts";

export function addTask(program: Command, context: () => Context): void {
  const add = (
    name: string,
    description: string,
    action: (context: Context, task: Task) => Promise<void>,
  ) =>
    program.command(name).description(description).argument("<task>", "its first eight hex digits")
      .action(async (prefix: string) => {
        const here = context();
        await action(here, await findTask(here.aura, prefix));
      });

  add("show", "show a task, its attempts and its result", show);
  add("explain", "say why a task is where it is", explain);
  add("cancel", "cancel a task", cancel);
  add("retry", "queue a failed task again", retry);
}

async function show({ aura, out }: Context, task: Task): Promise<void> {
  const attempts = await aura.fetchTaskAttempts(task.id);
  const fields: [string, string | null][] = [
    ["task", task.id],
    ["status", task.status],
    ["project", task.project],
    ["model", task.model_used ?? task.model_preference],
    ["platform", task.platform],
    ["device", task.claimed_by],
    ["priority", task.priority ? String(task.priority) : null],
    ["created", when(out, task.created_at)],
    ["not before", task.status === "pending" ? when(out, task.run_at) : null],
    ["started", when(out, task.started_at)],
    ["finished", when(out, task.finished_at)],
    ...attempts.map((attempt): [string, string] => [
      `attempt ${attempt.attempt}`,
      [
        when(out, attempt.started_at),
        `${attempt.model ?? "–"} on ${attempt.device}`,
        attempt.outcome ?? "running",
        attempt.error,
      ].filter(Boolean).join(", "),
    ]),
  ];
  const ended = task.status === "complete" || task.status === "failed";
  out.result({ ...task, attempts }, () => [
    ...fields.filter(([, value]) => value).map(([name, value]) =>
      `${out.style("dim", name.padEnd(11))} ${printable(value!)}`
    ),
    "",
    printable(task.content),
    "",
    ...ended ? ending(task) : [printable(task.partial_output ?? "")],
  ]);
}

async function explain({ aura, out }: Context, task: Task): Promise<void> {
  const explanation = await aura.explainTask(task.id);
  out.result(explanation, () => explanationLines(out, task, explanation));
}

function explanationLines(out: Context["out"], task: Task, explanation: Explanation): string[] {
  const { state, reason, since, detail } = explanation;
  const lines = detail && typeof detail === "object" ? Object.entries(detail) : [["", detail]];
  return [
    `${shortId(task.id)} is ${state}: ${reason.replaceAll("_", " ")}${
      since ? ` since ${when(out, since)}` : ""
    }`,
    ...lines.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) =>
      printable(`  ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    ),
  ];
}

async function cancel({ aura, out }: Context, { id }: Task): Promise<void> {
  const task = await aura.cancelTask(id);
  out.result(task, () => [
    task.cancelled_at
      ? `🚫 ${shortId(id)} cancelled`
      : `${shortId(id)} is being stopped on ${printable(task.claimed_by ?? "its device")}`,
  ]);
}

async function retry({ aura, out }: Context, { id }: Task): Promise<void> {
  const task = await aura.retryTask(id);
  out.result(task, () => [`🔁 ${shortId(id)} ${task.status}`]);
}
