import type { Channel, Server } from "@aura-servers/client";

export const meshPath = "/mesh";
export const adminPath = "/admin";
export const waitingPath = "/waiting";
/** One message, among those around it. */
export const messagePath = (messageId: string) => `/m/${messageId}`;
/** A search for words, everywhere or in a server or channel of this id. */
export const searchPath = (words = "", place?: string) =>
  `/search/${place || "all"}${words && `/${encodeURIComponent(words)}`}`;
export const changesPath = (taskId: string) => `/changes/${taskId}`;
export const serverPath = (server: Pick<Server, "name">) => `/s/${server.name}`;
export const channelPath = (server: Pick<Server, "name">, channel: Pick<Channel, "name">) =>
  `/c/${server.name}/${channel.name}`;
export const threadPath = (
  server: Pick<Server, "name">,
  channel: Pick<Channel, "name">,
  threadId: string,
) => `${channelPath(server, channel)}/${threadId}`;
