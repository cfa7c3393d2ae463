// Builds the console when it has never been built here, beside the running stack.
import { join } from "node:path";
import { ownEnvironment } from "./children.ts";

/** Starts the build unless there is one, or another stack is at it. Resolves to what ends it. */
export async function buildConsole(root: string, log: string): Promise<() => Promise<void>> {
  const folder = join(root, "console");
  const nothing = () => Promise.resolve();
  const manifest = await open(join(folder, "package.json"));
  if (!manifest) return nothing;
  const built = await open(join(folder, "dist/index.html"));
  if (built || !await manifest.tryLock(true)) {
    built?.close();
    manifest.close();
    return nothing;
  }
  const build = new Deno.Command("npm", {
    ...ownEnvironment(),
    args: ["run", "build"],
    cwd: folder,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  let stopped = false;
  const ended = build.output().then(async ({ success, stdout, stderr }) => {
    manifest.close();
    if (stopped) return;
    if (success) return console.log("The console is built: reload its page.");
    await Deno.writeFile(log, new Uint8Array([...stdout, ...stderr]));
    console.error(`Building the console failed; the reason is in "${log}".`);
  });
  ended.catch((error) => console.error(`Building the console failed: ${error.message}`));
  return async () => {
    stopped = true;
    try {
      // The whole group, since npm passes no signal on.
      Deno.kill(-build.pid, "SIGTERM");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await ended;
  };
}

async function open(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
