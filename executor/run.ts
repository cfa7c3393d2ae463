import { type Config, configsByHub, SetupError } from "./config.ts";
import { detect } from "./detect.ts";
import { agentEnvironment } from "./environment.ts";
import { Executor } from "./executor.ts";
import { Hub } from "./hub.ts";
import { Rests } from "./limits.ts";
import { lockState } from "./lock.ts";
import { log } from "./log.ts";
import { Offer } from "./offer.ts";
import { removeOldResults } from "./result.ts";
import { Runs } from "./runs.ts";
import { removeOldScratch } from "./scratch.ts";
import { Slots } from "./slots.ts";
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
  const dismissWatcher = startWatcher(config.stateFolder);
  const shared = {
    slots: new Slots(config.maxRunning),
    rests: new Rests(),
    environment: agentEnvironment(Deno.env.toObject()),
  };
  const configs = configsByHub(config);
  const executors = configs.map((config) =>
    new Executor({
      ...shared,
      config,
      hub: new Hub(config),
      offer: new Offer(models, find),
      runs: new Runs(config.stateFolder, config.deviceId),
      log: configs.length > 1 ? (text) => log(`${new URL(config.url).host}: ${text}`) : log,
    })
  );
  let told = false;
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      for (const executor of executors) {
        if (told) executor.abandon();
        else executor.stop(grace);
      }
      told = true;
    });
  }
  await runAll(executors, grace);
  await dismissWatcher();
  log("Stopped; nothing is left running");
}

/** A hub that has ended this device's work goes alone; a fault of the executor's own ends them all. */
async function runAll(executors: Executor[], grace: number): Promise<void> {
  const ends = await Promise.allSettled(
    executors.map((executor) =>
      executor.run().catch((error) => {
        if (!(error instanceof SetupError)) { for (const one of executors) one.stop(grace); }
        else if (executors.length > 1) log(error.message);
        throw error;
      })
    ),
  );
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
}
