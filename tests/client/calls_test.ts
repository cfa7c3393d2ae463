import assert from "node:assert/strict";
import { createClient } from "@supabase/supabase-js";
import { AuraClient, AuraError, NotSignedInError, UnavailableError } from "../../client/index.ts";
import { stackTest } from "./fixture.ts";

const nobody = "00000000-0000-4000-8000-000000000000";

function refusal(name: string, status: number) {
  return (error: unknown) => {
    assert(error instanceof AuraError);
    assert.deepEqual([error.name, error.status], [name, status], error.message);
    return true;
  };
}

stackTest("AuraClient reads the default servers, their channels and commands", async (fixture) => {
  const { aura } = await fixture.user("viewer");

  const servers = await aura.fetchServers();
  const koji = servers.find(({ name }) => name === "koji-pipeline")!;
  const channels = await aura.fetchChannels(koji.id);
  const commands = await aura.listCommands();
  const { command, chunks } = await aura.executeCommand(channels[0]!.id, "!help");

  assert.deepEqual(channels.map(({ name }) => name).sort(), [
    ...["accounts", "digest", "leads", "sweeps"],
  ]);
  assert(commands.some(({ name, changes_data }) => name === "stats" && !changes_data));
  assert.equal(command, "help");
  assert(chunks.join("\n").includes("stats"));
});

stackTest("dispatchTask() queues on a flat channel, once per key", async (fixture) => {
  const { aura, id } = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");

  const options = { model: "gemini", idempotency_key: "once" } as const;
  const first = await aura.dispatchTask(channel.id, "Count the lines", options);
  const second = await aura.dispatchTask(channel.id, "Count the lines", options);

  assert.equal(first.thread, null);
  assert.equal(first.task.status, "pending");
  assert.equal(first.task.model_preference, "gemini");
  assert.equal(first.message.sender_id, id);
  assert.equal(second.task.id, first.task.id);
  const messages = await aura.fetchChannelMessages(channel.id);
  assert.equal(messages.length, 2);
  assert.deepEqual(messages[0], first.message);
});

stackTest("findTasks() finds a task by the first digits of its id", async (fixture) => {
  const { aura } = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const { task } = await aura.dispatchTask(channel.id, "Count the lines");

  assert.deepEqual((await aura.findTasks(task.id.slice(0, 8))).map(({ id }) => id), [task.id]);
  assert.deepEqual((await aura.findTasks(task.id.toUpperCase())).map(({ id }) => id), [task.id]);
  await assert.rejects(aura.findTasks("no digits"), refusal("bad_argument", 400));
});

stackTest(
  "dispatchTask() opens a thread on a threaded channel and continues it",
  async (fixture) => {
    const { aura } = await fixture.user();
    const channel = await fixture.channel("threaded_task_isolation");

    const { task, thread } = await aura.dispatchTask(channel.id, "Look at the disks");
    assert.equal(task.task_thread_id, thread!.id);
    await fixture
      .sql`update mac_tasks set status = 'complete', result = 'Full' where id = ${task.id}`;
    const again = await aura.dispatchTask(channel.id, "Look again", { task_thread_id: thread!.id });

    assert.equal(again.thread!.id, thread!.id);
    const contents = (await aura.fetchThreadMessages(thread!.id)).map(({ content }) => content);
    assert(contents.includes("Look at the disks") && contents.includes("Look again"));
    const threads = await aura.fetchTaskThreads(channel.id, { status: ["active"] });
    assert.deepEqual(threads.map(({ id }) => id), [thread!.id]);
    assert.equal((await aura.fetchThread(thread!.id)).message_count, contents.length);
    const tasks = await aura.fetchTasks({ task_thread_id: thread!.id });
    assert.deepEqual(tasks.map(({ id }) => id), [again.task.id, task.id]);
    assert.equal((await aura.fetchChannelMessages(channel.id)).length, 1);
  },
);

stackTest("dispatchTeam() creates a team with its subtasks", async (fixture) => {
  const { aura } = await fixture.user();
  const channel = await fixture.channel("threaded_task_isolation");

  const subtasks = ["Write it", "Test it"];
  const { team, tasks, thread } = await aura.dispatchTeam(channel.id, "Ship it", { subtasks });

  assert.deepEqual(tasks.map(({ content }) => content).sort(), subtasks.toSorted());
  assert.equal(team.task_thread_id, thread!.id);
  assert.equal((await aura.fetchTeam(team.id)).goal, "Ship it");
});

