import type { Caller } from "@aura-servers/client";
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { useBackend } from "./aura.ts";

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

/** Whether they may do more than read. */
export const useMayAct = (): boolean => useCaller().role !== "viewer";
