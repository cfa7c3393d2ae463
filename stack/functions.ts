// Edge functions, in the gateway's own process: each is imported at its first request.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { keySet } from "./api/tokens.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

interface EdgeFunction {
  fetch: (request: Request) => Response | Promise<Response>;
}

/** Returns what answers a request to a function; its answer is undefined when there is none. */
export function edgeFunctions(
  settings: Settings,
  secrets: Secrets,
): (name: string, request: Request) => Promise<Response | undefined> {
  for (const [name, value] of Object.entries(environment(settings, secrets))) {
    Deno.env.set(name, value);
  }
  const folder = join(settings.root, "supabase/functions");
  const loaded = new Map<string, Promise<EdgeFunction | undefined>>();

  return async (name, request) => {
    let found = loaded.get(name);
    if (!found) {
      found = load(folder, name);
      loaded.set(name, found);
    }
    return await (await found)?.fetch(request);
  };
}

/** What withSupabase reads, as on hosted projects. */
function environment(settings: Settings, secrets: Secrets): Record<string, string> {
  return {
    SUPABASE_URL: settings.url,
    SUPABASE_PUBLISHABLE_KEYS: JSON.stringify({ default: secrets.publishableKey }),
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: secrets.secretKey }),
    SUPABASE_JWKS: keySet(secrets),
  };
}

async function load(folder: string, name: string): Promise<EdgeFunction | undefined> {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) return undefined;
  const path = join(folder, name, "index.ts");
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return (await import(pathToFileURL(path).href)).default;
}
