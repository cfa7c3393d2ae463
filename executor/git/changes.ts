import type { ChangedFile } from "../../client/rows.ts";
import { type Git, type Place, splitAtNul, text } from "./git.ts";
import type { TreeRecord } from "./records.ts";
import { emptyTree } from "./snapshot.ts";

/** What a branch has changed against the branch it began from. */
export interface Changes {
  /** The name of the base's branch, or its commit where there is none. */
  base: string;
  branch: string;
  /** What the branch was at when this was counted. */
  commit: string;
  files: ChangedFile[];
  /** All of them; `files` has the first five hundred at most. */
  file_count: number;
  additions: number;
  deletions: number;
}

/** A commit and what it is compared with. */
export interface Range {
  base: string;
  commit: string;
}

/**
 * Where `commit` parted from its base. The base may have moved since, and may have been merged in:
 * as its local branch, or as a newer one of the remote's. The nearest of them counts, so that
 * nobody else's work is shown as this one's.
 */
export async function rangeOf(
  git: Git,
  place: Place,
  base: TreeRecord["base"],
  commit: string,
): Promise<Range> {
  let nearest: { base: string; distance: number } | null = null;
  for (const candidate of await baseCommits(git, place, base)) {
    const parted = await git.maybe(place, ["merge-base", commit, candidate]);
    if (!parted) continue;
    const count = await git.text(place, ["rev-list", "--count", `${parted}..${commit}`]);
    if (!nearest || Number(count) < nearest.distance) {
      nearest = { base: parted, distance: Number(count) };
    }
  }
  return { base: nearest?.base ?? await emptyTree(git, place), commit };
}

/** The commits that belong to the base: its beginning, its branch now, and the remote's. */
export async function baseCommits(
  git: Git,
  place: Place,
  { branch, commit }: TreeRecord["base"],
): Promise<string[]> {
  const local = branch ? `refs/heads/${branch}` : null;
  const upstream = local && await git.maybe(place, ["for-each-ref", "--format=%(upstream)", local]);
  const names = [commit, local, upstream, "refs/remotes/origin/HEAD"];
  const found = await Promise.all(
    names.filter((name) => !!name).map((name) =>
      git.maybe(place, ["rev-parse", "--verify", "--quiet", `${name}^{commit}`])
    ),
  );
  return [...new Set(found.filter((name) => name !== null))];
}

/** Counts what lies between the two. */
export async function countChanges(
  git: Git,
  place: Place,
  range: Range,
  names: { base: string; branch: string },
): Promise<Changes> {
  const args = ["diff-tree", "-r", "-z", "--raw", "--numstat", ...SAFE, range.base, range.commit];
  const files = parse(splitAtNul(await git.bytes(place, args)).map(text));
  const sum = (key: "additions" | "deletions") =>
    files.reduce((total, file) => total + (file[key] ?? 0), 0);
  return {
    ...names,
    commit: range.commit,
    files: firstOf(files),
    file_count: files.length,
    additions: sum("additions"),
    deletions: sum("deletions"),
  };
}

/** As many as the hub takes, whatever their names. */
function firstOf(files: ChangedFile[]): ChangedFile[] {
  let letters = 0;
  const count = files.findIndex(({ path, old_path = "" }, index) =>
    index === MOST_FILES || (letters += path.length + old_path.length) > MOST_LETTERS
  );
  return count < 0 ? files : files.slice(0, count);
}

/** Writes the difference as `git apply` takes it; false when it is too large for a file. */
export async function writePatch(
  git: Git,
  place: Place,
  range: Range,
  path: string,
): Promise<boolean> {
  const args = ["diff-tree", "-r", "-p", "--binary", "--full-index", ...SAFE];
  const whole = await git.toFile(place, [...args, range.base, range.commit], path, LARGEST_PATCH);
  if (!whole) await Deno.remove(path);
  return whole;
}

/** All raw records come first, then the counts; a rename has two names in both. */
function parse(tokens: string[]): ChangedFile[] {
  const files: ChangedFile[] = [];
  let at = 0;
  while (tokens[at]?.startsWith(":")) {
    const letter = tokens[at++]!.split(" ")[4]![0]!;
    const first = tokens[at++]!;
    const moved = letter === "R" || letter === "C";
    files.push({
      path: shown(moved ? tokens[at++]! : first),
      ...(moved && { old_path: shown(first) }),
      status: STATUS[letter] ?? "modified",
      additions: null,
      deletions: null,
    });
  }
  for (const file of files) {
    const [additions, deletions, path] = tokens[at++]!.split("\t");
    if (path === "") at += 2;
    file.additions = additions === "-" ? null : Number(additions);
    file.deletions = deletions === "-" ? null : Number(deletions);
  }
  return files;
}

/** A name may hold anything but NUL; what cannot be shown is replaced. */
function shown(path: string): string {
  // deno-lint-ignore no-control-regex -- these are the characters to replace
  return path.replace(/[\x00-\x1f\x7f]/g, "\ufffd").slice(0, 1_000).toWellFormed();
}

const STATUS: Record<string, ChangedFile["status"]> = {
  A: "added",
  M: "modified",
  D: "deleted",
  R: "renamed",
  C: "copied",
  T: "type_changed",
};

const SAFE = ["--find-renames", "--no-ext-diff", "--no-textconv", "--no-color"];
const MOST_FILES = 500;
/** Of all names together: the hub takes changes of 256 kB. */
const MOST_LETTERS = 100_000;
/** Bytes; what the hub takes as one file. */
const LARGEST_PATCH = 25 * 1024 * 1024;
