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
    ? `The whole result is attached as "${attached}".`
    : whereKept(result, task, { stateFolder, device });
  const shown = cut(result, MOST);
  return shown + openFence(shown) + `\n\n(Cut: ${result.length} characters. ${where})`;
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

/** Keeps a whole result in the executor's own folder; returns a sentence that says where. */
export function whereKept(
  result: string,
  task: Pick<ClaimedTask, "short_id" | "attempt">,
  { stateFolder, device }: Pick<Config, "stateFolder" | "device">,
): string {
  const folder = join(stateFolder, "results");
  const path = join(folder, `${task.short_id}-${task.attempt}.txt`);
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(path, result, { mode: 0o600 });
    return `The whole result is in "${path}" on ${device}.`;
  } catch (error) {
    return `The whole result could not be kept on ${device}: ${(error as Error).message}`;
  }
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
