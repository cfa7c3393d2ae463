-- The queue: one narrow row for each unfinished task.
--
-- mac_tasks says what a task is; hub.queue says where it waits. A trigger keeps the two in step, also
-- when an old executor or an admin writes mac_tasks directly. What a device may run is decided by
-- lane, not by task: a claim looks at the head of each lane that is open to the device, so that its
-- cost does not grow with the backlog, nor with work that other devices must do.
--
-- Locks are taken in the order task, team, thread, channel, lane, and those
-- of tasks and teams for no key update, so that foreign keys, which are checked whenever it suits Postgres,
-- wait for none. A claim waits for nobody: it skips what is locked.
--
-- The queue is often empty when a plan is made, and long when that plan runs, and so are tasks, messages
-- and attempts: what reads them for each task is planned without sequential scans. And without
-- compilation, for which the planner would take the tables that can only be read through as dear enough.

create table if not exists hub.lanes (
  id integer generated always as identity primary key,
  server_id uuid not null,
  model text not null,
  platform text not null,
  device text not null,
  bound boolean not null default false,
  unique (server_id, model, platform, device, bound)
);
comment on table hub.lanes is
  'The classes of tasks that the same devices may run. Made when first needed, pruned when long empty.';
comment on column hub.lanes.server_id is 'The server, which may be paused; all zeros: tasks of no channel.';
comment on column hub.lanes.model is 'The preference; empty: no model, but git on exactly this device.';
comment on column hub.lanes.platform is 'The platform a device must have; empty: any.';
comment on column hub.lanes.device is 'The device that holds the agent session to resume, preferred while it can run the task; empty: none.';
comment on column hub.lanes.bound is 'Whether the device is waited for also while it is offline: what was parked there belongs to it.';

create table if not exists hub.queue (
  task_id uuid primary key references public.mac_tasks on delete cascade,
  lane_id integer not null references hub.lanes on delete restrict,
  state text not null check (state in ('ready', 'scheduled', 'backoff', 'blocked', 'parked', 'running')),
  priority integer not null,
  created_at timestamptz not null,
  run_at timestamptz,
  thread_id uuid,
  team_id uuid,
  created_by uuid,
  device text,
  since timestamptz not null default clock_timestamp(),
  avoid uuid[]
) with (
  -- Rows come and go: vacuum often, so that claims do not walk over dead ones.
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 5000
);
comment on table hub.queue is 'Every unfinished task. Kept by trigger from mac_tasks: never write it.';
comment on column hub.queue.state is
  'ready to be claimed; scheduled by the user; backoff after a failure; blocked by an earlier task of its thread; parked until its questions are answered; running.';
comment on column hub.queue.device is 'Name of the device that runs the task.';
comment on column hub.queue.since is 'When it came into this state.';
comment on column hub.queue.avoid is 'Devices that have found that they cannot run the task: others first.';

-- Exactly the claim's order; none of these columns changes while a row is ready. It serves the foreign
-- key too: with another index on lane_id, a plan made for a short queue would sort the whole lane.
create index if not exists idx_queue_order on hub.queue (lane_id, state, priority desc, created_at, task_id);
create index if not exists idx_queue_due on hub.queue (run_at) where state in ('scheduled', 'backoff');
create index if not exists idx_queue_running on hub.queue (device) where state = 'running';
create index if not exists idx_queue_thread on hub.queue (thread_id) where thread_id is not null;
create index if not exists idx_queue_avoid on hub.queue (task_id) where avoid is not null;
create index if not exists idx_queue_user on hub.queue (created_by) where created_by is not null;

-- Enqueueing -------------------------------------------------------------------------------------

create or replace function hub.lane_of(task public.mac_tasks, session_device text) returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_server uuid;
  v_model text := coalesce(task.model_preference, 'any');
  v_platform text := coalesce(task.platform, '');
  v_device text := coalesce(session_device, '');
  v_session record;
  v_bound boolean := false;
  v_lane integer;
