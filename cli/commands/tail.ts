import type { Command } from "commander";
import type { Message, SubscribeOptions } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { followTask } from "../follow.ts";
import { messageLines } from "../message.ts";
import { findPlace, findTask, isId } from "../names.ts";
import { count } from "../options.ts";

interface TailOptions {
  lines: number;
  follow: boolean;
}

export function addTail(program: Command, context: () => Context): void {
  program.command("tail")
    .description("show the newest messages of a channel, or of a task's thread, and those to come")
    .argument("<where>", "as in buf-barista/bridge, or a task's id")
    .option("-n, --lines <count>", "how many of the newest", count, 20)
    .option("--no-follow", "end after them")
    .action((where: string, options: TailOptions) => tail(context(), where, options));
}

async function tail(context: Context, where: string, options: TailOptions): Promise<void> {
  const { aura } = context;
  if (!isId(where)) {
    const { id } = (await findPlace(aura, where)).channel;
    const page = await aura.fetchChannelMessages(id, { limit: options.lines });
    return await show(context, page, options, (from) => aura.subscribeToChannelMessages(id, from));
  }
  const { id, task_thread_id: thread } = await findTask(aura, where);
  if (!thread) return await followTask(context, id);
  const page = await aura.fetchThreadMessages(thread, { limit: options.lines });
  await show(context, page, options, (from) => aura.subscribeToThreadMessages(thread, from));
}

async function show(
  { out, signal }: Context,
  held: Message[],
  { follow }: TailOptions,
  subscribe: (
    from: SubscribeOptions<Message>,
  ) => ReturnType<Context["aura"]["subscribeToThreadMessages"]>,
): Promise<void> {
  for (const message of held) {
    out.result(message, () => messageLines(out, message));
  }
  if (!follow) return;
  for await (const { row } of subscribe({ held, signal })) {
    out.result(row, () => messageLines(out, row));
  }
}
