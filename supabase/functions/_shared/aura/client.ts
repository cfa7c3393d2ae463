// The database as the caller sees it: a user under their policies, the secret key as service_role.
import type { SupabaseContext } from "@supabase/server";
import type { SupabaseClient } from "@supabase/supabase-js";

export function clientOf(context: SupabaseContext): SupabaseClient {
  return context.authMode === "secret" ? context.supabaseAdmin : context.supabase;
}
