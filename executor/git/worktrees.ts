import { baseCommits } from "./changes.ts";
import { closeTree } from "./close.ts";
import type { Git } from "./git.ts";
import { isThere, Records, type TreeRecord } from "./records.ts";
import { branches, commitOf, stashOf } from "./refs.ts";

/** A branch of this device's tasks, and its working tree where that was kept. */
export interface KeptWork {
  record: TreeRecord;
  /** The folder, where it is there. */
  folder: string | null;
  /** Commits that are on no branch of a person and on no remote; null: the branch is gone. */
  commits: number | null;
  /** Why it cannot be looked at. */
  trouble: string | null;
}

export async function listWork(git: Git, stateFolder: string): Promise<KeptWork[]> {
  return await Promise.all(
    new Records(stateFolder).list().map(async (record): Promise<KeptWork> => {
      const folder = isThere(record.path) ? record.path : null;
      try {
        return { record, folder, commits: await unmerged(git, record), trouble: null };
      } catch (error) {
        return { record, folder, commits: null, trouble: (error as Error).message };
      }
    }),
  );
}

/**
 * Commits what is in a kept folder, and removes the folder and the branch where nothing would be
 * lost; returns what is left and why. `discard` removes both whatever they hold.
 */
export async function clearWork(
  git: Git,
  stateFolder: string,
  { record }: KeptWork,
  { device, discard }: { device: string; discard: boolean },
): Promise<string> {
  const records = new Records(stateFolder);
  const repository = { gitDir: record.common };
  if (isThere(record.path) && discard) await Deno.remove(record.path, { recursive: true });
  else if (isThere(record.path)) {
    const { kept, note } = await closeTree(git, records, record, {
      device,
      known: true,
      theirs: await branches(git, repository),
      stash: await stashOf(git, repository),
      message: `What tasks left in ${record.name}`,
    });
    if (kept) return `${record.name} stays.\n${note}`;
  }
  // The entry of a folder that is gone, and that was nobody else's.
  await git.maybe(repository, ["worktree", "remove", "--force", record.path]);
  const tip = await commitOf(git, repository, record.branch);
  const commits = tip ? await unmerged(git, record) : 0;
  if (commits && !discard) return `${record.name}: the folder is gone, ${left(record, commits)}`;
  if (tip) {
    await git.bytes(repository, ["update-ref", "-d", `refs/heads/${record.branch}`, tip]);
  }
  records.remove(record.name);
  return `${record.name} is cleared away.`;
}

function left({ branch }: TreeRecord, commits: number): string {
  return `${branch} stays: ${commits} ${commits === 1 ? "commit is" : "commits are"} on no other ` +
    `branch and on no remote.`;
}

/** How many commits would be lost with the branch; null: there is no branch. */
async function unmerged(git: Git, record: TreeRecord): Promise<number | null> {
  const place = { gitDir: record.common };
  const tip = await commitOf(git, place, record.branch);
  if (!tip) {
    // Gone is one thing, a repository that cannot be read another.
    await git.text(place, ["rev-parse", "--git-dir"]);
    return null;
  }
  const names = (await git.text(place, [
    ...["for-each-ref", "--format=%(refname)", "refs/heads/", "refs/remotes/", "refs/tags/"],
  ])).split("\n").filter((name) => name && name !== `refs/heads/${record.branch}`);
  const others = [...names, ...await baseCommits(git, place, record.base)];
  const input = new TextEncoder().encode(others.map((name) => `^${name}\n`).join(""));
  return Number(await git.text(place, ["rev-list", "--count", "--stdin", tip], { input }));
}
