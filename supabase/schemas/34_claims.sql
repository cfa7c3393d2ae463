-- Claims: which waiting tasks a device gets. A claim waits for nobody: it skips what is locked, and takes
-- only what it has locked itself. What it reads of the queue is planned as the queue's chapter says.

create or replace function hub.open_lanes(device public.mesh_devices)
returns table (lane_id integer, model text)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select l.id, own.model
  from hub.lanes as l
  cross join lateral (
    -- "any" is whatever this device can run; a preference is what the mesh would give it now.
    select c.model
    from hub.model_chains as c
    join public.hub_models as known on known.name = c.model and known.enabled
    join public.mesh_device_models as m on m.device_id = device.id and m.model = c.model
    where c.preference = l.model
      and (m.rate_limited_until is null or m.rate_limited_until <= clock_timestamp())
      and (l.model = 'any' or l.bound and l.device = device.name or c.model = (
        select e.model from hub.effective_models as e
        where e.preference = l.model and e.platform = l.platform and e.server_id = l.server_id
      ))
    order by c.position
    limit 1
  ) as own
  where l.platform in ('', device.platform)
    and not exists (
      select from hub.barred_servers as b where b.device_id = device.id and b.server_id = l.server_id
    )
    and not exists (
      select from public.hub_servers as s where s.id = l.server_id and s.paused_at is not null
    )
    -- The holder of the session keeps others out while it can run the task itself.
    and (l.device in ('', device.name) or not exists (
      select from public.mesh_devices as holder
      join public.mesh_device_models as m on m.device_id = holder.id
      where holder.name = l.device and l.platform in ('', holder.platform)
        and not exists (
          select from hub.barred_servers as b where b.device_id = holder.id and b.server_id = l.server_id
        )
        and case
          when l.bound then holder.status <> 'draining'
            and m.model in (select c.model from hub.model_chains as c where c.preference = l.model)
          else holder.status = 'online' and m.model = own.model
            and (m.rate_limited_until is null or m.rate_limited_until <= clock_timestamp())
        end
    ))
  union all
  select l.id, 'git'
  from hub.lanes as l
  where l.model = '' and l.device = device.name
    and not exists (
      select from hub.barred_servers as b where b.device_id = device.id and b.server_id = l.server_id
    )
    and not exists (
      select from public.hub_servers as s where s.id = l.server_id and s.paused_at is not null
    );
end
$$;
comment on function hub.open_lanes(public.mesh_devices) is 'The lanes a device may claim from now, each with the model it would use; git for what needs none.';

create or replace function hub.claim_ready(device public.mesh_devices, most integer) returns jsonb
language plpgsql
set search_path = ''
set plan_cache_mode = 'force_generic_plan' -- else planned anew for each number of tasks asked for
set jit = off -- the planner cannot know that the limit stops it early, and would compile each call
as $$
declare
  v_ids uuid[];
  v_models text[];
