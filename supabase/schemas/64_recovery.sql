-- Recovery: what a crash, a lost device or a failed delivery left, put right from nothing but state.

-- What somebody holds is skipped and taken next minute, so that a lock held for long costs no one else
-- anything. A lock that cannot be skipped, such as one that a trigger of the app's wants, is waited for 200 ms.

create table if not exists hub.clock (
  id boolean primary key default true check (id),
  ticked_at timestamptz,
  resumed_at timestamptz,
  resumed_from timestamptz
);
comment on table hub.clock is
  'One row: when recovery ran last, and where its last gap of more than 70 s began and ended, in which the database was down or its clock was set.';
insert into hub.clock default values on conflict do nothing;

create or replace function hub.tick() returns void
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  update hub.clock as c
  set ticked_at = v_now,
    resumed_at = case
      when v_now > c.ticked_at + interval '70 seconds' then v_now
      when v_now >= c.resumed_at then c.resumed_at
    end,
    resumed_from = case when v_now > c.ticked_at + interval '70 seconds' then c.ticked_at else c.resumed_from end
  where c.id in (select free.id from hub.clock as free for no key update skip locked);
  -- A clock set back left times ahead of it, in which nobody can be found missing.
  update public.mesh_devices as d set last_seen_at = v_now
  where d.id in (
    select early.id from public.mesh_devices as early
    where early.last_seen_at > v_now + interval '1 second' for no key update skip locked
  );
  update public.mac_tasks as t set lease_expires_at = v_now + s.task_lease
  from hub.settings as s
  where t.id in (
    select early.id from hub.queue as q join public.mac_tasks as early on early.id = q.task_id
    where q.state = 'running' and early.claim_id is not null
      and early.lease_expires_at > v_now + (select own.task_lease from hub.settings as own) + interval '1 second'
    for no key update of early skip locked
  );
end
$$;
comment on function hub.tick() is 'Notes that recovery runs, and puts right what a clock set back would keep alive.';

create or replace function hub.is_excused(device public.mesh_devices) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select from hub.clock as c, hub.settings as s
    where clock_timestamp() < c.resumed_at + s.device_offline_after
      and device.last_seen_at >= c.resumed_from - s.device_offline_after
  );
end
$$;
comment on function hub.is_excused(public.mesh_devices) is
  'Whether a device was there before a gap in the database''s own time and has had no chance yet to be heard of since.';

create or replace function hub.retire_devices() returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
  v_count integer := 0;
begin
  for v_device in
    select d.* from public.mesh_devices as d, hub.settings as s
    where d.status <> 'offline' and d.last_seen_at < clock_timestamp() - s.device_offline_after
      and not hub.is_excused(d)
    order by random()
    for no key update of d skip locked
  loop
    begin
      update public.mesh_devices as d set status = 'offline' where d.id = v_device.id;
      delete from hub.idle_devices as i where i.device_id = v_device.id;
      v_count := v_count + 1;
    exception when others then
      raise warning 'Device % cannot be marked as offline: %', v_device.name, sqlerrm;
    end;
  end loop;
  return jsonb_build_object('devices_offline', v_count);
end
$$;
comment on function hub.retire_devices() is 'Marks devices that were not heard of as offline; returns how many.';

