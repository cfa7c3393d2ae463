import { cut } from "../text.ts";
import type { Snapshot } from "./snapshot.ts";

/** What a result says of the working tree: which branch has the work, and what is on none. */
export function noteOf({ stashed, snapshot, branch, commits, kept, device, stuck }: {
  snapshot: Snapshot;
  branch: string;
  commits: number;
  kept: string | null;
  device: string;
  /** The repository whose stash has changed meanwhile. */
  stashed: string | null;
  /** Why the folder could not be removed. */
  stuck: string | null;
}): string {
  const lines = [
    commits > 0
      ? `Branch: ${branch} (${commits} ${commits === 1 ? "commit" : "commits"}, not merged)`
      : kept
      ? "Branch: none, nothing was committed"
      : "Branch: none, no file was changed",
  ];
  if (commits > 0 && snapshot.headRef !== `refs/heads/${branch}`) {
    const where = snapshot.headRef?.replace("refs/heads/", "");
    lines.push(`The agent had ${where ? `its branch "${where}"` : "no branch"} checked out.`);
  }
  if (stashed) lines.push(`Something was put away or taken with "git stash" in "${stashed}".`);
  if (kept) {
    const { loose, nested, unfinished } = snapshot;
    const reasons = [
      loose.length ? `${listed(loose)} on no branch` : "",
      nested.length ? `a repository of its own in ${listed(nested)}` : "",
      unfinished ? `a ${unfinished} that is not finished` : "",
      stuck ? `it could not be removed: ${stuck}` : "",
    ].filter(Boolean);
    lines.push(`Kept on ${device}: "${kept}" (${reasons.join("; ")})`);
  }
  return lines.join("\n");
}

function listed(paths: string[]): string {
  const shown = paths.slice(0, MOST).map((path) => cut(path, 100)).join(", ");
  return paths.length > MOST ? `${shown} and ${paths.length - MOST} more` : shown;
}

const MOST = 5;
