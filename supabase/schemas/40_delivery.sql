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

create or replace function hub.in_one_line(content text, most integer) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return btrim(hub.cut(regexp_replace(
    left(content, most * 2), '[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\s]+', ' ', 'g'
  ), most));
end
$$;
comment on function hub.in_one_line(text, integer) is
  'The text as one line of at most `most` characters, safe inside a line of the system''s.';

create or replace function hub.plain(content text, most integer) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  -- What begins another line or turns the reading direction, as hub.is_one_line() has it.
  return hub.cut(btrim(case
    when hub.is_one_line(left(content, most + 100)) then left(content, most + 100)
    else regexp_replace(
      left(content, most + 100),
      ' *[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069][ \x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*',
      ' ', 'g'
    )
  end), most);
end
$$;
comment on function hub.plain(text, integer) is
  'Somebody''s words, safe inside a line of the system''s and cut to `most` characters.';

create or replace function hub.title(content text) returns text
language plpgsql immutable
set search_path = ''
as $$
declare
  v_line text;
begin
  foreach v_line in array regexp_split_to_array(left(ltrim(coalesce(content, ''), E' \t\r\n'), 2000), '[\r\n\u2028\u2029]+') loop
    -- The opening of a block of code is no title, nor is a line in which there is nothing to see.
    if v_line !~ '^[ \t]*(```|~~~)' and hub.is_visible(v_line) then
      return hub.plain(v_line, 60);
    end if;
  end loop;
  return '';
end
$$;
comment on function hub.title(text) is
  'The first line of a request that says something, cut to 60 characters, safe inside a line of the system''s.';

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
    when span < interval '1 minute' then format('%s s', greatest(round(extract(epoch from span), 1), 0.0))
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
    when 'question' then 16705372 -- #FEE75C
  end;
end
$$;

-- Posting ----------------------------------------------------------------------------------------

insert into hub.message_events (name, meaning) values
  ('task_queued', 'A task waits for a device.'),
  ('task_progress', 'A running task has got on.'),
  ('task_completed', 'A task is done; the message holds its result.'),
  ('task_failed', 'A task has failed for good; the message says why.'),
  ('task_requeued', 'A task goes back to the queue; the message says why.'),
  ('task_cancelled', 'Somebody has cancelled a task.'),
  ('thread_opened', 'In a channel: a task has got a thread of its own.')
on conflict (name) do update set meaning = excluded.meaning;

create or replace function hub.post(
  task public.mac_tasks, event text, sender_type text, content text, content_type text,
  embed jsonb default null, message_id uuid default gen_random_uuid(), is_progress boolean default false,
  metadata jsonb default '{}'
) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_most integer := (select s.max_result from hub.settings as s);
begin
  insert into public.hub_channel_messages (
    id, channel_id, task_thread_id, sender_type, sender_id, sender_label, content, content_type,
    embed_data, is_progress, metadata
  ) values (
    message_id, task.channel_id, task.task_thread_id, sender_type,
    case when sender_type = 'agent' then coalesce(task.claimed_by, 'agent') end,
    case when sender_type = 'agent' then coalesce(task.claimed_by, 'agent') else 'Aura' end,
    hub.cut(content, v_most), content_type, embed, is_progress,
    jsonb_strip_nulls(jsonb_build_object(
      'event', event, 'task_id', task.id, 'task_thread_id', task.task_thread_id, 'team_id', task.team_id
    )) || post.metadata
  );
end
$$;
comment on function hub.post(public.mac_tasks, text, text, text, text, jsonb, uuid, boolean, jsonb) is
  'Posts a message about a task where the task lives: in its thread, else in its channel. The event is one of hub.message_events; the metadata is added to what it is about.';

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
  v_settings hub.settings;
  v_message uuid := gen_random_uuid();
  v_text text := hub.new_progress(previous, task.partial_output);
begin
  select * into v_settings from hub.settings;
  v_text := case when task.task_thread_id is null
    then format('📋 %s: %s', hub.short_id(task.id), v_text) else '📋 ' || v_text
  end;
  if task.progress_count >= v_settings.progress_limit then
    -- The id of the last one follows from the task's, so that it is found and rewritten in place.
    v_message := md5(format('%s:%s', task.id, v_settings.progress_limit))::uuid;
    update public.hub_channel_messages as m set content = hub.cut(v_text, v_settings.max_result)
    where m.id = v_message and m.is_progress;
    if found then
      return;
    end if;
    -- People choose the ids of their messages: what one of them has taken is theirs.
    if exists (select from public.hub_channel_messages as m where m.id = v_message) then
      v_message := gen_random_uuid();
    end if;
  end if;
  perform hub.post(task, 'task_progress', 'agent', v_text, 'text', null, v_message, true);
