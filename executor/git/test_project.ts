// A project with a repository, and a folder in which the working trees' tests may do what they like.
import assert from "node:assert/strict";
import { join } from "node:path";
import { agentEnvironment } from "../environment.ts";
import { openTree } from "./tree.ts";

/** git as a person has it, or an agent. */
export function git(folder: string, ...args: string[]): string {
  const identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"];
  const { code, stdout, stderr } = new Deno.Command("git", {
    args: ["-C", folder, ...identity, "-c", "protocol.file.allow=always", ...args],
  }).outputSync();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

export class TestProject {
  readonly base = Deno.realPathSync(Deno.makeTempDirSync());
  readonly folder = join(this.base, "repo");
  readonly state = join(this.base, "state");
  /** A program that leaves a trace when somebody runs it. */
  readonly trap = join(this.base, "trap.sh");

  constructor() {
    this.write("core/a.txt", "a\n");
    git(this.folder, "init", "-q", "-b", "main");
    this.commit("Begin");
    const script = `#!/bin/sh\necho "$0 $*" >> "${this.base}/trapped"\ncat\nexit 1\n`;
    Deno.writeTextFileSync(this.trap, script, { mode: 0o755 });
  }

  write(path: string, content: string, folder = this.folder): void {
    Deno.mkdirSync(join(folder, path, ".."), { recursive: true });
    Deno.writeTextFileSync(join(folder, path), content);
  }

  commit(message: string, folder = this.folder): void {
    git(folder, "add", "--all");
    git(folder, "commit", "-qm", message);
  }

  open(key = "1111", options: { folder?: string; environment?: Record<string, string> } = {}) {
    return openTree({
      project: options.folder ?? this.folder,
      key,
      task: key,
      device: "studio",
      stateFolder: this.state,
      environment: { ...agentEnvironment(Deno.env.toObject()), ...options.environment },
    });
  }

  /** The files of a branch. */
  files(branch: string): string[] {
    return git(this.folder, "ls-tree", "-r", "--name-only", branch).split("\n");
  }

  show(branch: string, path: string): string {
    return git(this.folder, "show", `${branch}:${path}`);
  }

  trees(): string[] {
    return [...Deno.readDirSync(join(this.state, "worktrees"))].map(({ name }) => name).sort();
  }

  /** What the trap was run for. */
  trapped(): string {
    try {
      return Deno.readTextFileSync(join(this.base, "trapped"));
    } catch {
      return "";
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.base, { recursive: true });
  }
}
