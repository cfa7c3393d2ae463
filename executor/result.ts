import { join } from "node:path";
import type { Config } from "./config.ts";
import type { ClaimedTask } from "./hub.ts";
import { cut } from "./text.ts";

/**
 * A result that the hub takes. What is longer is attached whole as a file, or else kept in the
 * executor's own folder, and the text says where.
 */
export function fitResult(
  result: string,
  task: Pick<ClaimedTask, "short_id" | "attempt">,
  { stateFolder, device }: Pick<Config, "stateFolder" | "device">,
  attached?: string,
): string {
  if (!isTooLong(result)) return result;
  const where = attached
    ? `attached as "${attached}"`
    : `in "${keepResult(result, task, stateFolder)}" on ${device}`;
  const shown = cut(result, MOST);
  return shown + openFence(shown) +
    `\n\n(Cut: the whole result, ${result.length} characters, is ${where}.)`;
}

export function isTooLong(result: string): boolean {
  return result.length > MOST;
}

/** The hub takes a million characters; the rest is room for the note and the message around it. */
const MOST = 990_000;

/** What closes a code block that the cut has left open, so that the note does not stand in it. */
function openFence(text: string): string {
  let open = "";
  for (const [, fence] of text.matchAll(/^ {0,3}(`{3,}|~{3,})/gm)) {
    if (!open) open = fence!;
    else if (fence!.startsWith(open)) open = "";
  }
  return open && `\n${open}`;
}

/** Keeps a whole result in the executor's own folder; returns its path. */
export function keepResult(
  result: string,
  task: Pick<ClaimedTask, "short_id" | "attempt">,
  stateFolder: string,
): string {
  const folder = join(stateFolder, "results");
  Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${task.short_id}-${task.attempt}.txt`);
  Deno.writeTextFileSync(path, result, { mode: 0o600 });
  return path;
}

/** Removes whole results that nobody has fetched for two weeks. */
export function removeOldResults(stateFolder: string): void {
  const folder = join(stateFolder, "results");
  const oldest = Date.now() - 14 * 86_400_000;
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      const path = join(folder, name);
      if ((Deno.statSync(path).mtime?.getTime() ?? oldest) < oldest) Deno.removeSync(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
