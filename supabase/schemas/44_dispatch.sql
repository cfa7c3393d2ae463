-- What clients do with tasks: dispatch, open a thread, cancel, retry.

create or replace function hub.lock_idempotency_key(channel_id uuid, idempotency_key text) returns void
language plpgsql
set search_path = ''
as $$
begin
  if length(idempotency_key) not between 1 and 200 then
    perform hub.refuse('bad_argument', array['idempotency_key has 1 to 200 characters.']);
  end if;
  -- Two calls with one key take turns, so that the second finds what the first made.
  perform pg_advisory_xact_lock(hashtextextended(
    concat_ws(':', 'dispatch', auth.uid(), channel_id, idempotency_key), 0
  ));
end
$$;
comment on function hub.lock_idempotency_key(uuid, text) is 'Makes calls with the same key take turns. Errors: bad_argument.';

create or replace function hub.require_same(idempotency_key text, before text, now text) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if before <> now then
    perform hub.refuse('key_used', array[idempotency_key]);
  end if;
end
$$;
comment on function hub.require_same(text, text, text) is
  'What is sent again with a key is the same as before, unless that is not known (null). Errors: key_used.';

create or replace function hub.dispatch_result(task public.mac_tasks) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'message', (
      select to_jsonb(m) from public.hub_channel_messages as m
      where m.id = (task.metadata ->> 'message_id')::uuid
    ),
    'task', to_jsonb(task),
    'thread', (select to_jsonb(t) from public.hub_task_threads as t where t.id = task.task_thread_id)
  );
end
$$;
comment on function hub.dispatch_result(public.mac_tasks) is '{message, task, thread} of a task.';

create or replace function hub.dispatch_task(
  channel_id uuid, content text, task_thread_id uuid, model text, priority integer,
  run_at timestamptz, idempotency_key text, file_ids uuid[]
) returns jsonb
language plpgsql
security definer -- tasks and system messages are written by nobody else
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_files public.hub_files[];
  v_content text := dispatch_task.content;
begin
  perform hub.require_channel_role(dispatch_task.channel_id, 'operator');
  if dispatch_task.idempotency_key is not null then
    perform hub.lock_idempotency_key(dispatch_task.channel_id, dispatch_task.idempotency_key);
    select * into v_task from public.mac_tasks as t
    where t.channel_id = dispatch_task.channel_id
      and t.created_by is not distinct from auth.uid()
      and t.idempotency_key = dispatch_task.idempotency_key;
    if found then
      -- Of a request that is files alone, the content is their names.
      perform hub.require_same(dispatch_task.idempotency_key, v_task.content,
        case when cardinality(dispatch_task.file_ids) > 0 then nullif(btrim(dispatch_task.content, E' \t\r\n'), '')
          else coalesce(dispatch_task.content, '') end);
      return hub.dispatch_result(v_task);
    end if;
  end if;
  if cardinality(dispatch_task.file_ids) > 0 then
    v_files := hub.lock_files(dispatch_task.file_ids, dispatch_task.channel_id);
    if coalesce(btrim(v_content, E' \t\r\n'), '') = '' then
      v_content := hub.names_of(v_files, dispatch_task.file_ids);
    end if;
  end if;
  perform hub.require_content(v_content, 'content');
  perform hub.require_open_task_slots(1);
  insert into public.mac_tasks (
    -- A table that was here first has other defaults: nothing is left to them.
    id, status, project, platform,
    channel_id, content, task_thread_id, model_preference, priority, run_at, idempotency_key, created_by,
    metadata
  ) values (
    gen_random_uuid(), 'pending', null, null,
    dispatch_task.channel_id, v_content, dispatch_task.task_thread_id,
    coalesce(dispatch_task.model, 'any'), coalesce(dispatch_task.priority, 0), dispatch_task.run_at,
    dispatch_task.idempotency_key, auth.uid(), jsonb_build_object('message_id', gen_random_uuid())
  )
  returning * into v_task;
  if v_files is not null then
    perform hub.attach_files(dispatch_task.file_ids, v_task);
  end if;
  return hub.dispatch_result(v_task);
