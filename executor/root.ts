import { dirname } from "node:path";
import { existing, isInside, realPath } from "./folder.ts";

/**
 * Why the folder cannot be the root, or null. Whatever is below it agents may write, so it holds
 * nothing that decides what the executor runs: an agent that edited the configuration would be the
 * executor from the next start on.
 */
export function rootProblem(root: string, configPath: string, stateFolder: string): string | null {
  const real = realPath(root);
  if (!real) return null;
  const own = {
    "its configuration": dirname(configPath),
    "its own files": stateFolder,
    "its own program": import.meta.dirname!,
    "the program that runs it": Deno.execPath(),
  };
  for (const [what, path] of Object.entries(own)) {
    if (isInside(real, existing(path))) {
      return `"${root}" cannot be the root: ${what} is in it ("${path}"), and agents may write ` +
        `whatever is below the root. Choose the folder that holds your projects, or move the other.`;
    }
  }
  return null;
}
