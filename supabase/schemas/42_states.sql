-- What a task may be, and what becomes of it: the triggers that run before its row is written. They guard
-- what people insert, fill in what a task of a channel needs, and hold the state machine.
--
-- As in delivery, everything hangs on the row, and rows of no channel pass through untouched.

create or replace function hub.lock_thread(thread_id uuid) returns void
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  perform from public.hub_task_threads as t where t.id = lock_thread.thread_id for no key update;
exception when lock_not_available or deadlock_detected then
  perform hub.refuse('busy');
end
$$;
comment on function hub.lock_thread(uuid) is 'Locks a thread. Errors: busy.';

create or replace function hub.guard_task() returns trigger
language plpgsql
security definer -- counts the open tasks of the caller
set search_path = ''
as $$
declare
  v_open integer;
  v_counted text[];
  v_rows integer := 1;
begin
  if hub.api_role() is null then
    return coalesce(new, old); -- a superuser
  elsif coalesce(new.channel_id, old.channel_id) is null then
    perform hub.require_role('operator');
  else
    perform hub.require_channel_role(coalesce(new.channel_id, old.channel_id), 'operator');
  end if;
  if tg_op <> 'INSERT' then
    -- Reached only where the owner of an older mac_tasks has granted it.
    perform hub.refuse('role_required', array['of an executor', hub.caller_role()]);
  end if;
  if new.status <> 'pending' or new.kind <> 'task' or new.team_id is not null or new.claim_id is not null
    or new.claimed_by is not null or new.attempt <> 0 or new.max_attempts is not null or new.progress_count <> 0
  then
    perform hub.refuse('bad_argument', array['A new task is pending, of kind task, and claimed by nobody.']);
  elsif new.channel_id is null and new.task_thread_id is not null then
    perform hub.refuse('bad_argument', array['A task in a thread names its channel_id too.']);
  elsif length(new.idempotency_key) not between 1 and 200 then
    perform hub.refuse('bad_argument', array['idempotency_key has 1 to 200 characters.']);
  elsif length(new.project) > 1000 or not hub.is_one_line(new.project) then
    -- It is named in a message of the system's.
    perform hub.refuse('bad_argument', array['project is one line of at most 1000 characters.']);
  elsif jsonb_typeof(new.metadata) <> 'object' or pg_column_size(new.metadata) > 16384
    or new.metadata ?| array[
      'request', 'position', 'created_by_label', 'cancelled_by',
      'review', 'review_of', 'branch_of', 'device_id', 'publish'
    ]
  then
    perform hub.refuse('bad_argument', array[
      'metadata is an object of at most 16 kB without what the hub keeps there, as request, cancelled_by and review.'
    ]);
  elsif new.metadata ? 'message_id' and not exists (
    select from public.hub_channel_messages as m
    where m.id = (new.metadata ->> 'message_id')::uuid
      and m.channel_id = new.channel_id and m.sender_id = auth.uid()::text
  ) then
    perform hub.refuse('bad_argument', array['metadata.message_id names a message of yours in the channel.']);
  end if;
  perform hub.require_content(new.content, 'content');
  perform hub.require_bounds(new);
  perform hub.lock_thread(new.task_thread_id);
  new.created_by := auth.uid();
  v_open := hub.require_open_task_slots(1);
  -- The rows of one statement reach the queue together, at its end: until then they are counted here.
  v_counted := string_to_array(current_setting('hub.counted_tasks', true), ' ');
  if v_counted[1] = v_open::text then
    v_rows := v_counted[2]::integer + 1;
    perform hub.require_open_task_slots(v_rows);
  end if;
  perform set_config('hub.counted_tasks', v_open || ' ' || v_rows, true);
  return new;
end
$$;
comment on function hub.guard_task() is 'What an API user may do to a task by itself: insert a new one.';

create or replace function hub.require_bounds(task public.mac_tasks) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if task.model_preference is not null then
    perform hub.require_model(task.model_preference, with_any => true);
  end if;
  if task.priority not between -100 and 100 then
    perform hub.refuse('bad_argument', array['priority is from -100 to 100.']);
  elsif task.run_at > now() + interval '1 year' or task.run_at = '-infinity' then
    perform hub.refuse('bad_argument', array['run_at is at most a year ahead.']);
  end if;
end
$$;
comment on function hub.require_bounds(public.mac_tasks) is 'Raises bad_argument for a model, priority or run_at that no task has.';

create or replace function hub.require_open_task_slots(wanted integer, author uuid default auth.uid()) returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_open integer;
  v_most integer;
begin
  if author is null then
    return null; -- the service key and SQL have no limit
  end if;
  perform pg_advisory_xact_lock(hashtextextended('open tasks of ' || author, 0));
  select count(*) into v_open from hub.queue as q where q.created_by = author;
  select s.max_open_tasks_per_user into v_most from hub.settings as s;
  if v_open + wanted > v_most then
    perform hub.refuse('too_many_open_tasks', array[v_open::text, v_most::text]);
  end if;
  return v_open;
