import { basename, join, relative } from "node:path";
import { FolderError } from "./folder.ts";

/** A working directory of a task's own. */
export interface Worktree {
  /** Where the agent runs: the project's place in the new working tree. */
  folder: string;
  branch: string;
  /** Commits what the agent left, and removes the working tree. Returns a line for the result. */
  close(message: string): Promise<string>;
}

/**
 * Checks out `key` as a branch of its own, outside the project's folder. The same key finds its
 * branch and its path again: an agent's session belongs to a path.
 */
export async function openWorktree(
  project: string,
  key: string,
  home: string,
): Promise<Worktree> {
  const repository = (await git(project, "rev-parse", "--show-toplevel").catch(() => {
    throw new FolderError(
      `"${project}" is no git repository, and isolation = "worktree" needs one: run "git init" ` +
        `there, or set isolation = "none" in the executor's configuration.`,
    );
  })).trim();
  const branch = `aura/${key}`;
  const path = join(home, `${basename(repository)}-${key}`);
  // What a crash left behind; the branch keeps what was committed.
  await git(repository, "worktree", "remove", "--force", path).catch(() => {});
  await Deno.remove(path, { recursive: true }).catch(ignoreMissing);
  await git(repository, "worktree", "prune");

  const known = (await git(repository, "branch", "--list", branch)).trim() !== "";
  const head = (await git(repository, "rev-parse", "--verify", "HEAD").catch(() => {
    throw new FolderError(
      `The repository "${repository}" has no commit yet, so no branch can be made: commit ` +
        `something, then retry the task.`,
    );
  })).trim();
  await Deno.mkdir(home, { recursive: true, mode: 0o700 });
  const checkout = known ? [path, branch] : ["-b", branch, path];
  await git(repository, "worktree", "add", ...checkout).catch((error) => {
    throw new FolderError(
      `The branch "${branch}" cannot be checked out for this task; a person may be using it. Leave ` +
        `it in "${repository}", then retry the task. ${error.message}`,
    );
  });

  async function close(message: string): Promise<string> {
    await git(path, "add", "--all");
    const left = (await git(path, "status", "--porcelain")).trim();
    if (left) await git(path, ...await author(path), "commit", "--no-verify", "-m", message);
    const commits = Number(await git(path, "rev-list", "--count", `${head}..HEAD`));
    await git(repository, "worktree", "remove", "--force", path);
    if (commits > 0) {
      return `Branch: ${branch} (${commits} ${commits === 1 ? "commit" : "commits"}, not merged)`;
    }
    if (!known) await git(repository, "branch", "--delete", "--force", branch);
    return "Branch: none, no file was changed";
  }

  const folder = join(path, relative(repository, project));
  await Deno.mkdir(folder, { recursive: true });
  return { folder, branch, close };
}

/** The operator's own name where git knows it. */
async function author(path: string): Promise<string[]> {
  const email = await git(path, "config", "user.email").catch(() => "");
  return email.trim() ? [] : ["-c", "user.name=Aura", "-c", "user.email=aura@localhost"];
}

async function git(folder: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("git", {
    args: ["-C", folder, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { GIT_TERMINAL_PROMPT: "0" },
  }).output();
  const decoder = new TextDecoder();
  if (code === 0) return decoder.decode(stdout);
  throw new Error(`git ${args[0]} failed in "${folder}": ${decoder.decode(stderr).trim()}`);
}

function ignoreMissing(error: unknown) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}
