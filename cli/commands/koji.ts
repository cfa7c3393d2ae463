import type { Command } from "commander";
import { AuraError, type Channel, commandText } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { fetchPlaces, findPlace } from "../names.ts";
import { printable } from "../../terminal/printable.ts";

export function addKoji(program: Command, context: () => Context): void {
  program.command("koji")
    .description("run a command, like stats or '!hot brooklyn'; help lists them")
    .argument("<command...>")
    .option("--in <channel>", "another channel than the first that takes commands")
    .action((words: string[], options: { in?: string }) => koji(context(), words, options.in));
}

async function koji({ aura, out }: Context, words: string[], place?: string): Promise<void> {
  const channel = place ? (await findPlace(aura, place)).channel : await commandChannel(aura);
  const result = await aura.executeCommand(channel.id, words.join(" "));
  // A table keeps its line ends, CRLF, for whoever reads the file.
  out.result(result, () => [commandText(result).split("\r\n").map(printable).join("\r\n")]);
}

async function commandChannel(aura: Context["aura"]): Promise<Channel> {
  const places = await fetchPlaces(aura);
  const place = places.find(({ server }) => server.architecture_type === "command_dispatch");
  if (place) return place.channel;
  throw new AuraError("channel_not_found", 404, "No server here takes commands.");
}