end
$$;
comment on function hub.require_open_task_slots(integer, uuid) is
  'Raises too_many_open_tasks if so many more would pass the limit of whose tasks they are, by default the caller; returns how many there are. Calls for one user take turns.';

create or replace function hub.prepare_task() returns trigger
language plpgsql
security definer -- opens threads and reads channels for whoever inserts the task
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_channel record;
  v_thread public.hub_task_threads;
  v_route record;
  v_settings hub.settings;
  v_label text;
begin
  select * into v_settings from hub.settings;
  select c.*, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = new.channel_id;
  if not found then
    perform hub.refuse('channel_not_found', array[new.channel_id::text]);
  elsif v_channel.architecture_type = 'command_dispatch' then
    perform hub.refuse('wrong_architecture', array[v_channel.display_name, 'command_dispatch', 'tasks'],
      'Send it a command with execute_command.');
  elsif v_channel.is_read_only and new.kind in ('task', 'publish') then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  end if;
  if new.task_thread_id is not null then
    select * into v_thread from public.hub_task_threads as t
    where t.id = new.task_thread_id and t.channel_id = new.channel_id
    for no key update;
    if not found then
      perform hub.refuse('thread_not_found', array[new.task_thread_id::text]);
    elsif v_thread.status = 'archived' then
      perform hub.refuse('thread_archived', array[v_thread.id::text]);
    end if;
  end if;
  perform hub.require_bounds(new);

  v_route := hub.classify(hub.request_of(new), new.channel_id);
  if new.kind in ('task', 'subtask') then
    new.task_type := coalesce(new.task_type, v_route.task_type);
    new.platform := coalesce(new.platform, v_route.platform);
  else
    -- Planning and combining are done with words: any platform will do.
    new.task_type := coalesce(new.task_type, new.kind);
  end if;
  new.model_preference := nullif(new.model_preference, 'any');
  if new.model_preference is null and v_thread.id is not null then
    new.model_preference := coalesce(
      case when v_thread.session_id is not null then (select s.model from hub.last_session(new) as s) end,
      -- A follow-up to a task that has not ended yet will want to resume the session of that one.
      case when new.kind = 'task' then (
        select previous.model_preference from public.mac_tasks as previous
        where previous.task_thread_id = v_thread.id and previous.kind = 'task'
        order by previous.created_at desc limit 1
      ) end
    );
  end if;
  new.model_preference := coalesce(new.model_preference, v_route.model);
  new.project := coalesce(new.project, v_channel.project_path);
  new.priority := coalesce(new.priority, 0);
  new.attempt := coalesce(new.attempt, 0);
  new.progress_count := coalesce(new.progress_count, 0);
  new.max_attempts := coalesce(new.max_attempts, v_settings.max_attempts);
  new.created_by := coalesce(new.created_by, auth.uid());
  new.session_id := coalesce(new.session_id, v_thread.session_id);
  new.created_at := clock_timestamp();
  if v_thread.id is not null then
    -- Tasks of a thread run in the order of this, also where the clock was set back between them.
    new.created_at := greatest(new.created_at, (
      select max(t.created_at) + interval '1 microsecond' from public.mac_tasks as t
      where t.task_thread_id = new.task_thread_id
    ));
  end if;
  new.updated_at := new.created_at;
  if new.team_id is not null then
    -- Who asked for a team is who asked for its tasks, also when they have left.
    v_label := (select t.metadata ->> 'created_by_label' from public.hub_teams as t where t.id = new.team_id);
  end if;
  new.metadata := case jsonb_typeof(new.metadata) when 'object' then new.metadata else '{}' end
    || jsonb_build_object('created_by_label', coalesce(v_label, hub.user_label(new.created_by)));
  if new.status in ('complete', 'failed') then
    -- Recorded as over: there is nothing to post about it.
    new.finished_at := coalesce(new.finished_at, clock_timestamp());
    new.delivered_at := coalesce(new.delivered_at, new.finished_at);
  end if;

  if v_channel.architecture_type = 'threaded_task_isolation' and new.kind in ('task', 'plan') then
    if new.task_thread_id is null then
      insert into public.hub_task_threads (channel_id, task_id, team_id, name, next_transition_at)
      values (
        new.channel_id, new.id, new.team_id,
        format('%s — %s', hub.short_id(new.id), hub.title(hub.request_of(new))),
        clock_timestamp() + coalesce(v_channel.idle_after, v_settings.idle_after)
      )
      returning id into new.task_thread_id;
    end if;
    -- In a thread the request itself is posted too, unless the client names the message that holds it.
    if not new.metadata ? 'message_id' then
      new.metadata := new.metadata || jsonb_build_object('message_id', gen_random_uuid());
    end if;
  end if;
  return new;
end
$$;
comment on function hub.prepare_task() is
  'Fills in and checks a new task with a channel: route, project, limits; on a threaded channel opens its thread.';

