-- Overview: what a client asks before it shows anything: who is calling, how the mesh has done, and for whom.

create or replace function hub.whoami() returns jsonb
language plpgsql
stable
security definer -- profiles and the default role are closed to API roles
set search_path = ''
as $$
begin
  perform hub.require_role('viewer');
  return jsonb_build_object(
    'user_id', auth.uid(), 'label', hub.user_label(auth.uid()), 'role', hub.caller_role(),
    'servers', coalesce((
      select jsonb_agg(jsonb_build_object('server_id', s.id, 'name', s.name, 'role', hub.role_on(s.id)) order by s.name)
      from public.hub_servers as s where hub.role_on(s.id) is not null
    ), '[]'),
    'limits', hub.limits(), 'version', hub.version()
  );
end
$$;

create or replace function public.whoami() returns jsonb
language sql
stable
set search_path = ''
as $$
  select hub.whoami()
$$;
comment on function public.whoami() is
  'The caller: {user_id, label: the name shown beside their messages, role: the global one, servers: [{server_id, name, role}], those that exist for the caller}, and limits: the settings that a client has to know, as max_content, the longest text that a person sends; version: that of Aura Servers here. Viewer.';

create or replace function hub.mesh_activity(hours integer) returns jsonb
language plpgsql
stable
security definer -- the queue and the settings are in a schema that the API does not expose
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_since timestamptz := date_trunc('hour', now(), 'UTC') - (mesh_activity.hours - 1) * interval '1 hour';
  v_hours jsonb;
  v_servers uuid[] := array(select hub.servers_with('viewer'));
  v_channels uuid[] := array(select hub.channels_with('viewer'));
begin
  perform hub.require_role('viewer');
  if mesh_activity.hours is null or mesh_activity.hours not between 1 and 168 then
    perform hub.refuse('bad_argument', array['hours is a number from 1 to 168.']);
  end if;

  with attempts as (
    select
      a.started_at, a.ended_at, a.outcome,
      -- Only the first claim tells how long a task waited for a device; a later one waited for a retry.
      case when not exists (
        select from public.hub_task_attempts as earlier
        where earlier.task_id = a.task_id and earlier.started_at < a.started_at
      ) then greatest(0, extract(epoch from a.started_at
        - case when t.run_at <= a.started_at then greatest(t.created_at, t.run_at) else t.created_at end
      ) * 1000) end as waited_ms
    from public.hub_task_attempts as a
    join public.mac_tasks as t on t.id = a.task_id
    -- What ended in the span may have started before it, by the longest run at most.
    where a.started_at >= v_since - (select s.max_runtime from hub.settings as s)
      and (t.channel_id is null and not t.metadata ? 'created_by_label' or t.channel_id = any (v_channels))
  ),
  started as (
    select
      date_trunc('hour', started_at, 'UTC') as hour, count(*) as started,
      percentile_cont(0.5) within group (order by waited_ms) as median_ms, max(waited_ms) as longest_ms
    from attempts where started_at >= v_since group by 1
  ),
  ended as (
    select
      date_trunc('hour', ended_at, 'UTC') as hour,
      count(*) filter (where outcome = 'complete') as complete,
      count(*) filter (where outcome in ('failed', 'timed_out', 'expired')) as failed
    from attempts where ended_at >= v_since group by 1
  )
  select jsonb_agg(jsonb_build_object(
    'hour', h.hour,
    'started', coalesce(s.started, 0),
    'complete', coalesce(e.complete, 0),
    'failed', coalesce(e.failed, 0),
    'wait_median_ms', round(coalesce(s.median_ms, 0)),
    'wait_max_ms', round(coalesce(s.longest_ms, 0))
  ) order by h.hour) into v_hours
  from generate_series(v_since, now(), interval '1 hour') as h (hour)
  left join started as s on s.hour = h.hour
  left join ended as e on e.hour = h.hour;

  return jsonb_build_object('hours', v_hours) || (
    select jsonb_build_object('waiting', count(*), 'oldest_waiting_since', min(q.created_at))
    from hub.queue as q where q.state in ('ready', 'backoff', 'blocked') and q.lane_id in (
      select l.id from hub.lanes as l
      where l.server_id = '00000000-0000-0000-0000-000000000000' or l.server_id = any (v_servers)
    )
  );
end
$$;

