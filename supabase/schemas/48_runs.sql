-- What executors do with a claimed task. Each call names its claim, and a claim that no longer holds
-- the task changes nothing.

create or replace function hub.held_task(device public.mesh_devices, task_id uuid, claim_id uuid)
returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  select * into v_task from public.mac_tasks as t where t.id = held_task.task_id for no key update;
  if not found then
    perform hub.refuse('task_not_found', array[coalesce(held_task.task_id::text, 'null')]);
  elsif v_task.status <> 'running' or v_task.claim_id is distinct from held_task.claim_id
    or v_task.claim_id is null
    -- Read under the task's lock: the device may just have been renamed.
    or not exists (select from public.mesh_devices as d where d.id = device.id and d.name = v_task.claimed_by)
  then
    perform hub.refuse('stale_claim', array[hub.short_id(v_task.id)]);
  end if;
  return v_task;
end
$$;
comment on function hub.held_task(public.mesh_devices, uuid, uuid) is
  'The task, locked, if this claim of this device holds it. Errors: task_not_found, stale_claim.';

create or replace function hub.end_attempt(task public.mac_tasks, outcome text, error text) returns void
language plpgsql
set search_path = ''
as $$
begin
  update public.hub_task_attempts as a
  set ended_at = clock_timestamp(),
    outcome = case when task.cancel_requested_at is not null then 'cancelled' else end_attempt.outcome end,
    error = end_attempt.error
  where a.claim_id = task.claim_id and a.ended_at is null;
end
$$;
comment on function hub.end_attempt(public.mac_tasks, text, text) is
  'Closes the attempt of the task''s claim; as cancelled where that was asked for.';

create or replace function hub.requeue(task public.mac_tasks, reason text, run_at timestamptz, attempt integer)
returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
begin
  -- The next run begins without what this one asked.
  perform hub.withdraw_questions(task.id);
  update public.mac_tasks as t
  set status = 'pending', error = requeue.reason, run_at = requeue.run_at, attempt = requeue.attempt
  where t.id = task.id
  returning * into task;
  return task;
end
$$;
comment on function hub.requeue(public.mac_tasks, text, timestamptz, integer) is 'Puts a running task back into the queue.';

create or replace function hub.end_as_failed(task public.mac_tasks, error text) returns public.mac_tasks
language sql
set search_path = ''
as $$
  update public.mac_tasks as t
  set status = 'failed', error = end_as_failed.error
  where t.id = task.id
  returning t.*
$$;
comment on function hub.end_as_failed(public.mac_tasks, text) is 'Ends a task as failed.';

alter table hub.settings add column if not exists max_releases integer not null default 3
check (max_releases between 1 and 1000);
comment on column hub.settings.max_releases is
  'How often in a row a task may be given back before it is put off for a while; a device that does nothing else is drained.';
alter table hub.settings add column if not exists max_losses integer not null default 10
check (max_losses between 1 and 1000);
comment on column hub.settings.max_losses is
  'How often a task may lose its device before it fails. A device that sleeps is no failure of the task: these do not count as attempts.';

create or replace function hub.lose(task public.mac_tasks, outcome text, reason text) returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
begin
  perform hub.end_attempt(task, lose.outcome, null);
  task.losses := task.losses + 1;
  update public.mac_tasks as t set losses = task.losses where t.id = task.id;
  if task.losses >= (select s.max_losses from hub.settings as s) then
    return hub.end_as_failed(task, format('%s, %s times in all.', reason, task.losses));
  end if;
  return hub.requeue(task, reason, null, greatest(task.attempt - 1, 0));
end
$$;
comment on function hub.lose(public.mac_tasks, text, text) is
  'Takes a task back from a device that went, at the cost of no attempt, until that has happened max_losses times.';

create or replace function hub.lose_unheard_claim(device public.mesh_devices, running uuid[]) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
  v_settings hub.settings;
