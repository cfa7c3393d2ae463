// Executors that give each task a working tree of its own.
import assert from "node:assert/strict";
import { join } from "node:path";
import { TestForge } from "../../executor/git/test_forge.ts";
import { git } from "../../executor/git/test_project.ts";
import type { Fixture } from "../client/fixture.ts";
import { type Device, executorCommand, type Mesh, meshTest, until } from "./mesh.ts";

/** A device whose project `Desktop` is a repository with one commit. */
async function treeDevice(mesh: Mesh, settings: Record<string, unknown> = {}) {
  const device = await mesh.device({
    settings: { max_running: 2, isolation: "worktree", ...settings },
  });
  const project = join(device.root, "Desktop");
  git(project, "init", "-q", "-b", "main");
  git(project, "commit", "-q", "--allow-empty", "-m", "Begin");
  const forge = new TestForge(device.folder, project);
  device.environment = { PATH: forge.path };
  return { device: await device.start(), project, forge };
}

const branchOf = (taskId: string) => `aura/${taskId.slice(0, 8)}`;

async function messages(fixture: Fixture, taskId: string): Promise<string[]> {
  const rows = await fixture.sql`
    select m.content from hub_channel_messages as m join mac_tasks as t on t.channel_id = m.channel_id
    where t.id = ${taskId} order by m.created_at, m.id`;
  return rows.map(({ content }) => content);
}

/** Waits until the agent has written the file in the task's working tree. */
async function begun(device: Device, taskId: string): Promise<string> {
  const path = join(device.folder, `executor/worktrees/Desktop-${taskId.slice(0, 8)}`);
  await until(async () => {
    const info = await Deno.stat(join(path, "file.txt")).catch(() => null);
    return info?.size ? true : null;
  }, () => device.log);
  return path;
}

meshTest("run gives two tasks of one project working trees of their own", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const { project } = await treeDevice(mesh);
  const tasks = await Promise.all(
    ["one", "two"].map((text) => mesh.task(channel, `write file.txt ${text}`)),
  );
  const results = await Promise.all(tasks.map(({ id }) => mesh.ended(id)));
  for (const [index, { id, result }] of results.entries()) {
    assert.equal(result, `wrote file.txt\n\nBranch: ${branchOf(id)} (1 commit, not merged)`);
    assert.equal(git(project, "show", `${branchOf(id)}:file.txt`), ["one", "two"][index]);
  }
  assert.deepEqual([...Deno.readDirSync(project)].map(({ name }) => name), [".git"]);
});

meshTest("worktrees lists what tasks have left, and clears it away", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const { device, project } = await treeDevice(mesh);
  const { id } = await mesh.ended((await mesh.task(channel, "write file.txt one")).id);
  const command = (...args: string[]) =>
    executorCommand(["worktrees", "--config", device.config, ...args]);
  const name = `Desktop-${id.slice(0, 8)}`;
  const listed = await command();
  assert.match(
    listed.stdout,
    new RegExp(`^${name}  ${branchOf(id)} in .*\\n  1 commit on no other`),
  );
  assert.match((await command("--clear")).stderr, /An executor is running/);
  await device.end();
  assert.match((await command("--clear")).stdout, /stays: 1 commit is on no other branch/);
  assert.match((await command("--discard")).stderr, /name what it is to delete/);
  assert.match((await command("--discard", "nothing")).stderr, /There is no "nothing"/);
  git(project, "merge", "-q", branchOf(id));
  assert.equal((await command("--clear", name)).stdout.trim(), `${name} is cleared away.`);
  assert.match((await command()).stdout, /no branches and no working trees/);
});

meshTest("run names the branch of a cancelled task in the channel", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const { device, project } = await treeDevice(mesh);
  const task = await mesh.task(channel, "begin file.txt");
  await begun(device, task.id);
  await mesh.operator.aura.cancelTask(task.id);
  assert.ok((await mesh.ended(task.id)).cancelled_at);
  const told = await messages(fixture, task.id);
  assert.ok(
    told.some((text) => text.includes(`Branch: ${branchOf(task.id)} (1 commit`)),
    told.join(),
  );
  assert.equal(git(project, "show", `${branchOf(task.id)}:file.txt`), "half of it");
});

meshTest("run names the branch of a task that ran too long", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const { project } = await treeDevice(mesh, { max_minutes: 0.1 });
  const ended = await mesh.ended((await mesh.task(channel, "begin file.txt")).id);
  assert.match(ended.error!, /ran longer than 0\.1 minutes.*\nBranch: aura\/\w+ \(1 commit/);
  assert.equal(git(project, "show", `${branchOf(ended.id)}:file.txt`), "half of it");
});

