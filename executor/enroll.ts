import { dirname } from "node:path";
import { readConfig, SetupError } from "./config.ts";
import { detect } from "./detect.ts";
import { MODELS, PRESETS } from "./presets.ts";
import { type Account, signIn } from "./sign_in.ts";

export interface Enrolment extends Account {
  /** The device's name in the hub. */
  name: string;
  root: string;
  maxRunning: number;
  configPath: string;
  /** Whether a configuration that is there may be replaced. */
  replace: boolean;
}

/** Registers this machine as a device and writes its configuration. Returns what to tell. */
export async function enroll(enrolment: Enrolment): Promise<string> {
  const { configPath, name, root, maxRunning, replace } = enrolment;
  if (!replace && exists(configPath)) {
    throw new SetupError(
      `"${configPath}" is there already. To enrol anew, add --replace (the file becomes ` +
        `"${configPath}.old"); for a second device, add --config with another file.`,
    );
  }
  if (!exists(root)) throw new SetupError(`The root folder "${root}" does not exist.`);
  const models = await detect(
    Object.fromEntries(MODELS.map((model) => [model, { ...PRESETS[model], args: [] }])),
  );
  if (models.length === 0) {
    throw new SetupError(
      `None of the programs ${MODELS.join(", ")} is on PATH. Install one, run it once to sign ` +
        `in, then enrol again.`,
    );
  }
  const client = await signIn(enrolment);
  const { data, error } = await client.rpc("register_device", {
    name,
    platform: Deno.build.os === "darwin" ? "macos" : "linux",
    models: models.map(({ model, version }) => ({ model, version })),
    max_running: maxRunning,
  });
  if (error) throw new SetupError(`${error.message} ${error.hint ?? ""}`.trim());
  writeConfig(configPath, enrolment, data.device.id, data.token);
  // What "run" would refuse is better known now.
  readConfig(configPath);
  const found = models.map(({ model, version }) => `${model} ${version ?? ""}`.trim()).join(", ");
  return `Enrolled "${name}" with ${found}. Its configuration is "${configPath}".`;
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

function writeConfig(path: string, enrolment: Enrolment, deviceId: string, token: string): void {
  const { url, publishableKey, name, root, maxRunning } = enrolment;
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (exists(path)) Deno.renameSync(path, `${path}.old`);
  const text = TEMPLATE({ url, publishableKey, name, root, maxRunning, deviceId, token });
  Deno.writeTextFileSync(path, text, { mode: 0o600, createNew: true });
}

/** A JSON string is a TOML string. */
const quote = JSON.stringify;

const TEMPLATE = (values: {
  url: string;
  publishableKey: string;
  name: string;
  root: string;
  maxRunning: number;
  deviceId: string;
  token: string;
}) =>
  `# The mesh executor of this machine. docs/executor.md explains every line.
# The token is a secret: whoever has it can read the tasks sent to this device and answer them.

url = ${quote(values.url)}
publishable_key = ${quote(values.publishableKey)}
device = ${quote(values.name)}
device_id = ${quote(values.deviceId)}
token = ${quote(values.token)}

# Channels name their project's folder relative to this one. Nothing runs outside it.
root = ${quote(values.root)}

# How many tasks run at once; for more than at the enrolment, enrol again with --max-running.
max_running = ${values.maxRunning}

# "worktree" gives every task a git working tree and a branch of its own.
isolation = "none"

# Tasks that run longer are stopped.
max_minutes = 120

# A model is offered while its program is on PATH. "args" are added to its command line: decide
# here what an agent may do without asking, for nobody is there to be asked.

[models.claude]
args = [] # for example ["--permission-mode", "acceptEdits"]

[models.gemini]
args = [] # for example ["--approval-mode", "auto_edit"]

[models.codex]
args = [] # for example ["--sandbox", "workspace-write"]
`;
