// What happens to machines: they sleep, their clocks jump, their disks fill, somebody copies their
// configuration, and their hub is restored from yesterday.
import assert from "node:assert/strict";
import { join } from "node:path";
import { stateFolderOf } from "../../executor/config.ts";
import type { Fixture } from "../client/fixture.ts";
import { Device, meshTest } from "./mesh.ts";
import { hubThrough } from "./proxy.ts";

const MAIN = join(import.meta.dirname!, "../../executor/main.ts");
const CLOCK = join(import.meta.dirname!, "clock.ts");

async function outcomes(fixture: Fixture, taskId: string): Promise<string[]> {
  const rows = await fixture.sql`
    select outcome from hub_task_attempts where task_id = ${taskId} order by started_at`;
  return rows.map(({ outcome }) => outcome);
}

async function results(fixture: Fixture, taskId: string): Promise<number> {
  const [row] = await fixture.sql`
    select count(*)::integer from hub_channel_messages
    where metadata ->> 'task_id' = ${taskId} and metadata ->> 'event' = 'task_completed'`;
  return row!.count;
}

/** Calls in the middle of which the machine sleeps, before or after the hub has done what they ask. */
const SLEEPS = [
  { call: "claim_tasks", when: "before", work: 3 },
  { call: "claim_tasks", when: "after", work: 3 },
  { call: "report_progress", when: "after", work: 40 },
  { call: "device_heartbeat", when: "after", work: 70 },
  { call: "complete_task", when: "before", work: 3 },
  { call: "complete_task", when: "after", work: 3 },
] as const;

meshTest(
  "run does everything once on a machine that sleeps in the middle of it",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    let sleep: (() => Promise<void>) | undefined;
    let at: typeof SLEEPS[number] | undefined;
    await using proxy = hubThrough(fixture.url, async (call, forward) => {
      if (call !== at?.call || !sleep) return await forward();
      const now = sleep;
      sleep = undefined;
      if (at.when === "before") await now();
      const answer = await forward();
      if (at.when === "after") await now();
      return answer;
    });
    const url = `http://127.0.0.1:${proxy.addr.port}`;
    const device = await (await mesh.device({ url })).start();
    for (at of SLEEPS) {
      const slept = Promise.withResolvers<void>();
      let taskId = "";
      const dispatched = Promise.withResolvers<void>();
      sleep = async () => {
        await dispatched.promise;
        device.signal("SIGSTOP");
        // So long that its lease is over, and somebody has noticed.
        await fixture.sql`
        update mac_tasks set lease_expires_at = now() - interval '1 s'
        where id = ${taskId} and status = 'running'`;
        await fixture.sql`select hub.recover()`;
        device.signal("SIGCONT");
        slept.resolve();
      };
      taskId = (await mesh.task(channel, `work ${at.work}`)).id;
      dispatched.resolve();
      await slept.promise;
      const ended = await mesh.ended(taskId);
      const told = `${at.when} ${at.call}: ${await outcomes(fixture, taskId)}\n${device.log}`;
      assert.equal(ended.result, "worked", told);
      assert.equal(await results(fixture, taskId), 1, told);
      assert.equal(
        (await outcomes(fixture, taskId)).filter((one) => one === "complete").length,
        1,
        told,
      );
    }
  },
);

meshTest("run goes on when its clock jumps forward and back", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const program = [Deno.execPath(), "run", "-A", "--preload", CLOCK, MAIN];
  const device = await (await mesh.device({ program })).start();
  for (const jump of ["SIGUSR2", "SIGUSR1"] as const) {
    const task = await mesh.task(channel, "work 40");
    await mesh.until(task.id, ({ partial_output }) => !!partial_output);
    device.signal(jump);
    assert.equal((await mesh.ended(task.id)).result, "worked");
    assert.deepEqual(await outcomes(fixture, task.id), ["complete"]);
  }
});

meshTest(
  "run shares the tasks of its device with a copy on another machine",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    const device = await mesh.device({ settings: { max_running: 2 } });
    const folder = await Deno.makeTempDir();
    await Deno.copyFile(device.config, join(folder, "executor.toml"));
    const { id, name, token } = device;
    const copy = new Device(id, name, token, folder, join(folder, "executor.toml"));
    await device.start();
    await copy.start();
    try {
      const tasks = await Promise.all(
        Array.from({ length: 8 }, () => mesh.task(channel, "work 3")),
      );
      for (const task of tasks) {
        assert.equal((await mesh.ended(task.id)).result, "worked");
        assert.deepEqual(
          await outcomes(fixture, task.id),
          ["complete"],
          `${device.log}\n${copy.log}`,
        );
      }
    } finally {
      await copy.end("SIGKILL");
      await Deno.remove(folder, { recursive: true });
    }
  },
);

meshTest("run ends what a restored hub does not know, and goes on", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const lost = await mesh.task(channel, "work 600");
  await mesh.until(lost.id, ({ partial_output }) => !!partial_output);
  await fixture.sql`delete from mac_tasks where id = ${lost.id}`;
  const next = await mesh.task(channel, "say still here");
  assert.equal((await mesh.ended(next.id)).result, "still here");
  assert.equal(device.running, true);
});

if (Deno.uid() === 0) {
  meshTest(
    "run says that its disk is full, and works again when it is not",
    async (mesh, fixture) => {
      await mesh.hurry();
      const channel = await fixture.channel("flat_task_pipeline");
      const device = await mesh.device();
      const state = stateFolderOf(device.config);
      await Deno.mkdir(state, { recursive: true });
      await mounted(["-t", "tmpfs", "-o", "size=256k", "tmpfs", state]);
      try {
        await device.start();
        await fill(join(state, "filling"));
        const task = await mesh.task(channel, "say hello");
        const failed = await mesh.ended(task.id);
        assert.match(failed.error!, /cannot be run on .*No space left/s);
        await Deno.remove(join(state, "filling"));
        await mesh.operator.aura.retryTask(task.id);
        assert.equal((await mesh.ended(task.id)).result, "hello");
      } finally {
        await device.end("SIGKILL");
        await new Deno.Command("umount", { args: [state] }).output();
      }
    },
  );
}

async function mounted(args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("mount", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

async function fill(path: string): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true });
  for (const size of [4096, 1]) {
    try {
      for (;;) await file.write(new Uint8Array(size));
    } catch (error) {
      assert.match((error as Error).message, /No space left/);
    }
  }
}
