import type { Channel, Server } from "@aura-servers/client";

/** Words in an address: encoded twice, since the router decodes once, and not the signs that part an address. */
const inAddress = (words: string) => encodeURIComponent(encodeURIComponent(words));

/** The words that the router has found in an address. */
export function fromAddress(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return part!; // typed by hand, with a % of its own
  }
}

export const meshPath = "/mesh";
export const adminPath = "/admin";
/** A panel of the administration; of people, those with these words in their names. */
export const panelPath = (panel: string, words = "") =>
  `${adminPath}/${panel}${words && `/${inAddress(words)}`}`;
export const waitingPath = "/waiting";
/** One message, among those around it. */
export const messagePath = (messageId: string) => `/m/${messageId}`;
/** A search for words, everywhere or in a server or channel of this id. */
export const searchPath = (words = "", place?: string) =>
  `/search/${place || "all"}${words && `/${inAddress(words)}`}`;
export const changesPath = (taskId: string) => `/changes/${taskId}`;
export const serverPath = (server: Pick<Server, "name">) => `/s/${server.name}`;
export const channelPath = (server: Pick<Server, "name">, channel: Pick<Channel, "name">) =>
  `/c/${server.name}/${channel.name}`;
export const threadPath = (
  server: Pick<Server, "name">,
  channel: Pick<Channel, "name">,
  threadId: string,
) => `${channelPath(server, channel)}/${threadId}`;
