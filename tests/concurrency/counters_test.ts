import assert from "node:assert/strict";
import type { Connection } from "../stack.ts";
import { Mesh } from "./mesh.ts";

Deno.test("hub_channel_messages keeps every counter exact when many sessions write at once", async () => {
  await using mesh = await Mesh.idle();
  const channels = [
    await mesh.channel("threaded_task_isolation"),
    await mesh.channel("threaded_task_isolation"),
    await mesh.channel("flat_task_pipeline"),
  ];
  const threads = await mesh.sql<{ id: string; channel_id: string }[]>`
    insert into hub_task_threads (channel_id, name, next_transition_at)
    select c.id, 'thread', now() + interval '1 hour'
    from unnest(${channels.slice(0, 2)}::uuid[]) as c (id), generate_series(1, 3)
    returning id, channel_id`;

  const ids = [...channels, ...threads.map((thread) => thread.id)];
  await Promise.all(
    mesh.sessions(6).map(async (session, number) => {
      for (let round = 0; round < 5; round++) {
        // Each session goes through channels and threads in an order of its own.
        const order = rotate(ids, number + round);
        await insertInto(session, number, order, threads);
        await insertInto(session, number, order.slice(0, 1), threads);
        await session`
        delete from hub_channel_messages where id in (
          select id from hub_channel_messages
          where channel_id = any (${channels}) and sender_id = ${
          String(number)
        } order by created_at, id limit 4
        )`;
        await session`
        update hub_channel_messages as m set task_thread_id = null
        where id in (
          select id from hub_channel_messages
          where channel_id = any (${channels}) and sender_id = ${
          String(number)
        } and task_thread_id is not null
          order by created_at, id limit 2
        )`;
      }
    }),
  );
  await assertExact(mesh.sql, channels);

  await mesh.sql`delete from hub_task_threads where id = ${threads[0]!.id}`;
  await mesh.sql`delete from hub_channel_messages where channel_id = ${channels[2]!}`;
  await assertExact(mesh.sql, channels);
  const [emptied] = await mesh.sql`
    select message_count, last_message_at from hub_channels where id = ${channels[2]!}`;
  assert.deepEqual({ ...emptied }, { message_count: 0, last_message_at: null });
});

Deno.test("hub_servers.channel_count stays exact when channels come, move and go in many sessions", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const other = await mesh.channel("flat_task_pipeline");
  const servers = await mesh.sql<{ server_id: string }[]>`
    select server_id from hub_channels where id in (${channel}, ${other}) order by server_id`;
  const [a, b] = servers.map((row) => row.server_id) as [string, string];

  await Promise.all(
    mesh.sessions(4).map(async (session, number) => {
      const [from, to] = number % 2 ? [a, b] : [b, a];
      for (let round = 0; round < 5; round++) {
        const name = `c-${number}-${round}`;
        await session`
        insert into hub_channels (server_id, name, display_name)
        select ${from}, ${name} || '-' || n, 'x' from generate_series(1, 3) as n`;
        await session`update hub_channels set server_id = ${to} where name = ${name + "-1"}`;
        await session`delete from hub_channels where name = ${name + "-2"}`;
      }
    }),
  );
  const counts = await mesh.sql`
    select s.channel_count, (select count(*)::integer from hub_channels as c where c.server_id = s.id) as channels
    from hub_servers as s where s.id in (${a}, ${b})`;
  for (const row of counts) assert.equal(row.channel_count, row.channels);
});

function rotate<T>(items: T[], by: number): T[] {
  const turned = items.map((_, index) => items[(index + by) % items.length]!);
  return by % 2 ? turned : turned.reverse();
}

/** One statement that posts three messages to each of these channels and threads. */
async function insertInto(
  session: Connection,
  sender: number,
  places: string[],
  threads: { id: string; channel_id: string }[],
) {
  const rows = places.flatMap((place) => {
    const thread = threads.find((candidate) => candidate.id === place);
    return Array.from({ length: 3 }, () => ({
      channel_id: thread?.channel_id ?? place,
      task_thread_id: thread?.id ?? null,
      sender_id: String(sender),
      content: "x",
    }));
  });
  await session`insert into hub_channel_messages ${session(rows)}`;
}

async function assertExact(sql: Connection, channels: string[]) {
  const wrong = await sql`
    select 'channel' as what, c.id, c.message_count, m.count, c.last_message_at, m.newest
    from hub_channels as c
    cross join lateral (
      select count(*)::integer as count, max(created_at) as newest
      from hub_channel_messages as m where m.channel_id = c.id and m.task_thread_id is null
    ) as m
    where c.id = any (${channels})
      and (c.message_count, c.last_message_at) is distinct from (m.count, m.newest)
    union all
    select 'thread', t.id, t.message_count, m.count, null, null
    from hub_task_threads as t
    cross join lateral (
      select count(*)::integer as count from hub_channel_messages as m where m.task_thread_id = t.id
    ) as m
    where t.channel_id = any (${channels}) and t.message_count <> m.count`;
  assert.deepEqual([...wrong], []);
}
