import { type Config, configsByHub } from "./config.ts";
import { detect } from "./detect.ts";
import { isLocked } from "./lock.ts";
import { Runs } from "./runs.ts";

/** What this machine knows of its executor; asks nobody. */
export async function status(config: Config, configPath: string): Promise<string> {
  const found = await detect(config.models);
  const running = await isLocked(config.stateFolder);
  const models = Object.keys(config.models).map((model) => {
    const here = found.find((entry) => entry.model === model);
    return here
      ? `${model} ${here.version ?? "(version unknown)"}`
      : `${model} (${config.models[model]!.command[0]} is not on PATH)`;
  });
  const records = new Runs(config.stateFolder).list();
  const tasks = records.map(({ shortId, model, project, since }) =>
    `  ${shortId}  ${model}  ${project || "."}  since ${new Date(since).toLocaleString()}`
  );
  return [
    ...configsByHub(config).map(({ device, url }) => `Device   ${device} at ${url}`),
    `Config   ${configPath}`,
    `Root     ${config.root}`,
    `Models   ${models.join(", ") || "none"}`,
    `Executor ${running ? "running" : 'not running; start it with "run" or as a "service"'}`,
    `Tasks    ${records.length} of ${config.maxRunning}` +
    (records.length && !running ? ", left by a crash: the next start gives them back" : ""),
    ...tasks,
  ].join("\n");
}
