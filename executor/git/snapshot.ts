import { join } from "node:path";
import { type Git, GitError, joinWithNul, type Place, text } from "./git.ts";

/** Everything that a working tree holds, as a commit. */
export interface Snapshot {
  /** What HEAD names; null when it names no commit. */
  head: string | null;
  /** The branch that is checked out, e.g. `refs/heads/aura/1234`; null when HEAD is detached. */
  headRef: string | null;
  /** HEAD, or a new commit on top of it that has what was not committed; null: there is nothing. */
  commit: string | null;
  /** Files that are on no commit: ignored ones, and what git cannot take. Folders end in `/`. */
  loose: string[];
  /** Folders with a repository of their own. Its files are in the commit, its history is not. */
  nested: string[];
  /** A rebase, merge or the like that was not finished, by its usual name. */
  unfinished: string | null;
}

/**
 * Commits what is in the working tree, leaving its HEAD, index and files as they are: only plumbing
 * is used, so that nothing signs, asks, runs a hook or stumbles over a lock. `index` is a path for
 * an index file of the snapshot's own.
 */
export async function takeSnapshot(
  git: Git,
  tree: Required<Pick<Place, "gitDir" | "workTree">>,
  index: string,
  message: string,
): Promise<Snapshot> {
  const place = { ...tree, index };
  const head = await git.maybe(tree, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  const headRef = await git.maybe(tree, ["symbolic-ref", "--quiet", "HEAD"]);
  await copyIndex(git, place, head);
  const nested = await stage(git, place);
  const files = await git.text(place, ["write-tree"]);
  const before = head
    ? await git.text(tree, ["rev-parse", `${head}^{tree}`])
    : await emptyTree(git, tree);
  const commit = files === before ? head : await commitTree(git, tree, files, head, message);
  return {
    head,
    headRef,
    commit,
    loose: await looseFiles(git, place),
    nested,
    unfinished: unfinished(tree.gitDir),
  };
}

/** The working tree's index, so that only what changed is read; anew where it cannot be used. */
async function copyIndex(git: Git, place: Place & { index: string }, head: string | null) {
  try {
    await Deno.copyFile(join(place.gitDir, "index"), place.index);
    await git.bytes(place, ["ls-files", "--unmerged"]);
    // Files that were marked as "assume unchanged" are looked at, too. It fails where some changed.
    await git.maybe(place, ["update-index", "-q", "--really-refresh", "--unmerged"]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof GitError)) throw error;
    await Deno.remove(place.index).catch(() => {});
    if (head) await git.bytes(place, ["read-tree", head]);
  }
}

/** Brings the index up to the files. Returns the folders with a repository of their own. */
async function stage(git: Git, place: Place & { workTree: string }): Promise<string[]> {
  const links = await gitlinks(git, place);
  const submodules = await submodulePaths(git, place);
  // What an agent added as a link is a nested repository, whose files would be on no branch.
  await unstage(git, place, links.filter((path) => !submodules.has(path)).map(encode));
  await unstage(git, place, await missing(git, place, submodules));

  const changed = [
    ...await git.entries(place, ["ls-files", "-z", "--modified", "--others", "--exclude-standard"]),
    ...await unmerged(git, place),
  ];
  const paths: Uint8Array[] = [];
  const nested: string[] = [];
  const sort = (path: Uint8Array) => {
    const name = text(path);
    if (name.endsWith("/")) nested.push(name);
    else if (!submodules.has(name) && !isTooLarge(place, name)) paths.push(path);
  };
  changed.forEach(sort);
  for (let next = 0; next < nested.length; next++) {
    (await filesOf(git, place, nested[next]!)).forEach(sort);
  }
  const args = ["-z", "--add", "--remove", "--replace", "--ignore-skip-worktree-entries"];
  await git.bytes(place, ["update-index", ...args, "--stdin"], { input: joinWithNul(paths) });
  const used = links.filter((path) => submodules.has(path) && isUsed(place, path));
  return [...nested, ...used.map((path) => `${path}/`)];
}

async function unstage(git: Git, place: Place, paths: Uint8Array[]): Promise<void> {
  const input = joinWithNul(paths);
  await git.bytes(place, ["update-index", "-z", "--force-remove", "--stdin"], { input });
}

/** Known files that are no longer there, or not as files: what is below a link is another's. */
async function missing(
  git: Git,
  place: Place & { workTree: string },
  submodules: Set<string>,
): Promise<Uint8Array[]> {
  const others = await git.entries(place, ["ls-files", "-z", "--others", "--exclude-standard"]);
  const fresh = new Set(others.map(text));
  const changed = await git.entries(place, ["ls-files", "-z", "--modified"]);
  const replaced = changed.filter((path) => {
    const name = text(path);
    const parts = name.split("/");
    return parts.some((_, depth) => depth > 0 && fresh.has(parts.slice(0, depth).join("/"))) ||
      !submodules.has(name) && isFolder(place, name);
  });
  return [...await git.entries(place, ["ls-files", "-z", "--deleted"]), ...replaced];
}