create or replace function hub.hold_places(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_free boolean := true;
begin
  if task.team_id is not null then
    perform from public.hub_teams as t where t.id = task.team_id for no key update skip locked;
    v_free := found;
  end if;
  if v_free and task.task_thread_id is not null then
    perform from public.hub_task_threads as t where t.id = task.task_thread_id for no key update skip locked;
    v_free := found;
  elsif v_free and task.channel_id is not null then
    perform from public.hub_channels as c where c.id = task.channel_id for no key update skip locked;
    v_free := found;
  end if;
  if not v_free then
    -- Raised, so that what was locked up to here is given back at once.
    raise exception using errcode = 'lock_not_available', message = 'Somebody holds what the end of the task would write.';
  end if;
end
$$;
comment on function hub.hold_places(public.mac_tasks) is
  'Locks, without waiting, the team of a task and where it posts. Errors: 55P03.';

create or replace function hub.reclaim(task public.mac_tasks) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_settings hub.settings;
  v_task public.mac_tasks;
begin
  select * into v_settings from hub.settings;
  if task.started_at < clock_timestamp() - v_settings.max_runtime - hub.waited(task) then
    perform hub.end_attempt(task, 'timed_out', null);
    perform hub.end_as_failed(task, format('timed_out: it ran for more than %s.', hub.duration(v_settings.max_runtime)));
    return 'timed_out';
  end if;
  if hub.has_open_question(task.id) then
    -- Its device went while a person thinks: the task waits for the answer, not for the device.
    perform hub.park(task, format('%s was not heard of', task.claimed_by));
    return 'requeued';
  end if;
  v_task := hub.lose(task, 'expired', format('%s was not heard of', task.claimed_by));
  return case v_task.status when 'pending' then 'requeued' else 'failed' end;
end
$$;
comment on function hub.reclaim(public.mac_tasks) is 'Takes one task back; returns what became of it: requeued, failed or timed_out.';

create or replace function hub.reclaim_tasks() returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_oldest timestamptz := v_now - (select s.max_runtime from hub.settings as s);
  v_task public.mac_tasks;
  v_ends text[] := array[]::text[];
begin
  for v_task in
    -- Running tasks are few; only those that claim_tasks claimed have a claim_id.
    select t.* from hub.queue as q
    join public.mac_tasks as t on t.id = q.task_id
    where q.state = 'running' and t.status = 'running' and t.claim_id is not null
      and (t.lease_expires_at < v_now or t.started_at < v_oldest - hub.waited(t))
      and not exists (select from public.mesh_devices as d where d.name = t.claimed_by and hub.is_excused(d))
    order by random() -- nobody is always behind the same one that cannot be taken back
    for no key update of t skip locked
  loop
    exit when clock_timestamp() > v_now + interval '5 seconds';
    begin
      perform hub.hold_places(v_task);
      v_ends := v_ends || hub.reclaim(v_task);
    exception
      when lock_not_available then
        null;
      when others then
        raise warning 'Task % cannot be taken back: %', v_task.id, sqlerrm;
    end;
  end loop;
  return jsonb_build_object(
    'requeued', cardinality(array_positions(v_ends, 'requeued')),
    'failed', cardinality(array_positions(v_ends, 'failed')),
    'timed_out', cardinality(array_positions(v_ends, 'timed_out'))
  );
end
$$;
comment on function hub.reclaim_tasks() is
  'Takes back tasks whose lease has expired, or that have run too long. Tasks claimed by an UPDATE have no lease and are left alone.';

create or replace function hub.redeliver(most integer default 100) returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_due record;
  v_task public.mac_tasks;
  v_tried integer := 0;
  v_count integer := 0;
  v_is_free boolean;
begin
  for v_due in
    select f.what, t as task from hub.delivery_failures as f
    join public.mac_tasks as t on t.id = f.task_id
    where f.retry_at <= v_now
    order by f.retry_at, f.what
    for no key update of f, t skip locked
  loop
    exit when v_tried = redeliver.most or clock_timestamp() > v_now + interval '5 seconds';
    v_task := v_due.task;
    v_is_free := false;
    begin
      perform hub.hold_places(v_task);
      v_is_free := true;
      v_tried := v_tried + 1;
      if v_task.channel_id is not null and v_task.status in ('complete', 'failed') then
        perform hub.reopen_thread(v_task.task_thread_id);
        if v_due.what = 'team' then
          perform hub.post_team_outcome(v_task);
        else
          perform hub.post_outcome(v_task);
        end if;
        v_count := v_count + 1;
      end if;
      delete from hub.delivery_failures as f where f.task_id = v_task.id and f.what = v_due.what;
      update public.mac_tasks as t set delivered_at = clock_timestamp()
      where t.id = v_task.id and t.channel_id is not null and t.status in ('complete', 'failed')
        and not exists (select from hub.delivery_failures as f where f.task_id = t.id);
    exception when others then
      if v_is_free then
        perform hub.record_delivery_failure(v_task.id, v_due.what, sqlerrm);
      end if;
    end;
  end loop;
  return v_count;
end
$$;
comment on function hub.redeliver(integer) is 'Posts outcomes whose delivery failed and is due again; returns how many now arrived.';

create or replace function hub.repair_running() returns void
language plpgsql
set search_path = ''
as $$
declare
  -- No claim is older than the longest run and an outage. A variable, so that the index can be used.
  v_oldest timestamptz := clock_timestamp() - (select s.max_runtime from hub.settings as s) - interval '1 day';
  v_task uuid;
begin
  for v_task in
    select t.id from public.hub_task_attempts as a
    join public.mac_tasks as t on t.id = a.task_id
    left join hub.queue as q on q.task_id = t.id
    where a.ended_at is null and a.started_at > v_oldest
      and (t.claim_id is distinct from a.claim_id or t.status = 'running' and q.state is distinct from 'running')
    union
    select q.task_id from hub.queue as q
    join public.mac_tasks as t on t.id = q.task_id
    where q.state = 'running' and t.status <> 'running'
  loop
    begin
      perform hub.repair_task(v_task);
    exception when others then
      raise warning 'Task % cannot be repaired: %', v_task, sqlerrm;
    end;
  end loop;
end
$$;
comment on function hub.repair_running() is
  'Repairs what recovery meets: tasks that run, or that an attempt or the queue says run. What was taken away by hand ends its attempt here.';

create or replace function hub.try_recovery(step text) returns jsonb
language plpgsql
set search_path = ''
-- It looks things up by their keys, whatever the planner believes of the tables: it costs what is lost.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
set lock_timeout = '200ms'
as $$
begin
  case step
    when 'clock' then
      perform hub.tick();
    when 'devices' then
      return hub.retire_devices();
    when 'tasks' then
      return hub.reclaim_tasks();
    when 'questions' then
      perform hub.expire_questions();
    when 'inputs' then
      perform hub.move_left_inputs();
    when 'deliveries' then
      return jsonb_build_object('redelivered', hub.redeliver());
    when 'feeds' then
      perform hub.post_lines(waiting.feed) from (select distinct l.feed from hub.feed_lines as l) as waiting;
    when 'files' then
      perform hub.fail_missing_files();
    when 'queue' then
      perform hub.admit_due_tasks(1000);
      perform hub.offer_elsewhere();
    when 'running' then
      perform hub.repair_running();
    when 'departed' then
      perform hub.end_departed();
  end case;
  return '{}'::jsonb;
exception when others then
  -- The other steps do not depend on it, and the next minute tries again.
  raise warning 'Recovery of % failed: %', step, sqlerrm;
  return '{}'::jsonb;
end
$$;
comment on function hub.try_recovery(text) is 'One step of recovery; its failure is logged and keeps no other step from being taken.';

create or replace function hub.recover() returns jsonb
language plpgsql
security definer -- the recover edge function calls it with the service key
set search_path = ''
as $$
declare
  v_report jsonb := '{"requeued": 0, "failed": 0, "redelivered": 0, "devices_offline": 0, "timed_out": 0}'::jsonb;
  v_step text;
begin
  foreach v_step in array array[
    'clock', 'running', 'devices', 'tasks', 'questions', 'inputs', 'deliveries', 'feeds', 'files', 'queue', 'departed'
  ] loop
    v_report := v_report || hub.try_recovery(v_step);
  end loop;
  return v_report;
end
$$;
comment on function hub.recover() is
  'Takes back orphaned tasks, posts undelivered outcomes, marks silent devices offline and files that never came as failed; returns {requeued, failed, redelivered, devices_offline, timed_out}. Reads nothing but state and waits for nobody: safe to run twice, and twice at once.';

create or replace function public.recover() returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.recover();
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.recover() is 'hub.recover() for the recover edge function. service_role.';

create or replace function hub.prune() returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_before timestamptz := now() - (select s.history_kept from hub.settings as s);
  v_attempts integer;
  v_failures integer;
  v_runs integer := 0;
begin
  delete from public.hub_task_attempts as a where a.started_at < v_before and a.ended_at is not null;
  get diagnostics v_attempts = row_count;
  delete from hub.delivery_failures as f where f.failed_at < v_before;
  get diagnostics v_failures = row_count;
  delete from hub.feed_lines as l where l.said_at < v_before;
  -- A lane that a task is being put into is locked, and stays.
  delete from hub.lanes as l where l.id in (
    select empty.id from hub.lanes as empty
    where not exists (select from hub.queue as q where q.lane_id = empty.id)
    for update skip locked
  );
  if to_regclass('cron.job_run_details') is not null then
    -- A week of the project's own runs: two jobs a minute would be 260,000 rows in 90 days.
    execute $cron$
      delete from cron.job_run_details as d
      where d.start_time < now() - interval '7 days' and case
        -- Of a job that is gone only the command is known.
        when exists (select from cron.job as j where j.jobid = d.jobid)
          then exists (select from cron.job as j where j.jobid = d.jobid and j.jobname like 'hub-%')
        else d.command ~ '^select hub\.[a-z_]+\(\)$'
      end
    $cron$;
    get diagnostics v_runs = row_count;
  end if;
  return jsonb_build_object(
    'attempts', v_attempts, 'delivery_failures', v_failures, 'cron_runs', v_runs, 'files', hub.prune_files(),
    'kept_no_longer', hub.prune_channels()
  );
end
$$;
comment on function hub.prune() is
  'Deletes attempts and delivery failures older than hub.settings.history_kept, cron runs older than a week, empty lanes, and files that no request has named for a day, and takes one step of hub.prune_channels(), told as kept_no_longer; returns the counts. Daily by pg_cron.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.recover() from public, anon, authenticated;
grant execute on function public.recover(), hub.recover() to service_role;
