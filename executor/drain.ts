import { type Config, configsByHub, type HubConfig, SetupError } from "./config.ts";
import { isLocked } from "./lock.ts";
import { Runs } from "./runs.ts";
import { signIn } from "./sign_in.ts";

/**
 * Tells the hub, or each of them, as an operator, to give this device no new tasks, or to give it some again;
 * with `wait`, returns when the executor here runs nothing any more.
 */
export async function drain(
  config: Config,
  { email, off, wait }: { email: string; off: boolean; wait: boolean },
): Promise<string> {
  for (const hub of configsByHub(config)) await setDraining(hub, email, !off);
  if (off) return `"${config.device}" takes tasks again.`;
  const runs = new Runs(config.stateFolder);
  while (wait && runs.list().length > 0 && await isLocked(config.stateFolder)) {
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const count = runs.list().length;
  return `"${config.device}" takes no new tasks; ${count || "none"} running. ` +
    `Take tasks again with "drain --off".`;
}

async function setDraining(hub: HubConfig, email: string, draining: boolean): Promise<void> {
  const client = await signIn({ ...hub, email });
  const { error } = await client.rpc("set_device_draining", { device_id: hub.deviceId, draining });
  if (error) throw new SetupError(`${error.message} ${error.hint ?? ""}`.trim());
}
