import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "@supabase/supabase-js";
import { stringify } from "smol-toml";

/** What the demo agent stands for. */
const MODELS = ["claude", "gemini", "codex"];

export interface DemoAccount {
  url: string;
  publishableKey: string;
  /** An operator; the device is registered in their name. */
  email: string;
  password: string;
}

/**
 * Registers the device "demo" and writes its configuration into `folder`: all three models run the
 * demo agent, in folders made for the purpose. Returns the path for `executor run --config`.
 */
export async function configureDemo(account: DemoAccount, folder: string): Promise<string> {
  const client = createClient(account.url, account.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { error: refused } = await client.auth.signInWithPassword(account);
  if (refused) throw new Error(`The demo executor cannot sign in: ${refused.message}`);
  const { data, error } = await client.rpc("register_device", {
    name: "demo",
    platform: Deno.build.os === "darwin" ? "macos" : "linux",
    models: MODELS,
    max_running: MAX_RUNNING,
  });
  if (error) throw new Error(`The demo device cannot be registered: ${error.message}`);

  const root = join(folder, "projects");
  await Deno.mkdir(root, { recursive: true, mode: 0o700 });
  const agent = fileURLToPath(new URL("agent.ts", import.meta.url));
  const command = (model: string) => [
    Deno.execPath(),
    "run",
    "--no-config",
    "--allow-read",
    "--allow-env=AURA_TASK_KIND",
    agent,
    model,
  ];
  const path = join(folder, "demo.toml");
  await Deno.writeTextFile(
    path,
    stringify({
      url: account.url,
      publishable_key: account.publishableKey,
      device: "demo",
      device_id: data.device.id,
      token: data.token,
      root,
      max_running: MAX_RUNNING,
      missing_projects: "create",
      models: Object.fromEntries(
        MODELS.map((model) => [model, { command: command(model), format: "acp" }]),
      ),
    }),
    { mode: 0o600 },
  );
  return path;
}

const MAX_RUNNING = 3;
