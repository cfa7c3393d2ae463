import assert from "node:assert/strict";
import { join } from "node:path";
import { agentEnvironment } from "../environment.ts";
import { Git } from "./git.ts";
import { git, TestProject } from "./test_project.ts";
import { clearWork, listWork } from "./worktrees.ts";

const own = () => new Git(agentEnvironment(Deno.env.toObject()));

async function clear(project: TestProject, discard = false): Promise<string[]> {
  const told: string[] = [];
  for (const work of await listWork(own(), project.state)) {
    told.push(await clearWork(own(), project.state, work, { device: "studio", discard }));
  }
  return told;
}

Deno.test("listWork() tells which branches and folders hold what is nowhere else", async () => {
  using project = new TestProject();
  project.write(".gitignore", ".env\n");
  project.commit("Ignore");
  for (const key of ["1111", "2222", "3333", "4444"]) {
    const tree = await project.open(key);
    project.write(`${key}.txt`, key, tree.folder);
    if (key === "3333") project.write(".env", "KEY=1", tree.folder);
    await tree.close(`Task ${key}`);
  }
  git(project.folder, "merge", "-q", "aura/2222");
  git(project.folder, "branch", "-qD", "aura/4444");
  const found = await listWork(own(), project.state);
  assert.deepEqual(
    found.map(({ record, folder, commits }) => [record.branch, folder !== null, commits]),
    [["aura/1111", false, 1], ["aura/2222", false, 0], ["aura/3333", true, 1], [
      "aura/4444",
      false,
      null,
    ]],
  );
});

Deno.test("clearWork() deletes nothing that is on no other branch and no remote", async () => {
  using project = new TestProject();
  project.write(".gitignore", ".env\n");
  project.commit("Ignore");
  for (const key of ["1111", "2222", "3333", "4444"]) {
    const tree = await project.open(key);
    project.write(`${key}.txt`, key, tree.folder);
    if (key === "3333") project.write(".env", "KEY=1", tree.folder);
    await tree.close(`Task ${key}`);
  }
  git(project.folder, "merge", "-q", "aura/2222");
  const remote = join(project.base, "remote.git");
  git(project.base, "init", "-q", "--bare", remote);
  git(project.folder, "remote", "add", "origin", remote);
  git(project.folder, "push", "-q", "origin", "aura/4444");
  const told = await clear(project);
  assert.match(told[0]!, /^repo-1111: .*aura\/1111 stays: 1 commit is on no other branch/);
  assert.match(told[1]!, /^repo-2222 is cleared away/);
  assert.match(told[2]!, /^repo-3333 stays\.\nBranch: aura\/3333.*\nKept on studio: .*\.env/);
  assert.match(told[3]!, /^repo-4444 is cleared away/);
  assert.equal(
    git(project.folder, "branch", "--list", "aura/*", "--format=%(refname:short)"),
    "aura/1111\naura/3333",
  );
  assert.deepEqual(project.trees(), ["repo-3333"]);
});

Deno.test("clearWork() commits what a crash has left before it looks what would be lost", async () => {
  using project = new TestProject();
  const crashed = await project.open();
  project.write("work.txt", "hours of it", crashed.folder);
  const [told] = await clear(project);
  assert.match(told!, /aura\/1111 stays: 1 commit is on no other/);
  assert.equal(project.show("aura/1111", "work.txt"), "hours of it");
  assert.deepEqual(project.trees(), []);
});

Deno.test("clearWork() deletes what a person discards", async () => {
  using project = new TestProject();
  const tree = await project.open();
  project.write("work.txt", "w", tree.folder);
  assert.deepEqual(await clear(project, true), ["repo-1111 is cleared away."]);
  assert.equal(git(project.folder, "branch", "--list", "aura/*"), "");
  assert.equal(git(project.folder, "worktree", "list").split("\n").length, 1);
  assert.deepEqual([project.trees(), await listWork(own(), project.state)], [[], []]);
});

Deno.test("listWork() tells of a repository that is gone", async () => {
  using project = new TestProject();
  const tree = await project.open();
  project.write("work.txt", "w", tree.folder);
  await tree.close("Task 1111");
  Deno.renameSync(project.folder, join(project.base, "moved"));
  const [work] = await listWork(own(), project.state);
  assert.match(work!.trouble!, /./);
  await assert.rejects(
    clearWork(own(), project.state, work!, { device: "studio", discard: false }),
  );
  Deno.renameSync(join(project.base, "moved"), project.folder);
  assert.equal(project.show("aura/1111", "work.txt"), "w");
});
