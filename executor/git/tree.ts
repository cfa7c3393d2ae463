import { basename, join, relative } from "node:path";
import { FolderError, projectFolder } from "../folder.ts";
import { baseCommits, type Changes, countChanges, rangeOf, writePatch } from "./changes.ts";
import { Git, GitError, type Place } from "./git.ts";
import { noteOf } from "./note.ts";
import { Records, type TreeRecord } from "./records.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";

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

export interface ClosedTree {
  /** Where the work is, for the result. */
  note: string;
  /** Null when nothing was changed, or it could not be told. */
  changes: Changes | null;
  /** Whether `patchFile` was written. */
  patched: boolean;
  /** The folder, where it was kept. */
  kept: string | null;
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
    const theirs = await branches(git, { gitDir: record.repository });
    let closed = false;
    return {
      folder,
      branch: record.branch,
      async close(message, patchFile) {
        if (closed) throw new Error(`The working tree "${record.path}" is closed already.`);
        closed = true;
        try {
          return await close(git, records, record, {
            ...options,
            known,
            theirs,
            message,
            patchFile,
          });
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
    if (exists(path)) {
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
  const what = start ? ["-b", branch, path, start] : [path, branch];
  await git.bytes(place, ["worktree", "add", ...what]).catch((error) => {
    if (!(error instanceof GitError)) throw error;
    throw new FolderError(
      `The branch "${branch}" cannot be checked out for this task; a person may be using it. Leave ` +
        `it in "${record.top}", then retry the task. ${error.message}`,
    );
  });
}

/** Whether the folder still is the working tree that was checked out; an agent can change that. */
function isIntact({ path, gitDir }: TreeRecord): boolean {
  try {
    const file = join(path, ".git");
    return Deno.lstatSync(file).isFile &&
      Deno.readTextFileSync(file).trim() === `gitdir: ${gitDir}` &&
      Deno.readTextFileSync(join(gitDir!, "gitdir")).trim() === file;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

interface Closing extends TreeOptions {
  known: boolean;
  /** Branches that were there before the agent: they are nobody's to move. */
  theirs: Set<string>;
  message: string;
  patchFile?: string;
}

async function close(
  git: Git,
  records: Records,
  record: TreeRecord,
  { known, theirs, message, patchFile, device }: Closing,
): Promise<ClosedTree> {
  const tree = { gitDir: record.gitDir!, workTree: record.path };
  const repository = { gitDir: record.common };
  const index = await Deno.makeTempFile({ dir: join(record.path, ".."), prefix: ".index-" });
  try {
    await Deno.remove(index);
    const snapshot = await takeSnapshot(git, tree, index, message);
    // A repository that the agent put in the place of the working tree's link.
    if (exists(join(record.path, ".git")) && !isIntact(record)) snapshot.nested.push("./");
    const branch = await save(git, repository, records, record, snapshot, theirs, index);
    const commit = await commitOf(git, repository, branch);
    const keep = snapshot.loose.length > 0 || snapshot.nested.length > 0 || !!snapshot.unfinished;
    const removed = keep ? null : await remove(git, repository, record);
    const others = await baseCommits(git, repository, record.base);
    const commits = commit
      ? Number(await git.text(repository, ["rev-list", "--count", commit, "--not", ...others]))
      : 0;
    const kept = keep || removed ? record.path : null;
    const note = noteOf({ snapshot, branch, commits, kept, device, stuck: removed });
    if (commits === 0 || !commit) {
      // Nothing was made: a branch that is as old as this task says nothing.
      if (!kept && !known && commit) {
        await git.bytes(repository, ["update-ref", "-d", `refs/heads/${branch}`, commit]);
        records.remove(record.name);
      }
      return { note, changes: null, patched: false, kept };
    }
    const range = await rangeOf(git, repository, record.base, commit);
    const names = { base: record.base.branch ?? range.base, branch };
    const changes = await countChanges(git, repository, range, names);
    const patched = !!patchFile && changes.file_count > 0 &&
      await writePatch(git, repository, range, patchFile);
    return { note, changes, patched, kept };
  } finally {
    await Deno.remove(index).catch(ignoreMissing);
  }
}

/** Sees to it that a branch has the snapshot, and returns the branch's name. */
async function save(
  git: Git,
  repository: Place,
  records: Records,
  record: TreeRecord,
  { head, headRef, commit, unfinished }: Snapshot,
  theirs: Set<string>,
  index: string,
): Promise<string> {
  if (!commit) return record.branch;
  const move = async (ref: string, old: string | null) => {
    if (old !== commit) await git.bytes(repository, ["update-ref", ref, commit, old ?? ""]);
  };
  const own = `refs/heads/${record.branch}`;
  // What is checked out moves on, as with "git commit", but never a branch that was there before.
  const movable = head !== null && headRef !== null && !unfinished &&
    (headRef === own || !theirs.has(headRef));
  if (movable) {
    await move(headRef, head);
    if (commit !== head) await Deno.copyFile(index, join(record.gitDir!, "index"));
    if (headRef === own) return record.branch;
  }
  const tip = await commitOf(git, repository, record.branch);
  if (tip && await isAncestor(git, repository, commit, tip)) return record.branch;
  if (!unfinished && (!tip || await isAncestor(git, repository, tip, commit))) {
    await move(own, tip);
    return record.branch;
  }
  let branch = movable ? headRef.slice("refs/heads/".length) : "";
  for (let number = 1; !branch; number++) {
    const free = `${record.branch}-left${number > 1 ? `-${number}` : ""}`;
    if (await commitOf(git, repository, free)) continue;
    await move(`refs/heads/${free}`, null);
    branch = free;
  }
  if (!unfinished) {
    // A later task of the same key goes on there.
    record.branch = branch;
    records.write(record);
  }
  return branch;
}

/** Removes the folder and git's entry for it. Returns why it could not. */
async function remove(git: Git, place: Place, record: TreeRecord): Promise<string | null> {
  try {
    await Deno.remove(record.path, { recursive: true });
    await git.bytes(place, ["worktree", "remove", "--force", record.path]);
    return null;
  } catch (error) {
    return (error as Error).message;
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

async function branches(git: Git, place: Place): Promise<Set<string>> {
  return new Set((await git.text(place, ["for-each-ref", "--format=%(refname)", "refs/heads/"]))
    .split("\n"));
}

async function branchOf(git: Git, place: Place): Promise<string | null> {
  const ref = await git.maybe(place, ["symbolic-ref", "--quiet", "HEAD"]);
  return ref?.replace(/^refs\/heads\//, "") ?? null;
}

async function commitOf(git: Git, place: Place, branch: string): Promise<string | null> {
  const name = `refs/heads/${branch}^{commit}`;
  return await git.maybe(place, ["rev-parse", "--verify", "--quiet", name]);
}

async function isAncestor(git: Git, place: Place, one: string, other: string): Promise<boolean> {
  return await git.maybe(place, ["merge-base", "--is-ancestor", one, other]) !== null;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function ignoreMissing(error: unknown) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
