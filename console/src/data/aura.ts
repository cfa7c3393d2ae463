import { AuraClient } from "@aura-servers/client";
import { createClient, type SupabaseClient, type User } from "@supabase/supabase-js";
import { createContext, useContext } from "react";
import type { Config } from "./config.ts";

export interface Backend {
  supabase: SupabaseClient;
  aura: AuraClient;
}

export function connect({ url, publishableKey }: Config): Backend {
  const supabase = createClient(url, publishableKey, {
    auth: {
      persistSession: true,
      autoRefreshToken: true,
      // A link signs nobody in but the browser that asked for it: one with somebody else's token in
      // it would let its reader write into that account without noticing.
      flowType: "pkce",
    },
  });
  return { supabase, aura: new AuraClient(supabase) };
}

export const BackendContext = createContext<Backend | null>(null);

export function useBackend(): Backend {
  const backend = useContext(BackendContext);
  if (!backend) throw new Error("There is no backend outside its provider.");
  return backend;
}

export const UserContext = createContext<User | null>(null);

export function useUser(): User {
  const user = useContext(UserContext);
  if (!user) throw new Error("There is no user outside the signed-in part of the console.");
  return user;
}
