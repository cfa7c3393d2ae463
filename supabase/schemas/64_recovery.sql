-- Recovery: what a crash, a lost device or a failed delivery left, put right from nothing but state.

create or replace function hub.retire_devices() returns integer
language sql
set search_path = ''
as $$
  with silent as (
    update public.mesh_devices as d
    set status = 'offline'
    from hub.settings as s
    where d.status <> 'offline' and d.last_seen_at < clock_timestamp() - s.device_offline_after
    returning d.id
  ),
  woken as (
    delete from hub.idle_devices as i using silent where i.device_id = silent.id
  )
  select count(*)::integer from silent
$$;
comment on function hub.retire_devices() is 'Marks devices that were not heard of as offline; returns how many.';

create or replace function hub.reclaim_tasks(out requeued integer, out failed integer, out timed_out integer)
language plpgsql
set search_path = ''
as $$
declare
  v_tasks public.mac_tasks[];
  v_task public.mac_tasks;
  v_settings hub.settings;
  v_late boolean;
begin
  select * into v_settings from hub.settings;
  requeued := 0;
  failed := 0;
  timed_out := 0;
  -- What it will write is locked in the order that everybody keeps, before the first task is put back.
  v_tasks := array(
    -- Running tasks are few; only those that claim_tasks claimed have a claim_id.
    select t from hub.queue as q
    join public.mac_tasks as t on t.id = q.task_id
    where q.state = 'running' and t.status = 'running' and t.claim_id is not null
      and (t.lease_expires_at < clock_timestamp() or t.started_at < clock_timestamp() - v_settings.max_runtime)
    order by t.id
    for no key update of t skip locked
  );
  perform from public.hub_teams as team
  where team.id in (select held.team_id from unnest(v_tasks) as held)
  order by team.id for no key update;
  perform from public.hub_task_threads as th
  where th.id in (select held.task_thread_id from unnest(v_tasks) as held)
  order by th.id for no key update;
  perform from public.hub_channels as c
  where c.id in (select held.channel_id from unnest(v_tasks) as held where held.task_thread_id is null)
  order by c.id for no key update;
  foreach v_task in array v_tasks loop
    v_late := v_task.started_at < clock_timestamp() - v_settings.max_runtime;
    if v_late then
      perform hub.end_attempt(v_task, 'timed_out', null);
      v_task := hub.finish(v_task, format('timed_out: it ran for more than %s.', hub.duration(v_settings.max_runtime)));
      timed_out := timed_out + 1;
    else
      perform hub.end_attempt(v_task, 'expired', null);
      if v_task.attempt < coalesce(v_task.max_attempts, v_settings.max_attempts) then
        v_task := hub.requeue(v_task, format('%s was not heard of', v_task.claimed_by), null, v_task.attempt);
      else
        v_task := hub.finish(v_task, format('%s was not heard of, %s attempts in all.', v_task.claimed_by, v_task.attempt));
      end if;
      if v_task.status = 'pending' then
        requeued := requeued + 1;
      else
        failed := failed + 1;
      end if;
    end if;
  end loop;
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
  v_count integer := 0;
begin
  for v_due in
    select f.what, t as task from hub.delivery_failures as f
    join public.mac_tasks as t on t.id = f.task_id
    where f.retry_at <= v_now
    order by f.retry_at, f.what
    limit redeliver.most
    for no key update of f, t skip locked
  loop
    v_task := v_due.task;
    begin
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
      perform hub.record_delivery_failure(v_task.id, v_due.what, sqlerrm);
    end;
  end loop;
  return v_count;
end
$$;
comment on function hub.redeliver(integer) is 'Posts outcomes whose delivery failed and is due again; returns how many now arrived.';

create or replace function hub.recover() returns jsonb
language plpgsql
security definer -- the recover edge function calls it with the service key
set search_path = ''
as $$
declare
  -- No claim is older than the longest run and an outage. A variable, so that the index can be used.
  v_oldest timestamptz := clock_timestamp() - (select s.max_runtime from hub.settings as s) - interval '1 day';
  v_offline integer;
  v_reclaimed record;
  v_redelivered integer;
begin
  -- Two at once take turns, since each posts to many channels in an order of its own; the second then
  -- finds nothing left to do.
  perform pg_advisory_xact_lock(hashtextextended('hub.recover', 0));
  v_offline := hub.retire_devices();
  v_reclaimed := hub.reclaim_tasks();
  v_redelivered := hub.redeliver();
  perform hub.post_lines(waiting.feed) from (select distinct l.feed from hub.feed_lines as l) as waiting;
  perform hub.admit_due_tasks(1000);
  -- An attempt whose task was taken away by hand ends with it.
  update public.hub_task_attempts as a
  set ended_at = clock_timestamp(),
    outcome = case
      when t.cancelled_at is not null then 'cancelled'
      when t.status in ('complete', 'failed') then t.status
      else 'released'
    end
  from public.mac_tasks as t
  where a.ended_at is null and a.started_at > v_oldest
    and t.id = a.task_id and t.claim_id is distinct from a.claim_id;
  return jsonb_build_object(
    'requeued', v_reclaimed.requeued, 'failed', v_reclaimed.failed, 'redelivered', v_redelivered,
    'devices_offline', v_offline, 'timed_out', v_reclaimed.timed_out
  );
end
$$;
comment on function hub.recover() is
  'Takes back orphaned tasks, posts undelivered outcomes, marks silent devices offline; returns {requeued, failed, redelivered, devices_offline, timed_out}. Reads nothing but state: safe to run twice, and twice at once.';

create or replace function public.recover() returns jsonb
language sql
set search_path = ''
as $$
  select hub.recover()
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
  -- A lane that a task is being put into is locked, and stays.
  delete from hub.lanes as l where l.id in (
    select empty.id from hub.lanes as empty
    where not exists (select from hub.queue as q where q.lane_id = empty.id)
    for update skip locked
  );
  if to_regclass('cron.job_run_details') is not null then
    -- A week of the project's own runs: two jobs a minute would be 260,000 rows in 90 days.
    execute $cron$
      delete from cron.job_run_details as d using cron.job as j
      where j.jobid = d.jobid and j.jobname like 'hub-%' and d.start_time < now() - interval '7 days'
    $cron$;
    get diagnostics v_runs = row_count;
  end if;
  return jsonb_build_object('attempts', v_attempts, 'delivery_failures', v_failures, 'cron_runs', v_runs);
end
$$;
comment on function hub.prune() is
  'Deletes attempts and delivery failures older than hub.settings.history_kept, cron runs older than a week, and empty lanes; returns the counts. Daily by pg_cron.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.recover() from public, anon, authenticated;
grant execute on function public.recover(), hub.recover() to service_role;