begin
  if task.updated_at > task.created_at then
    -- It has run, and may have left a session of its own; if it was parked, it waits for that one's device.
    v_session := hub.last_session(task);
    if v_session.device is not null then
      v_device := v_session.device;
      v_bound := coalesce((
        select a.outcome = 'parked' from public.hub_task_attempts as a
        where a.task_id = task.id order by a.started_at desc limit 1
      ), false);
    end if;
    if exists (
      select from hub.queue as q join public.mesh_devices as d on d.id = any (q.avoid)
      where q.task_id = task.id and d.name = v_device
    ) then
      v_device := '';
      v_bound := false;
    elsif v_bound then
      v_model := v_session.model;
    end if;
  end if;
  if task.channel_id is not null then
    select c.server_id into v_server from public.hub_channels as c where c.id = task.channel_id;
    if task.metadata ? 'device_id' then
      -- The device that has the branch, whatever it is called by now.
      select coalesce(max(d.name), v_device) into v_device
      from public.mesh_devices as d where d.id = (task.metadata ->> 'device_id')::uuid;
    end if;
    if task.kind = 'publish' then
      v_model := '';
      v_platform := '';
      v_bound := false;
    end if;
  end if;
  v_server := coalesce(v_server, '00000000-0000-0000-0000-000000000000');
  loop
    select l.id into v_lane from hub.lanes as l
    where l.server_id = v_server and l.model = v_model
      and l.platform = v_platform and l.device = v_device and l.bound = v_bound
    for key share; -- so that nobody prunes it meanwhile
    exit when found;
    insert into hub.lanes (server_id, model, platform, device, bound)
    values (v_server, v_model, v_platform, v_device, v_bound)
    on conflict do nothing;
  end loop;
  return v_lane;
end
$$;
comment on function hub.lane_of(public.mac_tasks, text) is 'The lane of a task; made if there is none yet.';

create or replace function hub.lane_for(task_id uuid) returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_lane hub.lanes;
  v_open integer;
begin
  select l.* into v_lane from hub.queue as q join hub.lanes as l on l.id = q.lane_id where q.task_id = lane_for.task_id;
  if v_lane.bound then
    -- That one had the model of the session.
    select coalesce(t.model_preference, 'any') into v_lane.model from public.mac_tasks as t where t.id = lane_for.task_id;
  end if;
  loop
    select l.id into v_open from hub.lanes as l
    where l.server_id = v_lane.server_id and l.model = v_lane.model and l.platform = v_lane.platform
      and l.device = '' and not l.bound
    for key share;
    exit when found;
    insert into hub.lanes (server_id, model, platform, device)
    values (v_lane.server_id, v_lane.model, v_lane.platform, '')
    on conflict do nothing;
  end loop;
  return v_open;
end
$$;
comment on function hub.lane_for(uuid) is 'The lane of a queued task without the device that it has waited for.';

create or replace function hub.wake_mesh() returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Busy devices claim by themselves when they finish; a message for every task would slow them down.
  if exists (
    select from hub.idle_devices as i join public.mesh_devices as d on d.id = i.device_id
    where d.status = 'online'
  ) then
    perform realtime.send('{}'::jsonb, 'task_queued', 'mesh:wake', false);
  end if;
end
$$;
comment on function hub.wake_mesh() is 'Tells idle executors, on the public topic mesh:wake, that there may be work.';

create or replace function hub.must_wait(task public.mac_tasks) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  -- Tasks of a thread run one after another, but those of a team that is at work run side by side.
  return exists (
    select from hub.queue as q
    where q.thread_id = task.task_thread_id and q.task_id <> task.id
      and (
        q.state in ('ready', 'running', 'backoff', 'parked')
        or q.state = 'blocked' and (q.created_at, q.task_id) < (task.created_at, task.id)
      )
  ) and not exists (
    select from hub.queue as q
    where q.thread_id = task.task_thread_id and q.team_id = task.team_id
      and q.state in ('ready', 'running', 'backoff', 'parked')
  );
end
$$;
comment on function hub.must_wait(public.mac_tasks) is 'Whether an earlier task of the same thread has to end first.';