create or replace function hub.settle_task() returns trigger
language plpgsql
security definer -- reads the registry of errors for whoever updates the task
set search_path = ''
as $$
declare
  v_was_over boolean := old.status in ('complete', 'failed');
begin
  new.updated_at := clock_timestamp();
  if v_was_over and old.status = 'failed' and new.status = 'pending' then
    -- A retry: the task begins anew, with its history in hub_task_attempts.
    new.finished_at := null;
    new.losses := 0;
    new.delivered_at := null;
    new.cancelled_at := null;
    new.cancel_requested_at := null;
    new.partial_output := null;
    new.result := null;
  elsif v_was_over then
    if (new.status, new.result, new.error, new.partial_output, new.cancelled_at)
      is distinct from (old.status, old.result, old.error, old.partial_output, old.cancelled_at)
    then
      perform hub.refuse('task_finished', array[hub.short_id(old.id),
        case when old.cancelled_at is not null then 'cancelled' else old.status end]);
    end if;
    return new;
  end if;

  -- A cancellation that was asked for wins over whatever comes after it.
  if new.status <> 'running' and old.cancel_requested_at is not null and not v_was_over then
    new.status := 'failed';
    new.cancelled_at := coalesce(new.cancelled_at, clock_timestamp());
  end if;
  if new.status = 'running' then
    if new.claimed_by is distinct from old.claimed_by and new.claim_id is not distinct from old.claim_id then
      if not exists (select from hub.queue as q where q.task_id = new.id and q.device = new.claimed_by) then
        -- Claimed by an UPDATE, and not a device that is renamed: no lease, and nobody takes it away.
        new.claim_id := null;
        new.lease_expires_at := null;
      end if;
    end if;
    if old.status = 'pending' then
      new.error := null;
      if new.claim_id is null then
        new.started_at := clock_timestamp();
        new.attempt := greatest(new.attempt, old.attempt + 1);
      end if;
    end if;
  else
    new.claim_id := null;
    new.lease_expires_at := null;
  end if;
  if new.status = 'pending' then
    new.claimed_by := null;
    new.started_at := null;
    new.model_used := null;
  elsif new.status in ('complete', 'failed') then
    new.finished_at := clock_timestamp();
    new.error := case
      when new.cancelled_at is not null
        then format('Cancelled by %s.', coalesce(new.metadata ->> 'cancelled_by', 'admin'))
      when new.status = 'failed' then coalesce(new.error, new.result, 'The executor gave no reason.')
    end;
    -- Presumed, and taken back where posting fails.
    new.delivered_at := case when new.channel_id is not null then clock_timestamp() end;
  end if;
  if new.partial_output is distinct from old.partial_output then
    if hub.new_progress(coalesce(old.partial_output, ''), new.partial_output) is not null then
      new.progress_count := old.progress_count + 1;
    end if;
  end if;
  return new;
end
$$;
comment on function hub.settle_task() is
  'The state machine of a task: what each change of status means for the other columns. What is over stays over, but for a retry.';

-- For every database role but the owner's and that of executors with a service key.
-- In a table that was here before, only rows that name something of this project are guarded. In one of
-- its own every row is: what has no channel is run by executors all the same. And there nobody has the
-- right to change or delete a task: only in an older table its owner may have granted that.
do $$
declare
  v_fresh boolean := exists (
    select from pg_catalog.pg_constraint as c
    where c.conrelid = 'public.mac_tasks'::regclass and c.conname = 'mac_tasks_terminal'
  );
begin
  execute format(
    $trigger$
      create or replace trigger _050_guard_task_on_insert
      before insert on public.mac_tasks
      for each row when ((%s) and current_user::text not in (%L, 'service_role'))
      execute function hub.guard_task()
    $trigger$,
    case
      when v_fresh then 'true'
      else 'num_nonnulls(new.channel_id, new.task_thread_id, new.team_id, new.claim_id) > 0'
    end,
    current_user
  );
  if not v_fresh then
    execute format(
      $trigger$
        create or replace trigger _050_guard_task_on_update
        before update on public.mac_tasks
        for each row when (
          num_nonnulls(
            old.channel_id, new.channel_id, new.task_thread_id, new.team_id, old.claim_id, new.claim_id
          ) > 0
          and current_user::text not in (%1$L, 'service_role')
        )
        execute function hub.guard_task();
        create or replace trigger _050_guard_task_on_delete
        before delete on public.mac_tasks
        for each row when (old.channel_id is not null and current_user::text not in (%1$L, 'service_role'))
        execute function hub.guard_task()
      $trigger$,
      current_user
    );
  end if;
end
$$;

create or replace trigger _100_prepare_task
before insert on public.mac_tasks
for each row when (new.channel_id is not null)
execute function hub.prepare_task();

create or replace trigger _200_settle_task
before update on public.mac_tasks
for each row when (
  old.channel_id is not null or old.claim_id is not null or new.claim_id is not null
)
execute function hub.settle_task();

revoke execute on all functions in schema hub from public;
