import { dirname } from "node:path";
import type { SupabaseClient } from "@supabase/supabase-js";
import { configsByHub, readConfig, SetupError, stateFolderOf } from "./config.ts";
import { detect, type FoundModel } from "./detect.ts";
import { DEFAULT_PERMISSIONS } from "./permissions/table.ts";
import { PRESETS } from "./presets.ts";
import { rootProblem } from "./root.ts";
import { type Account, signIn } from "./sign_in.ts";
import { addressWarning } from "../terminal/address.ts";

export interface Enrolment extends Account {
  /** The device's name in the hub. */
  name: string;
  root: string;
  maxRunning: number;
  /** Names of the only servers that it works for; none: all on which the account is an operator. */
  server?: string[];
  configPath: string;
  /** Whether a configuration that is there may be replaced. */
  replace: boolean;
}

/** Registers this machine as a device and writes its configuration. Returns what to tell. */
export async function enroll(enrolment: Enrolment): Promise<string> {
  const { configPath, name, root, replace } = enrolment;
  if (!replace && exists(configPath)) {
    throw new SetupError(
      `"${configPath}" is there already. To enrol anew, add --replace (the file becomes ` +
        `"${configPath}.old"); for a second device, add --config with another file.`,
    );
  }
  if (!exists(root)) throw new SetupError(`The root folder "${root}" does not exist.`);
  const problem = rootProblem(root, configPath, stateFolderOf(configPath));
  if (problem) throw new SetupError(problem);
  const here = await programsHere();
  const warning = addressWarning(enrolment.url);
  if (warning) console.error(warning);
  const { device, token, models } = await register(enrolment, here);
  const names = models.map(({ model }) => model);
  writeConfig(configPath, enrolment, {
    deviceId: device.id,
    token,
    models: names,
  });
  // What "run" would refuse is better known now.
  readConfig(configPath);
  const found = models.map(({ model, version }) => `${model} ${version ?? ""}`.trim()).join(", ");
  return `Enrolled "${name}" with ${found}. Its configuration is "${configPath}".`;
}

/** Registers this machine in one more hub, and adds that to its configuration. Returns what to tell. */
export async function addHub(
  account: Account & { name?: string; server?: string[]; configPath: string },
): Promise<string> {
  const { configPath, url, publishableKey } = account;
  const config = readConfig(configPath);
  const there = configsByHub(config).find((hub) => hub.url === url.replace(/\/+$/, ""));
  if (there) throw new SetupError(`"${configPath}" has a device at "${url}" already.`);
  const warning = addressWarning(url);
  if (warning) console.error(warning);
  const here = await detect(config.models, (text) => console.error(text));
  const name = account.name ?? config.device;
  const { device, token } = await register(
    { ...account, name, maxRunning: config.maxRunning },
    here,
  );
  const hub = HUB({ url, publishableKey, name, deviceId: device.id, token });
  await Deno.writeTextFile(configPath, `\n[[hubs]]\n${hub}`, { append: true });
  readConfig(configPath);
  return `Enrolled "${name}" at ${url}, too. Its configuration is "${configPath}".`;
}

/** Registers a device with those of the models that the hub knows. */
async function register(
  enrolment: Account & { name: string; maxRunning: number; server?: string[] },
  here: FoundModel[],
) {
  const client = await signIn(enrolment);
  const models = await knownModels(client, here);
  const servers = await serversNamed(client, enrolment.server ?? []);
  const { data, error } = await client.rpc("register_device", {
    name: enrolment.name,
    platform: Deno.build.os === "darwin" ? "macos" : "linux",
    models: models.map(({ model, version }) => ({ model, version })),
    max_running: enrolment.maxRunning,
    ...servers.length > 0 && { servers },
  });
  if (error) throw new SetupError(`${error.message} ${error.hint ?? ""}`.trim());
  return { device: data.device as { id: string }, token: data.token as string, models };
}

