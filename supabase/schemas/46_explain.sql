-- Why a task is where it is.

create or replace function hub.waiting_reason(task public.mac_tasks) returns jsonb
language sql
stable
set search_path = ''
as $$
  -- From a device that would take it at once to none at all: the first step that some device has reached
  -- is what the task waits for. What a device is offered is asked of the claim itself.
  with able as (
    select d.name, d.status, m.rate_limited_until,
      l.lane_id is not null as offered,
      d.server_ids is null or d.server_ids <@ (select array(select hub.servers_with('viewer'))) as seen,
      hub.busy_slots(d.name) < d.max_running as has_room,
      task.platform is null or task.platform = d.platform as platform_fits,
      c.model is not null as model_fits
    from (
      select device.* from public.mesh_devices as device
      where not exists (
        select from hub.barred_servers as b
        join public.hub_channels as place on place.server_id = b.server_id
        where b.device_id = device.id and place.id = task.channel_id
      )
    ) as d
    left join public.mesh_device_models as m on m.device_id = d.id
    left join hub.model_chains as c
      on c.preference = coalesce(task.model_preference, 'any') and c.model = m.model
      and exists (select from public.hub_models as known where known.name = c.model and known.enabled)
    left join hub.open_lanes(d) as l on d.status = 'online'
      and l.lane_id = (
        select q.lane_id from hub.queue as q
        where q.task_id = task.id and (q.avoid is null or d.id <> all (q.avoid))
      )
  )
  select case
    when exists (select from able where offered and has_room) then jsonb_build_object('reason', 'ready')
    when exists (select from able where offered) then jsonb_build_object(
      'reason', 'devices_busy', 'devices', (select jsonb_agg(distinct name) from able where offered and seen)
    )
    when exists (
      select from hub.queue as q
      join hub.lanes as l on l.id = q.lane_id and l.bound
      join public.mesh_devices as d on d.name = l.device and d.status = 'offline'
      where q.task_id = task.id
    ) then jsonb_build_object('reason', 'waiting_for_device', 'devices', (
      select jsonb_build_array(l.device) from hub.queue as q join hub.lanes as l on l.id = q.lane_id
      where q.task_id = task.id
    ))
    when exists (select from able where status = 'online' and platform_fits and model_fits) then jsonb_build_object(
      'reason', 'rate_limited', 'until', (
        select min(rate_limited_until) from able where status = 'online' and platform_fits and model_fits
      )
    )
    when exists (select from able where status = 'draining' and platform_fits and model_fits) then jsonb_build_object(
      'reason', 'device_draining', 'devices', (
        select jsonb_agg(distinct name) from able where seen and status = 'draining' and platform_fits and model_fits
      )
    )
    when exists (select from able where status = 'online' and platform_fits)
      then jsonb_build_object('reason', 'no_matching_model', 'model', task.model_preference)
    when exists (select from able where status = 'online')
      then jsonb_build_object('reason', 'no_matching_platform', 'platform', task.platform)
    else jsonb_build_object('reason', 'waiting_for_device')
  end
$$;
comment on function hub.waiting_reason(public.mac_tasks) is 'Why no device takes a task that is ready, as {reason, …}.';

create or replace function hub.explain_task(task_id uuid) returns jsonb
language plpgsql
stable
security definer -- the queue is in a schema that the API does not expose
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_queued hub.queue;
  v_server public.hub_servers;
  v_why jsonb;
begin
  select * into v_task from public.mac_tasks as t where t.id = explain_task.task_id;
  if v_task.channel_id is not null or v_task.id is null then
    perform hub.require_channel_role(v_task.channel_id, 'viewer', 'task_not_found', explain_task.task_id);
  else
    perform hub.require_role('viewer');
    -- As its policy has it: another app's, or of a channel that is gone and may have been private.
    if not (select s.claims_foreign_tasks from hub.settings as s)
      or v_task.metadata ? 'created_by_label' and not hub.has_role('admin')
    then
      perform hub.refuse('task_not_found', array[v_task.id::text]);
    end if;
  end if;
  select * into v_queued from hub.queue as q where q.task_id = v_task.id;
  select s.* into v_server
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = v_task.channel_id;

  v_why := case
    when v_task.status in ('complete', 'failed') then jsonb_build_object(
      'reason', 'finished', 'since', v_task.finished_at, 'cancelled_at', v_task.cancelled_at,
      'error', v_task.error, 'delivered_at', v_task.delivered_at,
      'delivery_failure', (
        select string_agg(f.reason, '; ' order by f.what) from hub.delivery_failures as f where f.task_id = v_task.id
      )
    )
    when hub.has_open_question(v_task.id) then (
      select jsonb_build_object(
        'reason', 'waiting_for_answer', 'since', min(q.asked_at), 'device', v_task.claimed_by,
        'question_id', (array_agg(q.id order by q.asked_at))[1], 'title', (array_agg(q.title order by q.asked_at))[1],
        'questions', count(*), 'until', min(q.expires_at)
      )
      from public.hub_questions as q where q.task_id = v_task.id and q.state = 'open'
    )
    when v_task.status = 'running' then jsonb_build_object(
      'reason', 'running', 'since', v_task.started_at, 'device', v_task.claimed_by, 'model', v_task.model_used,
      'lease_expires_at', v_task.lease_expires_at, 'cancel_requested_at', v_task.cancel_requested_at
    )
    when v_server.paused_at is not null then jsonb_build_object(
      'reason', 'server_paused', 'since', v_server.paused_at, 'server', v_server.name
    )
    when v_task.run_at > clock_timestamp() then jsonb_build_object(
      'reason', case when v_task.attempt > 0 or v_task.error is not null then 'backoff' else 'scheduled' end,
      'until', v_task.run_at, 'since', v_task.updated_at, 'error', v_task.error
    )
    when v_queued.state = 'blocked' then jsonb_build_object(
      'reason', 'waiting_for_previous',
      'task_id', (
        select q.task_id from hub.queue as q
        where q.thread_id = v_queued.thread_id and q.task_id <> v_queued.task_id and q.state <> 'scheduled'
        order by q.state = 'blocked', q.created_at limit 1
      )
    )
    when v_queued.task_id is null then jsonb_build_object('reason', 'not_queued')
    when v_task.kind = 'publish' then hub.publishing_reason(v_task)
    else hub.waiting_reason(v_task)
  end;
  return jsonb_build_object(
    'state', v_task.status,
    'reason', v_why ->> 'reason',
    'since', coalesce(v_why -> 'since', to_jsonb(v_task.created_at)),
    'detail', jsonb_strip_nulls(v_why - 'reason' - 'since') || jsonb_build_object(
      'attempt', v_task.attempt, 'max_attempts', v_task.max_attempts
    )
  );
end
$$;

create or replace function public.explain_task(task_id uuid) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.explain_task(explain_task.task_id);
end
$$;
comment on function public.explain_task(uuid) is
  'Why a task is where it is: {state: its status, reason, since, detail}. Reasons: finished, waiting_for_answer {question_id, title, questions, until}, running {device, model, lease_expires_at}, server_paused, scheduled {until}, backoff {until, error}, waiting_for_previous {task_id}, devices_busy {devices}, device_draining {devices}, rate_limited {until}, no_matching_model, no_matching_platform, waiting_for_device (with devices: the one that holds what the task left there), ready (a device with a free slot is about to claim it). Viewer. Errors: task_not_found.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.explain_task(uuid) from public;
grant execute on function public.explain_task(uuid), hub.explain_task(uuid) to anon, authenticated, service_role;
