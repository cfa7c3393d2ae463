// `<state>/env`: what a client of this stack needs, as lines for a shell's `source`.
import { join } from "node:path";
import { writePrivately } from "./files.ts";
import { databaseUrl } from "./postgres.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

export function environmentOf(settings: Settings, secrets: Secrets): Record<string, string> {
  return {
    SUPABASE_URL: settings.url,
    SUPABASE_PUBLISHABLE_KEY: secrets.publishableKey,
    SUPABASE_SECRET_KEY: secrets.secretKey,
    SUPABASE_DB_URL: databaseUrl(settings.dbPort, "postgres", secrets.postgresPassword),
    AURA_USER_EMAIL: secrets.userEmail,
    AURA_USER_PASSWORD: secrets.userPassword,
  };
}

export async function writeEnvironment(settings: Settings, secrets: Secrets): Promise<void> {
  const lines = Object.entries(environmentOf(settings, secrets))
    .map(([name, value]) => `${name}=${value}\n`);
  await writePrivately(join(settings.state, "env"), lines.join(""));
}
