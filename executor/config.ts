import { homedir } from "node:os";
import { dirname, isAbsolute, join, parse as parsePath, resolve } from "node:path";
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { rootProblem } from "./root.ts";
import { PERMISSIONS, type Permissions, permissionsOf } from "./permissions/table.ts";
import { type AgentCommand, type FormatName, FORMATS, type Model, PRESETS } from "./presets.ts";

/** Something the person at this machine can put right; shown without a stack trace. */
export class SetupError extends Error {
  override name = "SetupError";
}

export interface ModelConfig extends AgentCommand {
  args: string[];
  permissions: Permissions;
}

/** A hub, and this machine as that knows it. */
export interface HubConfig {
  url: string;
  publishableKey: string;
  token: string;
  /** The device's name and id in the hub. */
  device: string;
  deviceId: string;
}

/** How tasks of one hub are run. */
export interface Config extends HubConfig {
  /** More hubs, for which the same is true and which share `maxRunning`. */
  moreHubs: HubConfig[];
  /** Absolute; project paths are below it. */
  root: string;
  maxRunning: number;
  isolation: "none" | "worktree";
  missingProjects: "fail" | "create";
  maxMinutes: number;
  /** How long an open question keeps its agent's process. */
  holdMinutes: number;
  models: Record<Model, ModelConfig>;
  /** Where the executor keeps its own files: beside the configuration, named after it. */
  stateFolder: string;
}

export const DEFAULT_PATH = join(homedir(), ".aura", "executor.toml");

/** Reads a configuration file and says, in one sentence each, everything that is wrong with it. */
export function readConfig(path: string): Config {
  const file = resolve(path);
  const parsed = SHAPE.safeParse(readToml(file));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) =>
      `${path.join(".")}: ${message}`
    );
    throw new SetupError(`"${file}" cannot be used:\n  ${problems.join("\n  ")}`);
  }
  const { models, root, permissions, hubs, ...rest } = parsed.data;
  if (!isAbsolute(root)) throw new SetupError(`"root" in "${file}" must be an absolute path.`);
  const stateFolder = stateFolderOf(file);
  const problem = rootProblem(root, file, stateFolder);
  if (problem) throw new SetupError(problem);
  return {
    ...hubConfig(rest),
    moreHubs: hubs.map(hubConfig),
    root,
    maxRunning: rest.max_running,
    isolation: rest.isolation,
    missingProjects: rest.missing_projects,
    maxMinutes: rest.max_minutes,
    holdMinutes: rest.hold_minutes,
    models: Object.fromEntries(
      Object.entries(models).map((
        [model, own],
      ) => [model, modelConfig(model, own, permissionsOf(permissions, own.permissions))]),
    ),
    stateFolder,
  };
}

/** The configuration for each of its hubs. */
export function configsByHub(config: Config): Config[] {
  return [config, ...config.moreHubs.map((hub) => ({ ...config, ...hub }))];
}

export function stateFolderOf(configPath: string): string {
  const file = resolve(configPath);
  return join(dirname(file), parsePath(file).name);
}

function readToml(file: string): unknown {
  try {
    const mode = Deno.statSync(file).mode;
    if (mode !== null && mode & 0o077) {
      throw new SetupError(
        `"${file}" holds this device's token and others can read it. Run: chmod 600 "${file}"`,
      );
    }
    return parse(Deno.readTextFileSync(file));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new SetupError(
        `There is no configuration at "${file}". Run "npm run executor -- enroll" first, or name ` +
          `another file with --config.`,
      );
    }
    if (error instanceof TomlError) {
      throw new SetupError(`"${file}" is not valid TOML: ${error.message}`);
    }
    throw error;
  }
}

const COMMAND = z.array(z.string().min(1)).min(1).refine(
  (parts) => !parts.includes("{prompt}") || parts[parts.indexOf("{prompt}") - 1] === "--",
  'put "--" before "{prompt}", so that no prompt can be read as an option',
);

const MODEL = z.strictObject({
  command: COMMAND.optional(),
  resume: COMMAND.optional(),
  version: COMMAND.optional(),
  format: z.enum(Object.keys(FORMATS) as [FormatName, ...FormatName[]]).optional(),
  args: z.array(z.string()).default([]),
  env: z.record(z.string(), z.string()).optional(),
  permissions: PERMISSIONS.optional(),
}).refine(
  ({ command, format }) => !command || format,
  'a model with a "command" of its own needs a "format" too',
);

const MODELS = z.record(z.string().regex(/^[a-z0-9-]{1,32}$/), MODEL).superRefine(
  (models, context) => {
    for (const [name, { command }] of Object.entries(models)) {
      if (command || PRESETS[name]) continue;
      const message = `there is no preset "${name}": give it a "command" and a "format"`;
      context.addIssue({ code: "custom", path: [name], message });
    }
  },
);

const HUB = z.strictObject({
  url: z.url({ protocol: /^https?$/ }),
  publishable_key: z.string().min(1),
  token: z.string().regex(/^aura_[0-9a-f]{64}$/, 'is not a device token; run "enroll" again'),
  device: z.string().min(1),
  device_id: z.uuid(),
});

const SHAPE = HUB.extend({
  hubs: z.array(HUB).default([]),
  root: z.string().min(1),
  max_running: z.int().min(1).max(64).default(1),
  isolation: z.enum(["none", "worktree"]).default("none"),
  missing_projects: z.enum(["fail", "create"]).default("fail"),
  max_minutes: z.number().positive().default(120),
  hold_minutes: z.number().positive().default(10),
  permissions: PERMISSIONS.default({}),
  models: MODELS.default({}),
}).superRefine(({ device_id, hubs }, context) => {
  const ids = [device_id, ...hubs.map((hub) => hub.device_id)];
  ids.forEach((id, at) => {
    if (ids.indexOf(id) === at) return;
    const path = ["hubs", at - 1, "device_id"];
    context.addIssue({ code: "custom", path, message: "is that of another hub in this file" });
  });
});

function hubConfig(hub: z.infer<typeof HUB>): HubConfig {
  return {
    url: hub.url.replace(/\/+$/, ""),
    publishableKey: hub.publishable_key,
    token: hub.token,
    device: hub.device,
    deviceId: hub.device_id,
  };
}

function modelConfig(
  model: Model,
  own: z.infer<typeof MODEL>,
  permissions: Permissions,
): ModelConfig {
  const { command, format, env, args, resume, version } = own;
  if (command && format) {
    return {
      command,
      format,
      args,
      permissions,
      ...(resume && { resume }),
      ...(version && { version }),
      ...(env && { env }),
    };
  }
  const preset = PRESETS[model]!;
  return { ...preset, args, permissions, env: { ...preset.env, ...env } };
}