create or replace function public.mesh_activity(hours integer default 24) returns jsonb
language sql
stable
set search_path = ''
as $$
  select hub.mesh_activity(mesh_activity.hours)
$$;
comment on function public.mesh_activity(integer) is
  'The last hours of the mesh, the present one included: {hours: [{hour, started, complete, failed, wait_median_ms, wait_max_ms}], waiting, oldest_waiting_since}. Counts are attempts by the hour they started or ended in; waits are of first attempts. Viewer. Errors: bad_argument.';

create or replace function hub.figure(usage jsonb, variadic names text[]) returns numeric
language sql immutable
set search_path = ''
as $$
  select coalesce(sum(case when jsonb_typeof(usage -> n.name) = 'number' then greatest(0, (usage ->> n.name)::numeric) end), 0)
  from unnest(names) as n (name)
$$;
comment on function hub.figure(jsonb, text[]) is
  'The sum of the figures of these names in what an agent reported; what is there and no number counts as nothing.';

create or replace function hub.usage_report(days integer, server_id uuid) returns jsonb
language plpgsql
stable
security definer -- names of people are in a schema that the API does not expose
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_since timestamptz := date_trunc('day', now(), 'UTC') - (usage_report.days - 1) * interval '1 day';
  v_channels uuid[];
begin
  perform hub.require_role('viewer');
  if usage_report.server_id is not null then
    perform hub.require_server_role(usage_report.server_id, 'viewer');
  end if;
  if usage_report.days is null or usage_report.days not between 1 and 366 then
    perform hub.refuse('bad_argument', array['days is a number from 1 to 366.']);
  end if;
  v_channels := array(
    select c.id from public.hub_channels as c
    where c.id in (select hub.channels_with('viewer'))
      and (usage_report.server_id is null or c.server_id = usage_report.server_id)
  );
  return jsonb_build_object('since', v_since, 'rows', coalesce((
    select jsonb_agg(to_jsonb(r) || jsonb_build_object('label', hub.user_label(r.user_id)) order by r.day, r.model, r.user_id)
    from (
      select
        (a.ended_at at time zone 'UTC')::date as day, a.model, t.created_by as user_id,
        count(*) filter (where a.outcome = 'complete') as complete,
        count(*) filter (where a.outcome in ('failed', 'timed_out', 'expired')) as failed,
        round(sum(extract(epoch from a.ended_at - a.started_at) * 1000)) as running_ms,
        -- Claude tells apart what it read from its cache; the others count it in.
        trunc(sum(hub.figure(
          u.usage, 'input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens', 'inputTokens'
        ))) as input_tokens,
        trunc(sum(hub.figure(u.usage, 'output_tokens', 'outputTokens'))) as output_tokens,
        trim_scale(round(sum(hub.figure(u.usage, 'total_cost_usd')), 6)) as cost_usd
      from public.hub_task_attempts as a
      join public.mac_tasks as t on t.id = a.task_id
      cross join lateral (select case a.outcome when 'complete' then t.usage end as usage) as u
      -- What ended in the span may have started before it, by the longest run at most.
      where a.started_at >= v_since - (select s.max_runtime from hub.settings as s)
        and a.ended_at >= v_since and t.channel_id = any (v_channels)
      group by 1, 2, 3
    ) as r
  ), '[]'));
end
$$;

create or replace function public.usage_report(days integer default 30, server_id uuid default null) returns jsonb
language sql
stable
set search_path = ''
as $$
  select hub.usage_report(usage_report.days, usage_report.server_id)
$$;
comment on function public.usage_report(integer, uuid) is
  'What ran in the last days, today included, for whom and with which model: {since, rows: [{day: in UTC, model, user_id, label: their name, complete, failed, running_ms, input_tokens, output_tokens, cost_usd}]}. Of channels that the caller may read; of one server, where one is named. complete and failed count attempts by the day they ended; tokens and cost are what agents told of the complete ones. Attempts older than hub.settings.history_kept are forgotten. Viewer. Errors: server_not_found, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.whoami(), public.mesh_activity(integer), public.usage_report(integer, uuid) from public;
grant execute on function
  public.whoami(), hub.whoami(), public.mesh_activity(integer), hub.mesh_activity(integer),
  public.usage_report(integer, uuid), hub.usage_report(integer, uuid)
to anon, authenticated, service_role;
