import type { Command } from "commander";
import process from "node:process";
import type { ChangedFile, Changes, HubFile } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { followTask } from "../follow.ts";
import { findTask, shortId } from "../names.ts";
import { printable } from "../../terminal/printable.ts";

/** What a task changed on a branch of its own: shown, and published. */
export function addChanges(program: Command, context: () => Context): void {
  program.command("diff")
    .description("show what a task changed: the patch, or with --stat the files")
    .argument("<task>", "its first eight hex digits")
    .option("--stat", "the files and their counts instead of the patch")
    .action((prefix: string, { stat }: { stat?: boolean }) =>
      diff(context(), prefix, stat ?? false)
    );
  program.command("publish")
    .description("push a task's branch and open its pull request, from the device that has it")
    .argument("<task>", "its first eight hex digits")
    .option("--no-pull-request", "only push the branch")
    .option("-f, --follow", "wait until it is done, and show the address")
    .action((prefix: string, options: { pullRequest: boolean; follow?: boolean }) =>
      publish(context(), prefix, options)
    );
}

async function diff({ aura, out }: Context, prefix: string, stat: boolean): Promise<void> {
  const task = await findTask(aura, prefix);
  const { changes } = task;
  if (!changes) {
    return out.result(null, () => [`${shortId(task.id)} changed nothing on a branch of its own.`]);
  }
  if (stat) return out.result(changes, () => statLines(changes));
  const patch = patchOf(await aura.fetchTaskFiles(task.id));
  if (!patch) {
    process.exitCode = EXIT.refused;
    console.error(`The patch is not here; the branch is ${changes.branch}. See "hub files".`);
    return out.result(changes, () => statLines(changes));
  }
  const bytes = new Uint8Array(await (await aura.downloadFile(patch)).arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  // In a pipe as it is, for git apply; a terminal is shown no more than text.
  if (out.json) out.result({ ...changes, patch: text }, () => []);
  else process.stdout.write(out.isTerminal ? printable(text) : bytes);
}

/** The newest one, where an attempt before this one had left another. */
function patchOf(files: HubFile[]): HubFile | undefined {
  return files
    .filter(({ direction, state }) => direction === "out" && state === "stored")
    .filter(({ name }) => /^changes( \(\d+\))?\.patch$/.test(name))
    .at(-1);
}

function statLines({ base, branch, files, file_count, additions, deletions }: Changes): string[] {
  const more = file_count - files.length;
  const count = `${file_count} ${file_count === 1 ? "file" : "files"}`;
  return [
    ...files.map((file) => printable(fileLine(file)).replaceAll("\n", " ")),
    ...(more > 0 ? [`… ${more} more`] : []),
    printable(`${count} +${additions} −${deletions} on ${branch}, against ${base}`),
  ];
}

function fileLine({ path, old_path, status, additions, deletions }: ChangedFile): string {
  const counts = additions === null ? "binary" : `+${additions} −${deletions}`;
  return `${status}\t${counts}\t${old_path ? `${old_path} → ` : ""}${path}`;
}

async function publish(
  here: Context,
  prefix: string,
  { pullRequest, follow }: { pullRequest: boolean; follow?: boolean },
): Promise<void> {
  const { aura, out } = here;
  const task = await aura.publishChanges((await findTask(aura, prefix)).id, pullRequest);
  out.result(task, () => [`⏳ ${shortId(task.id)} queued: ${printable(task.content)}`]);
  if (follow) await followTask(here, task.id);
}
