import { basename, join, relative } from "node:path";
import { FolderError, projectFolder } from "../folder.ts";
import { type ClosedTree, closeTree } from "./close.ts";
import { Git, GitError, type Place } from "./git.ts";
import { isIntact, isThere, Records, type TreeRecord } from "./records.ts";
import { branches, branchOf, commitOf, stashOf } from "./refs.ts";

export interface TreeOptions {
  /** The real path of the project's folder. */
  project: string;
  /** The same key finds its branch and its path again: an agent's session belongs to a path. */
  key: string;
  /** The short id of the task. */
  task: string;
  device: string;
  stateFolder: string;
  /** What agents inherit; git gets the same. */
  environment: Record<string, string>;
}

/** The branch is here, and cannot be used now: no other device can go on with it. */
export class BranchError extends Error {
  override name = "BranchError";
}

/** A task's own working tree, outside of the project's folder. */
export interface Tree {
  /** Where the agent runs: the project's place in the working tree. */
  folder: string;
  branch: string;
  /**
   * Commits what the agent left on a branch, and removes the folder unless something in it is on
   * no branch. It never throws: what went wrong is in the note, and the folder stays as it is.
   * Call it exactly once, when nothing of the agent runs any more.
   */
  close(message: string, patchFile?: string): Promise<ClosedTree>;
}

/** Checks out a branch for the key, or takes up its working tree as the last run has left it. */
export async function openTree(options: TreeOptions): Promise<Tree> {
  const { project, key, stateFolder } = options;
  const git = new Git(options.environment);
  const found = await git.find(project).catch((error) => {
    if (!(error instanceof GitError)) throw error;
    throw new FolderError(
      `"${project}" is no git repository that can be used (${error.message}), and isolation = ` +
        `"worktree" needs one: run "git init" there, or set isolation = "none" in the executor's ` +
        `configuration.`,
    );
  });
  const leave = await enter(join(stateFolder, key));
  try {
    const records = new Records(stateFolder);
    const { record, known } = await takeUp(git, records, found, options);
    const folder = projectFolder(record.path, relative(found.top, project), "create");
    const repository = { gitDir: record.common };
    const theirs = await branches(git, repository);
    const stash = await stashOf(git, repository);
    let closed = false;
    return {
      folder,
      branch: record.branch,
      async close(message, patchFile) {
        if (closed) throw new Error(`The working tree "${record.path}" is closed already.`);
        closed = true;
        try {
          const { device } = options;
          const files = patchFile ? { patchFile } : {};
          const closing = { device, known, theirs, stash, message, ...files };
          return await closeTree(git, records, record, closing);
        } catch (error) {
          return {
            note: `The working tree could not be closed (${(error as Error).message}); the work ` +
              `is in "${record.path}" on ${options.device}.`,
            changes: null,
            patched: false,
            kept: record.path,
          };
        } finally {
          leave();
        }
      },
    };
  } catch (error) {
    leave();
    throw error;
  }
}

/** The record of a working tree that is checked out, and whether its branch was there before. */
async function takeUp(
  git: Git,
  records: Records,
  found: { top: string; gitDir: string; common: string },
  { key, task, stateFolder }: TreeOptions,
): Promise<{ record: TreeRecord; known: boolean }> {
  const place = { gitDir: found.gitDir };
  const head = await git.maybe(place, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (!head) {
    throw new FolderError(
      `The repository "${found.top}" has no commit yet, so no branch can be made: commit ` +
        `something, then retry the task.`,
    );
  }
  let start = head;
  for (let number = 1;; number++) {
    const suffix = number === 1 ? key : `${key}-${number}`;
    const name = `${basename(found.top)}-${suffix}`;
    const old = records.read(name);
    const path = join(stateFolder, "worktrees", name);
    if (old && old.common !== found.common) continue;
    const record: TreeRecord = {
      name,
      path,
      top: found.top,
      repository: found.gitDir,
      common: found.common,
      gitDir: old?.gitDir ?? null,
      branch: old?.branch ?? `aura/${suffix}`,
      base: old?.base ?? { branch: await branchOf(git, place), commit: head },
      tasks: [...new Set([...old?.tasks ?? [], task])],
    };
    if (isThere(path)) {
      // Without a git folder the check-out was cut short, before any agent was in there.
      if (old && !old.gitDir) await Deno.remove(path, { recursive: true });
      else if (!old || !isIntact(old)) {
        // The work in there is not to be touched: this one goes on from its branch, elsewhere.
        start = await commitOf(git, place, record.branch) ?? start;
        continue;
      } else {
        for (const lock of ["index.lock", "HEAD.lock"]) {
          await Deno.remove(join(old.gitDir!, lock)).catch(ignoreMissing);
        }
        records.write(record);
        return { record, known: await commitOf(git, place, record.branch) !== old.base.commit };
      }
    }
    const known = await commitOf(git, place, record.branch) !== null;
    records.write({ ...record, gitDir: null });
    await checkOut(git, place, record, known ? null : start);
    record.gitDir = (await git.find(path)).gitDir;
    records.write(record);
    return { record, known };
  }
}

async function checkOut(git: Git, place: Place, record: TreeRecord, start: string | null) {
  const { path, branch } = record;
  await Deno.mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  // The rest of a working tree whose folder has gone.
  await git.maybe(place, ["worktree", "remove", "--force", path]);
  try {
    // Not by "worktree add -b": asked again, it would find the branch that it has made.
    if (start) await git.bytes(place, ["update-ref", `refs/heads/${branch}`, start, ""]);
    await git.bytes(place, ["worktree", "add", path, branch]);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    throw new BranchError(
      `The branch "${branch}" cannot be checked out for this task; a person may be using it. Leave ` +
        `it in "${record.top}", then retry the task. ${error.message}`,
    );
  }
}

/** Waits until nobody else in this process has the tree; returns how to leave it. */
async function enter(key: string): Promise<() => void> {
  const before = inUse.get(key);
  const { promise, resolve } = Promise.withResolvers<void>();
  const mine = Promise.resolve(before).then(() => promise);
  inUse.set(key, mine);
  await before;
  return () => {
    if (inUse.get(key) === mine) inUse.delete(key);
    resolve();
  };
}

const inUse = new Map<string, Promise<void>>();

function ignoreMissing(error: unknown) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
