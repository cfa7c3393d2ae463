import assert from "node:assert/strict";
import { blocked, claim, complete, held, Mesh, settle, type Task } from "./mesh.ts";

Deno.test("claim_tasks() gives no task twice and passes no device's max_running when many claim at once", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const tokens = [await mesh.device(3), await mesh.device(3)];
  for (let n = 0; n < 24; n++) await mesh.dispatch(channel, `t${n}`);

  const claimed: Task[] = [];
  await Promise.all(
    mesh.sessions(6).map(async (session, number) => {
      const token = tokens[number % tokens.length]!;
      for (let empty = 0; empty < 3;) {
        const tasks = await claim(session, token, 2);
        claimed.push(...tasks);
        const busy = await session`
        select d.max_running - count(q.task_id) as free
        from mesh_devices as d left join hub.queue as q on q.state = 'running' and q.device = d.name
        group by d.id having count(q.task_id) > d.max_running`;
        assert.deepEqual([...busy], []);
        for (const task of tasks) await complete(session, token, task);
        empty = tasks.length ? 0 : empty + 1;
      }
    }),
  );
  assert.equal(claimed.length, 24);
  assert.equal(new Set(claimed.map((task) => task.id)).size, 24);
});

Deno.test("claim_tasks() skips what another claim holds and waits for nobody", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const [left, right] = [await mesh.device(), await mesh.device()];
  const first = await mesh.dispatch(channel, "first");
  const second = await mesh.dispatch(channel, "second");
  const session = mesh.session();

  const commit = await held(mesh.session(), async (tx) => {
    assert.deepEqual((await claim(tx, left)).map((task) => task.id), [first.id]);
  });
  assert.deepEqual((await claim(session, right)).map((task) => task.id), [second.id]);
  await commit();
});

Deno.test("claim_tasks() does not wait for a thread in which something is being posted", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("threaded_task_isolation");
  const token = await mesh.device(5);
  const busy = await mesh.dispatch(channel, "busy thread");
  const due = await mesh.dispatch(channel, "due", busy.task_thread_id);
  await mesh.sql`update mac_tasks set status = 'failed' where id = ${busy.id}`;
  await mesh.sql`update mac_tasks set run_at = now() + interval '1 hour' where id = ${due.id}`;
  await mesh.sql`update hub.queue set run_at = now() where task_id = ${due.id}`;
  const other = await mesh.dispatch(channel, "other");

  const commit = await held(mesh.session(), (tx) =>
    tx`
    insert into hub_channel_messages (channel_id, task_thread_id, content)
    values (${channel}, ${busy.task_thread_id}, 'Hold on')`);
  const session = mesh.session();
  const tasks = await claim(session, token, 5);
  assert.deepEqual(tasks.map((task) => task.id), [other.id]);
  await commit();
});

Deno.test("claim_tasks() and complete_task() of one device do not lock each other out", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("threaded_task_isolation");
  const token = await mesh.device(5);
  const first = await mesh.dispatch(channel, "first");
  const session = mesh.session();
  const [task] = await claim(session, token);
  const next = await mesh.dispatch(channel, "next", first.task_thread_id);
  await mesh.sql`update mac_tasks set run_at = now() + interval '1 hour' where id = ${next.id}`;
  await mesh.sql`update hub.queue set run_at = now() where task_id = ${next.id}`;

  // The completion holds the device, which it has just heard of, and wants the thread.
  const commit = await held(mesh.session(), (tx) =>
    tx`
    update mesh_devices set last_seen_at = now() - interval '5 seconds'`);
  await commit();
  const completing = await held(session, (tx) => complete(tx, token, task!));
  const claiming = await blocked(mesh, mesh.session(), (other) => claim(other, token, 5));
  await completing();
  assert.equal((await claiming.outcome).error, undefined);
});

Deno.test("a dispatch that misses the idle device is found by the device's second claim", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const token = await mesh.device();
  const session = mesh.session();

  const commit = await held(session, async (tx) => assert.deepEqual(await claim(tx, token), []));
  const task = await mesh.dispatch(channel, "just now");
  await commit();
  assert.deepEqual((await claim(session, token)).map((claimed) => claimed.id), [task.id]);
});

Deno.test("device_heartbeat() and report_rate_limit() of one device do not lock each other out", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const token = await mesh.device(2);
  await mesh.dispatch(channel, "limited");
  const [left, right] = [mesh.session(), mesh.session()];
  const [task] = await claim(left, token);

  const limiting = await held(left, (tx) =>
    tx`
    select report_rate_limit(${token}, ${task!.id}, ${
      task!.claim_id
    }, 'claude', now() + interval '1 hour')`);
  const beating = await blocked(
    mesh,
    right,
    (session) =>
      session`select device_heartbeat(${token}, array[${task!.id}::uuid], '["claude", "codex"]')`,
  );
  await limiting();
  assert.equal((await beating.outcome).error, undefined);

  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      n % 2 ? settle(claim(left, token, 1)) : settle(
        right`select device_heartbeat(${token}, '{}', '["claude", {"model": "codex", "version": "1"}]')`
          .then(() => []),
      )),
  );
  assert.deepEqual(outcomes.filter((outcome) => outcome.error), []);
});