meshTest("run goes on with what was not committed when it was killed", async (mesh, fixture) => {
  await mesh.hurry();
  const channel = await fixture.channel("flat_task_pipeline");
  const { device, project } = await treeDevice(mesh);
  const task = await mesh.task(channel, "begin file.txt");
  const path = await begun(device, task.id);
  await device.end("SIGKILL");
  assert.equal(Deno.readTextFileSync(join(path, "file.txt")), "half of it");
  await fixture.sql`update mac_tasks set content = 'write more.txt more' where id = ${task.id}`;
  await device.start();
  assert.match((await mesh.ended(task.id)).result!, /wrote more\.txt/);
  assert.equal(git(project, "show", `${branchOf(task.id)}:file.txt`), "half of it");
  assert.equal(git(project, "show", `${branchOf(task.id)}:more.txt`), "more");
});

meshTest("run reports the result when the working tree cannot be closed", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  await treeDevice(mesh);
  const ended = await mesh.ended((await mesh.task(channel, "unreadable")).id);
  assert.equal(ended.status, "complete");
  assert.equal(ended.attempt, 1);
  assert.match(ended.result!, /^the answer\n\nThe working tree could not be closed .* is in "/);
});

meshTest("run keeps the request when no working tree can be made", async (mesh, fixture) => {
  const channel = await fixture.channel("threaded_task_isolation");
  const { project } = await treeDevice(mesh);
  const first = await mesh.ended((await mesh.task(channel, "write file.txt one")).id);
  // It has no branch to go on with.
  await (await mesh.device()).start();
  const branch = `aura/${first.task_thread_id!.slice(0, 8)}`;
  git(project, "switch", "-q", branch);
  const thread = first.task_thread_id!;
  const second = await mesh.ended(
    (await mesh.task(channel, "write b.txt two", "claude", thread)).id,
  );
  assert.match(second.error!, /^The branch ".*" cannot be checked out.*then retry the task/);
  git(project, "switch", "-q", "main");
  await mesh.operator.aura.retryTask(second.id);
  assert.equal((await mesh.ended(second.id)).status, "complete");
  assert.equal(git(project, "show", `${branch}:b.txt`), "two");
});

meshTest(
  "run publishes a branch, reports its changes and works in a review",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    const { forge } = await treeDevice(mesh);
    const changed = await mesh.ended((await mesh.task(channel, "write file.txt one")).id);
    assert.deepEqual(
      [changed.changes!.base, changed.changes!.branch, changed.changes!.files],
      ["main", branchOf(changed.id), [
        { path: "file.txt", status: "added", additions: 1, deletions: 0 },
      ]],
    );
    const [patch] = await mesh.operator.aura.fetchTaskFiles(changed.id);
    assert.deepEqual([patch!.name, patch!.state, patch!.direction], [
      "changes.patch",
      "stored",
      "out",
    ]);
    assert.match(await (await mesh.operator.aura.downloadFile(patch!)).text(), /\+one/);
    const told = await messages(fixture, changed.id);
    assert.match(told.at(-1)!, /\n\nChanges: 1 file \+1 −0 on aura\/\w{8}$/);

    const { aura } = mesh.operator;
    const published = await mesh.ended((await aura.publishChanges(changed.id)).id);
    assert.equal(published.error, null);
    assert.match(
      published.result!,
      /\nPull request: https:\/\/forge\.example\/team\/app\/pull\/7$/,
    );
    assert.equal(git(forge.bare, "show", `${branchOf(changed.id)}:file.txt`), "one");
    const again = await mesh.ended((await aura.publishChanges(changed.id)).id);
    assert.equal(again.result, published.result);
    assert.equal(forge.calls().filter((call) => call.startsWith("pr create")).length, 1);

    const comments = [{ path: "file.txt", line: 1, body: "Another word, please." }];
    const { task } = await aura.reviewChanges(changed.id, comments, { content: "write b.txt two" });
    const reviewed = await mesh.ended(task.id);
    assert.equal(reviewed.changes!.branch, branchOf(changed.id));
    assert.deepEqual(reviewed.changes!.files.map(({ path }) => path), ["b.txt", "file.txt"]);

    forge.gh("#!/bin/sh\necho 'HTTP 401: run gh auth login' >&2\nexit 4\n");
    const failed = await mesh.ended((await aura.publishChanges(reviewed.id)).id);
    assert.equal(failed.attempt, 1);
    assert.match(failed.error!, /^Pushed aura.* but no pull request was opened: gh: HTTP 401/);
  },
);
