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
      and t.finished_at is null -- one that has ended outlives its thread
    union all
    select format('thread %s is of another channel than its task', h.id)
    from hub_task_threads as h join mac_tasks as t on t.task_thread_id = h.id
    where t.channel_id <> h.channel_id
    union all
    select format('team %s is %s with no task', m.id, m.status)
    from hub_teams as m
    where m.metadata ? 'message_id' -- the service key may make a team by hand, with none
      and m.finished_at is null and not exists (select from mac_tasks as t where t.team_id = m.id)
    union all
    select format('%s %s: %s', c.what, c.id, c.problem) from hub.check() as c
    where c.what in ('queue', 'channel', 'thread', 'server')
    union all
    select format('device %s has no token', d.name)
    from mesh_devices as d where not exists (select from hub.device_tokens as t where t.device_id = d.id)
    union all
    select 'an outcome could not be posted: ' || f.reason from hub.delivery_failures as f
    where f.reason not like 'the app: %'`;
  return rows.map(({ what }) => what);
}