stackTest("updateThreadStatus() closes and reopens a thread", async (fixture) => {
  const { aura } = await fixture.user();
  const channel = await fixture.channel("threaded_task_isolation");
  const run_at = new Date(Date.now() + 3_600_000).toISOString();
  const { thread, task } = await aura.dispatchTask(channel.id, "Look at the disks", { run_at });

  await assert.rejects(
    aura.updateThreadStatus(thread!.id, "archived"),
    refusal("thread_busy", 409),
  );
  await aura.cancelTask(task.id);
  assert.equal((await aura.updateThreadStatus(thread!.id, "archived")).status, "archived");
  assert.equal((await aura.updateThreadStatus(thread!.id, "active")).status, "active");
});

stackTest("cancelTask(), retryTask() and explainTask() follow a task's life", async (fixture) => {
  const { aura } = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const run_at = new Date(Date.now() + 3_600_000).toISOString();
  const { task } = await aura.dispatchTask(channel.id, "Count the lines", { run_at });

  assert.equal((await aura.explainTask(task.id)).reason, "scheduled");
  const cancelled = await aura.cancelTask(task.id);
  assert.equal(cancelled.status, "failed");
  assert.notEqual(cancelled.cancelled_at, null);
  await assert.rejects(aura.cancelTask(task.id), refusal("task_finished", 409));
  assert.equal((await aura.retryTask(task.id)).status, "pending");
  assert.deepEqual(await aura.fetchTaskAttempts(task.id), []);
});

stackTest("publishChanges() and reviewChanges() go on with a task's branch", async (fixture) => {
  const { aura } = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const { device, token } = await aura.registerDevice(`test-${crypto.randomUUID()}`, "linux", [
    "claude",
  ]);
  const { task } = await aura.dispatchTask(channel.id, "Tidy up", { priority: 100 });
  await assert.rejects(aura.publishChanges(task.id), refusal("no_changes", 409));
  const changes = { base: "main", branch: "aura/1", additions: 1, deletions: 0, files: [] };
  await fixture.sql`
    select device_heartbeat(${token}), complete_task(${token}, ${task.id}, c.claim_id, 'Done.', changes => ${
    fixture.sql.json(changes)
  })
    from (select (claim_tasks(${token}) -> 0 ->> 'claim_id')::uuid as claim_id) as c`;
  assert.equal((await aura.fetchTask(task.id)).changes?.device_id, device.id);

  const published = await aura.publishChanges(task.id, false);
  assert.equal(published.kind, "publish");
  assert.equal((await aura.publishChanges(task.id)).id, published.id);
  const comments = [{ path: "a.ts", line: 3, body: "Why?" }];
  const review = await aura.reviewChanges(task.id, comments, { idempotency_key: "once" });
  assert.match(review.message.content, /a\.ts:3\n> Why\?$/);
  const again = await aura.reviewChanges(task.id, comments, { idempotency_key: "once" });
  assert.equal(again.task.id, review.task.id);
});

stackTest("registerDevice() enrols a device that can be drained", async (fixture) => {
  const { aura } = await fixture.user();
  const name = `test-${crypto.randomUUID()}`;

  const models = ["claude", { model: "codex", version: "1.2.3" }] as const;
  const { device, token } = await aura.registerDevice(name, "linux", [...models], {
    max_running: 2,
  });
  const drained = await aura.setDeviceDraining(device.id, true);

  assert.match(token, /^aura_[0-9a-f]{64}$/);
  assert.equal(drained.id, device.id);
  const found = (await aura.fetchDevices()).find(({ id }) => id === device.id)!;
  assert.deepEqual(found.models.map(({ model, version }) => [model, version]), [
    ["claude", null],
    ["codex", "1.2.3"],
  ]);
  assert.equal(found.max_running, 2);
  await fixture.sql`delete from mesh_devices where id = ${device.id}`;
});

stackTest("setServerPaused() and setMemberRole() answer with the row", async (fixture) => {
  const { aura, id } = await fixture.user("admin");
  const channel = await fixture.channel("flat_task_pipeline");

  assert.notEqual((await aura.setServerPaused(channel.server_id, true)).paused_at, null);
  assert.equal((await aura.setServerPaused(channel.server_id, false)).paused_at, null);
  assert.equal((await aura.whoami()).role, "admin");
  const other = await fixture.user("viewer");
  assert.equal((await aura.setMemberRole(other.id, "operator")).role, "operator");
  const roles = (await aura.fetchMembers()).filter(({ user_id }) =>
    [id, other.id].includes(user_id)
  );
  assert.deepEqual(roles.map(({ role }) => role).sort(), ["admin", "operator"]);
});

