// The project's files, as git sees them, without what is generated or installed.
import { join } from "node:path";

const SKIPPED = new Set(["node_modules", "dist"]);

/** Paths below `root`, relative to it and sorted, for which `wanted` holds. */
export function filesBelow(root: string, wanted: (path: string) => boolean): string[] {
  const found: string[] = [];
  const walk = (folder: string) => {
    for (const { name, isDirectory, isFile } of Deno.readDirSync(join(root, folder))) {
      const path = join(folder, name);
      if (isDirectory && !SKIPPED.has(name) && !name.startsWith(".")) walk(path);
      else if (isFile && wanted(path)) found.push(path);
    }
  };
  walk("");
  return found.sort();
}
