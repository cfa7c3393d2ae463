import { join, parse } from "node:path";
import { baseCommits, type Changes, countChanges, rangeOf, writePatch } from "./changes.ts";
import type { Git, Place } from "./git.ts";
import { noteOf } from "./note.ts";
import { isIntact, isThere, type Records, type TreeRecord } from "./records.ts";
import { commitOf, isAncestor, stashOf } from "./refs.ts";
import { type Snapshot, takeSnapshot } from "./snapshot.ts";

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

export interface Closing {
  device: string;
  /** Whether the branch was there before. */
  known: boolean;
  /** Branches that were there before the agent: they are nobody's to move. */
  theirs: Set<string>;
  /** What `git stash` had put away before; all working trees share it. */
  stash: string | null;
  /** Of the commit, where there is something to commit. */
  message: string;
  patchFile?: string;
}

/** Closes a working tree in which nothing runs any more. */
export async function closeTree(
  git: Git,
  records: Records,
  record: TreeRecord,
  { known, theirs, stash, message, patchFile, device }: Closing,
): Promise<ClosedTree> {
  const tree = { gitDir: record.gitDir!, workTree: record.path };
  const repository = { gitDir: record.common };
  const index = await Deno.makeTempFile({ dir: join(record.path, ".."), prefix: ".index-" });
  try {
    await Deno.remove(index);
    const snapshot = await takeSnapshot(git, tree, index, message);
    // A repository that the agent put in the place of the working tree's link.
    if (isThere(join(record.path, ".git")) && !isIntact(record)) snapshot.nested.push("./");
    const branch = await save(git, repository, records, record, snapshot, theirs, index);
    const commit = await commitOf(git, repository, branch);
    const keep = snapshot.loose.length > 0 || snapshot.nested.length > 0 || !!snapshot.unfinished;
    const removed = keep ? null : await remove(git, repository, record);
    const others = await baseCommits(git, repository, record.base);
    const commits = commit
      ? Number(await git.text(repository, ["rev-list", "--count", commit, "--not", ...others]))
      : 0;
    const kept = keep || removed ? record.path : null;
    const stashed = stash !== await stashOf(git, repository) ? record.top : null;
    const note = noteOf({ stashed, snapshot, branch, commits, kept, device, stuck: removed });
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
      await writePatch(git, repository, range, freeName(patchFile));
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

/** An agent may have left a file of that name. */
function freeName(path: string): string {
  const { dir, name, ext } = parse(path);
  for (let number = 1;; number++) {
    const free = number === 1 ? path : join(dir, `${name} (${number})${ext}`);
    if (!isThere(free)) return free;
  }
}

function ignoreMissing(error: unknown) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