function isFolder(place: { workTree: string }, path: string): boolean {
  return !!lstat(join(place.workTree, path))?.isDirectory;
}

/** Links to commits of other repositories, in the index. */
async function gitlinks(git: Git, place: Place): Promise<string[]> {
  return (await git.entries(place, ["ls-files", "-z", "--stage"]))
    .filter((entry) => text(entry.subarray(0, 6)) === "160000")
    .map((entry) => text(entry.subarray(entry.indexOf(TAB) + 1)));
}

async function unmerged(git: Git, place: Place): Promise<Uint8Array[]> {
  return (await git.entries(place, ["ls-files", "-z", "--unmerged"]))
    .map((entry) => entry.subarray(entry.indexOf(TAB) + 1));
}

async function submodulePaths(git: Git, place: Place & { workTree: string }) {
  const file = join(place.workTree, ".gitmodules");
  const args = ["config", "-z", "--file", file, "--no-includes", "--get-regexp"];
  const told = await git.maybe(place, [...args, "^submodule\\..*\\.path$"]) ?? "";
  return new Set(told.split("\0").map((entry) => entry.slice(entry.indexOf("\n") + 1)));
}

/** The files of a nested repository by its own rules; git itself would not go into it. */
async function filesOf(git: Git, place: Place & { workTree: string }, folder: string) {
  const inside = {
    gitDir: place.gitDir,
    workTree: join(place.workTree, folder),
    // There is none: nothing in there is known.
    index: `${place.index}.none`,
  };
  const prefix = encode(folder);
  return (await git.entries(inside, ["ls-files", "-z", "--others", "--exclude-standard"]))
    .map((path) => new Uint8Array([...prefix, ...path]));
}

/** Whether there is something in the folder of a submodule; a checkout leaves it empty. */
function isUsed(place: { workTree: string }, path: string): boolean {
  return isFolder(place, path) && [...Deno.readDirSync(join(place.workTree, path))].length > 0;
}

function isTooLarge(place: { workTree: string }, path: string): boolean {
  return (lstat(join(place.workTree, path))?.size ?? 0) > LARGEST;
}

/** What is in the working tree and not in the index, except what is made again at no cost. */
async function looseFiles(git: Git, place: Place & { workTree: string }): Promise<string[]> {
  const left = await git.entries(place, [
    ...["ls-files", "-z", "--others", "--directory", "--no-empty-directory"],
  ]);
  return left.map(text).filter((path) => !path.split("/").some((part) => MADE_AGAIN.has(part)));
}

/** Its name depends on the repository's kind of hash. */
export async function emptyTree(git: Git, place: Place): Promise<string> {
  return await git.text(place, ["mktree"], { input: new Uint8Array() });
}

async function commitTree(
  git: Git,
  place: Place,
  tree: string,
  parent: string | null,
  message: string,
): Promise<string> {
  const name = await git.maybe(place, ["config", "user.name"]) || "Aura";
  const email = await git.maybe(place, ["config", "user.email"]) || "aura@localhost";
  return await git.text(
    place,
    ["commit-tree", tree, ...(parent ? ["-p", parent] : []), "-F", "-"],
    {
      input: encode(`${message}\n`),
      env: {
        GIT_AUTHOR_NAME: name,
        GIT_AUTHOR_EMAIL: email,
        GIT_COMMITTER_NAME: name,
        GIT_COMMITTER_EMAIL: email,
      },
    },
  );
}

function unfinished(gitDir: string): string | null {
  for (const [file, name] of UNFINISHED) {
    if (lstat(join(gitDir, file))) return name;
  }
  return null;
}

function lstat(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw error;
  }
}

function encode(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

/** Bytes; a larger file stays in the folder. Forges refuse such files, too. */
const LARGEST = 100 * 1024 * 1024;

/** What package managers and test runners fill from what is committed. */
const MADE_AGAIN = new Set([
  "node_modules",
  "__pycache__",
  ".venv",
  ".pytest_cache",
  ".mypy_cache",
  ".ruff_cache",
  ".DS_Store",
]);

const UNFINISHED = [
  ["rebase-merge", "rebase"],
  ["rebase-apply", "rebase"],
  ["MERGE_HEAD", "merge"],
  ["CHERRY_PICK_HEAD", "cherry-pick"],
  ["REVERT_HEAD", "revert"],
  ["BISECT_LOG", "bisect"],
] as const;

const TAB = 9;
