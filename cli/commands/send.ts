import type { Command } from "commander";
import process from "node:process";
import { text } from "node:stream/consumers";
import { AuraError, type DispatchOptions, type ModelPreference } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { sendFiles } from "../files.ts";
import { followTask } from "../follow.ts";
import { findPlace, findTask, isId, shortId } from "../names.ts";
import { each, moment, whole } from "../options.ts";

interface SendOptions {
  follow?: boolean;
  model?: ModelPreference;
  priority?: number;
  at?: string;
  thread?: string;
  key?: string;
  interrupt?: boolean;
  file?: string[];
}

export function addSend(program: Command, context: () => Context): void {
  program.command("send")
    .description("queue a task, or say something to one that is at work")
    .argument("<where>", "as in cloud-hub/dispatch; or a task's id, to tell it")
    .argument("[content...]", "what to do; from the standard input if left out")
    .option("-f, --follow", "show the progress, and end with the task")
    .option("-m, --model <model>", "who does it")
    .option("-p, --priority <number>", "higher is sooner", whole)
    .option("--at <time>", "not before: 30m, 2h, 1d, or ISO 8601", moment)
    .option("-t, --thread <task>", "go on in the thread of this task")
    .option("--file <path>", "send this file along, and each that is named so", each)
    .option("--key <text>", "sent twice with the same key, it is one task")
    .option("--interrupt", "to a task: stop what it does now, and go on with this")
    .action((where: string, words: string[], options: SendOptions) =>
      isId(where) ? tell(context(), where, words, options) : send(context(), where, words, options)
    );
}

async function send(
  context: Context,
  channelName: string,
  words: string[],
  options: SendOptions,
): Promise<void> {
  const { aura, out } = context;
  if (options.interrupt) throw unfit("--interrupt", "a channel", "Name the task to interrupt.");
  const { channel } = await findPlace(aura, channelName);
  const paths = options.file ?? [];
  // A picture says enough by itself: with files, nothing is waited for.
  const content = words.length > 0 || paths.length > 0 ? words.join(" ") : await standardInput();
  const more = await dispatchOptions(context, options);
  const files = await sendFiles(aura, channel.id, paths);
  const dispatch = await aura.dispatchTask(channel.id, content, {
    ...more,
    ...files.length > 0 && { file_ids: files.map(({ id }) => id) },
  });
  const { task } = dispatch;
  out.result(dispatch, () => [`⏳ ${shortId(task.id)} queued`]);
  if (options.follow) await followTask(context, task.id);
}

async function tell(
  context: Context,
  prefix: string,
  words: string[],
  { follow, interrupt, key, ...others }: SendOptions,
): Promise<void> {
  const { aura, out } = context;
  const [other] = Object.keys(others);
  if (other) throw unfit(`--${other}`, "a task at work", "Send it to a channel.");
  const task = await findTask(aura, prefix);
  const content = words.length > 0 ? words.join(" ") : await standardInput();
  const sent = await aura.sendInput(task.id, content, {
    ...interrupt && { interrupt },
    ...key && { idempotency_key: key },
  });
  out.result(sent, () => [`💬 ${shortId(task.id)} will hear it`]);
  if (follow) await followTask(context, task.id);
}

function unfit(option: string, what: string, hint: string): AuraError {
  return new AuraError("bad_argument", 400, `${option} is not for ${what}.`, hint);
}

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write("What is to be done? End with Ctrl-D.\n");
  return (await text(process.stdin)).trimEnd();
}

async function dispatchOptions(
  { aura }: Context,
  { model, priority, at, thread, key }: SendOptions,
): Promise<DispatchOptions> {
  return {
    ...model && { model },
    ...priority !== undefined && { priority },
    ...at && { run_at: at },
    ...key && { idempotency_key: key },
    ...thread && { task_thread_id: await threadOf(aura, thread) },
  };
}

async function threadOf(aura: Context["aura"], taskPrefix: string): Promise<string> {
  const task = await findTask(aura, taskPrefix);
  if (task.task_thread_id) return task.task_thread_id;
  throw new AuraError("thread_not_found", 404, `The task ${shortId(task.id)} has no thread.`);
}