begin
  select * into v_settings from hub.settings;
  -- Never renewed and never reported on: the answer to the claim was lost, or its executor began anew. For
  -- half a lease it may still be on its way. One each time: it posts where the task lives.
  select t.* into v_task from hub.queue as q
  join public.mac_tasks as t on t.id = q.task_id
  where q.state = 'running' and q.device = device.name
    and t.status = 'running' and t.claim_id is not null and t.claimed_by = device.name
    and t.id <> all (coalesce(running, '{}'))
    and t.started_at < clock_timestamp() - v_settings.task_lease / 2
    and t.lease_expires_at <= t.started_at + v_settings.task_lease + interval '1 second'
    and t.partial_output is null and not hub.has_open_question(t.id)
  order by t.started_at limit 1
  for no key update of t skip locked;
  if found then
    perform hub.lose(v_task, 'lost', format('%s has not begun it', device.name));
  end if;
end
$$;
comment on function hub.lose_unheard_claim(public.mesh_devices, uuid[]) is
  'Takes back a task that a device was given and does not name among those it runs.';

create or replace function hub.task_result(task public.mac_tasks) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  -- What an executor needs of it: the whole row as JSON would cost more than the rest of a report.
  return jsonb_build_object('task', jsonb_build_object(
    'id', task.id, 'short_id', hub.short_id(task.id), 'status', task.status, 'attempt', task.attempt,
    'cancel_requested_at', task.cancel_requested_at
  ));
end
$$;
comment on function hub.task_result(public.mac_tasks) is
  '{task: {id, short_id, status, attempt, cancel_requested_at}}: what a device''s calls answer about its task.';

create or replace function hub.require_length(content text, what text) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_most integer := (select s.max_result from hub.settings as s);
begin
  if length(content) > v_most then
    perform hub.refuse('content_too_long', array[what, length(content)::text, v_most::text]);
  end if;
end
$$;
comment on function hub.require_length(text, text) is 'Raises content_too_long over hub.settings.max_result.';

-- Heartbeat --------------------------------------------------------------------------------------

create or replace function hub.device_heartbeat(token text, running uuid[], models jsonb, agent_version text)
returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
  v_lease timestamptz := clock_timestamp() + (select s.task_lease from hub.settings as s);
  v_held uuid[];
begin
  v_device := hub.authenticate_device(device_heartbeat.token);
  if cardinality(device_heartbeat.running) > 1000 then
    perform hub.refuse('bad_argument', array['running has at most 1000 tasks.']);
  end if;
  perform from public.mac_tasks as t
  where t.id = any (device_heartbeat.running) and t.status = 'running' and t.claim_id is not null
  order by t.id
  for no key update;
  -- Under their locks, so that a device that is renamed meanwhile is known by its new name.
  v_held := array(
    select t.id from public.mac_tasks as t
    join public.mesh_devices as d on d.name = t.claimed_by
    where d.id = v_device.id and t.id = any (device_heartbeat.running)
      and t.status = 'running' and t.claim_id is not null
  );
  update public.mac_tasks as t set lease_expires_at = v_lease where t.id = any (v_held);
  -- Tasks before models, as report_rate_limit locks them.
  if device_heartbeat.models is not null and device_heartbeat.models <> 'null' then
    perform hub.set_device_models(v_device.id, device_heartbeat.models);
  end if;
  -- After the models too: a task that goes back posts, and that comes last.
  perform hub.lose_unheard_claim(v_device, device_heartbeat.running);
  if device_heartbeat.agent_version is not null then
    update public.mesh_devices as d set agent_version = hub.one_line(device_heartbeat.agent_version)
    where d.id = v_device.id and d.agent_version is distinct from hub.one_line(device_heartbeat.agent_version);
  end if;
  if v_device.status = 'online' and hub.busy_slots(v_device.name) < v_device.max_running then
    insert into hub.idle_devices (device_id) values (v_device.id) on conflict do nothing;
  end if;
  return jsonb_build_object(
    'cancel', coalesce((
      select jsonb_agg(t.id) from public.mac_tasks as t
      where t.id = any (v_held) and t.cancel_requested_at is not null
    ), '[]'),
    'lost', coalesce((
      select jsonb_agg(r.id) from unnest(device_heartbeat.running) as r (id)
      where r.id <> all (coalesce(v_held, '{}'))
    ), '[]'),
    'answered', coalesce((
      -- Until the claim has looked at the answer, by asking again.
      select jsonb_agg(q.id order by q.answered_at) from public.hub_questions as q
      join public.mac_tasks as t on t.id = q.task_id
      where q.task_id = any (v_held) and q.state in ('answered', 'expired')
        and q.claim_id = t.claim_id and q.told_claim_id is null
    ), '[]'),
    'inputs', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', i.id, 'task_id', i.task_id, 'content', i.content, 'interrupt', i.interrupt
      ) order by i.created_at, i.id)
      from public.hub_task_inputs as i where i.task_id = any (v_held) and i.state = 'waiting'
    ), '[]'),
    'lease_expires_at', v_lease,
    'now', clock_timestamp(),
    'version', hub.version()
  );
