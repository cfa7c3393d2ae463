import { delimiter, isAbsolute, join } from "node:path";
import type { ModelConfig } from "./config.ts";
import { commandFor, type Model } from "./presets.ts";

/** A model this machine can run. */
export interface FoundModel {
  model: Model;
  /** The program's own version; null when it does not tell. */
  version: string | null;
  path: string;
  config: ModelConfig;
}

/**
 * The models whose program is on PATH, each asked for its version. One that cannot tell it, e.g.
 * because its interpreter is missing, is left out and said so; the others are found all the same.
 */
export async function detect(
  models: Record<Model, ModelConfig>,
  complain: (text: string) => void = () => {},
): Promise<FoundModel[]> {
  const found = await Promise.all(
    Object.entries(models).map(async ([model, config]) => {
      const path = findProgram(config.command[0]!);
      if (!path) return [];
      try {
        const version = await versionOf(config.version);
        return [{ model, version, path, config: { ...config, ...commandFor(config, version) } }];
      } catch (error) {
        complain(`${model} is not offered: ${(error as Error).message}`);
        return [];
      }
    }),
  );
  return found.flat();
}

/** The program's absolute path, or null. A path with a slash is taken as it is. */
export function findProgram(name: string, path = Deno.env.get("PATH") ?? ""): string | null {
  if (isAbsolute(name)) return isProgram(name) ? name : null;
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    if (isProgram(join(folder, name))) return join(folder, name);
  }
  return null;
}

function isProgram(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
      error instanceof Deno.errors.NotADirectory
    ) return false;
    throw error;
  }
}

/** `2.1.330 (Claude Code)`, `codex-cli 0.169.0`, `0.61.0` */
async function versionOf([name, ...args]: string[] = []): Promise<string | null> {
  const path = name && findProgram(name);
  if (!path) return null;
  const signal = AbortSignal.timeout(VERSION_PATIENCE);
  const { code, stdout } = await new Deno.Command(path, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    signal,
  }).output();
  // What a shell says of a program or an interpreter that is not there.
  if (code === 126 || code === 127) throw new Error(`"${path}" cannot be started.`);
  return /\d+\.\d+[\w.+-]*/.exec(new TextDecoder().decode(stdout))?.[0] ?? null;
}

/** Gemini CLI takes seconds to start on a busy machine. */
const VERSION_PATIENCE = 30_000;
