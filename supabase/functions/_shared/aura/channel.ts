// Channels are named by their id, or as `server/channel`.
import type { SupabaseClient } from "@supabase/supabase-js";
import { z } from "zod";
import { Problem, problemOf } from "./problem.ts";

const NAME = /^([a-z0-9-]{1,64})\/([a-z0-9-]{1,64})$/;

export const Channel = z.union([z.uuid(), z.string().regex(NAME)], {
  error: 'must be a channel\'s id, or its name as "server/channel"',
});

/** The channel's id. Throws a Problem when the caller sees no such channel. */
export async function channelId(client: SupabaseClient, channel: string): Promise<string> {
  const [, server, name] = NAME.exec(channel) ?? [];
  if (!server) return channel;
  const found = await client.from("hub_channels").select("id, hub_servers!inner(name)")
    .eq("name", name).eq("hub_servers.name", server).maybeSingle();
  if (found.error) throw problemOf(found);
  if (found.data) return found.data.id;
  throw new Problem(
    404,
    "channel_not_found",
    `There is no channel ${channel}.`,
    "Read hub_channels for the channels there are.",
  );
}
