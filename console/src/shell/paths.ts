import type { Channel, Server } from "@aura-servers/client";

export const meshPath = "/mesh";
export const adminPath = "/admin";
export const waitingPath = "/waiting";
export const changesPath = (taskId: string) => `/changes/${taskId}`;
export const serverPath = (server: Pick<Server, "name">) => `/s/${server.name}`;
export const channelPath = (server: Pick<Server, "name">, channel: Pick<Channel, "name">) =>
  `/c/${server.name}/${channel.name}`;
export const threadPath = (
  server: Pick<Server, "name">,
  channel: Pick<Channel, "name">,
  threadId: string,
) => `${channelPath(server, channel)}/${threadId}`;
