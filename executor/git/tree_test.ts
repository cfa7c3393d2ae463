import assert from "node:assert/strict";
import { join } from "node:path";
import { git, TestProject } from "./test_project.ts";

Deno.test("openTree() gives two tasks folders and branches of their own", async () => {
  using project = new TestProject();
  const [one, two] = await Promise.all(
    ["1111", "2222"].map((key) => project.open(key, { folder: join(project.folder, "core") })),
  );
  assert.ok(one!.folder.endsWith("/core"));
  Deno.writeTextFileSync(join(one!.folder, "a.txt"), "one");
  Deno.writeTextFileSync(join(two!.folder, "new.txt"), "two");
  assert.equal(Deno.readTextFileSync(join(two!.folder, "a.txt")), "a\n");
  assert.equal((await one!.close("Task 1111")).note, "Branch: aura/1111 (1 commit, not merged)");
  assert.equal((await two!.close("Task 2222")).note, "Branch: aura/2222 (1 commit, not merged)");
  assert.equal(project.show("aura/1111", "core/a.txt"), "one");
  assert.equal(project.show("aura/2222", "core/new.txt"), "two");
  assert.equal(git(project.folder, "status", "--porcelain"), "");
  assert.equal(git(project.folder, "worktree", "list").split("\n").length, 1);
  assert.deepEqual(project.trees(), []);
});

Deno.test("openTree() waits while somebody else is making a working tree", async () => {
  using project = new TestProject();
  const half = join(project.folder, ".git/worktrees/half");
  Deno.mkdirSync(half, { recursive: true });
  Deno.writeTextFileSync(join(half, "gitdir"), join(project.folder, "../half/.git"));
  Deno.writeTextFileSync(join(half, "HEAD"), "ref: refs/heads/main\n");
  Deno.writeTextFileSync(join(half, "commondir"), "");
  setTimeout(() => Deno.writeTextFileSync(join(half, "commondir"), "../..\n"), 300);
  const tree = await project.open();
  project.write("a.txt", "one", tree.folder);
  assert.equal((await tree.close("Task 1111")).note, "Branch: aura/1111 (1 commit, not merged)");
});

Deno.test("openTree() works for eight tasks at once", async () => {
  using project = new TestProject();
  const keys = ["1", "2", "3", "4", "5", "6", "7", "8"];
  await Promise.all(keys.map(async (key) => {
    const tree = await project.open(key);
    project.write("a.txt", key, tree.folder);
    const { note } = await tree.close(`Task ${key}`);
    assert.equal(note, `Branch: aura/${key} (1 commit, not merged)`);
  }));
  assert.deepEqual(project.trees(), []);
});

Deno.test("openTree() leaves no branch where nothing was changed", async () => {
  using project = new TestProject();
  const tree = await project.open();
  const { note, changes, kept } = await tree.close("Task 1111");
  assert.deepEqual([note, changes, kept], ["Branch: none, no file was changed", null, null]);
  assert.equal(git(project.folder, "branch", "--list", "aura/*"), "");
});

Deno.test("openTree() goes on with the branch and the path of the same key", async () => {
  using project = new TestProject();
  const first = await project.open();
  project.write("one.txt", "1", first.folder);
  await first.close("First");
  const second = await project.open();
  assert.equal(second.folder, first.folder);
  assert.equal(Deno.readTextFileSync(join(second.folder, "one.txt")), "1");
  assert.equal((await second.close("Second")).note, "Branch: aura/1111 (1 commit, not merged)");
});

Deno.test("openTree() takes up what a crash has left, committed or not", async () => {
  using project = new TestProject();
  const crashed = await project.open();
  project.write("work.txt", "hours of it", crashed.folder);
  git(crashed.folder, "add", "work.txt");
  project.write("more.txt", "not even added", crashed.folder);
  Deno.writeTextFileSync(join(git(crashed.folder, "rev-parse", "--git-dir"), "index.lock"), "");
  // The next process of the executor knows nothing but the state folder.
  const { openTree } = await import(`./tree.ts?again`) as typeof import("./tree.ts");
  const next = await openTree({
    project: project.folder,
    key: "1111",
    task: "2222",
    device: "studio",
    stateFolder: project.state,
    environment: Deno.env.toObject(),
  });
  assert.equal(next.folder, crashed.folder);
  assert.equal(Deno.readTextFileSync(join(next.folder, "more.txt")), "not even added");
  git(next.folder, "add", "--all");
  await next.close("Task 2222");
  assert.equal(project.show("aura/1111", "work.txt"), "hours of it");
  assert.equal(project.show("aura/1111", "more.txt"), "not even added");
  await crashed.close("").catch(() => {});
});

