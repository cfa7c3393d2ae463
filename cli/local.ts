import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseEnv } from "node:util";

export interface LocalStack {
  url: string;
  key: string;
  email: string;
  password: string;
}

/** What the local stack wrote for its clients when it was ready; null if there is no such file. */
export function localStack(): LocalStack | null {
  const root = resolve(import.meta.dirname!, "..");
  const file = join(resolve(root, process.env.AURA_STATE_DIR || ".local"), "env");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const env = parseEnv(text);
  return {
    url: env.SUPABASE_URL!,
    key: env.SUPABASE_PUBLISHABLE_KEY!,
    email: env.AURA_USER_EMAIL!,
    password: env.AURA_USER_PASSWORD!,
  };
}
