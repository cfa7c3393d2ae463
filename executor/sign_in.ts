import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { SetupError } from "./config.ts";

export interface Account {
  url: string;
  publishableKey: string;
  email: string;
}

/** Signs an operator in. The password comes from AURA_USER_PASSWORD or is asked for, unseen. */
export async function signIn({ url, publishableKey, email }: Account): Promise<SupabaseClient> {
  const client = createClient(url, publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const password = Deno.env.get("AURA_USER_PASSWORD") ??
    await askPassword(`Password of ${email}: `);
  const { error } = await client.auth.signInWithPassword({ email, password });
  if (!error) return client;
  if (error.status === undefined || error.status === 0) {
    throw new SetupError(`No answer from "${url}": is that the hub's URL, and is it running?`);
  }
  throw new SetupError(`Signing in at "${url}" as "${email}" failed: ${error.message}.`);
}

async function askPassword(question: string): Promise<string> {
  if (!Deno.stdin.isTerminal()) {
    throw new SetupError("There is no terminal to ask for the password: set AURA_USER_PASSWORD.");
  }
  await Deno.stderr.write(new TextEncoder().encode(question));
  Deno.stdin.setRaw(true);
  try {
    return await readUnseen();
  } finally {
    Deno.stdin.setRaw(false);
    await Deno.stderr.write(new TextEncoder().encode("\n"));
  }
}

async function readUnseen(): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(256);
  let typed = "";
  while (true) {
    const count = await Deno.stdin.read(buffer);
    for (const key of decoder.decode(buffer.subarray(0, count ?? 0), { stream: true })) {
      if (key === "\r" || key === "\n" || key === "\x04") return typed;
      if (key === "\x03") throw new SetupError("Nothing was changed.");
      typed = key === "\x7f" || key === "\b" ? [...typed].slice(0, -1).join("") : typed + key;
    }
    if (count === null) return typed;
  }
}
