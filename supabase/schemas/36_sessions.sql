-- Sessions: an agent's own memory of a conversation, which stays on the device where it ran.
--
-- There is one for each thread, model and device; a task of no thread, and each task of a team, has its own.
-- They are reported while the agent runs, so that the next run resumes whatever ended the one before. A model
-- or a device that has none is given what was said instead.

alter table hub.settings add column if not exists session_wait interval not null default '5 minutes'
check (session_wait >= '0' and session_wait <= '10 years');
comment on column hub.settings.session_wait is
  'How long a follow-up waits for the busy device of its session; then any device may have it, which is given what was said.';

create table if not exists hub.sessions (
  id bigint generated always as identity primary key,
  task_thread_id uuid references public.hub_task_threads on delete cascade,
  task_id uuid references public.mac_tasks on delete cascade,
  device_id uuid not null references public.mesh_devices on delete cascade,
  model text not null,
  session_id text not null check (length(session_id) between 1 and 500),
  used_at timestamptz not null default clock_timestamp(),
  constraint sessions_place check (num_nonnulls(task_thread_id, task_id) = 1),
  constraint sessions_key unique nulls not distinct (task_thread_id, task_id, model, device_id)
);
comment on table hub.sessions is 'The agent sessions that can be resumed: one for each thread (or task), model and device.';
comment on column hub.sessions.task_id is 'The task, where the session is not its thread''s: a task of no thread, or of a team.';
comment on column hub.sessions.used_at is 'When a run last said that it uses the session.';
create index if not exists idx_sessions_task on hub.sessions (task_id) where task_id is not null;
create index if not exists idx_sessions_device on hub.sessions (device_id);

insert into hub.message_events (name, meaning) values
  ('session_handed_over', 'Another model or device goes on in a thread, with what was said instead of the session.'),
  ('session_begun_anew', 'The session of a thread could not be resumed; a new one goes on with what was said.')
on conflict (name) do update set meaning = excluded.meaning;

create or replace function hub.thread_of_session(task public.mac_tasks) returns uuid
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when task.kind = 'task' then task.task_thread_id end;
end
$$;
comment on function hub.thread_of_session(public.mac_tasks) is
  'The thread whose sessions the task uses; null: it has its own. Tasks of a team run side by side and cannot share one.';

create or replace function hub.begins_anew(task public.mac_tasks) returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return task.attempt > 1 and task.attempt >= task.max_attempts;
end
$$;
comment on function hub.begins_anew(public.mac_tasks) is
  'Whether this attempt resumes no session: the last one does not, since it may be the session that fails.';

create or replace function hub.session_to_resume(task public.mac_tasks) returns text
language plpgsql stable
set search_path = ''
as $$
declare
  v_thread uuid := hub.thread_of_session(task);
begin
  if hub.begins_anew(task) then
    return null;
  end if;
  return (
    select s.session_id from hub.sessions as s
    join public.mesh_devices as d on d.id = s.device_id
    where s.task_thread_id is not distinct from v_thread
      and s.task_id is not distinct from case when v_thread is null then task.id end
      and s.model = task.model_used and d.name = task.claimed_by
  );
end
$$;
comment on function hub.session_to_resume(public.mac_tasks) is
  'The session that the model and device of a claimed task can resume; null if there is none.';

create or replace function hub.last_session(task public.mac_tasks, out device text, out model text)
language plpgsql stable
set search_path = ''
as $$
declare
  v_thread uuid := hub.thread_of_session(task);
begin
  select d.name, s.model into device, model
  from hub.sessions as s
  join public.mesh_devices as d on d.id = s.device_id
  where s.task_thread_id is not distinct from v_thread
    and s.task_id is not distinct from case when v_thread is null then task.id end
  order by s.used_at desc limit 1;
end
$$;
comment on function hub.last_session(public.mac_tasks) is 'Device and model of the newest session that the task can go on with.';

create or replace function hub.offer_elsewhere(most integer default 1000) returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_before timestamptz := clock_timestamp() - (select s.session_wait from hub.settings as s);
  v_count integer;
begin
  update hub.queue as q
  set lane_id = hub.lane_for(q.task_id)
  where q.task_id in (
    -- Lane by lane, so that tasks of no device's lane are not looked at.
    select waiting.task_id from hub.lanes as l
    cross join lateral (
      select ready.task_id from hub.queue as ready
      where ready.lane_id = l.id and ready.state = 'ready' and ready.since < v_before
        -- What is about the changes on a device can be done nowhere else.
        and not exists (
          select from public.mac_tasks as t where t.id = ready.task_id and t.metadata ? 'device_id'
        )
      limit offer_elsewhere.most
      for no key update skip locked
    ) as waiting
    where l.device <> '' and l.model <> '' and not l.bound
    limit offer_elsewhere.most
  );
  get diagnostics v_count = row_count;
  -- Nobody else came for what its device could not run: that device may try again, and say why it cannot.
  update hub.queue as q
  set avoid = null
  where q.task_id in (
    select waiting.task_id from hub.queue as waiting
    where waiting.state = 'ready' and waiting.avoid is not null and waiting.since < v_before
    for no key update skip locked
  );
  if v_count > 0 then
    perform hub.wake_mesh();
  end if;
  return v_count;
