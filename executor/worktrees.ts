import { type Config, SetupError } from "./config.ts";
import { agentEnvironment } from "./environment.ts";
import { Git } from "./git/git.ts";
import { clearWork, type KeptWork, listWork } from "./git/worktrees.ts";
import { isLocked } from "./lock.ts";

/** `executor worktrees`: what tasks have left on this machine. */
export async function worktrees(config: Config, names: string[]): Promise<string> {
  const work = await named(config, names);
  return work.map(shown).join("\n") || "Tasks have left no branches and no working trees.";
}

/** `executor worktrees --clear`: removes what would not be lost; with `discard` all that is named. */
export async function clearWorktrees(
  config: Config,
  names: string[],
  discard: boolean,
): Promise<string> {
  if (discard && names.length === 0) {
    throw new SetupError("--discard deletes work for good: name what it is to delete.");
  }
  if (await isLocked(config.stateFolder)) {
    throw new SetupError("An executor is running and may be at work there: stop it first.");
  }
  const { device, stateFolder } = config;
  const told: string[] = [];
  for (const work of await named(config, names)) {
    told.push(
      await clearWork(git(), stateFolder, work, { device, discard })
        .catch((error) => `${work.record.name} stays: ${(error as Error).message}`),
    );
  }
  return told.join("\n") || "There is nothing to clear.";
}

async function named(config: Config, names: string[]): Promise<KeptWork[]> {
  const work = await listWork(git(), config.stateFolder);
  const unknown = names.filter((name) => !work.some(({ record }) => record.name === name));
  if (unknown.length) {
    throw new SetupError(`There is no "${unknown.join('", "')}". See "worktrees" for the names.`);
  }
  return names.length ? work.filter(({ record }) => names.includes(record.name)) : work;
}

function shown({ record, folder, commits, trouble }: KeptWork): string {
  const state = trouble
    ? `cannot be looked at: ${trouble}`
    : commits === null
    ? "the branch is gone"
    : commits === 0
    ? "everything is on another branch, too"
    : `${commits} ${commits === 1 ? "commit" : "commits"} on no other branch and on no remote`;
  return [
    `${record.name}  ${record.branch} in ${record.top}  (tasks ${record.tasks.join(", ")})`,
    `  ${state}`,
    ...(folder ? [`  kept: ${folder}`] : []),
  ].join("\n");
}

function git(): Git {
  return new Git(agentEnvironment(Deno.env.toObject()));
}
