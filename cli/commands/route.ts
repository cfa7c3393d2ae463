import type { Command } from "commander";
import type { Context } from "../context.ts";
import { findPlace } from "../names.ts";

export function addRoute(program: Command, context: () => Context): void {
  program.command("route")
    .description("show what a request would become in a channel, without sending it")
    .argument("<channel>", "server/channel, or channel alone")
    .argument("<content...>", "the request")
    .action((channel: string, content: string[]) => route(context(), channel, content.join(" ")));
}

async function route({ aura, out }: Context, channelName: string, content: string) {
  const { channel } = await findPlace(aura, channelName);
  const told = await aura.explainRoute(channel.id, content);
  out.result(told, () => [
    `type      ${told.task_type}`,
    `model     ${told.model}${
      told.model === told.effective_model ? "" : `, now ${told.effective_model}`
    }`,
    `platform  ${told.platform ?? "any"}`,
    `by        ${told.rule === null ? "no rule" : `rule ${told.rule}`}`,
  ]);
}
