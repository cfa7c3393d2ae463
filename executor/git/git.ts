// Every git command of the executor goes through this file. An agent writes whatever it likes into
// its working tree, and git runs programs that a repository names: hooks, monitors, filters, diff
// and merge drivers, pagers, signers, helpers. None of them may run as the executor.
//
// - The repository is never looked for. Callers name the git folder that was asked for before an
//   agent started, so that a `.git` which the agent puts in its place is just a file.
// - Nothing walks into another repository: submodules and nested repositories are left alone.
// - What the configuration names to be run is switched off, filters by name. Git LFS is one of them:
//   its files stay the pointers that are committed.
// - The person's own configuration counts otherwise (name, excludes, credentials, safe.directory);
//   it is outside of every working tree. GIT_* variables do not count.
import { findProgram } from "../detect.ts";
import { FolderError } from "../folder.ts";

/** Where a command works. */
export interface Place {
  /** The absolute git folder; of a linked working tree, its own one. */
  gitDir: string;
  workTree?: string;
  /** An index file in the place of the working tree's own. */
  index?: string;
}

export interface GitOptions {
  input?: Uint8Array;
  /** Variables of this one command, e.g. GIT_AUTHOR_NAME. */
  env?: Record<string, string>;
  /** ms until the command is ended. */
  patience?: number;
  signal?: AbortSignal;
}

/** A git command that failed; the message has what git said. */
export class GitError extends Error {
  override name = "GitError";

  constructor(message: string, readonly code: number) {
    super(message);
  }
}

export class Git {
  readonly #environment: Record<string, string>;

  /** `environment` is what agents inherit. */
  constructor(environment: Record<string, string>) {
    this.#environment = Object.fromEntries(
      Object.entries(environment).filter(([name]) => !name.startsWith("GIT_")),
    );
  }

  /** The repository of `folder`, found by git itself: never ask with a folder that an agent had. */
  async find(folder: string): Promise<{ top: string; gitDir: string; common: string }> {
    const told = await this.#spawn([
      ...["-C", folder, "rev-parse", "--path-format=absolute"],
      ...["--show-toplevel", "--absolute-git-dir", "--git-common-dir"],
    ], []);
    const [top, gitDir, common] = text(told).trim().split("\n");
    return { top: top!, gitDir: gitDir!, common: common! };
  }

  /**
   * Runs a command and returns what it prints; throws `GitError` when it fails. Git gives up at the
   * entry of any working tree that another task, or a person, is just making or removing: then it
   * is asked again.
   */
  async bytes(place: Place, args: string[], options: GitOptions = {}): Promise<Uint8Array> {
    const filters = FILE_LESS.has(args[0]!) ? [] : await this.#filters(place);
    for (let tries = 1;; tries++) {
      try {
        return await this.#spawn(this.#at(place, args), filters, options, place);
      } catch (error) {
        const passes = error instanceof GitError && HALF_MADE.test(error.message);
        if (!passes || tries === 20) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100 * Math.random()));
      }
    }
  }

  async text(place: Place, args: string[], options?: GitOptions): Promise<string> {
    return text(await this.bytes(place, args, options)).trimEnd();
  }

  /** What the command prints, or null when it fails: for questions whose answer may be "none". */
  async maybe(place: Place, args: string[], options?: GitOptions): Promise<string | null> {
    try {
      return await this.text(place, args, options);
    } catch (error) {
      if (error instanceof GitError) return null;
      throw error;
    }
  }

  /** Entries that are separated by NUL, as bytes: a name need not be UTF-8. */
  async entries(place: Place, args: string[], options?: GitOptions): Promise<Uint8Array[]> {
    return splitAtNul(await this.bytes(place, args, options));
  }

  /** Writes what the command prints into a file; false when it is more than `most` bytes. */
  async toFile(place: Place, args: string[], path: string, most: number): Promise<boolean> {
    const child = this.#command(this.#at(place, args), await this.#filters(place), {}, place)
      .spawn();
    const complaint = new Response(child.stderr).text();
    using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    let size = 0;
    for await (const chunk of child.stdout) {
      size += chunk.length;
      if (size > most) break;
      for (let left = chunk; left.length;) left = left.subarray(await file.write(left));
    }
    if (size > most) {
      child.kill("SIGKILL");
      await child.status;
      return false;
    }
    const { code } = await child.status;
    if (code !== 0) throw failure(args, code, await complaint);
    return true;
  }

  #at({ gitDir, workTree }: Place, args: string[]): string[] {
    return [`--git-dir=${gitDir}`, ...(workTree ? [`--work-tree=${workTree}`] : []), ...args];
  }

  /** Every filter that the configuration defines, switched off. */
  async #filters(place: Place): Promise<Setting[]> {
    const args = this.#at(place, ["config", "-z", "--name-only", "--get-regexp", "^filter\\."]);
    const { code, stdout, stderr } = await this.#command(args, [], {}, place).output();
    // 1: there is none.
    if (code !== 0 && code !== 1) throw failure(["config"], code, text(stderr));
    const names = new Set(
      splitAtNul(stdout).map((key) => text(key).replace(/\.[^.]*$/, "")),
    );
    return [...names].flatMap((name): Setting[] => [
      [`${name}.clean`, ""],
      [`${name}.smudge`, ""],
      [`${name}.process`, ""],
      [`${name}.required`, "false"],
    ]);
  }

  async #spawn(args: string[], more: Setting[], options: GitOptions = {}, place?: Place) {
    await (supported ??= checkVersion(this.#environment));
    const child = this.#command(args, more, options, place).spawn();
    const talk = Promise.all([
      new Response(child.stdout).bytes(),
      new Response(child.stderr).text(),
      feed(child, options.input),
    ]);
    const { code } = await child.status;
    const [stdout, stderr] = await talk;
    if (code !== 0) throw failure(args, code, stderr);
    return stdout;
  }

  #command(args: string[], more: Setting[], options: GitOptions, place?: Place): Deno.Command {
    return new Deno.Command(program(), {
      args: ["--no-pager", ...args],
      // Not a folder that an agent writes to; with --work-tree, git goes there by itself.
      cwd: place?.gitDir ?? "/",
      clearEnv: true,
      env: {
        ...this.#environment,
        ...FIXED,
        ...(place?.index && { GIT_INDEX_FILE: place.index }),
        ...options.env,
        ...asEnvironment([...OFF, ...more]),
      },
      // Without a terminal of its own, nothing it starts can ask somebody.
      detached: true,
      stdin: options.input ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.any([
        AbortSignal.timeout(options.patience ?? PATIENCE),
        ...(options.signal ? [options.signal] : []),
      ]),
    });
  }
}