create or replace function hub.begin_next(thread_id uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_next hub.queue;
begin
  if exists (
    select from hub.queue as q
    where q.thread_id = begin_next.thread_id and q.state in ('ready', 'running', 'backoff', 'parked')
  ) then
    return;
  end if;
  select * into v_next from hub.queue as q
  where q.thread_id = begin_next.thread_id and q.state = 'blocked'
  order by q.created_at, q.task_id limit 1;
  if found then
    -- Its lane anew: the task before it may have left an agent session on a device.
    update hub.queue as q
    set state = 'ready', since = clock_timestamp(), lane_id = hub.lane_of(t, th.session_device)
    from public.mac_tasks as t, public.hub_task_threads as th
    where q.thread_id = begin_next.thread_id and q.state = 'blocked'
      and (q.task_id = v_next.task_id or q.team_id = v_next.team_id)
      and t.id = q.task_id and th.id = q.thread_id;
    perform hub.hurry(begin_next.thread_id, max(q.priority)) from hub.queue as q
    where q.thread_id = begin_next.thread_id and q.state = 'blocked'
    having max(q.priority) > v_next.priority;
    perform hub.wake_mesh();
  end if;
end
$$;
comment on function hub.begin_next(uuid) is
  'Where nothing of a thread is at work, its next task, or all of the next team, becomes ready. Under the thread''s lock.';

create or replace function hub.hurry(thread_id uuid, priority integer) returns void
language plpgsql
set search_path = ''
as $$
declare
  -- Step by step, each by the key: joined, tasks that were few when last analyzed would be read through.
  v_ahead uuid[] := array(
    select q.task_id from hub.queue as q
    where q.thread_id = hurry.thread_id and q.state in ('ready', 'backoff', 'parked')
      and q.priority < hurry.priority
  );
begin
  if v_ahead <> '{}' then
    -- Tasks come before threads in the order of locks: one that somebody holds is left as it is.
    v_ahead := array(
      select t.id from public.mac_tasks as t where t.id = any (v_ahead) for no key update skip locked
    );
    update public.mac_tasks as t set priority = hurry.priority where t.id = any (v_ahead);
  end if;
end
$$;
comment on function hub.hurry(uuid, integer) is 'Makes what an urgent task of a thread waits behind as urgent as that.';

create or replace function hub.state_by_time(
  status text, run_at timestamptz, attempt integer, error text
) returns text
language plpgsql
set search_path = ''
as $$
begin
  return case
    when state_by_time.status = 'running' then 'running'
    when state_by_time.run_at > clock_timestamp()
    then case when state_by_time.attempt > 0 or state_by_time.error is not null then 'backoff' else 'scheduled' end
    else 'ready'
  end;
end
$$;
comment on function hub.state_by_time(text, timestamptz, integer, text) is
  'The state in the queue of an unfinished task that waits for nothing but its time: running, backoff, scheduled or ready.';

create or replace function hub.enqueue(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_thread public.hub_task_threads;
  v_state text;
begin
  if task.channel_id is null then
    if not (select s.claims_foreign_tasks from hub.settings as s) then
      return;
    end if;
  end if;
  if task.task_thread_id is not null then
    -- Whoever begins or ends a task of the thread takes this lock first.
    select * into v_thread from public.hub_task_threads as t
    where t.id = task.task_thread_id for no key update;
  end if;
  v_state := hub.state_by_time(task.status, task.run_at, task.attempt, task.error);
  -- A new task has asked nothing yet.
  if v_state <> 'running' and task.updated_at > task.created_at and hub.has_open_question(task.id) then
    v_state := 'parked';
  elsif v_state = 'ready' and v_thread.id is not null and hub.must_wait(task) then
    v_state := 'blocked';
  end if;
  insert into hub.queue as q (
    task_id, lane_id, state, priority, created_at, run_at, thread_id, team_id, created_by, device
  ) values (
    task.id, hub.lane_of(task, v_thread.session_device), v_state, task.priority, task.created_at,
    task.run_at, task.task_thread_id, task.team_id, task.created_by,
    case when v_state = 'running' then task.claimed_by end
  )
  on conflict (task_id) do update set
    lane_id = excluded.lane_id, state = excluded.state, priority = excluded.priority,
    run_at = excluded.run_at, thread_id = excluded.thread_id, team_id = excluded.team_id,
    device = excluded.device,
    since = case q.state when excluded.state then q.since else clock_timestamp() end;
  if v_state = 'ready' then
    perform hub.wake_mesh();
  elsif v_state in ('blocked', 'scheduled') and v_thread.id is not null then
    if v_state = 'blocked' then
      perform hub.hurry(v_thread.id, task.priority);
    end if;
    -- It may have been at work until now: requeued behind an older task, or put off.
    perform hub.begin_next(v_thread.id);
  end if;
end
$$;
comment on function hub.enqueue(public.mac_tasks) is 'Makes or renews the queue''s row of an unfinished task.';

create or replace function hub.sync_queue() returns trigger
language plpgsql
security definer -- the queue is closed to whoever writes mac_tasks
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  if new.status in ('complete', 'failed') then
    perform hub.withdraw_questions(new.id);
    delete from hub.queue as q where q.task_id = new.id;
    perform hub.move_inputs(new);
  elsif new.status = 'running' and old.status <> 'running' then
    -- The claim's path: nothing but the state changes, and no lock of the thread is needed.
    update hub.queue as q set state = 'running', device = new.claimed_by, since = clock_timestamp() where q.task_id = new.id;
  elsif new.status in ('pending', 'running') then
    perform hub.enqueue(new);
  end if;
  return null;
end
$$;

create or replace function hub.enqueue_new() returns trigger
language plpgsql
security definer -- the queue is closed to whoever writes mac_tasks
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_task public.mac_tasks;
  v_lane integer;
begin
  for v_task in
    select t.* from new_rows as t
    where t.channel_id is not null and t.status in ('pending', 'running')
    order by t.created_at, t.id
  loop
    perform hub.enqueue(v_task);
  end loop;
  -- Those of no channel have no thread and no session: what shares a lane is queued at once, however many.
  v_task := null;
  for v_task.model_preference, v_task.platform in
    select distinct t.model_preference, t.platform from new_rows as t
    where t.channel_id is null and t.status in ('pending', 'running')
      and (select s.claims_foreign_tasks from hub.settings as s)
  loop
    v_lane := hub.lane_of(v_task, null);
    insert into hub.queue (task_id, lane_id, state, priority, created_at, run_at, created_by, device)
    select
      t.id, v_lane, hub.state_by_time(t.status, t.run_at, t.attempt, t.error), t.priority, t.created_at,
      t.run_at, t.created_by, case when t.status = 'running' then t.claimed_by end
    from new_rows as t
    where t.channel_id is null and t.status in ('pending', 'running')
      and t.model_preference is not distinct from v_task.model_preference
      and t.platform is not distinct from v_task.platform
    -- A trigger of the app's may have changed it since: the queue has that already.
    on conflict (task_id) do nothing;
  end loop;
  if v_lane is not null and exists (
    select from new_rows as t
    where t.channel_id is null and t.status = 'pending' and (t.run_at > clock_timestamp()) is not true
  ) then
    perform hub.wake_mesh();
  end if;
  return null;
end
$$;

comment on function hub.enqueue_new() is
  'Puts the new tasks of a statement into the queue: those of channels one after the other, the others lane by lane.';

create or replace trigger _600_enqueue_new_tasks
after insert on public.mac_tasks referencing new table as new_rows
for each statement execute function hub.enqueue_new();

-- Apart, because a condition over all these columns would be read anew for each step of a task.
create or replace trigger _600_sync_queue_on_update
after update on public.mac_tasks
for each row when (old.status is distinct from new.status)
execute function hub.sync_queue();

create or replace trigger _610_sync_queue_on_change
after update of claimed_by, priority, run_at, platform, model_preference, channel_id, task_thread_id
on public.mac_tasks
for each row when (old.status = new.status)
execute function hub.sync_queue();

create or replace function hub.advance_thread() returns trigger
language plpgsql
security definer -- a task deleted with the service key takes its row along as that role
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  perform from public.hub_task_threads as t where t.id = old.thread_id for no key update;
  perform hub.begin_next(old.thread_id);
  return null;
end
$$;
comment on function hub.advance_thread() is 'When a task leaves the queue, the next one of its thread may begin.';

create or replace trigger _500_advance_thread
after delete on hub.queue
for each row when (old.thread_id is not null)
execute function hub.advance_thread();

create or replace function hub.admit_due_tasks(most integer default 100) returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  -- A variable: the clock itself, which moves on, could not bound the scan of the index.
  v_now timestamptz := clock_timestamp();
  v_task public.mac_tasks;
  v_count integer := 0;
begin
  for v_task in
    select t.* from hub.queue as q
    join public.mac_tasks as t on t.id = q.task_id
    where q.state in ('scheduled', 'backoff') and q.run_at <= v_now
    order by q.run_at
    limit most
    for no key update of q, t skip locked
  loop
    -- Waiting for threads in the order of tasks could be waiting for each other: leave it to the next call.
    perform from public.hub_task_threads as th where th.id = v_task.task_thread_id
    for no key update skip locked;
    continue when not found and v_task.task_thread_id is not null;
    perform hub.enqueue(v_task);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function hub.admit_due_tasks(integer) is 'Makes tasks whose run_at has come ready, or blocked behind their thread.';

-- A resumed server has work for devices that found none; what was kept for a device that goes is theirs.
create or replace function hub.wake_others() returns trigger
language plpgsql
security definer -- idle devices are not visible to operators
set search_path = ''
as $$
begin
  perform hub.wake_mesh();
  return null;
end
$$;

create or replace trigger _600_wake_on_resume
after update on public.hub_servers
for each row when (old.paused_at is not null and new.paused_at is null)
execute function hub.wake_others();

create or replace trigger _600_wake_on_absence
after update on public.mesh_devices
for each row when (old.status = 'online' and new.status <> 'online')
execute function hub.wake_others();

-- Settings take effect at once: tasks of no channel come and go, and what is unfinished has as many attempts
-- more or less.
create or replace function hub.apply_settings() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.claims_foreign_tasks and not old.claims_foreign_tasks then
    perform hub.enqueue(t) from (
      select * from public.mac_tasks as own
      where own.channel_id is null and own.status in ('pending', 'running') order by own.created_at
    ) as t;
  elsif old.claims_foreign_tasks and not new.claims_foreign_tasks then
    delete from hub.queue as q using public.mac_tasks as t
    where t.id = q.task_id and t.channel_id is null and q.state <> 'running';
  end if;
  if new.max_attempts <> old.max_attempts then
    update public.mac_tasks as t
    set max_attempts = greatest(1, t.max_attempts + new.max_attempts - old.max_attempts)
    where t.channel_id is not null and t.id in (select q.task_id from hub.queue as q);
  end if;
  return null;
end
$$;
comment on function hub.apply_settings() is 'Takes changed settings to the tasks that are unfinished.';

create or replace trigger _500_apply_settings
after update on hub.settings
for each row when (
  (old.claims_foreign_tasks, old.max_attempts) is distinct from (new.claims_foreign_tasks, new.max_attempts)
)
execute function hub.apply_settings();

-- A device that is renamed keeps what it runs, its lanes and its sessions. The queue before the tasks, so
-- that the change of claimed_by is no claim.
create or replace function hub.rename_device() returns trigger
language plpgsql
security definer -- the queue and tasks are closed to whoever renames the device
set search_path = ''
-- The device is locked by now, and a task that somebody ends may want it next: soon enough to give way.
set lock_timeout = '500ms'
as $$
declare
  v_tasks uuid[];
  v_lane hub.lanes;
  v_renamed integer;
begin
  -- Tasks, then threads, as everywhere; the queue and the lanes come last.
  v_tasks := array(
    select t.id from public.mac_tasks as t
    where t.id in (select q.task_id from hub.queue as q where q.state = 'running' and q.device = old.name)
    order by t.id for no key update
  );
  perform from public.hub_task_threads as th
  where th.session_device = old.name
    or th.id in (select t.task_thread_id from public.mac_tasks as t where t.id = any (v_tasks))
  order by th.id for no key update;
  update public.hub_task_threads as t set session_device = new.name where t.session_device = old.name;
  update hub.queue as q set device = new.name where q.device = old.name;
  update public.mac_tasks as t set claimed_by = new.name where t.id = any (v_tasks) and t.claimed_by = old.name;
  for v_lane in select * from hub.lanes as l where l.device = old.name order by l.id loop
    insert into hub.lanes as l (server_id, model, platform, device, bound)
    values (v_lane.server_id, v_lane.model, v_lane.platform, new.name, v_lane.bound)
    on conflict (server_id, model, platform, device, bound) do update set device = excluded.device
    returning l.id into v_renamed;
    update hub.queue as q set lane_id = v_renamed where q.lane_id = v_lane.id;
  end loop;
  return null;
exception when lock_not_available then
  perform hub.refuse('busy');
  return null;
end
$$;
comment on function hub.rename_device() is 'Takes what names a device along when it is renamed. Errors: busy.';

create or replace trigger _500_rename_device
after update on public.mesh_devices
for each row when (old.name <> new.name)
execute function hub.rename_device();

-- A channel that moves to another server takes its waiting tasks to that server's lanes.
create or replace function hub.move_tasks_of_channel() returns trigger
language plpgsql
security definer -- the queue is closed to whoever moves the channel
set search_path = ''
as $$
begin
  update hub.queue as q
  set lane_id = hub.lane_of(t, th.session_device)
  from public.mac_tasks as t
  left join public.hub_task_threads as th on th.id = t.task_thread_id
  where t.channel_id = new.id and q.task_id = t.id;
  perform hub.wake_mesh();
  return null;
end
$$;

create or replace trigger _600_move_tasks
after update of server_id on public.hub_channels
for each row when (old.server_id is distinct from new.server_id)
execute function hub.move_tasks_of_channel();

revoke execute on all functions in schema hub from public;
