// What a repository can make git run, tried with a trap: first that the trap works for somebody who
// uses git in the agent's folder, then that the executor does not run it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { git, TestProject } from "./test_project.ts";
import type { Tree } from "./tree.ts";

/** Runs git as an unsuspecting person would, and expects the trap to snap. */
function snaps(project: TestProject, folder: string, ...args: string[]): void {
  new Deno.Command("git", { args: ["-C", folder, ...args], stdout: "null", stderr: "null" })
    .outputSync();
  assert.notEqual(project.trapped(), "", `The trap does not work for "git ${args.join(" ")}".`);
  Deno.removeSync(join(project.base, "trapped"));
}

async function closes(project: TestProject, tree: Tree): Promise<string> {
  const { note } = await tree.close("Task 1111");
  assert.equal(project.trapped(), "");
  return note;
}

/** A git folder inside of the working tree, in the place of the real one. */
function replaceGit(project: TestProject, tree: Tree, config: string): void {
  const link = join(tree.folder, ".git");
  const own = join(tree.folder, "x");
  new Deno.Command("cp", { args: ["-r", join(project.folder, ".git"), own] }).outputSync();
  Deno.writeTextFileSync(join(own, "config"), `[core]\n\tbare = false\n${config}`);
  Deno.writeTextFileSync(link, "gitdir: ./x\n");
}

Deno.test("close() runs no monitor of a repository that the agent put in its place", async () => {
  using project = new TestProject();
  const tree = await project.open();
  replaceGit(project, tree, `\tfsmonitor = ${project.trap}\n`);
  snaps(project, tree.folder, "status");
  project.write("b.txt", "b", tree.folder);
  await closes(project, tree);
  assert.equal(project.show("aura/1111", "b.txt"), "b");
});

Deno.test("close() runs no filter of a repository that the agent put in its place", async () => {
  using project = new TestProject();
  const tree = await project.open();
  replaceGit(project, tree, `[filter "evil"]\n\tclean = ${project.trap}\n\trequired = true\n`);
  project.write(".gitattributes", "* filter=evil\n", tree.folder);
  project.write("b.txt", "b", tree.folder);
  snaps(project, tree.folder, "add", "b.txt");
  await closes(project, tree);
  assert.equal(project.show("aura/1111", "b.txt"), "b");
});

Deno.test("close() runs nothing of a nested repository", async () => {
  using project = new TestProject();
  const tree = await project.open();
  const sub = join(tree.folder, "sub");
  project.write("s.txt", "s", sub);
  git(sub, "init", "-q");
  project.commit("Nested", sub);
  git(tree.folder, "add", "sub");
  project.write("s.txt", "changed", sub);
  git(sub, "config", "core.fsmonitor", project.trap);
  git(sub, "config", "core.hooksPath", project.base);
  snaps(project, tree.folder, "status");
  await closes(project, tree);
  assert.equal(project.show("aura/1111", "sub/s.txt"), "changed");
});

Deno.test("close() runs nothing of a bare repository among the files", async () => {
  using project = new TestProject();
  const tree = await project.open();
  const bare = join(tree.folder, "docs");
  git(project.base, "init", "-q", "--bare", bare);
  git(bare, "config", "core.bare", "false");
  git(bare, "config", "core.worktree", "..");
  git(bare, "config", "core.fsmonitor", project.trap);
  snaps(project, bare, "status");
  await closes(project, tree);
  assert.ok(project.files("aura/1111").includes("docs/config"));
  const next = await project.open();
  await closes(project, next);
});

Deno.test("close() gives no file of the agent's to the person's own filters and drivers", async () => {
  using project = new TestProject();
  for (
    const key of [
      "filter.crypt.clean",
      "filter.crypt.smudge",
      "filter.crypt.process",
      "filter.with.dots and =.clean",
      "diff.crypt.textconv",
      "diff.crypt.command",
      "diff.external",
      "merge.crypt.driver",
      "core.fsmonitor",
    ]
  ) git(project.folder, "config", key, project.trap);
  git(project.folder, "config", "filter.crypt.required", "true");
  const tree = await project.open();
  assert.equal(project.trapped(), "");
  project.write(".gitattributes", "* filter=crypt diff=crypt merge=crypt\n", tree.folder);
  project.write("core/a.txt", "changed\n", tree.folder);
  snaps(project, tree.folder, "add", "core/a.txt");
  const patch = join(project.base, "patch");
  const { changes } = await tree.close("Task 1111", patch);
  assert.equal(project.trapped(), "");
  assert.equal(changes!.file_count, 2);
  assert.match(Deno.readTextFileSync(patch), /\+changed/);
  // What is committed now is checked out for the next task.
  await closes(project, await project.open());
});

Deno.test("close() takes no program, setting or folder from the environment", async () => {
  using project = new TestProject();
  const bin = join(project.base, "bin");
  Deno.mkdirSync(bin);
  const environment = {
    GIT_DIR: join(project.base, "nowhere"),
    GIT_EXTERNAL_DIFF: project.trap,
    GIT_EXEC_PATH: bin,
    GIT_SSH_COMMAND: project.trap,
    GIT_CONFIG_PARAMETERS: `'core.fsmonitor=${project.trap}'`,
    GIT_CONFIG_GLOBAL: join(project.base, "evil"),
    // Looked up in the folder of whoever runs it.
    PATH: `.:${Deno.env.get("PATH")}`,
  };
  Deno.writeTextFileSync(environment.GIT_CONFIG_GLOBAL, `[core]\n\tfsmonitor = ${project.trap}\n`);
  const tree = await project.open("1111", { environment });
  Deno.copyFileSync(project.trap, join(tree.folder, "git"));
  assert.match(await closes(project, tree), /^Branch: aura\/1111 \(1 commit/);
});

Deno.test("openTree() starts no agent where a link leads out of the working tree", async () => {
  using project = new TestProject();
  const core = join(project.folder, "core");
  const tree = await project.open("1111", { folder: core });
  Deno.removeSync(tree.folder, { recursive: true });
  Deno.symlinkSync(project.base, tree.folder);
  await closes(project, tree);
  await assert.rejects(project.open("1111", { folder: core }), /is outside the root folder/);
});

Deno.test("close() follows no link out of the working tree", async () => {
  using project = new TestProject();
  project.write("secret.txt", "secret", join(project.base, "elsewhere"));
  git(join(project.base, "elsewhere"), "init", "-q");
  const tree = await project.open();
  Deno.symlinkSync(join(project.base, "elsewhere"), join(tree.folder, "link"));
  Deno.removeSync(join(tree.folder, "core"), { recursive: true });
  Deno.symlinkSync(join(project.base, "elsewhere"), join(tree.folder, "core"));
  assert.match(await closes(project, tree), /^Branch: aura\/1111 \(1 commit/);
  assert.deepEqual(project.files("aura/1111"), ["core", "link"]);
  assert.equal(Deno.readTextFileSync(join(project.base, "elsewhere/secret.txt")), "secret");
});

Deno.test("openTree() leaves a working tree alone whose link to its repository was replaced", async () => {
  using project = new TestProject();
  const tree = await project.open();
  Deno.removeSync(join(tree.folder, ".git"));
  git(tree.folder, "init", "-q");
  git(tree.folder, "config", "core.fsmonitor", project.trap);
  project.commit("In a repository of the agent's", tree.folder);
  Deno.removeSync(join(project.base, "trapped"));
  assert.match(await closes(project, tree), /Kept .* \(a repository of its own in \.\/\)/);
  const next = await project.open();
  assert.notEqual(next.folder, tree.folder);
  assert.equal(project.trapped(), "");
  await closes(project, next);
});
