import type { Command } from "commander";
import process from "node:process";
import type { HubFile } from "../../client/index.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { saveFile, sizeText } from "../files.ts";
import { findTask } from "../names.ts";
import { printable } from "../../terminal/printable.ts";

export function addFiles(program: Command, context: () => Context): void {
  program.command("files")
    .description("list the files of a task, or save those that its agent left")
    .argument("<task>", "its first eight hex digits")
    .option("-s, --save <folder>", "save the files that its agent left there, and replace nothing")
    .option("--all", "with --save: the files that were sent along, too")
    .action((prefix: string, { save, all }: { save?: string; all?: boolean }) =>
      save ? saveAll(context(), prefix, save, all ?? false) : list(context(), prefix)
    );
}

async function list({ aura, out }: Context, prefix: string): Promise<void> {
  const files = await aura.fetchTaskFiles((await findTask(aura, prefix)).id);
  out.table(
    files,
    ["direction", "state", "size", "name", "error"],
    files.map((file) => [
      file.direction,
      file.state,
      out.isTerminal ? sizeText(file.size) : String(file.size),
      file.name,
      file.error ?? "",
    ]),
  );
}

/** Saves what there is; what there is not is said, and makes the exit code tell. */
async function saveAll(
  { aura, out }: Context,
  prefix: string,
  folder: string,
  all: boolean,
): Promise<void> {
  const files = await aura.fetchTaskFiles((await findTask(aura, prefix)).id);
  const wanted = files.filter(({ direction }) => all || direction === "out");
  for (const file of wanted) {
    if (file.state === "stored") {
      const path = await saveFile(aura, file, folder);
      out.result({ ...file, saved: path }, () => [printable(path)]);
    } else {
      process.exitCode = EXIT.refused;
      console.error(printable(missing(file)));
    }
  }
}

function missing({ name, state, error }: HubFile): string {
  return state === "failed"
    ? `${name} could not be delivered: ${error}`
    : `${name} has not arrived yet.`;
}
