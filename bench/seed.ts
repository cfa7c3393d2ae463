// Bulk data, made inside the database with triggers off, in the state the triggers would have left.
import type { Sql } from "postgres";

/** Empties everything that tasks leave, and gives back what the database remembers of it. */
export async function clearTasks(admin: Sql): Promise<void> {
  await admin.unsafe(`
    truncate public.mac_tasks, public.hub_channel_messages, public.hub_task_threads, public.hub_teams,
      public.hub_task_attempts, hub.queue, hub.lanes, hub.delivery_failures, hub.idle_devices,
      realtime.messages cascade;
    update public.hub_channels set message_count = 0, last_message_at = null where message_count > 0`);
}

/** Channels `bench-0` and so on of a server for the benchmark, made where missing. Returns their ids. */
export async function makeChannels(
  admin: Sql,
  count: number,
  kind: "flat" | "threaded" = "flat",
): Promise<string[]> {
  const server = kind === "flat"
    ? { name: "bench", architecture_type: "flat_task_pipeline" }
    : { name: "bench-threads", architecture_type: "threaded_task_isolation" };
  const rows = await admin<{ id: string }[]>`
    with server as (
      insert into public.hub_servers (name, display_name, architecture_type)
      values (${server.name}, 'Bench', ${server.architecture_type})
      on conflict (name) do update set display_name = excluded.display_name
      returning id
    )
    insert into public.hub_channels (server_id, name, display_name)
    select s.id, 'bench-' || n, '#bench-' || n
    from server as s, generate_series(0, ${count - 1}::integer) as n
    on conflict (server_id, name) do update set display_name = excluded.display_name
    returning id`;
  return rows.map(({ id }) => id);
}

export interface TaskSeed {
  count: number;
  /** Spread over these; none: tasks of no channel. */
  channels?: string[];
  /** The platform a device must have. */
  platform?: string;
}

/** Adds pending tasks that are ready to be claimed; statistics and a checkpoint. */
export async function seedTasks(admin: Sql, seed: TaskSeed): Promise<void> {
  const { count, channels = [], platform = null } = seed;
  await admin.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    const [lane] = await sql<{ id: number }[]>`
      insert into hub.lanes (server_id, model, platform, device)
      values (
        coalesce(
          (select c.server_id from public.hub_channels as c where c.id = ${channels[0] ?? null}),
          '00000000-0000-0000-0000-000000000000'
        ), 'claude', ${platform ?? ""}, ''
      )
      on conflict (server_id, model, platform, device, bound) do update set model = excluded.model
      returning id`;
    await sql`
      with tasks as (
        insert into public.mac_tasks (
          channel_id, content, project, model_preference, platform, max_attempts, task_type, created_at,
          metadata
        )
        select (${channels}::uuid[])[1 + n % greatest(cardinality(${channels}::uuid[]), 1)],
          'Fix the build error in module ' || n, 'bench', 'claude', ${platform}, 3, 'bugfix',
          now() - interval '1 hour' + n * interval '1 millisecond', '{"created_by_label": "Bench"}'
        from generate_series(1, ${count}::integer) as n
        returning id, created_at
      )
      insert into hub.queue (task_id, lane_id, state, priority, created_at)
      select t.id, ${lane!.id}, 'ready', 0, t.created_at from tasks as t`;
  });
  await settle(admin, "public.mac_tasks", "hub.queue", "hub.lanes");
}

/** Fresh statistics of these tables, and no checkpoint due while the clock runs. */
export async function settle(admin: Sql, ...tables: string[]): Promise<void> {
  await admin.unsafe(`vacuum (analyze) ${tables.join(", ")}`);
  await admin.unsafe("checkpoint");
}