end
$$;

create or replace function public.dispatch_task(
  channel_id uuid, content text default null, task_thread_id uuid default null, model text default null,
  priority integer default 0, run_at timestamptz default null, idempotency_key text default null,
  file_ids uuid[] default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.dispatch_task(
    dispatch_task.channel_id, dispatch_task.content, dispatch_task.task_thread_id, dispatch_task.model,
    dispatch_task.priority, dispatch_task.run_at, dispatch_task.idempotency_key, dispatch_task.file_ids
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.dispatch_task(uuid, text, uuid, text, integer, timestamptz, text, uuid[]) is
  'Queues a task and posts the request and that it is queued; returns {message, task, thread}, thread null on a flat channel. With task_thread_id: a follow-up. model: claude, gemini, codex or any; priority: -100 to 100; run_at: not before. file_ids: files of the caller''s that have arrived, and then content may be left out. The same idempotency_key of the same user in the same channel returns the first result again. Operator. Errors: key_used, channel_not_found, thread_not_found, wrong_architecture, channel_read_only, thread_archived, content_empty, content_too_long (32,000), too_many_open_tasks, bad_argument, too_many_files, file_not_found, file_not_stored, file_in_use.';

create or replace function hub.create_task_thread(channel_id uuid, task_id uuid) returns jsonb
language plpgsql
security definer -- threads are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_channel record;
  v_thread uuid := gen_random_uuid();
  v_route record;
begin
  perform hub.require_channel_role(create_task_thread.channel_id, 'operator');
  select c.*, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = create_task_thread.channel_id;
  if v_channel.architecture_type <> 'threaded_task_isolation' then
    perform hub.refuse('wrong_architecture', array[v_channel.display_name, v_channel.architecture_type, 'threads']);
  elsif v_channel.is_read_only then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  end if;
  select * into v_task from public.mac_tasks as t where t.id = create_task_thread.task_id for no key update;
  -- A task of no channel can be given one by who made it or an admin, unless it is another app's or
  -- somebody is at work on it.
  if not found
    or v_task.channel_id is null and (
      v_task.status = 'running'
      or not (select s.claims_foreign_tasks from hub.settings as s)
      or v_task.created_by is distinct from auth.uid() and not hub.has_role('admin')
    )
    or v_task.channel_id <> create_task_thread.channel_id
  then
    perform hub.refuse('task_not_found', array[coalesce(create_task_thread.task_id::text, 'null')]);
  end if;
  if v_task.task_thread_id is null and v_task.status in ('complete', 'failed') then
    perform hub.refuse('task_finished', array[hub.short_id(v_task.id), v_task.status]);
  end if;
  if v_task.task_thread_id is null then
    insert into public.hub_task_threads (id, channel_id, task_id, name, next_transition_at)
    values (
      v_thread, v_channel.id, v_task.id,
      format('%s — %s', hub.short_id(v_task.id), hub.title(v_task.content)),
      clock_timestamp() + coalesce(v_channel.idle_after, (select s.idle_after from hub.settings as s))
    );
    v_route := hub.classify(v_task.content, v_channel.id);
    update public.mac_tasks as t
    set channel_id = v_channel.id, task_thread_id = v_thread,
      task_type = coalesce(t.task_type, v_route.task_type),
      platform = coalesce(t.platform, v_route.platform),
      model_preference = coalesce(nullif(t.model_preference, 'any'), v_route.model),
      project = coalesce(t.project, v_channel.project_path),
      max_attempts = coalesce(t.max_attempts, (select s.max_attempts from hub.settings as s)),
      created_by = coalesce(t.created_by, auth.uid()),
      metadata = t.metadata || jsonb_build_object(
        'message_id', gen_random_uuid(), 'created_by_label', hub.user_label(coalesce(t.created_by, auth.uid()))
      )
    where t.id = v_task.id
    returning * into v_task;
    perform hub.announce(v_task);
  end if;
  return (select to_jsonb(t) from public.hub_task_threads as t where t.id = v_task.task_thread_id);
end
$$;

create or replace function public.create_task_thread(channel_id uuid, task_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.create_task_thread(create_task_thread.channel_id, create_task_thread.task_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.create_task_thread(uuid, uuid) is
  'The thread of a task that a client inserted itself, opened if there is none yet; returns the hub_task_threads row, the same one when called again. Operator. Errors: channel_not_found, task_not_found, wrong_architecture, channel_read_only, task_finished.';

-- A thread that moves to another channel takes its messages along by a foreign key, and by this what else is
-- in it.
create or replace function hub.guard_move() returns trigger
language plpgsql
security definer -- reads the registry of errors for whoever moves the thread
set search_path = ''
as $$
declare
  v_channel record;
begin
  select c.display_name, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = new.channel_id;
  if v_channel.architecture_type <> 'threaded_task_isolation' then
    perform hub.refuse('wrong_architecture', array[v_channel.display_name, v_channel.architecture_type, 'threads']);
  end if;
  return new;
end
$$;

create or replace trigger _100_guard_move
before update of channel_id on public.hub_task_threads
for each row when (old.channel_id <> new.channel_id)
execute function hub.guard_move();

create or replace function hub.move_tasks_of_thread() returns trigger
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
-- The thread is locked by now, and whoever holds a task of it may want it next: soon enough to give way.
set lock_timeout = '500ms'
as $$
begin
  update public.mac_tasks as t set channel_id = new.channel_id where t.task_thread_id = new.id;
  update public.hub_teams as t set channel_id = new.channel_id where t.task_thread_id = new.id;
  return null;
exception when lock_not_available then
  perform hub.refuse('busy');
  return null;
end
$$;
comment on function hub.move_tasks_of_thread() is 'Tasks and teams of a thread belong to the channel of the thread. Errors: busy.';

create or replace trigger _500_move_tasks_of_thread
after update of channel_id on public.hub_task_threads
for each row when (old.channel_id <> new.channel_id)
execute function hub.move_tasks_of_thread();

-- Cancelling and retrying ------------------------------------------------------------------------

create or replace function hub.cancel_one(task_id uuid, label text) returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  perform hub.withdraw_questions(cancel_one.task_id);
  -- A task that somebody claimed by an UPDATE has no heartbeat to hear it by: it ends at once.
  update public.mac_tasks as t
  set status = case when t.claim_id is null then 'failed' else t.status end,
    cancelled_at = case when t.claim_id is null then clock_timestamp() end,
    cancel_requested_at = coalesce(t.cancel_requested_at, clock_timestamp()),
    metadata = case
      when t.cancel_requested_at is null then t.metadata || jsonb_build_object('cancelled_by', label)
      else t.metadata
    end
  where t.id = cancel_one.task_id and t.status in ('pending', 'running')
  returning * into v_task;
  return v_task;
end
$$;
comment on function hub.cancel_one(uuid, text) is
  'Cancels an unfinished task at once, or asks the device that runs it to stop.';

create or replace function hub.cancel_task(task_id uuid) returns jsonb
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_team public.hub_teams;
  v_label text := hub.user_label(auth.uid());
begin
  select * into v_task from public.mac_tasks as t where t.id = cancel_task.task_id and t.channel_id is not null;
  if not found then
    -- A team, or its thread, stands for all its tasks.
    select * into v_team from public.hub_teams as team
    where team.id = cancel_task.task_id or team.task_thread_id = cancel_task.task_id
    order by team.created_at desc limit 1;
  end if;
  perform hub.require_channel_role(
    coalesce(v_task.channel_id, v_team.channel_id), 'operator', 'task_not_found', cancel_task.task_id
  );
  if v_task.id is null then
    return hub.cancel_team(v_team.id, cancel_task.task_id, v_label);
  elsif v_task.kind in ('plan', 'synthesis') then
    -- Not locked yet: all tasks of a team are, in their order.
    return hub.cancel_team(v_task.team_id, v_task.id, v_label);
  end if;
  select * into v_task from public.mac_tasks as t where t.id = v_task.id for no key update;
  if not found then
    perform hub.refuse('task_not_found', array[cancel_task.task_id::text]);
  elsif v_task.status in ('complete', 'failed') then
    perform hub.refuse('task_finished', array[hub.short_id(v_task.id),
      case when v_task.cancelled_at is not null then 'cancelled' else v_task.status end]);
  end if;
  return to_jsonb(hub.cancel_one(v_task.id, v_label));
end
$$;

create or replace function public.cancel_task(task_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.cancel_task(cancel_task.task_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.cancel_task(uuid) is
  'Cancels a pending task at once; asks the device of a running one to stop (cancel_requested_at), whereupon it ends as cancelled whatever comes. The id of a plan, a team or a team''s thread cancels all tasks of the team. Returns the task. Operator. Errors: task_not_found, task_finished.';

create or replace function hub.retry_task(task_id uuid) returns jsonb
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_state text;
begin
  perform hub.require_channel_role(
    (select t.channel_id from public.mac_tasks as t where t.id = retry_task.task_id),
    'operator', 'task_not_found', retry_task.task_id
  );
  select * into v_task from public.mac_tasks as t
  where t.id = retry_task.task_id and t.channel_id is not null for no key update;
  if not found then
    perform hub.refuse('task_not_found', array[retry_task.task_id::text]);
  end if;
  -- A subtask that ends meanwhile decides under this lock whether its team goes on.
  perform from public.hub_teams as team where team.id = v_task.team_id for no key update;
  v_state := case
    when v_task.status <> 'failed' then v_task.status
    when exists (
      select from public.hub_teams as team
      where team.id = v_task.team_id
        and (team.status <> 'running' or v_task.kind <> 'subtask' or team.metadata ? 'cancelled_by')
    ) then 'part of a team that went on without it'
  end;
  if v_state is not null then
    perform hub.refuse('task_finished', array[hub.short_id(v_task.id), v_state],
      case when v_task.status = 'failed' then 'Dispatch the team again.' else 'Only a failed task can be retried.' end);
  end if;
  if exists (
    select from public.hub_task_threads as t where t.id = v_task.task_thread_id and t.status = 'archived'
  ) then
    perform hub.refuse('thread_archived', array[v_task.task_thread_id::text]);
  end if;
  if v_task.task_thread_id is null and exists (
    select from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
    where c.id = v_task.channel_id and s.architecture_type = 'threaded_task_isolation'
  ) then
    perform hub.refuse('thread_not_found', array['of task ' || hub.short_id(v_task.id)]);
  end if;
  -- It is its author's again, whoever retries it.
  perform hub.require_open_task_slots(1, coalesce(v_task.created_by, auth.uid()));
  delete from hub.delivery_failures as f where f.task_id = v_task.id;
  update public.mac_tasks as t
  set status = 'pending', run_at = null,
    max_attempts = t.attempt + (select s.max_attempts from hub.settings as s),
    error = format('retried by %s', hub.user_label(auth.uid())),
    metadata = t.metadata - 'cancelled_by'
  where t.id = v_task.id
  returning * into v_task;
  return to_jsonb(v_task);
end
$$;

create or replace function public.retry_task(task_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.retry_task(retry_task.task_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.retry_task(uuid) is
  'Queues a failed or cancelled task again, with a fresh count of attempts; returns the task. Operator. Errors: task_not_found, task_finished, thread_not_found (somebody deleted it), thread_archived, too_many_open_tasks.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.dispatch_task(uuid, text, uuid, text, integer, timestamptz, text, uuid[]),
  public.create_task_thread(uuid, uuid), public.cancel_task(uuid), public.retry_task(uuid)
from public;
grant execute on function
  public.dispatch_task(uuid, text, uuid, text, integer, timestamptz, text, uuid[]),
  hub.dispatch_task(uuid, text, uuid, text, integer, timestamptz, text, uuid[]),
  public.create_task_thread(uuid, uuid), hub.create_task_thread(uuid, uuid),
  public.cancel_task(uuid), hub.cancel_task(uuid),
  public.retry_task(uuid), hub.retry_task(uuid)
to anon, authenticated, service_role;
