// Sees to it that console/dist, which the stack serves, is built from the sources as they are.
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname!, "../..");
const CONSOLE = join(ROOT, "console");
const SOURCES = [
  join(CONSOLE, "src"),
  join(CONSOLE, "public"),
  join(CONSOLE, "index.html"),
  join(CONSOLE, "vite.config.ts"),
  join(ROOT, "client"),
  join(ROOT, "package-lock.json"),
];

let built: Promise<void> | undefined;

export function builtConsole(): Promise<void> {
  return built ??= buildIfStale();
}

async function buildIfStale(): Promise<void> {
  const page = modified(join(CONSOLE, "dist/index.html"));
  if (page >= Math.max(...SOURCES.map(modified))) return;
  const { success, stderr, stdout } = await new Deno.Command("npm", {
    args: ["run", "build"],
    cwd: CONSOLE,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stdout) + text.decode(stderr));
}

/** When a file, or the newest file of a folder, was written; -Infinity if there is none. */
function modified(path: string): number {
  let stat: Deno.FileInfo;
  try {
    stat = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return -Infinity;
    throw error;
  }
  if (stat.isFile) return stat.mtime!.getTime();
  const inside = [...Deno.readDirSync(path)]
    .filter(({ name }) => name !== "dist" && name !== "node_modules")
    .map(({ name }) => modified(join(path, name)));
  return Math.max(-Infinity, ...inside);
}
