import type { Channel } from "@aura-servers/client";

/** A server's channels under their headings, as everywhere they are listed: a group stands where its first one does. */
export function channelGroups<Listed extends Pick<Channel, "category_group">>(
  channels: Listed[],
): Map<string, Listed[]> {
  return Map.groupBy(channels, ({ category_group }) => category_group ?? "Channels");
}