Deno.test("openTree() begins again where the crash was in the middle of the check-out", async () => {
  using project = new TestProject();
  const half = join(project.state, "worktrees/repo-1111");
  Deno.mkdirSync(half, { recursive: true });
  Deno.mkdirSync(join(project.state, "trees"));
  Deno.writeTextFileSync(
    join(project.state, "trees/repo-1111.json"),
    JSON.stringify({
      name: "repo-1111",
      path: half,
      common: join(project.folder, ".git"),
      gitDir: null,
      branch: "aura/1111",
      base: { branch: "main", commit: git(project.folder, "rev-parse", "HEAD") },
      tasks: [],
    }),
  );
  const tree = await project.open();
  assert.equal(Deno.readTextFileSync(join(tree.folder, "core/a.txt")), "a\n");
  await tree.close("");
});

Deno.test("openTree() asks for a branch that a person has checked out", async () => {
  using project = new TestProject();
  git(project.folder, "switch", "-qc", "aura/1111");
  await assert.rejects(project.open(), /a person may be using it/);
  git(project.folder, "switch", "-q", "main");
  await (await project.open()).close("");
});

Deno.test("openTree() says what a folder lacks", async () => {
  using project = new TestProject();
  const folder = join(project.base, "plain");
  Deno.mkdirSync(folder);
  await assert.rejects(project.open("1", { folder }), /no git repository .*git init/);
  git(folder, "init", "-q");
  await assert.rejects(project.open("1", { folder }), /no commit yet/);
});

Deno.test("openTree() lets one run have a working tree at a time", async () => {
  using project = new TestProject();
  const first = await project.open();
  const second = project.open();
  project.write("one.txt", "1", first.folder);
  await first.close("First");
  const tree = await second;
  assert.equal(Deno.readTextFileSync(join(tree.folder, "one.txt")), "1");
  await tree.close("Second");
});

Deno.test("close() saves the files of a nested repository, and keeps its history", async () => {
  using project = new TestProject();
  const tree = await project.open();
  const app = join(tree.folder, "app");
  project.write("package.json", "{}", app);
  project.write(".gitignore", "node_modules\n", app);
  project.write("node_modules/x/index.js", "", app);
  git(app, "init", "-q");
  project.commit("Initial commit", app);
  project.write("deep/inner/file.txt", "deep", app);
  git(join(app, "deep/inner"), "init", "-q");
  const { note, kept } = await tree.close("Task 1111");
  assert.deepEqual(project.files("aura/1111"), [
    "app/.gitignore",
    "app/deep/inner/file.txt",
    "app/package.json",
    "core/a.txt",
  ]);
  assert.equal(kept, tree.folder);
  assert.match(
    note,
    /\(1 commit, not merged\)\nKept on studio: ".*" \(a repository of its own in app\/, app\/deep\/inner\/\)$/,
  );
  assert.equal(git(app, "log", "--format=%s"), "Initial commit");
});

Deno.test("close() saves the files of what the agent added as a link to a commit", async () => {
  using project = new TestProject();
  const tree = await project.open();
  const app = join(tree.folder, "app");
  project.write("package.json", "{}", app);
  git(app, "init", "-q");
  project.commit("Initial commit", app);
  project.commit("Add the app", tree.folder);
  assert.deepEqual(project.files("aura/1111"), ["app", "core/a.txt"]);
  const { kept } = await tree.close("Task 1111");
  assert.deepEqual(project.files("aura/1111"), ["app/package.json", "core/a.txt"]);
  assert.equal(kept, tree.folder);
});

