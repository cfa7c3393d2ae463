// What goes on, and what is answered, while somebody holds a lock and does not let go.
import assert from "node:assert/strict";
import { type Connection, signUp } from "../stack.ts";
import { claim, complete, held, Mesh, settle } from "./mesh.ts";

/** Holds a channel's row as somebody does who edits it in a transaction and goes to lunch. */
function hold(session: Connection, channel: string) {
  return held(
    session,
    (tx) => tx`update hub_channels set description = 'x' where id = ${channel}`,
  );
}

async function recover(session: Connection) {
  const [row] = await session`select hub.recover() as report`;
  return row!.report as Record<string, number>;
}

Deno.test("recover() skips what somebody holds, holds up nobody, and takes it next time", async () => {
  await using mesh = await Mesh.idle();
  const [x, y] = [
    await mesh.channel("flat_task_pipeline"),
    await mesh.channel("flat_task_pipeline"),
  ];
  const token = await mesh.device(3);
  const inX = await mesh.dispatch(x, "in X");
  const inY = await mesh.dispatch(y, "in Y");
  const well = await mesh.dispatch(y, "well");
  const tasks = await claim(mesh.sql, token, 3);
  await mesh.sql`
    update mac_tasks set lease_expires_at = now() - interval '1 second'
    where id in ${mesh.sql([inX.id, inY.id])}`;

  const letGo = await hold(mesh.session(), x);
  const commit = await held(mesh.session(), async (tx) => {
    assert.equal((await recover(tx)).requeued, 1);
  });
  assert.equal((await mesh.task(inX.id)).status, "running");
  await letGo();
  await commit();

  assert.equal((await mesh.task(inY.id)).status, "pending");
  await complete(mesh.sql, token, tasks.find(({ id }) => id === well.id)!);
  assert.equal((await recover(mesh.sql)).requeued, 1);
  assert.equal((await mesh.task(inX.id)).status, "pending");
});

Deno.test("recover() passes by a device, a thread and an outcome that somebody holds", async () => {
  await using mesh = await Mesh.idle();
  const flat = await mesh.channel("flat_task_pipeline");
  const threaded = await mesh.channel("threaded_task_isolation");
  const token = await mesh.device(2);
  const ended = await mesh.dispatch(flat, "ended");
  const lost = await mesh.dispatch(threaded, "lost");
  const tasks = await claim(mesh.sql, token, 2);
  await complete(mesh.sql, token, tasks.find(({ id }) => id === ended.id)!);
  await mesh.sql`select hub.record_delivery_failure(${ended.id}, 'task', 'by hand')`;
  await mesh.sql`update hub.delivery_failures set retry_at = now()`;
  await mesh.sql`update mac_tasks set lease_expires_at = now() where id = ${lost.id}`;
  await mesh.sql`update mesh_devices set last_seen_at = now() - interval '2 minutes'`;

  const letGo = await held(mesh.session(), async (tx) => {
    await tx`update mesh_devices set metadata = metadata`;
    await tx`update hub_task_threads set metadata = metadata where id = ${lost.task_thread_id}`;
    await tx`update hub.delivery_failures set reason = 'held'`;
  });
  const nothing = { requeued: 0, failed: 0, redelivered: 0, devices_offline: 0, timed_out: 0 };
  assert.deepEqual(await recover(mesh.sql), nothing);
  await letGo();
  const all = { ...nothing, requeued: 1, redelivered: 1, devices_offline: 1 };
  assert.deepEqual(await recover(mesh.sql), all);
});

Deno.test("a device comes online while somebody holds the feed that would tell of it", async () => {
  await using mesh = await Mesh.idle();
  const [feed] = await mesh.sql`select hub.feed_channel('heartbeat') as id`;
  const lines = async () => {
    const [row] = await mesh.sql`
      select count(*)::integer as count from hub_channel_messages where channel_id = ${feed!.id}`;
    return row!.count as number;
  };
  const before = await lines();
  const letGo = await hold(mesh.session(), feed!.id);
  const token = await mesh.device();
  assert.deepEqual(await claim(mesh.sql, token), []);
  assert.equal(await lines(), before);
  await letGo();
  await recover(mesh.sql);
  assert.equal(await lines(), before + 1);
});

Deno.test("what waits too long for a lock is refused as busy, and has changed nothing", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const operator = await signUp("operator");
  const letGo = await hold(mesh.session(), channel);
  const dispatched = settle(mesh.session()`select dispatch_task(${channel}, 'Work')`);
  const [viaRest, posted] = await Promise.all([
    operator.client.rpc("dispatch_task", { channel_id: channel, content: "Work" }),
    operator.client.from("hub_channel_messages").insert({ channel_id: channel, content: "Hi" }),
  ]);
  assert.equal((await dispatched).error, "busy");
  for (const { status, error } of [viaRest, posted]) {
    assert.deepEqual([status, error?.code, error?.details], [503, "PT503", "busy"]);
  }
  await letGo();
  const [row] = await mesh.sql`
    select (select count(*) from mac_tasks where channel_id = ${channel})::integer as tasks,
      (select count(*) from hub_channel_messages where channel_id = ${channel})::integer as messages`;
  assert.deepEqual({ ...row }, { tasks: 0, messages: 0 });
});

Deno.test("complete_task() ends a task whose channel somebody holds, and its result is posted later", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const token = await mesh.device();
  const task = await mesh.dispatch(channel, "Work");
  const [claimed] = await claim(mesh.sql, token);
  const letGo = await hold(mesh.session(), channel);
  await complete(mesh.sql, token, claimed!);
  const ended = await mesh.task(task.id);
  assert.deepEqual([ended.status, ended.delivered_at], ["complete", null]);
  await letGo();
  await mesh.sql`update hub.delivery_failures set retry_at = now()`;
  await recover(mesh.sql);
  assert.equal((await mesh.said(task.id)).filter((text) => text.startsWith("✅")).length, 1);
});