end
$$;

create or replace function public.device_heartbeat(
  token text, running uuid[] default '{}', models jsonb default null, agent_version text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.device_heartbeat(
    device_heartbeat.token, device_heartbeat.running, device_heartbeat.models, device_heartbeat.agent_version
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.device_heartbeat(text, uuid[], jsonb, text) is
  'Says that the device is there and runs these tasks: renews their leases. Returns {cancel: tasks to stop, lost: tasks it no longer holds, answered: questions of these tasks whose answer has not been looked at, inputs: [{id, task_id, content, interrupt}] to take, lease_expires_at, now, version: that of the hub}. models, where given, replaces the device''s models: names or {model, version}, none where no agent works; agent_version is the executor''s own. Every 20 s. Errors: bad_device_token, bad_argument.';

-- Progress and outcome ---------------------------------------------------------------------------

create or replace function hub.report_progress(
  token text, task_id uuid, claim_id uuid, partial_output text, session_id text
) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_task public.mac_tasks;
begin
  v_task := hub.held_task(hub.authenticate_device(report_progress.token), report_progress.task_id, report_progress.claim_id);
  perform hub.require_length(report_progress.partial_output, 'partial_output');
  if report_progress.session_id is not null then
    perform hub.remember_session(v_task, report_progress.session_id);
  end if;
  update public.mac_tasks as t
  set partial_output = coalesce(report_progress.partial_output, t.partial_output),
    session_id = coalesce(report_progress.session_id, t.session_id)
  where t.id = v_task.id
  returning * into v_task;
  return hub.task_result(v_task);
end
$$;

create or replace function public.report_progress(
  token text, task_id uuid, claim_id uuid, partial_output text default null, session_id text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.report_progress(
    report_progress.token, report_progress.task_id, report_progress.claim_id, report_progress.partial_output,
    report_progress.session_id
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.report_progress(text, uuid, uuid, text, text) is
  'Sets partial_output; what is new in it is posted at once. With session_id, the next run resumes that session whatever ends this one; without partial_output, nothing else changes. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim, content_too_long (1,000,000), bad_argument.';

create or replace function hub.require_refusals(refusals jsonb) returns void
language plpgsql stable
set search_path = ''
as $$
begin
  if coalesce(jsonb_typeof(refusals), 'null') not in ('null', 'array') or pg_column_size(refusals) > 65536
    or jsonb_typeof(refusals) = 'array' and exists (
      select from jsonb_array_elements(refusals) as r
      where (
        jsonb_typeof(r) = 'object' and r - array['tool', 'detail'] = '{}'
        and jsonb_typeof(r -> 'tool') = 'string' and length(r ->> 'tool') between 1 and 100
        and hub.is_one_line(r ->> 'tool') and coalesce(jsonb_typeof(r -> 'detail'), 'null') in ('null', 'string')
      ) is not true
    )
  then
    perform hub.refuse('bad_argument', array['refusals is an array of {tool, detail}, 64 kB at most; tool is one line of 1 to 100 characters.']);
  end if;
end
$$;
comment on function hub.require_refusals(jsonb) is 'Raises bad_argument for what is no list of refusals.';

create or replace function hub.complete_task(
  token text, task_id uuid, claim_id uuid, result text, model_used text, session_id text, usage jsonb,
  refusals jsonb, changes jsonb
) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_device public.mesh_devices := hub.authenticate_device(complete_task.token);
  v_task public.mac_tasks;
begin
  v_task := hub.held_task(v_device, complete_task.task_id, complete_task.claim_id);
  perform hub.require_length(complete_task.result, 'result');
  if length(complete_task.model_used) > 100 or pg_column_size(complete_task.usage) > 65536 then
    perform hub.refuse('bad_argument', array['model_used has at most 100 characters, usage 64 kB.']);
  end if;
  if complete_task.refusals is not null then
    perform hub.require_refusals(complete_task.refusals);
  end if;
  perform hub.end_attempt(v_task, 'complete', null);
  if complete_task.session_id is not null then
    perform hub.remember_session(v_task, complete_task.session_id);
  end if;
  update public.mac_tasks as t
  set status = 'complete', result = coalesce(complete_task.result, ''),
    model_used = coalesce(nullif(hub.one_line(complete_task.model_used), ''), t.model_used),
    session_id = coalesce(complete_task.session_id, t.session_id),
    usage = coalesce(complete_task.usage, t.usage),
    refusals = nullif(nullif(complete_task.refusals, 'null'), '[]'),
    changes = hub.checked_changes(complete_task.changes, v_device.id)
  where t.id = v_task.id
  returning * into v_task;
  return hub.task_result(v_task);
end
$$;

create or replace function public.complete_task(
  token text, task_id uuid, claim_id uuid, result text,
  model_used text default null, session_id text default null, usage jsonb default null,
  refusals jsonb default null, changes jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.complete_task(
    complete_task.token, complete_task.task_id, complete_task.claim_id, complete_task.result,
    complete_task.model_used, complete_task.session_id, complete_task.usage, complete_task.refusals,
    complete_task.changes
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.complete_task(text, uuid, uuid, text, text, text, jsonb, jsonb, jsonb) is
  'Ends the task as complete and posts the result; as cancelled, if that was asked for. session_id is what a follow-up in the thread resumes; usage is kept as it is; refusals: what the agent was not allowed to do, [{tool, detail}], is shown beside the result; changes is what a working tree''s branch has: {base, branch, commit, files: [{path, old_path, status, additions, deletions}], file_count, additions, deletions}. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim, content_too_long (1,000,000), bad_argument.';

create or replace function hub.can_run_elsewhere(task public.mac_tasks, device public.mesh_devices) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_avoid uuid[];
  v_lane integer;
begin
  update hub.queue as q set avoid = array_append(q.avoid, device.id)
  where q.task_id = task.id
  returning q.avoid into v_avoid;
  v_lane := hub.lane_for(task.id);
  if task.kind <> 'publish' and exists (
    select from public.mesh_devices as d
    cross join lateral hub.open_lanes(d) as l
    where d.status = 'online' and d.id <> all (v_avoid) and l.lane_id = v_lane
  ) then
    return true;
  end if;
  update hub.queue as q set avoid = null where q.task_id = task.id;
  return false;
end
$$;
comment on function hub.can_run_elsewhere(public.mac_tasks, public.mesh_devices) is
  'Notes that a device cannot run a task, and tells whether one that has not tried it would be offered it now.';

create or replace function hub.fail_task(
  token text, task_id uuid, claim_id uuid, error text, retryable boolean, elsewhere boolean
) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
declare
  v_device public.mesh_devices := hub.authenticate_device(fail_task.token);
  v_task public.mac_tasks;
  v_error text := coalesce(nullif(btrim(fail_task.error), ''), 'The executor gave no reason.');
  v_settings hub.settings;
begin
  v_task := hub.held_task(v_device, fail_task.task_id, fail_task.claim_id);
  perform hub.require_length(fail_task.error, 'error');
  select * into v_settings from hub.settings;
  perform hub.end_attempt(v_task, 'failed', v_error);
  if fail_task.elsewhere and hub.can_run_elsewhere(v_task, v_device) then
    v_task := hub.requeue(v_task, v_error, null, greatest(v_task.attempt - 1, 0));
  elsif coalesce(fail_task.retryable, true)
    and v_task.attempt < coalesce(v_task.max_attempts, v_settings.max_attempts)
  then
    v_task := hub.requeue(v_task, v_error, clock_timestamp() + hub.backoff(
      v_settings.retry_backoff, v_task.attempt, v_settings.max_retry_backoff
    ), v_task.attempt);
  else
    v_task := hub.end_as_failed(v_task, v_error);
  end if;
  return hub.task_result(v_task);
end
$$;

create or replace function public.fail_task(
  token text, task_id uuid, claim_id uuid, error text, retryable boolean default true,
  elsewhere boolean default false
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.fail_task(
    fail_task.token, fail_task.task_id, fail_task.claim_id, fail_task.error, fail_task.retryable, fail_task.elsewhere
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.fail_task(text, uuid, uuid, text, boolean, boolean) is
  'Ends the attempt as failed. A retryable failure goes back to the queue after 10 s * 2^attempt, 10 min at most, until max_attempts is reached. elsewhere: what is wrong is wrong with this device; where another would be offered the task, that one gets it, at the cost of no attempt. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim, content_too_long.';

create or replace function hub.report_rate_limit(
  token text, task_id uuid, claim_id uuid, model text, until timestamptz
) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
declare
  v_device public.mesh_devices := hub.authenticate_device(report_rate_limit.token);
  v_task public.mac_tasks;
  v_until timestamptz := report_rate_limit.until;
  v_reason text;
begin
  v_task := hub.held_task(v_device, report_rate_limit.task_id, report_rate_limit.claim_id);
  if not exists (select from public.hub_models as known where known.name = report_rate_limit.model) then
    perform hub.refuse('bad_argument', array[format('model is one of %s.', hub.model_names())]);
  elsif report_rate_limit.until is null then
    perform hub.refuse('bad_argument', array['until is a time.']);
  end if;
  -- Farther ahead is a date without a year that is past, or a clock that is wrong.
  v_until := least(v_until, clock_timestamp() + interval '31 days');
  if v_until <= clock_timestamp() then
    -- By the device's clock, which may be slow: without a pause it would claim and report for ever.
    v_until := clock_timestamp() + (select s.retry_backoff from hub.settings as s);
  end if;
  update public.mesh_device_models as m
  set rate_limited_until = greatest(m.rate_limited_until, v_until)
  where m.device_id = v_device.id and m.model = report_rate_limit.model;
  v_reason := format('%s is rate limited on %s until %s UTC', report_rate_limit.model, v_device.name,
    to_char(v_until at time zone 'utc', 'YYYY-MM-DD HH24:MI'));
  perform hub.end_attempt(v_task, 'rate_limited', v_reason);
  v_task := hub.requeue(v_task, v_reason, null, greatest(v_task.attempt - 1, 0));
  return hub.task_result(v_task);
end
$$;

create or replace function public.report_rate_limit(
  token text, task_id uuid, claim_id uuid, model text, until timestamptz
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.report_rate_limit(
    report_rate_limit.token, report_rate_limit.task_id, report_rate_limit.claim_id,
    report_rate_limit.model, report_rate_limit.until
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.report_rate_limit(text, uuid, uuid, text, timestamptz) is
  'Says that the model is throttled on this device until then (for retry_backoff, if that is past; for 31 days at most): the task goes back to the queue at once, at the cost of no attempt, and the model is used elsewhere or another in its place. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim, bad_argument.';

create or replace function hub.releases_in_a_row(task_id uuid) returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select count(*) from public.hub_task_attempts as a
    where a.task_id = releases_in_a_row.task_id and a.outcome = 'released' and not exists (
      select from public.hub_task_attempts as b
      where b.task_id = a.task_id and b.started_at > a.started_at and b.outcome <> 'released'
    )
  );
end
$$;
comment on function hub.releases_in_a_row(uuid) is 'How often a task was given back since it was last really tried.';

create or replace function hub.drain_idler(device public.mesh_devices) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_most integer := (select s.max_releases from hub.settings as s) * 3;
  v_ended integer;
  v_released integer;
begin
  select count(*), count(*) filter (where a.outcome = 'released') into v_ended, v_released
  from public.hub_task_attempts as a
  where a.device = device.name and a.ended_at is not null and a.started_at > clock_timestamp() - interval '1 hour';
  if v_ended >= v_most and v_released = v_ended then
    -- Devices come before tasks in the order of locks: one that somebody holds is drained the next time.
    update public.mesh_devices as d set draining = true, status = 'draining'
    where d.id in (
      select own.id from public.mesh_devices as own
      where own.id = device.id and not own.draining for no key update skip locked
    );
    if found then
      perform hub.post_feed('heartbeat', format('🟠 %s gave back all of the %s tasks that it took: it is drained', device.name, v_ended),
        jsonb_build_object('event', 'device_draining', 'device_id', device.id));
    end if;
  end if;
end
$$;
comment on function hub.drain_idler(public.mesh_devices) is
  'Drains a device that has done nothing for an hour but give back what it took, and says so.';

create or replace function hub.release_task(token text, task_id uuid, claim_id uuid) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
declare
  v_device public.mesh_devices := hub.authenticate_device(release_task.token);
  v_task public.mac_tasks;
  v_settings hub.settings;
  v_reason text := format('released by %s', v_device.name);
  v_run_at timestamptz;
  v_times integer;
begin
  v_task := hub.held_task(v_device, release_task.task_id, release_task.claim_id);
  select * into v_settings from hub.settings;
  perform hub.end_attempt(v_task, 'released', null);
  v_times := hub.releases_in_a_row(v_task.id);
  if v_times >= v_settings.max_releases then
    -- Taken and given back for ever, it would cost a claim and a message each time.
    v_run_at := clock_timestamp() + hub.backoff(v_settings.retry_backoff, v_times, v_settings.max_retry_backoff);
    v_reason := format('released by %s, %s times in a row', v_device.name, v_times);
    perform hub.drain_idler(v_device);
  end if;
  v_task := hub.requeue(v_task, v_reason, v_run_at, greatest(v_task.attempt - 1, 0));
  return hub.task_result(v_task);
end
$$;

create or replace function public.release_task(token text, task_id uuid, claim_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.release_task(release_task.token, release_task.task_id, release_task.claim_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.release_task(text, uuid, uuid) is
  'Gives a task back that the device will not finish, at the cost of no attempt; after max_releases times in a row it is put off for a while; ends it as cancelled, if that was asked for. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.device_heartbeat(text, uuid[], jsonb, text), public.report_progress(text, uuid, uuid, text, text),
  public.complete_task(text, uuid, uuid, text, text, text, jsonb, jsonb, jsonb),
  public.fail_task(text, uuid, uuid, text, boolean, boolean),
  public.report_rate_limit(text, uuid, uuid, text, timestamptz), public.release_task(text, uuid, uuid)
from public, service_role;
grant execute on function
  public.device_heartbeat(text, uuid[], jsonb, text), hub.device_heartbeat(text, uuid[], jsonb, text),
  public.report_progress(text, uuid, uuid, text, text), hub.report_progress(text, uuid, uuid, text, text),
  public.complete_task(text, uuid, uuid, text, text, text, jsonb, jsonb, jsonb),
  hub.complete_task(text, uuid, uuid, text, text, text, jsonb, jsonb, jsonb),
  public.fail_task(text, uuid, uuid, text, boolean, boolean), hub.fail_task(text, uuid, uuid, text, boolean, boolean),
  public.report_rate_limit(text, uuid, uuid, text, timestamptz),
  hub.report_rate_limit(text, uuid, uuid, text, timestamptz),
  public.release_task(text, uuid, uuid), hub.release_task(text, uuid, uuid)
to anon, authenticated;