Deno.test("close() leaves submodules alone and keeps what was done in them", async () => {
  using project = new TestProject();
  const library = join(project.base, "library");
  project.write("lib.txt", "1", library);
  git(library, "init", "-q");
  project.commit("Library", library);
  git(project.folder, "submodule", "add", "-q", library, "lib");
  project.commit("Use the library");
  const tree = await project.open();
  assert.equal((await tree.close("")).kept, null);
  const again = await project.open();
  git(again.folder, "submodule", "update", "--init", "-q");
  project.write("lib.txt", "2", join(again.folder, "lib"));
  const { kept, note } = await again.close("Task 1111");
  assert.equal(kept, again.folder);
  assert.match(note, /a repository of its own in lib\//);
  assert.equal(Deno.readTextFileSync(join(again.folder, "lib/lib.txt")), "2");
});

Deno.test("close() keeps ignored files, but not what is made again", async () => {
  using project = new TestProject();
  project.write(".gitignore", "dist\n.env\nnode_modules\n");
  project.commit("Ignore");
  const tree = await project.open();
  project.write("node_modules/x/index.js", "", tree.folder);
  project.write("dist/report.pdf", "the result", tree.folder);
  project.write(".env", "KEY=1", tree.folder);
  const { note, kept } = await tree.close("Task 1111");
  assert.equal(kept, tree.folder);
  assert.equal(
    note,
    `Branch: none, nothing was committed\nKept on studio: "${tree.folder}" (.env, dist/ on no branch)`,
  );
  assert.equal(Deno.readTextFileSync(join(tree.folder, "dist/report.pdf")), "the result");
  // A follow-up finds them; without them nothing is kept.
  const again = await project.open();
  assert.equal(again.folder, tree.folder);
  Deno.removeSync(join(again.folder, "dist"), { recursive: true });
  Deno.removeSync(join(again.folder, ".env"));
  assert.equal((await again.close("")).kept, null);
});

Deno.test("close() moves the task's branch to a detached HEAD or a branch of the agent's", async () => {
  using project = new TestProject();
  const detached = await project.open("1111");
  git(detached.folder, "switch", "-q", "--detach");
  project.write("b.txt", "b", detached.folder);
  project.commit("Committed on no branch", detached.folder);
  project.write("c.txt", "c", detached.folder);
  assert.equal(
    (await detached.close("The rest")).note,
    "Branch: aura/1111 (2 commits, not merged)\nThe agent had no branch checked out.",
  );
  assert.deepEqual(project.files("aura/1111"), ["b.txt", "c.txt", "core/a.txt"]);

  const own = await project.open("2222");
  git(own.folder, "switch", "-qc", "feature");
  project.write("b.txt", "b", own.folder);
  assert.match((await own.close("")).note, /^Branch: aura\/2222 \(1 commit.*\n.*branch "feature"/);
  assert.deepEqual(project.files("aura/2222"), ["b.txt", "core/a.txt"]);
  assert.deepEqual(project.files("feature"), ["b.txt", "core/a.txt"]);
  const next = await project.open("2222");
  assert.equal(Deno.readTextFileSync(join(next.folder, "b.txt")), "b");
  await next.close("");
});

Deno.test("close() moves no branch that was there before the agent", async () => {
  using project = new TestProject();
  git(project.folder, "switch", "-qc", "mine");
  const main = git(project.folder, "rev-parse", "main");
  const tree = await project.open();
  git(tree.folder, "switch", "-q", "main");
  project.write("b.txt", "b", tree.folder);
  await tree.close("");
  assert.equal(git(project.folder, "rev-parse", "main"), main);
  assert.deepEqual(project.files("aura/1111"), ["b.txt", "core/a.txt"]);
});

Deno.test("close() keeps an unrelated history as a branch that a follow-up goes on with", async () => {
  using project = new TestProject();
  const tree = await project.open();
  project.write("b.txt", "b", tree.folder);
  project.commit("On the branch", tree.folder);
  git(tree.folder, "switch", "-q", "--orphan", "gone");
  git(tree.folder, "branch", "-qm", "fresh");
  project.write("new.txt", "n", tree.folder);
  project.commit("A new beginning", tree.folder);
  assert.match((await tree.close("")).note, /^Branch: fresh \(1 commit/);
  assert.deepEqual(project.files("aura/1111"), ["b.txt", "core/a.txt"]);
  const next = await project.open();
  assert.deepEqual([next.branch, Deno.readTextFileSync(join(next.folder, "new.txt"))], [
    "fresh",
    "n",
  ]);
  await next.close("");
});

Deno.test("close() saves a rebase in progress beside its branch, and keeps the folder", async () => {
  using project = new TestProject();
  const tree = await project.open();
  project.write("core/a.txt", "theirs\n", tree.folder);
  project.commit("Change", tree.folder);
  project.write("core/a.txt", "mine\n");
  project.commit("Another change");
  const rebase = new Deno.Command("git", {
    args: ["-C", tree.folder, "-c", "user.name=t", "-c", "user.email=t@t", "rebase", "main"],
    stdout: "null",
    stderr: "null",
  }).outputSync();
  assert.equal(rebase.success, false);
  const { note, kept } = await tree.close("Task 1111");
  assert.equal(kept, tree.folder);
  assert.match(note, /^Branch: aura\/1111-left \(1 commit.*\n.*\nKept .* \(a rebase that is not/);
  assert.match(project.show("aura/1111-left", "core/a.txt"), /<<<<<<<[^]*theirs/);
  assert.equal(project.show("aura/1111", "core/a.txt"), "theirs");
  git(tree.folder, "rebase", "--abort");
});

Deno.test("close() commits without the person's signing, hooks, editor and locks", async () => {
  using project = new TestProject();
  git(project.folder, "config", "commit.gpgsign", "true");
  git(project.folder, "config", "gpg.program", project.trap);
  git(project.folder, "config", "core.editor", project.trap);
  for (
    const hook of ["pre-commit", "prepare-commit-msg", "post-checkout", "reference-transaction"]
  ) Deno.symlinkSync(project.trap, join(project.folder, ".git/hooks", hook));
  const tree = await project.open();
  project.write("b.txt", "b", tree.folder);
  Deno.writeTextFileSync(join(project.folder, ".git/worktrees/repo-1111/index.lock"), "");
  const { note } = await tree.close("Task 1111");
  assert.equal(note, "Branch: aura/1111 (1 commit, not merged)");
  assert.equal(project.trapped(), "");
});

Deno.test("close() saves a file that became a folder, and a folder that became a file", async () => {
  using project = new TestProject();
  project.write("file", "f");
  project.commit("More");
  const tree = await project.open();
  Deno.removeSync(join(tree.folder, "file"));
  project.write("file/inside", "i", tree.folder);
  Deno.removeSync(join(tree.folder, "core"), { recursive: true });
  project.write("core", "c", tree.folder);
  await tree.close("");
  assert.deepEqual(project.files("aura/1111"), ["core", "file/inside"]);
});

Deno.test("close() names what was put away with git stash", async () => {
  using project = new TestProject();
  const tree = await project.open();
  project.write("core/a.txt", "put away", tree.folder);
  git(tree.folder, "stash", "-q");
  const { note } = await tree.close("");
  assert.equal(
    note,
    `Branch: none, no file was changed\nSomething was put away or taken with "git stash" in ` +
      `"${project.folder}".`,
  );
  assert.equal(git(project.folder, "show", "stash:core/a.txt"), "put away");
  assert.doesNotMatch((await (await project.open()).close("")).note, /stash/);
});

Deno.test("close() sees what an agent marked as unchanged", async () => {
  using project = new TestProject();
  const tree = await project.open();
  git(tree.folder, "update-index", "--assume-unchanged", "core/a.txt");
  project.write("core/a.txt", "changed", tree.folder);
  await tree.close("");
  assert.equal(project.show("aura/1111", "core/a.txt"), "changed");
});

Deno.test("close() takes names of any kind, and says which ones git does not", async () => {
  using project = new TestProject();
  const tree = await project.open();
  for (const name of ["new\nline", "-rf", ":(top)x", "ä ö", "\u{1f600}", "tab\there", '"quoted"']) {
    project.write(name, "x", tree.folder);
  }
  new Deno.Command("sh", { args: ["-c", "echo x > $(printf 'latin\\351')"], cwd: tree.folder })
    .outputSync();
  project.write(".GIT/config", "x", tree.folder);
  const { note, changes } = await tree.close("");
  assert.equal(changes!.file_count, 8);
  assert.match(note, /Kept .* \(\.GIT\/ on no branch\)/);
});

Deno.test("close() tells where the work is when git cannot save it", async () => {
  using project = new TestProject();
  const tree = await project.open();
  project.write("b.txt", "b", tree.folder);
  Deno.removeSync(join(project.folder, ".git/worktrees/repo-1111"), { recursive: true });
  const { note, kept, changes } = await tree.close("Task 1111");
  assert.match(note, /^The working tree could not be closed \(.*\); the work is in ".*" on studio/);
  assert.deepEqual([kept, changes], [tree.folder, null]);
  assert.equal(Deno.readTextFileSync(join(tree.folder, "b.txt")), "b");
  // The next run goes on elsewhere and leaves it as it is.
  const next = await project.open();
  assert.notEqual(next.folder, tree.folder);
  await next.close("");
  assert.equal(Deno.readTextFileSync(join(tree.folder, "b.txt")), "b");
});
