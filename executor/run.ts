import { type Config, SetupError } from "./config.ts";
import { detect } from "./detect.ts";
import { agentEnvironment } from "./environment.ts";
import { Executor } from "./executor.ts";
import { Hub } from "./hub.ts";
import { lockState } from "./lock.ts";
import { log } from "./log.ts";
import { Offer } from "./offer.ts";
import { removeOldResults } from "./result.ts";
import { Runs } from "./runs.ts";
import { removeOldScratch } from "./scratch.ts";
import { startWatcher } from "./watcher.ts";

/**
 * Runs the executor until SIGTERM or Ctrl-C: the first one lets running tasks `grace` ms to end,
 * a second one does not wait.
 */
export async function run(config: Config, grace: number): Promise<void> {
  await lockState(config.stateFolder);
  const find = () => detect(config.models, log);
  const models = await find();
  if (models.length === 0) {
    const wanted = Object.values(config.models).map(({ command }) => command[0]);
    throw new SetupError(
      `None of the configured programs (${wanted.join(", ") || "none"}) is on PATH: install one, ` +
        `or correct [models] in the configuration.`,
    );
  }
  removeOldResults(config.stateFolder);
  removeOldScratch(config.stateFolder);
  const runs = new Runs(config.stateFolder);
  const dismissWatcher = startWatcher(config.stateFolder);
  const executor = new Executor({
    config,
    hub: new Hub(config),
    offer: new Offer(models, find),
    runs,
    environment: agentEnvironment(Deno.env.toObject()),
    log,
  });
  let told = false;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      if (told) executor.abandon();
      else executor.stop(grace);
      told = true;
    });
  }
  await executor.run();
  await dismissWatcher();
  log("Stopped; nothing is left running");
}
