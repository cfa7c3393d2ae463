-- What the pipeline posts: the texts and embeds, and the triggers on mac_tasks that post them.
--
-- Everything hangs on the task's row, so that it works the same for the RPCs, for an old executor that
-- writes mac_tasks itself, and for an admin. Rows of no channel pass through untouched.

create table if not exists hub.delivery_failures (
  task_id uuid not null references public.mac_tasks on delete cascade,
  what text not null check (what in ('task', 'team')),
  reason text not null,
  failures integer not null default 1,
  failed_at timestamptz not null default clock_timestamp(),
  retry_at timestamptz not null,
  primary key (task_id, what)
);
comment on table hub.delivery_failures is
  'Tasks whose outcome could not be posted, with the reason. hub.recover() tries again from retry_at on.';
comment on column hub.delivery_failures.what is 'The outcome of the task, or of the team that ended with it.';
create index if not exists idx_delivery_failures_retry on hub.delivery_failures (retry_at);

-- Words ------------------------------------------------------------------------------------------

create or replace function hub.short_id(id uuid) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return left(id::text, 8);
end
$$;
comment on function hub.short_id(uuid) is 'The first eight hex digits of an id, as people see it.';

create or replace function hub.cut(content text, most integer) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when length(content) > most then left(content, most - 1) || '…' else content end;
end
$$;
comment on function hub.cut(text, integer) is 'The text, cut to `most` characters with … where it is longer.';

create or replace function hub.title(content text) returns text
language plpgsql immutable
set search_path = ''
as $$
declare
  v_line text := hub.cut(rtrim(split_part(
    translate(left(ltrim(content, E' \t\r\n'), 200), E'\r', E'\n'), E'\n', 1
  ), E' \t'), 60);
begin
  -- Within a line of the system's nothing begins another one or turns the reading direction.
  if v_line ~ '[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]' then
    return hub.one_line(v_line);
  end if;
  return v_line;
end
$$;
comment on function hub.title(text) is 'The first line of a request, cut to 60 characters, safe inside a line of the system''s.';

create or replace function hub.request_of(task public.mac_tasks) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when task.kind = 'task' then task.content else coalesce(task.metadata ->> 'request', task.content) end;
end
$$;
comment on function hub.request_of(public.mac_tasks) is
  'What a person asked for: the content, or the goal of the team for which a plan or a synthesis was made.';

create or replace function hub.duration(span interval) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case
    when span is null then '—'
    when span < interval '1 minute' then format('%s s', round(extract(epoch from span), 1))
    when span < interval '1 hour' then
      format('%s min %s s', extract(epoch from span)::bigint / 60, extract(epoch from span)::bigint % 60)
    else format('%s h %s min', extract(epoch from span)::bigint / 3600, extract(epoch from span)::bigint % 3600 / 60)
  end;
end
$$;
comment on function hub.duration(interval) is 'A span of time as people read it, as 12.5 s, 3 min 5 s, 2 h 10 min.';

create or replace function hub.embed(
  title text, description text, color integer, fields jsonb, footer text
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'title', title, 'description', description, 'color', color, 'fields', fields, 'footer', footer,
    'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  );
end
$$;

create or replace function hub.field(name text, value text) returns jsonb
language plpgsql immutable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'name', hub.cut(name, 256), 'value', coalesce(nullif(hub.cut(value, 1024), ''), '—'), 'inline', true
  );
end
$$;

create or replace function hub.color(meaning text) returns integer
language plpgsql immutable
set search_path = ''
as $$
begin
  return case meaning
    when 'success' then 5763719 -- #57F287
    when 'failure' then 15548997 -- #ED4245
    when 'queued' then 5793266 -- #5865F2
    when 'synthesizing' then 16705372 -- #FEE75C
  end;
end
$$;

-- Posting ----------------------------------------------------------------------------------------

