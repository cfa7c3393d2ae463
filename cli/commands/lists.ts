import type { Command } from "commander";
import type { Context } from "../context.ts";
import { fetchPlaces, findPlace, findServer } from "../names.ts";
import { count } from "../options.ts";
import { when } from "../when.ts";

export function addLists(program: Command, context: () => Context): void {
  program.command("servers")
    .description("list the servers")
    .action(() => listServers(context()));

  program.command("channels")
    .description("list the channels of a server, or of all")
    .argument("[server]")
    .action((server?: string) => listChannels(context(), server));

  program.command("threads")
    .description("list a channel's open threads, newest first")
    .argument("<channel>", "as in cloud-hub/dispatch")
    .option("-a, --all", "archived ones too")
    .option("-n, --limit <count>", "how many at most", count, 50)
    .action((channel: string, options: { all?: boolean; limit: number }) =>
      listThreads(context(), channel, options)
    );
}

async function listServers({ aura, out }: Context): Promise<void> {
  const servers = await aura.fetchServers();
  out.table(
    servers,
    ["NAME", "PATTERN", "CHANNELS", "STATE", "DESCRIPTION"],
    servers.map((server) => [
      server.name,
      server.architecture_type,
      String(server.channel_count),
      server.paused_at ? "paused" : "running",
      server.description ?? "",
    ]),
  );
}

async function listChannels({ aura, out }: Context, serverName?: string): Promise<void> {
  const server = serverName && await findServer(aura, serverName);
  const places = (await fetchPlaces(aura)).filter((place) =>
    !server || place.server.id === server.id
  );
  out.table(
    places.map((place) => ({ ...place.channel, path: place.name })),
    ["CHANNEL", "GROUP", "MESSAGES", "LAST MESSAGE", "DESCRIPTION"],
    places.map(({ name, channel }) => [
      name,
      channel.category_group ?? "",
      String(channel.message_count),
      when(out, channel.last_message_at),
      (channel.description ?? "") + (channel.is_read_only ? " (read-only)" : ""),
    ]),
  );
}

async function listThreads(
  { aura, out }: Context,
  channelName: string,
  { all, limit }: { all?: boolean; limit: number },
): Promise<void> {
  const { channel } = await findPlace(aura, channelName);
  const status = all ? undefined : ["active", "idle", "decaying"] as const;
  const threads = await aura.fetchTaskThreads(channel.id, {
    status: status && [...status],
    limit,
  });
  out.table(
    threads,
    ["STATUS", "MESSAGES", "LAST ACTIVITY", "THREAD"],
    threads.map((thread) => [
      thread.status,
      String(thread.message_count),
      when(out, thread.last_activity_at),
      thread.name,
    ]),
  );
}