begin
  -- The heads of the lanes, merged, are locked one by one until there are enough. Each is looked up by
  -- its key, whatever the planner believes about how long the queue is.
  select array_agg(held.task_id), array_agg(held.model) into v_ids, v_models
  from (
    select locked.task_id, head.model
    from (
      select q.task_id, l.model
      from hub.open_lanes(device) as l
      cross join lateral (
        -- Some more than asked for: the first ones may be locked by claims that run beside this one.
        select ready.task_id, ready.priority, ready.created_at
        from hub.queue as ready
        where ready.lane_id = l.lane_id and ready.state = 'ready'
        order by ready.priority desc, ready.created_at, ready.task_id
        limit most + 30
      ) as q
      order by q.priority desc, q.created_at, q.task_id
    ) as head
    cross join lateral (
      select q.task_id
      from hub.queue as q
      join public.mac_tasks as t on t.id = q.task_id
      where q.task_id = head.task_id and q.state = 'ready' and t.status = 'pending'
        and (q.avoid is null or device.id <> all (q.avoid))
      for no key update of q, t skip locked
    ) as locked
    limit most
  ) as held;
  if v_ids is null then
    return '[]'::jsonb;
  end if;

  update public.mac_tasks as t
  set status = 'running', claimed_by = device.name, claim_id = gen_random_uuid(),
    model_used = v_models[array_position(v_ids, t.id)], attempt = t.attempt + 1, started_at = clock_timestamp(),
    partial_output = null,
    lease_expires_at = clock_timestamp() + (select s.task_lease from hub.settings as s)
  -- Not joined with the ids: tasks that were few when they were last analyzed would be read through.
  where t.id = any (v_ids);
  insert into public.hub_task_attempts (claim_id, task_id, attempt, device, model, started_at)
  select t.claim_id, t.id, t.attempt, t.claimed_by, t.model_used, t.started_at
  from public.mac_tasks as t where t.id = any (v_ids);
  return (
    select jsonb_agg(
      to_jsonb(t) || jsonb_build_object(
        'model', t.model_used,
        'short_id', left(t.id::text, 8),
        'files', hub.files_of(t.id),
        'session_id', hub.session_to_resume(t),
        'answers', coalesce(hub.answers_for(t), '[]')
      ) || jsonb_strip_nulls(jsonb_build_object('history', hub.history_of(t)))
      order by t.priority desc, t.created_at, t.id
    )
    from public.mac_tasks as t where t.id = any (v_ids)
  );
end
$$;
comment on function hub.claim_ready(public.mesh_devices, integer) is
  'Claims up to `most` ready tasks for a device, waiting for nobody.';

create or replace function hub.busy_slots(device text) returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select count(*) from hub.queue as q
    where q.state = 'running' and q.device = busy_slots.device and not exists (
      select from public.hub_questions as x where x.task_id = q.task_id and x.state = 'open'
    )
  );
end
$$;
comment on function hub.busy_slots(text) is
  'How many of a device''s slots its tasks take up: one that waits for an answer takes up none.';

create or replace function hub.claim_tasks(token text, max_tasks integer) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_device public.mesh_devices;
  v_free integer;
  v_most integer;
  v_tasks jsonb := '[]'::jsonb;
begin
  v_device := hub.authenticate_device(claim_tasks.token);
  if coalesce(claim_tasks.max_tasks, 1) not between 1 and 100 then
    perform hub.refuse('bad_argument', array['max_tasks is from 1 to 100.']);
  end if;
  -- Under the device's lock, so that its claims cannot pass max_running together, and that it has one name.
  -- Before any thread's: a completion of the same device holds the device and waits for its thread.
  select * into v_device from public.mesh_devices as d
  where d.id = v_device.id for no key update;
  if v_device.status <> 'online' then
    return v_tasks;
  end if;
  if exists (
    select from hub.queue as q where q.state in ('scheduled', 'backoff') and q.run_at <= v_now
  ) then
    perform hub.admit_due_tasks();
  end if;
  v_free := v_device.max_running - hub.busy_slots(v_device.name);
  v_most := least(coalesce(claim_tasks.max_tasks, 1), v_free);
  if v_most > 0 then
    v_tasks := hub.claim_ready(v_device, v_most);
  end if;
  if jsonb_array_length(v_tasks) < v_most then
    insert into hub.idle_devices (device_id) values (v_device.id) on conflict do nothing;
  else
    delete from hub.idle_devices as i where i.device_id = v_device.id;
  end if;
  return v_tasks;
end
$$;

create or replace function public.claim_tasks(token text, max_tasks integer default 1) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.claim_tasks(claim_tasks.token, claim_tasks.max_tasks);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.claim_tasks(text, integer) is
  'Claims up to max_tasks (1 to 100) tasks for the device of the token, as many as it has free slots; returns an array of tasks, each with claim_id, lease_expires_at, the model to use, short_id, files (those of its request: [{id, name, media_type, size, sha256}]), the session_id that the device can resume or null, answers: the questions of the task that were answered or expired, each with told (whether an earlier claim had it already), and history: what was said in its thread so far, for an agent that has no session of it or cannot resume it. Errors: bad_device_token, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.claim_tasks(text, integer) from public, service_role;
grant execute on function public.claim_tasks(text, integer), hub.claim_tasks(text, integer)
to anon, authenticated;