create or replace function hub.post(
  task public.mac_tasks, sender_type text, content text, content_type text,
  embed jsonb default null, message_id uuid default gen_random_uuid(), is_progress boolean default false
) returns void
language plpgsql
set search_path = ''
as $$
begin
  if is_progress then
    -- Only the last progress message is there already: it is rewritten in place.
    if exists (select from public.hub_channel_messages as m where m.id = message_id) then
      update public.hub_channel_messages as m set content = hub.cut(post.content, 1000000) where m.id = message_id;
      return;
    end if;
  end if;
  insert into public.hub_channel_messages (
    id, channel_id, task_thread_id, sender_type, sender_id, sender_label, content, content_type,
    embed_data, is_progress, metadata
  ) values (
    message_id, task.channel_id, task.task_thread_id, sender_type,
    case when sender_type = 'agent' then coalesce(task.claimed_by, 'agent') end,
    case when sender_type = 'agent' then coalesce(task.claimed_by, 'agent') else 'Aura' end,
    hub.cut(content, 1000000), content_type, embed, is_progress,
    jsonb_strip_nulls(jsonb_build_object(
      'task_id', task.id, 'task_thread_id', task.task_thread_id, 'team_id', task.team_id
    ))
  );
end
$$;
comment on function hub.post(public.mac_tasks, text, text, text, jsonb, uuid, boolean) is
  'Posts a message about a task where the task lives: in its thread, else in its channel.';

create or replace function hub.new_progress(previous text, current text) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return nullif(btrim(
    case when starts_with(current, previous) then substr(current, length(previous) + 1) else current end,
    E' \t\r\n'
  ), '');
end
$$;
comment on function hub.new_progress(text, text) is
  'The part of a progress text that was not there before; null if there is none.';

create or replace function hub.post_progress(task public.mac_tasks, previous text) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_news text := hub.new_progress(previous, task.partial_output);
begin
  perform hub.post(
    task, 'agent',
    case when task.task_thread_id is null
      then format('📋 %s: %s', hub.short_id(task.id), v_news) else '📋 ' || v_news
    end,
    'text', null,
    -- The id follows from the number, so that the last one can be rewritten in place.
    md5(format('%s:%s', task.id, least(
      task.progress_count, (select s.progress_limit from hub.settings as s)
    )))::uuid,
    true
  );
end
$$;
comment on function hub.post_progress(public.mac_tasks, text) is
  'Posts what is new in partial_output; from the limit on, rewrites the last progress message.';

