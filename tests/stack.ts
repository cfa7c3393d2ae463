// What tests on the running stack start from. The runner names that stack in the environment, by the
// same variables as `<state>/env`; run a single file by hand with those of any stack.
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import type { Database } from "../client/database.types.ts";

export type Client = SupabaseClient<Database>;
export type Role = "viewer" | "operator" | "admin";

type Environment = Record<string, string>;

/** A variable of the running stack. */
export function stackEnv(name: string, env: Environment = Deno.env.toObject()): string {
  const value = env[name];
  if (value) return value;
  throw new Error(`${name} is not set: run "npm test", or load the env file of a running stack.`);
}

/** Somebody who has not signed in. */
export function publishableClient(): Client {
  return client(stackEnv("SUPABASE_PUBLISHABLE_KEY"));
}

/** The service role. */
export function serviceClient(): Client {
  return client(stackEnv("SUPABASE_SECRET_KEY"));
}

function client(key: string): Client {
  return createClient<Database>(stackEnv("SUPABASE_URL"), key, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
}

export interface User {
  client: Client;
  id: string;
  email: string;
  password: string;
  accessToken: string;
}

/** A new user, signed in; without a role, one who has no row in hub_members. */
export async function signUp(role?: Role): Promise<User> {
  const email = `${crypto.randomUUID()}@example.com`;
  const password = crypto.randomUUID();
  const own = publishableClient();
  const { data, error } = await own.auth.signUp({ email, password });
  if (error) throw error;
  const id = data.user!.id;
  if (role) {
    const { error } = await serviceClient().rpc("set_member_role", { user_id: id, role });
    if (error) throw error;
  }
  return { client: own, id, email, password, accessToken: data.session!.access_token };
}

/** A connection as `postgres`, who owns the schema and bypasses RLS. Write `await using`, or end it. */
export function connect(options: Options = {}, env?: Environment): Connection {
  return disposable(stackEnv("SUPABASE_DB_URL", env), options);
}

/** A connection as the superuser. Only for a stack on this machine. */
export async function connectAdmin(env?: Environment): Promise<Connection> {
  const path = join(stackEnv("AURA_STATE_DIR", env), "secrets.json");
  const { adminPassword } = JSON.parse(await Deno.readTextFile(path));
  const url = new URL(stackEnv("SUPABASE_DB_URL", env));
  url.username = "supabase_admin";
  url.password = adminPassword;
  return disposable(url.href, {});
}

type Options = postgres.Options<Record<string, never>>;
export type Connection = Sql & AsyncDisposable;

function disposable(url: string, options: Options): Connection {
  const sql = postgres(url, { max: 4, onnotice: () => {}, ...options });
  return Object.assign(sql, { [Symbol.asyncDispose]: () => sql.end() });
}

/** Waits until the condition holds, and returns what it answered. Rejects after `timeout` ms. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  timeout = 60_000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const answer = await condition();
    if (answer) return answer as NonNullable<T>;
    if (Date.now() > deadline) throw new Error(`Waited ${timeout / 1000} s in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
