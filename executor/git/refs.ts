import type { Git, Place } from "./git.ts";

/** The full names of all branches. */
export async function branches(git: Git, place: Place): Promise<Set<string>> {
  return new Set((await git.text(place, ["for-each-ref", "--format=%(refname)", "refs/heads/"]))
    .split("\n"));
}

export async function branchOf(git: Git, place: Place): Promise<string | null> {
  const ref = await git.maybe(place, ["symbolic-ref", "--quiet", "HEAD"]);
  return ref?.replace(/^refs\/heads\//, "") ?? null;
}

export async function commitOf(git: Git, place: Place, branch: string): Promise<string | null> {
  const name = `refs/heads/${branch}^{commit}`;
  return await git.maybe(place, ["rev-parse", "--verify", "--quiet", name]);
}

export async function isAncestor(
  git: Git,
  place: Place,
  one: string,
  other: string,
): Promise<boolean> {
  return await git.maybe(place, ["merge-base", "--is-ancestor", one, other]) !== null;
}

export async function stashOf(git: Git, place: Place): Promise<string | null> {
  return await git.maybe(place, ["rev-parse", "--verify", "--quiet", "refs/stash"]);
}
