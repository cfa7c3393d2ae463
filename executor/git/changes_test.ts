import assert from "node:assert/strict";
import { join } from "node:path";
import { git, TestProject } from "./test_project.ts";

const LINES = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}\n`).join("");

Deno.test("close() counts what was added, modified, deleted, renamed and made a link", async () => {
  using project = new TestProject();
  project.write("old name.txt", LINES(1, 30));
  project.write("gone.txt", "1\n2\n");
  project.write("kind.txt", "k\n");
  project.write("picture.png", "\0PNG");
  project.commit("More");
  const tree = await project.open();
  Deno.renameSync(join(tree.folder, "old name.txt"), join(tree.folder, "new\tname.txt"));
  Deno.removeSync(join(tree.folder, "gone.txt"));
  Deno.removeSync(join(tree.folder, "kind.txt"));
  Deno.symlinkSync("core", join(tree.folder, "kind.txt"));
  project.write("picture.png", "\0PNG2", tree.folder);
  project.write("core/a.txt", "a\nb\n", tree.folder);
  project.write(":100644", "odd\n", tree.folder);
  const patch = join(project.base, "1111.patch");
  const { changes, patched } = await tree.close("Task 1111", patch);
  assert.deepEqual(changes, {
    base: "main",
    branch: "aura/1111",
    commit: git(project.folder, "rev-parse", "aura/1111"),
    files: [
      { path: ":100644", status: "added", additions: 1, deletions: 0 },
      { path: "core/a.txt", status: "modified", additions: 1, deletions: 0 },
      { path: "gone.txt", status: "deleted", additions: 0, deletions: 2 },
      { path: "kind.txt", status: "type_changed", additions: 1, deletions: 1 },
      {
        path: "new\ufffdname.txt",
        old_path: "old name.txt",
        status: "renamed",
        additions: 0,
        deletions: 0,
      },
      { path: "picture.png", status: "modified", additions: null, deletions: null },
    ],
    file_count: 6,
    additions: 3,
    deletions: 3,
  });
  assert.ok(patched);
  // The patch makes the branch out of the base, binaries included.
  git(project.folder, "apply", "--index", patch);
  assert.equal(
    git(project.folder, "write-tree"),
    git(project.folder, "rev-parse", "aura/1111^{tree}"),
  );
});

Deno.test("close() shows nobody else's work when the base has moved", async () => {
  using project = new TestProject();
  const tree = await project.open();
  project.write("mine.txt", "1\n2\n", tree.folder);
  project.write("theirs.txt", LINES(1, 50));
  project.commit("Theirs");
  const { changes } = await tree.close("Task 1111");
  assert.deepEqual(changes!.files.map(({ path }) => path), ["mine.txt"]);
  // The agent takes it in: what it merged is still not its own.
  const second = await project.open();
  git(second.folder, "merge", "-q", "main", "-m", "Merge main");
  project.write("mine.txt", "1\n2\n3\n", second.folder);
  const { changes: after, note } = await second.close("Task 1111");
  assert.deepEqual(after!.files, [
    { path: "mine.txt", status: "added", additions: 3, deletions: 0 },
  ]);
  assert.match(note, /\(3 commits, not merged\)/);
});

Deno.test("close() shows nobody else's work when the agent merged the remote's branch", async () => {
  using project = new TestProject();
  const remote = join(project.base, "remote.git");
  git(project.base, "clone", "-q", "--bare", project.folder, remote);
  git(project.folder, "remote", "add", "origin", remote);
  git(project.folder, "fetch", "-q", "origin");
  git(project.folder, "branch", "-q", "-u", "origin/main", "main");
  const colleague = join(project.base, "colleague");
  git(project.base, "clone", "-q", remote, colleague);
  project.write("theirs.txt", LINES(1, 50), colleague);
  project.commit("Theirs", colleague);
  git(colleague, "push", "-q");
  const tree = await project.open();
  git(tree.folder, "fetch", "-q", "origin");
  git(tree.folder, "merge", "-q", "origin/main", "-m", "Merge");
  project.write("mine.txt", "1\n", tree.folder);
  const { changes } = await tree.close("Task 1111");
  assert.deepEqual(changes!.files.map(({ path }) => path), ["mine.txt"]);
});

Deno.test("close() says that nothing changed when the branch was merged", async () => {
  using project = new TestProject();
  const first = await project.open();
  project.write("mine.txt", "1\n", first.folder);
  await first.close("Task 1111");
  git(project.folder, "merge", "-q", "aura/1111");
  const { changes, note } = await (await project.open()).close("Task 2222");
  assert.deepEqual([changes, note], [null, "Branch: none, no file was changed"]);
  // Nothing that is named in a channel disappears by itself.
  assert.ok(git(project.folder, "branch", "--list", "aura/1111"));
});

Deno.test("close() counts ten thousand files and lists some", async () => {
  using project = new TestProject();
  const tree = await project.open();
  for (let folder = 0; folder < 100; folder++) {
    Deno.mkdirSync(join(tree.folder, `f${folder}`));
    for (let file = 0; file < 100; file++) {
      Deno.writeTextFileSync(join(tree.folder, `f${folder}/${file}.txt`), "line\n");
    }
  }
  const { changes } = await tree.close("Task 1111");
  assert.equal(changes!.file_count, 10_000);
  assert.equal(changes!.files.length, 500);
  assert.equal(changes!.additions, 10_000);
});

Deno.test("close() lists no more names than the hub takes", async () => {
  using project = new TestProject();
  const tree = await project.open();
  const folder = Array.from({ length: 3 }, () => "d".repeat(200)).join("/");
  for (let file = 0; file < 300; file++) project.write(`${folder}/${file}.txt`, "1\n", tree.folder);
  const { changes } = await tree.close("Task 1111");
  assert.equal(changes!.file_count, 300);
  assert.ok(changes!.files.length > 100 && changes!.files.length < 300);
  assert.ok(JSON.stringify(changes).length < 200_000);
});

Deno.test("close() leaves a patch out that is too large", async () => {
  using project = new TestProject();
  const tree = await project.open();
  const noise = new Uint8Array(26 * 1024 * 1024);
  for (let at = 0; at < noise.length; at += 65_536) {
    crypto.getRandomValues(noise.subarray(at, at + 65_536));
  }
  Deno.writeFileSync(join(tree.folder, "noise.bin"), noise);
  const patch = join(project.base, "1111.patch");
  const { changes, patched } = await tree.close("Task 1111", patch);
  assert.deepEqual([changes!.file_count, patched], [1, false]);
  assert.throws(() => Deno.statSync(patch), Deno.errors.NotFound);
});

Deno.test("close() shows a link to another repository's commit as one changed line", async () => {
  using project = new TestProject();
  const library = join(project.base, "library");
  project.write("lib.txt", "1", library);
  git(library, "init", "-q");
  project.commit("Library", library);
  const tree = await project.open();
  git(tree.folder, "submodule", "--quiet", "add", library, "lib");
  git(tree.folder, "commit", "-qm", "Use the library");
  const { changes } = await tree.close("Task 1111");
  assert.deepEqual(
    changes!.files.map(({ path, additions }) => [path, additions]),
    [[".gitmodules", 3], ["lib", 1]],
  );
});