create or replace function hub.post_outcome(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_by text := format('[%s/%s]',
    coalesce(task.model_used, task.model_preference, 'any'), coalesce(task.claimed_by, '—'));
  v_text text := coalesce(task.result, '');
  v_fields jsonb;
begin
  if task.task_thread_id is not null then
    v_fields := jsonb_build_array(
      hub.field('Model', coalesce(task.model_used, task.model_preference, 'any')),
      hub.field('Device', coalesce(task.claimed_by, '—')),
      hub.field('Duration', hub.duration(task.finished_at - task.started_at))
    );
  end if;
  if task.cancelled_at is not null then
    perform hub.post(task, 'system', format('🚫 %s cancelled by %s',
      hub.short_id(task.id), coalesce(task.metadata ->> 'cancelled_by', 'admin')), 'text');
  elsif task.status = 'complete' and task.task_thread_id is null then
    perform hub.post(task, 'agent',
      format(E'✅ %s complete %s\n%s', hub.short_id(task.id), v_by, v_text), 'result');
  elsif task.status = 'complete' then
    perform hub.post(task, 'agent', v_text, 'embed', hub.embed(
      'Task Complete', hub.title(task.content), hub.color('success'), v_fields, hub.short_id(task.id)));
  elsif task.task_thread_id is null then
    perform hub.post(task, 'system',
      format(E'❌ %s failed %s\n%s', hub.short_id(task.id), v_by, task.error), 'error');
  else
    perform hub.post(task, 'system', task.error, 'embed', hub.embed(
      'Task Failed', hub.title(task.content), hub.color('failure'), v_fields, hub.short_id(task.id)));
  end if;
end
$$;
comment on function hub.post_outcome(public.mac_tasks) is 'Posts how a task ended.';

create or replace function hub.record_delivery_failure(task_id uuid, what text, reason text) returns void
language sql
set search_path = ''
as $$
  update public.mac_tasks as t set delivered_at = null where t.id = record_delivery_failure.task_id;
  insert into hub.delivery_failures as f (task_id, what, reason, retry_at)
  values (
    record_delivery_failure.task_id, record_delivery_failure.what, record_delivery_failure.reason,
    clock_timestamp() + interval '1 minute'
  )
  on conflict on constraint delivery_failures_pkey do update set
    reason = excluded.reason,
    failures = f.failures + 1,
    failed_at = clock_timestamp(),
    retry_at = clock_timestamp() + least(interval '1 minute' * 2 ^ least(f.failures, 10), interval '6 hours')
$$;
comment on function hub.record_delivery_failure(uuid, text, text) is
  'Remembers that an outcome was not posted, and when to try again: after 1, 2, 4 … minutes, 6 hours at most.';

-- Before a task is written -----------------------------------------------------------------------

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
  perform hub.require_role('operator');
  if tg_op <> 'INSERT' then
    -- Reached only where the owner of an older mac_tasks has granted it.
    perform hub.fail('role_required', array['of an executor', hub.caller_role()]);
  end if;
  if new.status <> 'pending' or new.kind <> 'task' or new.team_id is not null or new.claim_id is not null
    or new.claimed_by is not null or new.attempt <> 0 or new.max_attempts is not null or new.progress_count <> 0
  then
    perform hub.fail('bad_argument', array['A new task is pending, of kind task, and claimed by nobody.']);
  elsif new.channel_id is null and new.task_thread_id is not null then
    perform hub.fail('bad_argument', array['A task in a thread names its channel_id too.']);
  elsif length(new.idempotency_key) not between 1 and 200 then
    perform hub.fail('bad_argument', array['idempotency_key has 1 to 200 characters.']);
  elsif length(new.project) > 1000 or new.project ~ '[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]' then
    -- It is named in a message of the system's.
    perform hub.fail('bad_argument', array['project is one line of at most 1000 characters.']);
  elsif jsonb_typeof(new.metadata) <> 'object' or pg_column_size(new.metadata) > 16384
    or new.metadata ?| array['request', 'position', 'created_by_label', 'cancelled_by']
  then
    perform hub.fail('bad_argument', array[
      'metadata is an object of at most 16 kB without request, position, created_by_label and cancelled_by.'
    ]);
  elsif new.metadata ? 'message_id' and not exists (
    select from public.hub_channel_messages as m
    where m.id = (new.metadata ->> 'message_id')::uuid
      and m.channel_id = new.channel_id and m.sender_id = auth.uid()::text
  ) then
    perform hub.fail('bad_argument', array['metadata.message_id names a message of yours in the channel.']);
  end if;
  perform hub.require_content(new.content, 'content', 32000);
  perform hub.require_bounds(new);
  new.created_by := auth.uid();
  perform hub.require_open_task_slots(1);
  -- The rows of one statement reach the queue together, at its end: until then they are counted here.
  select count(*) into v_open from hub.queue as q where q.created_by = new.created_by;
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
  if task.model_preference not in ('claude', 'gemini', 'codex', 'any') then
    perform hub.fail('bad_argument', array['model is one of claude, gemini, codex, any.']);
  elsif task.priority not between -100 and 100 then
    perform hub.fail('bad_argument', array['priority is from -100 to 100.']);
  elsif task.run_at > now() + interval '1 year' or task.run_at = '-infinity' then
    perform hub.fail('bad_argument', array['run_at is at most a year ahead.']);
  end if;
end
$$;
comment on function hub.require_bounds(public.mac_tasks) is 'Raises bad_argument for a model, priority or run_at that no task has.';

create or replace function hub.require_open_task_slots(wanted integer) returns void
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_user uuid := auth.uid();
  v_open integer;
  v_most integer;
begin
  if v_user is null then
    return; -- the service key and SQL have no limit
  end if;
  perform pg_advisory_xact_lock(hashtextextended('open tasks of ' || v_user, 0));
  select count(*) into v_open from hub.queue as q where q.created_by = v_user;
  select s.max_open_tasks_per_user into v_most from hub.settings as s;
  if v_open + wanted > v_most then
    perform hub.fail('too_many_open_tasks', array[v_open::text, v_most::text]);
  end if;
end
$$;
comment on function hub.require_open_task_slots(integer) is
  'Raises too_many_open_tasks if so many more would pass the caller''s limit. Calls of one user take turns.';

create or replace function hub.prepare_task() returns trigger
language plpgsql
security definer -- opens threads and reads channels for whoever inserts the task
set search_path = ''
as $$
declare
  v_channel record;
  v_thread public.hub_task_threads;
  v_route record;
begin
  select c.*, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = new.channel_id;
  if not found then
    perform hub.fail('channel_not_found', array[new.channel_id::text]);
  elsif v_channel.architecture_type = 'command_dispatch' then
    perform hub.fail('wrong_architecture', array[v_channel.display_name, 'command_dispatch', 'tasks'],
      'Send it a command with execute_command.');
  elsif v_channel.is_read_only and new.kind = 'task' then
    perform hub.fail('channel_read_only', array[v_channel.display_name]);
  end if;
  if new.task_thread_id is not null then
    select * into v_thread from public.hub_task_threads as t
    where t.id = new.task_thread_id and t.channel_id = new.channel_id
    for no key update;
    if not found then
      perform hub.fail('thread_not_found', array[new.task_thread_id::text]);
    elsif v_thread.status = 'archived' then
      perform hub.fail('thread_archived', array[v_thread.id::text]);
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
  new.model_preference := coalesce(
    nullif(new.model_preference, 'any'),
    case when v_thread.session_id is not null then v_thread.metadata ->> 'session_model' end,
    -- A follow-up to a task that has not ended yet will want to resume the session of that one.
    case when new.kind = 'task' then (
      select previous.model_preference from public.mac_tasks as previous
      where previous.task_thread_id = v_thread.id and previous.kind = 'task'
      order by previous.created_at desc limit 1
    ) end,
    v_route.model
  );
  new.project := coalesce(new.project, v_channel.project_path);
  new.priority := coalesce(new.priority, 0);
  new.attempt := coalesce(new.attempt, 0);
  new.progress_count := coalesce(new.progress_count, 0);
  new.max_attempts := coalesce(new.max_attempts, (select s.max_attempts from hub.settings as s));
  new.created_by := coalesce(new.created_by, auth.uid());
  new.session_id := coalesce(new.session_id, v_thread.session_id);
  new.created_at := clock_timestamp();
  new.metadata := case jsonb_typeof(new.metadata) when 'object' then new.metadata else '{}' end
    || jsonb_build_object('created_by_label', hub.user_label(new.created_by));
  if new.status in ('complete', 'failed') then
    new.finished_at := coalesce(new.finished_at, clock_timestamp());
  end if;

  if v_channel.architecture_type = 'threaded_task_isolation' and new.kind in ('task', 'plan') then
    if new.task_thread_id is null then
      insert into public.hub_task_threads (channel_id, task_id, team_id, name, next_transition_at)
      values (
        new.channel_id, new.id, new.team_id,
        format('%s — %s', hub.short_id(new.id), hub.title(hub.request_of(new))),
        clock_timestamp() + coalesce(v_channel.idle_after, (select s.idle_after from hub.settings as s))
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
    new.delivered_at := null;
    new.cancelled_at := null;
    new.cancel_requested_at := null;
    new.partial_output := null;
    new.result := null;
  elsif v_was_over then
    if (new.status, new.result, new.error, new.partial_output, new.cancelled_at)
      is distinct from (old.status, old.result, old.error, old.partial_output, old.cancelled_at)
    then
      perform hub.fail('task_finished', array[hub.short_id(old.id),
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
      -- Claimed by an UPDATE: no lease, and nobody takes it away.
      new.claim_id := null;
      new.lease_expires_at := null;
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
      for each row when ((%s) and current_user::text in ('anon', 'authenticated'))
      execute function hub.guard_task()
    $trigger$,
    case
      when v_fresh then 'true'
      else 'num_nonnulls(new.channel_id, new.task_thread_id, new.team_id, new.claim_id) > 0'
    end
  );
  if not v_fresh then
    create or replace trigger _050_guard_task_on_update
    before update on public.mac_tasks
    for each row when (
      num_nonnulls(
        old.channel_id, new.channel_id, new.task_thread_id, new.team_id, old.claim_id, new.claim_id
      ) > 0
      and current_user::text in ('anon', 'authenticated')
    )
    execute function hub.guard_task();
    create or replace trigger _050_guard_task_on_delete
    before delete on public.mac_tasks
    for each row when (old.channel_id is not null and current_user::text in ('anon', 'authenticated'))
    execute function hub.guard_task();
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

-- After a task is written ------------------------------------------------------------------------

create or replace function hub.reopen_thread(thread_id uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
  update public.hub_task_threads as t
  set status = 'active', archived_at = null, last_activity_at = clock_timestamp(),
    next_transition_at = clock_timestamp() + coalesce(c.idle_after, s.idle_after)
  from public.hub_channels as c, hub.settings as s
  where t.id = reopen_thread.thread_id and t.status <> 'active' and c.id = t.channel_id;
end
$$;
comment on function hub.reopen_thread(uuid) is 'Makes a thread active that is not.';

create or replace function hub.announce(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_opens_thread boolean := false;
  v_model text := hub.model_to_try(task.model_preference, task.platform);
  v_request text := hub.request_of(task);
  v_now timestamptz := clock_timestamp();
begin
  if task.task_thread_id is not null then
    v_opens_thread := exists (
      select from public.hub_task_threads as t where t.id = task.task_thread_id and t.task_id = task.id
    );
  end if;
  insert into public.hub_channel_messages (
    id, channel_id, task_thread_id, sender_type, sender_id, sender_label, content, content_type,
    embed_data, metadata, created_at
  )
  select m.id, task.channel_id, m.thread_id, m.sender_type, m.sender_id, m.sender_label, m.content,
    m.content_type, m.embed, jsonb_strip_nulls(jsonb_build_object(
      'task_id', task.id, 'task_thread_id', task.task_thread_id, 'team_id', task.team_id
    )), v_now + m.position * interval '1 microsecond'
  from (
    select 0 as position, (task.metadata ->> 'message_id')::uuid as id, task.task_thread_id as thread_id,
      'human' as sender_type, task.created_by::text as sender_id,
      task.metadata ->> 'created_by_label' as sender_label, v_request as content,
      'text' as content_type, null::jsonb as embed
    where task.metadata ? 'message_id' and not exists (
      select from public.hub_channel_messages as m where m.id = (task.metadata ->> 'message_id')::uuid
    )
    union all
    select 1, gen_random_uuid(), null, 'system', null, 'Aura',
      format('🧵 %s queued: %s', hub.short_id(task.id), hub.title(v_request)), 'text', null
    where v_opens_thread
    union all
    select 2, gen_random_uuid(), null, 'system', null, 'Aura',
      format(E'⏳ Task %s queued\nModel: %s | Project: %s',
        hub.short_id(task.id), v_model, coalesce(task.project, '—')), 'text', null
    where task.task_thread_id is null
    union all
    select 3, gen_random_uuid(), task.task_thread_id, 'system', null, 'Aura', 'Task Queued', 'embed',
      hub.embed('Task Queued', hub.title(v_request), hub.color('queued'), jsonb_build_array(
        hub.field('Model', v_model), hub.field('Device', '— (pending)')
      ), hub.short_id(task.id))
    where task.task_thread_id is not null
  ) as m
  order by m.position;
end
$$;
comment on function hub.announce(public.mac_tasks) is
  'Posts a new task: the request where it is not there yet, and that it is queued. With the task or not at all.';

create or replace function hub.announce_task() returns trigger
language plpgsql
security definer -- posts as the system
set search_path = ''
as $$
begin
  if new.kind in ('task', 'plan') then
    perform hub.announce(new);
  end if;
  return null;
end
$$;

create or replace function hub.deliver_task() returns trigger
language plpgsql
security definer -- posts as the agent and the system
set search_path = ''
as $$
begin
  if new.team_id is not null and new.status <> 'running' then
    -- The team before the thread or channel: who retries or cancels one of its tasks holds it by now.
    perform from public.hub_teams as t where t.id = new.team_id for no key update;
  end if;
  if new.task_thread_id is not null and new.status <> 'running' then
    -- A retry, or a task that ends after an admin archived its thread by hand.
    perform hub.reopen_thread(new.task_thread_id);
  end if;
  if new.progress_count > old.progress_count then
    perform hub.post_progress(new, coalesce(old.partial_output, ''));
  end if;
  if new.status in ('complete', 'failed') and old.status not in ('complete', 'failed') then
    -- What a plan or a synthesis ends in is posted with its team.
    if new.kind in ('task', 'subtask') or new.cancelled_at is not null then
      perform hub.post_outcome(new);
    end if;
  elsif new.status = 'pending' and old.status <> 'pending' then
    -- One line of an agent's error: the system says nothing that an agent has worded beyond it.
    perform hub.post(new, 'system', format('🔁 %s requeued: %s (attempt %s of %s)', hub.short_id(new.id),
      hub.cut(split_part(translate(coalesce(new.error, 'no reason given'), E'\r\u2028\u2029', E'\n\n\n'), E'\n', 1), 500),
      new.attempt + 1, new.max_attempts), 'text');
  end if;
  return null;
exception when others then
  -- The one place that must not fail: the work is done whether it can be shown or not.
  if new.status in ('complete', 'failed') then
    perform hub.record_delivery_failure(new.id, 'task', sqlerrm);
  else
    raise warning 'Posting about task % failed: %', new.id, sqlerrm;
  end if;
  return null;
end
$$;
comment on function hub.deliver_task() is
  'Posts progress, requeues and outcomes. A failure is recorded in hub.delivery_failures and never undoes the work.';

create or replace trigger _500_announce_task
after insert on public.mac_tasks
for each row when (new.channel_id is not null and new.status = 'pending')
execute function hub.announce_task();

create or replace trigger _500_deliver_task
after update on public.mac_tasks
for each row when (
  new.channel_id is not null and (
    new.progress_count > old.progress_count
    or new.status is distinct from old.status and new.status <> 'running'
  )
)
execute function hub.deliver_task();

-- A channel that goes takes its waiting tasks along; the ones that run are told to stop.
create or replace function hub.cancel_tasks_of_channel() returns trigger
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
as $$
begin
  if not (select s.claims_foreign_tasks from hub.settings as s) then
    -- In another app's table a task of no channel would be one of the app's.
    delete from public.mac_tasks as t where t.channel_id = old.id;
    return old;
  end if;
  -- Without a channel at once: a message to a channel that is being deleted would be an error.
  update public.mac_tasks as t
  set status = case when t.claim_id is null then 'failed' else t.status end,
    cancelled_at = case when t.claim_id is null then clock_timestamp() end,
    cancel_requested_at = clock_timestamp(),
    channel_id = null,
    task_thread_id = null,
    metadata = t.metadata || jsonb_build_object('cancelled_by', 'the deletion of its channel')
  where t.channel_id = old.id and t.status in ('pending', 'running');
  return old;
end
$$;

create or replace trigger _100_cancel_tasks
before delete on public.hub_channels
for each row execute function hub.cancel_tasks_of_channel();

revoke execute on all functions in schema hub from public;