end
$$;
comment on function hub.post_progress(public.mac_tasks, text) is
  'Posts what is new in partial_output; from the limit on, rewrites the last progress message.';

create or replace function hub.refused_in_words(refusals jsonb) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return (
    select format('%s: %s', jsonb_array_length(refusals), string_agg(
      concat_ws(' ', r ->> 'tool', '(' || nullif(hub.in_one_line(r ->> 'detail', 200), '') || ')'), ', ' order by position
    ))
    from jsonb_array_elements(refusals) with ordinality as listed (r, position)
  );
end
$$;
comment on function hub.refused_in_words(jsonb) is 'What an agent was not allowed to do, as "2: Bash (npm publish), WebFetch".';

create or replace function hub.post_outcome(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_by text := format('[%s/%s]',
    coalesce(task.model_used, task.model_preference, 'any'), coalesce(task.claimed_by, '—'));
  v_text text := coalesce(task.result, '');
  v_refused integer := coalesce(jsonb_array_length(task.refusals), 0);
  v_fields jsonb;
begin
  if task.task_thread_id is not null then
    v_fields := jsonb_build_array(
      hub.field('Model', coalesce(task.model_used, task.model_preference, 'any')),
      hub.field('Device', coalesce(task.claimed_by, '—')),
      hub.field('Duration', hub.duration(task.finished_at - task.started_at))
    );
    if v_refused > 0 then
      v_fields := v_fields || hub.field('Refused', hub.refused_in_words(task.refusals));
    end if;
    if task.changes is not null then
      v_fields := v_fields || hub.field('Changes', hub.changes_line(task.changes));
    end if;
  end if;
  if task.cancelled_at is not null then
    perform hub.post(task, 'task_cancelled', 'system', format('🚫 %s cancelled by %s',
      hub.short_id(task.id), coalesce(task.metadata ->> 'cancelled_by', 'admin')), 'text');
  elsif task.status = 'complete' and task.task_thread_id is null then
    perform hub.post(task, 'task_completed', 'agent',
      case v_refused
        when 0 then format(E'✅ %s complete %s\n%s', hub.short_id(task.id), v_by, v_text)
        else format(E'⚠️ %s complete, %s %s refused %s\n%s', hub.short_id(task.id), v_refused,
          case v_refused when 1 then 'action' else 'actions' end, v_by, v_text)
      end || coalesce(E'\n\nChanges: ' || hub.changes_line(task.changes), ''), 'result');
  elsif task.status = 'complete' then
    perform hub.post(task, 'task_completed', 'agent', v_text, 'embed', hub.embed(
      'Task Complete', hub.title(task.content),
      hub.color(case v_refused when 0 then 'success' else 'question' end), v_fields, hub.short_id(task.id)));
  elsif task.task_thread_id is null then
    perform hub.post(task, 'task_failed', 'system',
      format(E'❌ %s failed %s\n%s', hub.short_id(task.id), v_by, task.error), 'error');
  else
    perform hub.post(task, 'task_failed', 'system', task.error, 'embed', hub.embed(
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
    clock_timestamp() + hub.backoff('1 minute', 0, '6 hours')
  )
  on conflict on constraint delivery_failures_pkey do update set
    reason = excluded.reason,
    failures = f.failures + 1,
    failed_at = clock_timestamp(),
    retry_at = clock_timestamp() + hub.backoff('1 minute', f.failures, '6 hours')
$$;
comment on function hub.record_delivery_failure(uuid, text, text) is
  'Remembers that an outcome was not posted, and when to try again: after 1, 2, 4 … minutes, 6 hours at most.';

-- Triggers ---------------------------------------------------------------------------------------

create or replace function hub.reopen_thread(thread_id uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Locked first: a tick that holds it may be about to make it idle.
  perform from public.hub_task_threads as t where t.id = reopen_thread.thread_id for no key update;
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
  v_model text := hub.model_to_try(task.model_preference, task.platform, task.channel_id);
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
      'event', m.event, 'task_id', task.id, 'task_thread_id', task.task_thread_id, 'team_id', task.team_id
    )), v_now + m.position * interval '1 microsecond'
  from (
    select 0 as position, null as event, (task.metadata ->> 'message_id')::uuid as id, task.task_thread_id as thread_id,
      'human' as sender_type, task.created_by::text as sender_id,
      task.metadata ->> 'created_by_label' as sender_label, v_request as content,
      'text' as content_type, null::jsonb as embed
    where task.metadata ? 'message_id' and not exists (
      select from public.hub_channel_messages as m where m.id = (task.metadata ->> 'message_id')::uuid
    )
    union all
    select 1, 'thread_opened', gen_random_uuid(), null, 'system', null, 'Aura',
      format('🧵 %s queued: %s', hub.short_id(task.id), hub.title(v_request)), 'text', null
    where v_opens_thread
    union all
    select 2, 'task_queued', gen_random_uuid(), null, 'system', null, 'Aura',
      format(E'⏳ Task %s queued\nModel: %s | Project: %s',
        hub.short_id(task.id), v_model, coalesce(task.project, '—')), 'text', null
    where task.task_thread_id is null
    union all
    select 3, 'task_queued', gen_random_uuid(), task.task_thread_id, 'system', null, 'Aura', 'Task Queued', 'embed',
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
set enable_seqscan = off
set jit = off
as $$
begin
  if new.kind in ('task', 'plan') then
    perform hub.announce(new);
  elsif new.kind = 'publish' then
    perform hub.announce_publishing(new);
  end if;
  return null;
end
$$;

create or replace function hub.deliver_task() returns trigger
language plpgsql
security definer -- posts as the agent and the system
set search_path = ''
set enable_seqscan = off
set jit = off
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
    if new.kind in ('task', 'subtask', 'publish') or new.cancelled_at is not null then
      perform hub.post_outcome(new);
    end if;
  elsif new.status = 'pending' and old.status <> 'pending' then
    -- A question says by itself what a parked task waits for.
    if not exists (
      select from public.hub_task_attempts as a where a.claim_id = old.claim_id and a.outcome = 'parked'
    ) then
      -- One line of an agent's error: the system says nothing that an agent has worded beyond it.
      perform hub.post(new, 'task_requeued', 'system', format('🔁 %s requeued: %s (attempt %s of %s)', hub.short_id(new.id),
        hub.plain(split_part(translate(coalesce(new.error, 'no reason given'), E'\r\u2028\u2029', E'\n\n\n'), E'\n', 1), 500),
        new.attempt + 1, new.max_attempts), 'text');
    end if;
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

-- A channel or a thread that goes takes its waiting tasks along; the ones that run are told to stop. Nothing
-- of it is posted any more: of a thread it would stand in a channel that shows only threads.
create or replace function hub.cancel_tasks_of_place() returns trigger
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
as $$
declare
  v_what text := case tg_table_name when 'hub_channels' then 'channel' else 'thread' end;
  v_tasks uuid[] := array(
    select t.id from public.mac_tasks as t
    where case v_what when 'channel' then t.channel_id else t.task_thread_id end = old.id
      and t.status in ('pending', 'running')
    order by t.id
    for no key update
  );
begin
  update public.hub_teams as t
  set status = 'failed', finished_at = clock_timestamp(),
    metadata = t.metadata || jsonb_build_object('error', format('Its %s was deleted.', v_what))
  where case v_what when 'channel' then t.channel_id else t.task_thread_id end = old.id and t.finished_at is null;
  if not (select s.claims_foreign_tasks from hub.settings as s) then
    -- In another app's table a task of no channel would be one of the app's.
    if v_what = 'channel' then
      delete from public.mac_tasks as t where t.channel_id = old.id;
    else
      delete from public.mac_tasks as t where t.id = any (v_tasks);
    end if;
  else
    -- Without a channel at once: a message to a channel that is being deleted would be an error.
    update public.mac_tasks as t
    set status = case when t.claim_id is null then 'failed' else t.status end,
      cancelled_at = case when t.claim_id is null then clock_timestamp() end,
      cancel_requested_at = clock_timestamp(),
      channel_id = null,
      task_thread_id = null,
      metadata = t.metadata || jsonb_build_object('cancelled_by', format('the deletion of its %s', v_what))
    where t.id = any (v_tasks);
  end if;
  if v_what = 'thread' then
    delete from hub.delivery_failures as f using public.mac_tasks as t
    where t.task_thread_id = old.id and f.task_id = t.id;
    update public.mac_tasks as t set delivered_at = clock_timestamp()
    where t.task_thread_id = old.id and t.delivered_at is null;
  end if;
  return old;
end
$$;
comment on function hub.cancel_tasks_of_place() is 'Cancels the unfinished tasks of a channel or thread that is deleted, and ends its teams.';

create or replace trigger _100_cancel_tasks
before delete on public.hub_channels
for each row execute function hub.cancel_tasks_of_place();

create or replace trigger _100_cancel_tasks
before delete on public.hub_task_threads
for each row execute function hub.cancel_tasks_of_place();

revoke execute on all functions in schema hub from public;