end
$$;
comment on function hub.offer_elsewhere(integer) is
  'Offers tasks that have waited for the device of their session for longer than hub.settings.session_wait to every device; returns how many. Part of hub.recover().';

create or replace function hub.remember_session(task public.mac_tasks, session_id text) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_thread uuid := hub.thread_of_session(task);
  v_device uuid;
  v_before record;
  v_known text;
begin
  if length(remember_session.session_id) > 500 then
    perform hub.refuse('bad_argument', array['session_id has at most 500 characters.']);
  elsif coalesce(remember_session.session_id, '') = '' then
    return;
  end if;
  select d.id into v_device from public.mesh_devices as d where d.name = task.claimed_by;
  v_before := hub.last_session(task);
  select s.session_id into v_known from hub.sessions as s
  where s.task_thread_id is not distinct from v_thread
    and s.task_id is not distinct from case when v_thread is null then task.id end
    and s.model = task.model_used and s.device_id = v_device;

  insert into hub.sessions as s (task_thread_id, task_id, device_id, model, session_id)
  values (v_thread, case when v_thread is null then task.id end, v_device, task.model_used, remember_session.session_id)
  on conflict on constraint sessions_key do update
    set session_id = excluded.session_id, used_at = clock_timestamp()
    -- Said again with each report of progress: written once a run.
    where s.session_id <> excluded.session_id or s.used_at < task.started_at;
  if v_thread is null then
    return;
  end if;
  update public.hub_task_threads as t
  set session_id = remember_session.session_id, session_device = task.claimed_by
  where t.id = v_thread
    and (t.session_id, t.session_device) is distinct from (remember_session.session_id, task.claimed_by);
  if v_before.device is not null and v_known is null then
    perform hub.post(task, 'session_handed_over', 'system', format(
      '🔀 %s: %s on %s goes on with what was said here; the session of %s on %s stays there',
      hub.short_id(task.id), task.model_used, task.claimed_by, v_before.model, v_before.device
    ), 'text');
  elsif v_known <> remember_session.session_id and hub.begins_anew(task) then
    perform hub.post(task, 'session_begun_anew', 'system', format(
      '🔀 %s: %s on %s begins anew with what was said here: its session could not be resumed',
      hub.short_id(task.id), task.model_used, task.claimed_by
    ), 'text');
  end if;
end
$$;
comment on function hub.remember_session(public.mac_tasks, text) is
  'Keeps the session of a running task, and says in its thread when another model or device took over. Under the task''s lock.';

create or replace function hub.history_of(task public.mac_tasks, most integer default 32000) returns text
language plpgsql stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_thread uuid := hub.thread_of_session(task);
  v_waiting text[];
  v_ahead text[];
begin
  if v_thread is null and not exists (
    select from public.hub_task_inputs as i where i.task_id = task.id and i.state = 'taken'
  ) then
    return null;
  end if;
  v_waiting := array(
    select i.message_id::text from public.hub_task_inputs as i where i.task_id = task.id and i.state = 'waiting'
  );
  v_ahead := array(
    select q.task_id::text from hub.queue as q where q.thread_id = v_thread and q.task_id <> task.id
  );
  return (
    select string_agg(said.line, E'\n\n' order by said.created_at, said.id)
    from (
      select m.id, m.created_at, format('%s: %s', m.sender_label, hub.cut(m.content, 8000)) as line,
        sum(length(m.sender_label) + least(length(m.content), 8000) + 4) over (order by m.created_at desc, m.id desc) as length
      from (
        -- The newest, by the index of the thread's pages.
        select * from public.hub_channel_messages as m
        where m.task_thread_id = v_thread and not m.is_progress
        order by m.created_at desc, m.id desc limit 500
      ) as m
      where v_thread is not null
        and (m.sender_type in ('human', 'agent') or m.metadata ->> 'event' = 'question_answered')
        and m.id::text is distinct from task.metadata ->> 'message_id'
        and m.id::text <> all (v_waiting)
        and coalesce(m.metadata ->> 'task_id', '') <> all (v_ahead)
      union all
      -- A task of no thread has only what it was told while it ran.
      select i.id, i.created_at, format('%s: %s', coalesce(m.sender_label, 'user'), i.content),
        sum(length(i.content) + 20) over (order by i.created_at desc, i.id desc)
      from public.hub_task_inputs as i
      left join public.hub_channel_messages as m on m.id = i.message_id
      where v_thread is null and i.task_id = task.id and i.state = 'taken'
    ) as said
    where said.length <= history_of.most
  );
end
$$;
comment on function hub.history_of(public.mac_tasks, integer) is
  'What was said so far, oldest first, for an agent that has no session to resume: "label: text" of people and agents, the newest characters where it is long. Not the request itself, what still waits to be taken, or requests behind it.';

revoke execute on all functions in schema hub from public;