/** The presets whose program is on PATH. */
async function programsHere(): Promise<FoundModel[]> {
  const permissions = DEFAULT_PERMISSIONS;
  const presets = Object.entries(PRESETS).map((
    [model, preset],
  ) => [model, { ...preset, args: [], permissions }]);
  const found = await detect(Object.fromEntries(presets), (text) => console.error(text));
  if (found.length > 0) return found;
  throw new SetupError(
    `None of the programs ${
      Object.keys(PRESETS).join(", ")
    } is on PATH. Install one, run it once ` +
      `to sign in, then enrol again.`,
  );
}

/** Those of them that the hub has in its list of models. */
async function knownModels(client: SupabaseClient, here: FoundModel[]): Promise<FoundModel[]> {
  const { data, error } = await client.from("hub_models").select("name").eq("enabled", true);
  if (error) throw new SetupError(error.message);
  const names = new Set(data.map(({ name }) => name));
  const known = here.filter(({ model }) => names.has(model));
  if (known.length > 0) return known;
  throw new SetupError(
    `The hub has none of ${here.map(({ model }) => model).join(", ")} in its list of models: an ` +
      `admin adds a row to hub_models.`,
  );
}

/** The ids of these servers. */
async function serversNamed(client: SupabaseClient, names: string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const { data, error } = await client.from("hub_servers").select("id, name").order("name");
  if (error) throw new SetupError(error.message);
  const unknown = names.find((name) => !data.some((server) => server.name === name));
  if (unknown) {
    const there = data.map(({ name }) => name).join(", ");
    throw new SetupError(
      `The hub has no server "${unknown}" for this account; there are ${there}.`,
    );
  }
  return data.filter(({ name }) => names.includes(name)).map(({ id }) => id);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function writeConfig(
  path: string,
  enrolment: Enrolment,
  given: { deviceId: string; token: string; models: string[] },
): void {
  const { url, publishableKey, name, root, maxRunning } = enrolment;
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (exists(path)) Deno.renameSync(path, `${path}.old`);
  const text = TEMPLATE({ url, publishableKey, name, root, maxRunning, ...given });
  Deno.writeTextFileSync(path, text, { mode: 0o600, createNew: true });
}

/** A JSON string is a TOML string. */
const quote = JSON.stringify;

interface HubValues {
  url: string;
  publishableKey: string;
  name: string;
  deviceId: string;
  token: string;
}

const HUB = (values: HubValues) =>
  `url = ${quote(values.url)}
publishable_key = ${quote(values.publishableKey)}
device = ${quote(values.name)}
device_id = ${quote(values.deviceId)}
token = ${quote(values.token)}
`;

const TEMPLATE = (values: HubValues & { root: string; maxRunning: number; models: string[] }) =>
  `# The mesh executor of this machine. docs/executor.md explains every line.
# The token is a secret: whoever has it can read the tasks sent to this device and answer them.

${HUB(values)}
# Channels name their project's folder relative to this one. Nothing runs outside it.
root = ${quote(values.root)}

# How many tasks run at once; for more than at the enrolment, enrol again with --max-running.
max_running = ${values.maxRunning}

# "worktree" gives every task a git working tree and a branch of its own.
isolation = "none"

# Tasks that run longer are stopped.
max_minutes = 120

# What agents may do: "allow" it, "ask" a person in the channel, or "deny" it. An entry is edit (files
# of the task's folder), read, web, tool:NAME, * or the beginning of a command. What no list names
# is asked. These are the lists as installed; [models.NAME.permissions] has others for one model.

[permissions]
allow = [
${DEFAULT_PERMISSIONS.allow.map((entry) => `  ${quote(entry)},`).join("\n")}
]
ask = []
deny = [] # for example ["git push", "web"]

# A model is offered while its program is on PATH. "args" are added to its command line.

${values.models.map((model) => `[models.${model}]\nargs = []`).join("\n\n")}
`;