type Setting = [key: string, value: string];

/** These read no file of a working tree, and so apply no filter. */
const FILE_LESS = new Set([
  "commit-tree",
  "config",
  "diff-tree",
  "for-each-ref",
  "merge-base",
  "mktree",
  "push",
  "rev-list",
  "rev-parse",
  "symbolic-ref",
  "update-ref",
  "write-tree",
]);

/** What git says of the entry of a working tree that is just being made or removed. */
const HALF_MADE = /failed to read .*commondir|could not create directory of '.*worktrees/;

const FIXED = {
  LC_ALL: "C",
  GIT_TERMINAL_PROMPT: "0",
  GIT_EDITOR: ":",
  GIT_SEQUENCE_EDITOR: ":",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_LITERAL_PATHSPECS: "1",
  SSH_ASKPASS_REQUIRE: "never",
};

const OFF: Setting[] = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.editor", ":"],
  ["core.pager", "cat"],
  ["diff.ignoreSubmodules", "all"],
  ["submodule.recurse", "false"],
  ["fetch.recurseSubmodules", "false"],
  ["push.recurseSubmodules", "no"],
  ["commit.gpgSign", "false"],
  ["push.gpgSign", "false"],
  ["log.showSignature", "false"],
  ["safe.bareRepository", "explicit"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["protocol.ext.allow", "never"],
  ["advice.detachedHead", "false"],
];

/** Settings as the environment gives them: unlike `-c`, with any character in a name. */
function asEnvironment(settings: Setting[]): Record<string, string> {
  return Object.fromEntries([
    ["GIT_CONFIG_COUNT", String(settings.length)],
    ...settings.flatMap(([key, value], index) => [
      [`GIT_CONFIG_KEY_${index}`, key],
      [`GIT_CONFIG_VALUE_${index}`, value],
    ]),
  ]);
}

/** By its absolute path: a relative entry of PATH would be looked up in the folder of an agent. */
function program(): string {
  const found = findProgram("git");
  if (!found) throw new FolderError("There is no git on PATH, and working trees need it.");
  return found;
}

let supported: Promise<void> | undefined;

/** Older versions do not know GIT_CONFIG_COUNT, and would run what must not run. */
async function checkVersion(env: Record<string, string>): Promise<void> {
  const { stdout } = await new Deno.Command(program(), { args: ["--version"], clearEnv: true, env })
    .output();
  const [, major, minor] = /(\d+)\.(\d+)/.exec(text(stdout)) ?? [];
  if (Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 31)) return;
  throw new FolderError(`Working trees need git 2.31 or later; this is ${text(stdout).trim()}.`);
}

/** Hashing or checking out a very large project takes minutes. */
const PATIENCE = 15 * 60_000;

function failure(args: string[], code: number, stderr: string): GitError {
  const command = args.find((arg) => /^[a-z]/.test(arg)) ?? "";
  return new GitError(
    `git ${command}: ${stderr.trim().slice(-1_000) || `exit code ${code}`}`,
    code,
  );
}

async function feed(child: Deno.ChildProcess, input?: Uint8Array): Promise<void> {
  if (!input) return;
  try {
    const writer = child.stdin.getWriter();
    await writer.write(input);
    await writer.close();
  } catch (error) {
    // git has ended with an error, and says it.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

export function splitAtNul(bytes: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let start = 0, end; (end = bytes.indexOf(0, start)) >= 0; start = end + 1) {
    entries.push(bytes.subarray(start, end));
  }
  return entries;
}

export function joinWithNul(entries: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(entries.reduce((size, entry) => size + entry.length + 1, 0));
  let at = 0;
  for (const entry of entries) {
    joined.set(entry, at);
    at += entry.length + 1;
  }
  return joined;
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
