// A signed-in operator of the stack under test, and its calls over HTTP.
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import type { Context } from "./scenario.ts";

export interface Operator {
  client: SupabaseClient;
  token: string;
  /** Calls an RPC; throws when it is refused. Nothing but `fetch`: no time of a library counts. */
  rpc: <T>(name: string, values: Record<string, unknown>) => Promise<T>;
}

export async function signUpOperator({ machine, admin }: Context): Promise<Operator> {
  await admin`
    update hub.settings set default_role = 'operator', max_open_tasks_per_user = 1000000`;
  const { SUPABASE_URL: url, SUPABASE_PUBLISHABLE_KEY: key } = machine.stack.env;
  const client = createClient(url!, key!, { auth: { autoRefreshToken: false } });
  const { data, error } = await client.auth.signUp({
    email: `${crypto.randomUUID()}@example.com`,
    password: crypto.randomUUID(),
  });
  if (error) throw error;
  const token = data.session!.access_token;
  return { client, token, rpc: rpcOf(url!, key!, token) };
}

function rpcOf(url: string, key: string, token: string): Operator["rpc"] {
  const headers = {
    apikey: key,
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
  };
  return async (name, values) => {
    const response = await fetch(`${url}/rest/v1/rpc/${name}`, {
      method: "POST",
      headers,
      body: JSON.stringify(values),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(`"${name}" was refused: ${JSON.stringify(body)}`);
    return body;
  };
}