stackTest(
  "listPeople() and setServerRole() tell and change who is what on a server",
  async (fixture) => {
    const { aura } = await fixture.user("admin");
    const other = await fixture.user("viewer");
    const { server_id } = await fixture.channel("flat_task_pipeline");
    const roleThere = async () =>
      (await aura.listPeople({ server_id, search: other.email })).map(({ role }) => role);

    assert.deepEqual(await roleThere(), ["viewer"]);
    assert.equal((await aura.setServerRole(server_id, other.id, "none")).role, "none");
    assert.deepEqual(await roleThere(), [null]);
    const [person] = await aura.listPeople({ search: other.email });
    assert.deepEqual(person?.server_roles, { [server_id]: "none" });
    assert.equal((await aura.setServerRole(server_id, other.id, null)).role, null);
    await assert.rejects(other.aura.listPeople(), refusal("role_required", 403));
  },
);

stackTest("removeDevice() removes a device that works for some servers alone", async (fixture) => {
  const { aura } = await fixture.user();
  const { server_id } = await fixture.channel("flat_task_pipeline");
  const { device } = await aura.registerDevice(`test-${crypto.randomUUID()}`, "linux", ["claude"], {
    servers: [server_id],
  });
  assert.deepEqual(device.server_ids, [server_id]);
  assert.equal((await aura.removeDevice(device.id)).id, device.id);
  await assert.rejects(aura.removeDevice(device.id), refusal("device_not_found", 404));
});

stackTest("AuraClient throws what the registry says", async (fixture) => {
  const { aura } = await fixture.user();
  const viewer = await fixture.user("viewer");
  const channel = await fixture.channel("flat_task_pipeline");

  await assert.rejects(viewer.aura.dispatchTask(channel.id, "x"), refusal("role_required", 403));
  await assert.rejects(
    viewer.aura.postChannelMessage(channel.id, "x"),
    refusal("role_required", 403),
  );
  await assert.rejects(aura.dispatchTask(nobody, "x"), refusal("channel_not_found", 404));
  await assert.rejects(aura.dispatchTask(channel.id, " "), refusal("content_empty", 400));
  await assert.rejects(aura.postChannelMessage(channel.id, ""), refusal("content_empty", 400));
  await assert.rejects(
    aura.executeCommand(channel.id, "!stats"),
    refusal("wrong_architecture", 409),
  );
  await assert.rejects(aura.explainTask(nobody), refusal("task_not_found", 404));
  await assert.rejects(aura.fetchTask(nobody), refusal("task_not_found", 404));
  await assert.rejects(aura.fetchChannelMessages(nobody), refusal("channel_not_found", 404));
  await assert.rejects(aura.fetchThreadMessages(nobody), refusal("thread_not_found", 404));
  await assert.rejects(aura.fetchTaskThreads(nobody), refusal("channel_not_found", 404));
});

stackTest(
  "AuraClient throws NotSignedInError to nobody, for reads and for RPCs",
  async (fixture) => {
    const anon = new AuraClient(
      createClient(fixture.url, fixture.key, { auth: { persistSession: false } }),
    );
    await assert.rejects(anon.fetchServers(), NotSignedInError);
    await assert.rejects(anon.listCommands(), NotSignedInError);
    await assert.rejects(anon.dispatchTask(nobody, "x"), NotSignedInError);
  },
);

Deno.test("AuraClient throws UnavailableError when nobody answers", async () => {
  const supabase = createClient("http://127.0.0.1:9", "key", {
    auth: { persistSession: false, autoRefreshToken: false },
    db: { retry: false },
  });
  await assert.rejects(new AuraClient(supabase).fetchServers(), UnavailableError);
});

stackTest("AuraClient's own refusals bear names of the registry", async (fixture) => {
  const names = new Set((await fixture.sql`select name from hub.errors`).map(({ name }) => name));
  for (const noun of ["channel", "thread", "task", "server", "device"]) {
    assert(names.has(`${noun}_not_found`));
  }
  for (const name of ["not_signed_in", "role_required", "bad_argument"]) assert(names.has(name));
});
