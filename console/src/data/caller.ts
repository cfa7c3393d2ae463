import type { Caller, Role } from "@aura-servers/client";
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { useBackend } from "./aura.ts";
import { useServerIdOf } from "./useServers.ts";

/** Asks who is signed in, what they may do, and within what limits. */
export function useWhoami() {
  const { aura } = useBackend();
  const { data, error, refetch } = useQuery({ queryKey: ["whoami"], queryFn: () => aura.whoami() });
  return { caller: data, error, retry: () => void refetch() };
}

export const CallerContext = createContext<Caller | null>(null);

/** Whoever is signed in, as the backend knows them. */
export function useCaller(): Caller {
  const caller = useContext(CallerContext);
  if (!caller) throw new Error("Nobody is known outside the shell of the console.");
  return caller;
}

/** What they may do on a server; without one, wherever they may do most. */
export function roleOn(caller: Caller, serverId: string | undefined): Role {
  const roles = serverId === undefined
    ? [caller.role, ...caller.servers.map(({ role }) => role)]
    : caller.servers.flatMap(({ server_id, role }) => server_id === serverId ? role : []);
  return (["admin", "operator"] as const).find((role) => roles.includes(role)) ?? "viewer";
}

/** Whether they may do more than read in a channel. */
export function useMayAct(channelId: string): boolean {
  const caller = useCaller();
  const serverId = useServerIdOf(channelId);
  return serverId !== undefined && roleOn(caller, serverId) !== "viewer";
}
