// How runs end when they do not end by themselves.
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Channel } from "../../client/index.ts";
import type { Fixture } from "../client/fixture.ts";
import { alive, type Device, type Mesh, meshTest, until } from "./mesh.ts";
import { hubThrough } from "./proxy.ts";

/** Starts a task that hangs, with children that ignore SIGTERM, and returns their pids. */
async function hang(mesh: Mesh, channel: Channel, device: Device) {
  const task = await mesh.task(channel, "hang");
  const file = join(device.root, "Desktop/pids.json");
  const pids = await until(() => {
    try {
      return Promise.resolve(JSON.parse(Deno.readTextFileSync(file)) as number[]);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) {
        return Promise.resolve(null);
      }
      throw error;
    }
  }, () => device.log);
  assert.equal(alive(pids).length, 3);
  return { task, pids };
}

const gone = (pids: number[]) => until(() => Promise.resolve(alive(pids).length ? null : true));

async function outcomes(fixture: Fixture, taskId: string): Promise<string[]> {
  const rows = await fixture.sql`
    select outcome from hub_task_attempts where task_id = ${taskId} order by started_at`;
  return rows.map(({ outcome }) => outcome);
}

meshTest("run kills all processes of a cancelled task", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const { task, pids } = await hang(mesh, channel, device);
  await mesh.operator.aura.cancelTask(task.id);
  const ended = await mesh.ended(task.id);
  assert.equal(ended.status, "failed");
  assert.ok(ended.cancelled_at);
  assert.deepEqual(alive(pids), []);
});

meshTest("run stops and fails a task that runs too long", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device({ settings: { max_minutes: 0.1 } })).start();
  const { task, pids } = await hang(mesh, channel, device);
  const ended = await mesh.ended(task.id);
  assert.equal(ended.error, "The task ran longer than 0.1 minutes and was stopped.");
  assert.deepEqual(alive(pids), []);
});

meshTest("run kills a task whose lease somebody else has", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const { task, pids } = await hang(mesh, channel, device);
  await fixture
    .sql`update mac_tasks set lease_expires_at = now() - interval '1 s' where id = ${task.id}`;
  await fixture.sql`select hub.recover()`;
  await gone(pids);
  await device.says("belongs to another claim now");
});

meshTest("run lets a task end after SIGTERM", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const task = await mesh.task(channel, "work 30");
  await mesh.until(task.id, ({ status }) => status === "running");
  device.signal("SIGTERM");
  assert.equal((await device.ended()).code, 0);
  const ended = await mesh.ended(task.id);
  assert.equal(ended.result, "worked");
  assert.match(device.log, /nothing is left running/);
});

meshTest(
  "run kills and releases what has not ended some time after SIGTERM",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    const device = await (await mesh.device()).start("--grace", "1");
    const { task, pids } = await hang(mesh, channel, device);
    device.signal("SIGTERM");
    assert.equal((await device.ended()).code, 0);
    assert.deepEqual(alive(pids), []);
    assert.equal((await mesh.operator.aura.fetchTask(task.id)).status, "pending");
    assert.deepEqual(await outcomes(fixture, task.id), ["released"]);
  },
);

meshTest(
  "run leaves nothing running after kill -9, and goes on at the next start",
  async (mesh, fixture) => {
    await mesh.hurry();
    const channel = await fixture.channel("flat_task_pipeline");
    const device = await (await mesh.device()).start();
    const { task, pids } = await hang(mesh, channel, device);
    await device.end("SIGKILL");
    await gone(pids);
    // What hung the first time does not hang the second time.
    await fixture.sql`update mac_tasks set content = 'say again' where id = ${task.id}`;
    await device.start();
    assert.equal((await mesh.ended(task.id)).result, "again");
    assert.deepEqual(await outcomes(fixture, task.id), ["failed", "complete"]);
  },
);

meshTest("run ends what is left when its watcher was killed with it", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const { pids } = await hang(mesh, channel, device);
  const watcher = watcherOf(device.pid);
  Deno.kill(watcher, "SIGKILL");
  await device.end("SIGKILL");
  assert.equal(alive(pids).length, 3);
  await device.start();
  await gone(pids);
});

function watcherOf(pid: number): number {
  const { stdout } = new Deno.Command("ps", { args: ["-axo", "pid=,ppid=,args="] }).outputSync();
  const line = new TextDecoder().decode(stdout).split("\n")
    .find((line) => line.includes("aura-watcher") && line.trim().split(/\s+/)[1] === String(pid));
  return Number(line!.trim().split(/\s+/)[0]);
}

meshTest("run ends when another enrolment has replaced its token", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const { pids } = await hang(mesh, channel, device);
  await mesh.operator.aura.registerDevice(device.name, "linux", ["claude"]);
  assert.equal((await device.ended()).code, 1);
  assert.match(device.log, /does not accept this device's token any more.* enroll/);
  assert.deepEqual(alive(pids), []);
});

meshTest("run delivers a result once the hub can be reached again", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  let down = false;
  await using proxy = hubThrough(
    fixture.url,
    async (_call, forward) => down ? new Response("down", { status: 503 }) : await forward(),
  );
  const url = `http://127.0.0.1:${proxy.addr.port}`;
  const device = await (await mesh.device({ url })).start();
  const task = await mesh.task(channel, "work 20");
  await mesh.until(task.id, ({ status }) => status === "running");
  down = true;
  await device.says("will be reported again");
  down = false;
  assert.equal((await mesh.ended(task.id)).result, "worked");
});
