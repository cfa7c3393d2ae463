import { fileURLToPath } from "node:url";
import { Runs } from "./runs.ts";

/**
 * Starts the process that outlives a crash of the executor, kill -9 included: a shell asleep on a
 * pipe that only the executor holds. When the pipe closes, it becomes this file, and ends every
 * run written down in the state folder. Returns a function that calls the watcher off.
 */
export function startWatcher(stateFolder: string): () => Promise<void> {
  const child = new Deno.Command("/bin/sh", {
    args: [
      "-c",
      'cat >/dev/null; exec "$@"',
      "aura-watcher",
      Deno.execPath(),
      "run",
      "-A",
      fileURLToPath(import.meta.url),
      stateFolder,
    ],
    // Ctrl-C in a terminal reaches the executor's group; the watcher has work to do after it.
    detached: true,
    stdin: "piped",
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  return async () => {
    child.kill("SIGKILL");
    await child.status;
    await child.stdin.close().catch(() => {});
  };
}

if (import.meta.main) await new Runs(Deno.args[0]!).killAll();
