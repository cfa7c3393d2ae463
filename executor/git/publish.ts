// Pushes a branch and opens its pull request, with what this device's git and gh are signed in to. Here,
// unlike elsewhere, git works with the repository's own settings of remotes and credentials: they are in
// the person's project, where no agent with a working tree of its own writes.
import { findProgram } from "../detect.ts";
import { type Git, GitError, type Place } from "./git.ts";

export interface Publication {
  branch: string;
  /** The name of a branch, or a commit. */
  base: string;
  title: string;
  body: string;
  /** Whether a pull request is wanted, too. */
  pullRequest: boolean;
}

/** Why something was not published; the message is for the person who asked for it. */
export class PublishError extends Error {
  override name = "PublishError";
}

/** Returns the address of the pull request, or says where the branch is. Doing it again is safe. */
export async function publish(
  git: Git,
  place: Place,
  publication: Publication,
  { environment, signal }: { environment: Record<string, string>; signal: AbortSignal },
): Promise<string> {
  const { branch } = publication;
  const ref = `refs/heads/${branch}`;
  if (!await git.maybe(place, ["rev-parse", "--verify", "--quiet", `${ref}^{commit}`])) {
    throw new PublishError(`The branch "${branch}" is no longer in "${place.gitDir}".`);
  }
  const remote = await remoteOf(git, place, publication.base);
  const options = { patience: PATIENCE, signal };
  await git.bytes(place, ["push", "--quiet", "--no-verify", remote, `${ref}:${ref}`], options)
    .catch((error) => {
      if (!(error instanceof GitError)) throw error;
      throw new PublishError(`"${branch}" could not be pushed: ${withoutSecrets(error.message)}`);
    });
  const address = await addressOf(git, place, remote);
  const pushed = `Pushed ${branch} to ${withoutSecrets(address)}`;
  if (!publication.pullRequest) return pushed;
  try {
    const url = await pullRequest(repositoryOf(address), publication, { environment, signal });
    return `${pushed}\nPull request: ${url}`;
  } catch (error) {
    if (!(error instanceof PublishError)) throw error;
    throw new PublishError(`${pushed}, but no pull request was opened: ${error.message}`);
  }
}

/** The remote of the base, else `origin`, else the only one. */
async function remoteOf(git: Git, place: Place, base: string): Promise<string> {
  const told = await git.maybe(place, ["config", "--get-regexp", "^remote\\..*\\.(push)?url$"]);
  const remotes = new Set(
    (told ?? "").split("\n").flatMap((line) =>
      /^remote\.(.+)\.(?:push)?url /.exec(line)?.[1] ?? []
    ),
  );
  const wanted = await git.maybe(place, ["config", `branch.${base}.remote`]);
  for (const name of [wanted, "origin"]) if (name && remotes.has(name)) return name;
  if (remotes.size === 1) return [...remotes][0]!;
  throw new PublishError(
    remotes.size
      ? `None of the remotes ${[...remotes].join(", ")} belongs to "${base}".`
      : "The repository has no remote to push to: add one with git remote add.",
  );
}

/** As it is written down, before git replaces parts of it. */
async function addressOf(git: Git, place: Place, remote: string): Promise<string> {
  return await git.maybe(place, ["config", `remote.${remote}.pushurl`]) ||
    await git.text(place, ["config", `remote.${remote}.url`]);
}

/** `host/owner/name`, as gh names a repository: then it asks no git in no folder. */
function repositoryOf(address: string): string {
  const parts = /^(?:https?|ssh):\/\/(?:[^/@]*@)?([^/:]+)(?::\d+)?\/([^/]+\/[^/]+?)(?:\.git)?\/?$/
    .exec(address) ?? /^(?:[^/@]*@)?([^/:]+):([^/]+\/[^/]+?)(?:\.git)?\/?$/.exec(address);
  if (parts) return `${parts[1]}/${parts[2]}`;
  throw new PublishError(`"${withoutSecrets(address)}" is no address of a forge that gh knows.`);
}

async function pullRequest(
  repository: string,
  { branch, base, title, body }: Publication,
  context: { environment: Record<string, string>; signal: AbortSignal },
): Promise<string> {
  const there = await gh(
    [
      ...["pr", "list", `--repo=${repository}`, `--head=${branch}`],
      ...["--state=open", "--json=url", "--limit=1"],
    ],
    "",
    context,
  );
  const [known] = JSON.parse(there || "[]") as { url: string }[];
  if (known) return known.url;
  const told = await gh(
    [
      ...["pr", "create", `--repo=${repository}`, `--head=${branch}`],
      ...(isCommit(base) ? [] : [`--base=${base}`]),
      ...[`--title=${title}`, "--body-file=-"],
    ],
    body,
    context,
  );
  const url = /https?:\/\/\S+/.exec(told)?.[0];
  if (!url) throw new PublishError(`gh told no address: ${told.trim().slice(0, 300)}`);
  return url;
}

async function gh(
  args: string[],
  input: string,
  { environment, signal }: { environment: Record<string, string>; signal: AbortSignal },
): Promise<string> {
  const program = findProgram("gh", environment.PATH);
  if (!program) {
    throw new PublishError(
      'there is no gh on this device\'s PATH. Install it, run "gh auth login" once, and publish again.',
    );
  }
  const child = new Deno.Command(program, {
    args,
    cwd: "/",
    clearEnv: true,
    env: { ...environment, GH_PROMPT_DISABLED: "1", GH_NO_UPDATE_NOTIFIER: "1", NO_COLOR: "1" },
    detached: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
  }).spawn();
  const writer = child.stdin.getWriter();
  // It need not read what it does not want.
  await writer.write(new TextEncoder().encode(input)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  if (code === 0) return decoder.decode(stdout);
  const said = decoder.decode(stderr).trim() || `exit code ${code}`;
  throw new PublishError(`gh: ${withoutSecrets(said).slice(-1_000)}`);
}

function isCommit(base: string): boolean {
  return /^[0-9a-f]{40,64}$/.test(base);
}

/** Some addresses hold a password. */
function withoutSecrets(text: string): string {
  return text.replace(/\/\/[^/@\s]+@/g, "//");
}

const PATIENCE = 5 * 60_000;
