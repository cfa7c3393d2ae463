// The keys and passwords of one stack, made at random once and kept in its state directory.
import { join } from "node:path";
import { readIfThere, writePrivately } from "./files.ts";

export interface Secrets {
  /** Signs and verifies access tokens (HS256). */
  jwtSecret: string;
  publishableKey: string;
  secretKey: string;
  /** Of the database's superuser, supabase_admin. */
  adminPassword: string;
  /** Of the role postgres, which SUPABASE_DB_URL uses. */
  postgresPassword: string;
  /** Of the roles that REST and Auth connect as. */
  apiPassword: string;
  userEmail: string;
  userPassword: string;
}

/** The secrets kept in `<state>/secrets.json`, which is made when it is not there. */
export async function loadSecrets(state: string): Promise<Secrets> {
  const path = join(state, "secrets.json");
  const kept = await readIfThere(path);
  if (kept) return JSON.parse(kept);
  const secrets: Secrets = {
    jwtSecret: random(48),
    publishableKey: `sb_publishable_${random(24)}`,
    secretKey: `sb_secret_${random(24)}`,
    adminPassword: random(24),
    postgresPassword: random(24),
    apiPassword: random(24),
    userEmail: "demo@aura.local",
    userPassword: random(12),
  };
  await writePrivately(path, JSON.stringify(secrets, null, 2) + "\n");
  return secrets;
}

/** Random text of letters and digits only, so that it needs no quoting anywhere. */
function random(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}
