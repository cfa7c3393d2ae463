import type { Command } from "commander";
import { type FoundMessage, highlightParts } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { fetchPlaces, findPlace, findServer } from "../names.ts";
import { count } from "../options.ts";
import { when } from "../when.ts";

interface SearchOptions {
  in?: string;
  lines: number;
}

export function addSearch(program: Command, context: () => Context): void {
  program.command("search")
    .description("find messages by their words, newest first")
    .argument("<words...>", 'words that all stand in it; "a phrase", -unwanted, either or other')
    .option("--in <place>", "a server, or a channel as in cloud-hub/dispatch")
    .option("-n, --lines <count>", "how many at most, up to 200", count, 20)
    .action((words: string[], options: SearchOptions) => search(context(), words, options));
}

async function search({ aura, out }: Context, words: string[], options: SearchOptions) {
  const places = await fetchPlaces(aura);
  const found = await aura.searchMessages(
    // The shell has taken a phrase's quotes.
    words.map((word) => /\s/.test(word) && !word.includes('"') ? `"${word}"` : word).join(" "),
    { max_rows: options.lines, ...options.in && await within(options.in) },
  );
  const nameOf = ({ channel_id }: FoundMessage) =>
    places.find(({ channel }) => channel.id === channel_id)?.name ?? channel_id;
  out.table(
    found,
    ["WHEN", "WHERE", "WHO", "WHAT"],
    found.map((message) => [
      when(out, message.created_at),
      nameOf(message),
      message.sender_label ?? message.sender_type,
      highlightParts(message.highlight).map(({ text }) => text).join(""),
    ]),
  );

  async function within(place: string) {
    const isChannel = place.includes("/") ||
      places.some(({ channel }) => channel.name === place.replace(/^#/, ""));
    return isChannel
      ? { channel_id: (await findPlace(aura, place)).channel.id }
      : { server_id: (await findServer(aura, place)).id };
  }
}
