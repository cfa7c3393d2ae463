// The demo executor: a real executor whose models run the project's own demo agent, so that a first
// message shows queue, progress and result.
import { join } from "node:path";
import { configureDemo } from "../executor/demo/configure.ts";
import type { Service } from "./runner.ts";
import type { Secrets } from "./secrets.ts";
import type { Settings } from "./settings.ts";

/** Seconds that a running task gets to end by itself when the stack stops. */
const GRACE = "1";

/** Enrols the device through the running gateway, as any other; each time with a new token. */
export async function executorService(settings: Settings, secrets: Secrets): Promise<Service> {
  const folder = join(settings.state, "executor");
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const config = await configureDemo({
    url: settings.url,
    publishableKey: secrets.publishableKey,
    email: secrets.userEmail,
    password: secrets.userPassword,
  }, folder);
  const main = join(settings.root, "executor/main.ts");
  return {
    name: "executor",
    command: () => ({
      program: Deno.execPath(),
      args: ["run", "-A", main, "run", "--config", config, "--grace", GRACE],
    }),
    // It has no door of its own; the hub shows the device once it has called.
    ready: () => Promise.resolve(),
    stopSignal: "SIGTERM",
    optional: true,
  };
}
