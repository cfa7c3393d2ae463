// What the database holds, to see that a refused request has changed nothing, and that what is there
// is whole.
import type { Sql } from "postgres";

/** A digest of every row of the project's tables. */
export async function digest(sql: Sql): Promise<string> {
  const tables = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class as c
    where c.relnamespace::regnamespace::text in ('public', 'hub', 'koji') and c.relkind = 'r' order by 1`;
  const sums = tables.map(({ name }) =>
    `select '${name}', count(*), sum(hashtextextended(t::text, 0)) from ${name} as t`
  );
  const rows = await sql.unsafe(sums.join(" union all ")).values();
  return rows.map((row) => row.join(" ")).join("\n");
}

/** What contradicts itself, in words; empty if nothing does. */
export async function contradictions(sql: Sql): Promise<string[]> {
  const rows = await sql<{ what: string }[]>`
    select format('task %s has no message of its request', t.id) as what
    from mac_tasks as t
    where t.channel_id is not null and t.metadata ? 'message_id' and not exists (
      select from hub_channel_messages as m where m.id = (t.metadata ->> 'message_id')::uuid
    )
    union all
    select format('task %s was never announced', t.id)
    from mac_tasks as t
    where t.channel_id is not null and t.kind = 'task' and not exists (
      select from hub_channel_messages as m
      where m.metadata ->> 'task_id' = t.id::text and m.sender_type = 'system'
    )
    union all
    select format('task %s has no thread', t.id)
    from mac_tasks as t
    join hub_channels as c on c.id = t.channel_id
    join hub_servers as s on s.id = c.server_id
    where s.architecture_type = 'threaded_task_isolation' and t.task_thread_id is null
    union all
    select format('thread %s is of another channel than its task', h.id)
    from hub_task_threads as h join mac_tasks as t on t.task_thread_id = h.id
    where t.channel_id <> h.channel_id
    union all
    select format('team %s is %s with no task', m.id, m.status)
    from hub_teams as m
    where m.metadata ? 'message_id' -- the service key may make a team by hand, with none
      and not exists (select from mac_tasks as t where t.team_id = m.id)
    union all
    select format('task %s is %s and %s the queue', t.id, t.status,
      case when q.task_id is null then 'not in' else 'in' end)
    from mac_tasks as t left join hub.queue as q on q.task_id = t.id
    where (t.status in ('pending', 'running')) <> (q.task_id is not null)
    union all
    select format('channel %s counts %s messages of %s', c.id, c.message_count, n.messages)
    from hub_channels as c
    cross join lateral (
      select count(*) as messages from hub_channel_messages as m
      where m.channel_id = c.id and m.task_thread_id is null
    ) as n
    where c.message_count <> n.messages
    union all
    select format('thread %s counts %s messages of %s', h.id, h.message_count, n.messages)
    from hub_task_threads as h
    cross join lateral (
      select count(*) as messages from hub_channel_messages as m where m.task_thread_id = h.id
    ) as n
    where h.message_count <> n.messages
    union all
    select format('server %s counts %s channels of %s', s.id, s.channel_count, n.channels)
    from hub_servers as s
    cross join lateral (select count(*) as channels from hub_channels as c where c.server_id = s.id) as n
    where s.channel_count <> n.channels
    union all
    select format('device %s has no token', d.name)
    from mesh_devices as d where not exists (select from hub.device_tokens as t where t.device_id = d.id)
    union all
    select 'an outcome could not be posted: ' || f.reason from hub.delivery_failures as f`;
  return rows.map(({ what }) => what);
}
