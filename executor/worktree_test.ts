import assert from "node:assert/strict";
import { join } from "node:path";
import { openWorktree } from "./worktree.ts";

function git(folder: string, ...args: string[]): string {
  const identity = ["-c", "user.name=t", "-c", "user.email=t@localhost"];
  const { code, stdout, stderr } = new Deno.Command("git", {
    args: ["-C", folder, ...identity, ...args],
  }).outputSync();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim();
}

function repository() {
  const base = Deno.realPathSync(Deno.makeTempDirSync());
  const project = join(base, "repo");
  Deno.mkdirSync(join(project, "core"), { recursive: true });
  Deno.writeTextFileSync(join(project, "core/a.txt"), "a");
  git(project, "init", "-q", "-b", "main");
  git(project, "add", ".");
  git(project, "commit", "-qm", "Begin");
  return { base, project, home: join(base, "worktrees") };
}

Deno.test("openWorktree() gives two tasks folders and branches of their own", async () => {
  const { base, project, home } = repository();
  const [one, two] = await Promise.all(
    ["1111", "2222"].map((key) => openWorktree(join(project, "core"), key, home)),
  );
  assert.ok(one!.folder.endsWith("/core"));
  Deno.writeTextFileSync(join(one!.folder, "a.txt"), "one");
  Deno.writeTextFileSync(join(two!.folder, "new.txt"), "two");
  assert.equal(Deno.readTextFileSync(join(two!.folder, "a.txt")), "a");
  assert.equal(await one!.close("Task 1111"), "Branch: aura/1111 (1 commit, not merged)");
  assert.equal(await two!.close("Task 2222"), "Branch: aura/2222 (1 commit, not merged)");
  assert.equal(git(project, "show", "aura/1111:core/a.txt"), "one");
  assert.equal(git(project, "show", "aura/2222:core/new.txt"), "two");
  assert.equal(git(project, "status", "--porcelain"), "");
  assert.deepEqual([...Deno.readDirSync(home)], []);
  Deno.removeSync(base, { recursive: true });
});

Deno.test("openWorktree() leaves no branch where nothing was changed", async () => {
  const { base, project, home } = repository();
  const worktree = await openWorktree(project, "1111", home);
  assert.equal(await worktree.close("Task 1111"), "Branch: none, no file was changed");
  assert.equal(git(project, "branch", "--list", "aura/*"), "");
  Deno.removeSync(base, { recursive: true });
});

Deno.test("openWorktree() goes on with the branch and the path of the same key", async () => {
  const { base, project, home } = repository();
  const first = await openWorktree(project, "1111", home);
  Deno.writeTextFileSync(join(first.folder, "one.txt"), "1");
  await first.close("First");
  const second = await openWorktree(project, "1111", home);
  assert.equal(second.folder, first.folder);
  assert.equal(Deno.readTextFileSync(join(second.folder, "one.txt")), "1");
  // What a crash leaves behind.
  const third = await openWorktree(project, "1111", home);
  assert.equal(await third.close("Third"), "Branch: aura/1111 (1 commit, not merged)");
  Deno.removeSync(base, { recursive: true });
});

Deno.test("openWorktree() asks for a branch that a person has checked out", async () => {
  const { base, project, home } = repository();
  git(project, "switch", "-qc", "aura/1111");
  await assert.rejects(openWorktree(project, "1111", home), /a person may be using it/);
  Deno.removeSync(base, { recursive: true });
});

Deno.test("openWorktree() says what a folder lacks", async () => {
  const base = Deno.realPathSync(Deno.makeTempDirSync());
  await assert.rejects(openWorktree(base, "1", join(base, "w")), /no git repository, .*git init/);
  git(base, "init", "-q");
  await assert.rejects(openWorktree(base, "1", join(base, "w")), /no commit yet/);
  Deno.removeSync(base, { recursive: true });
});
