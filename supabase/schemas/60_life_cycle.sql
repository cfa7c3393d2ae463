-- The life of a thread: active, idle after silence, decaying, archived.

insert into hub.message_events (name, meaning) values
  ('thread_idle', 'Nobody has written in a thread for a while: it will be archived.'),
  ('thread_archived', 'A thread is closed; the message sums it up. In memory-log too.')
on conflict (name) do update set meaning = excluded.meaning;

create or replace function hub.summary_of(thread public.hub_task_threads) returns text
language sql
stable
set search_path = ''
as $$
  select format('🗄 Archived after %s of silence · %s messages · tasks: %s complete, %s failed · last: %s',
    hub.duration(date_trunc('second', clock_timestamp() - thread.last_activity_at)),
    thread.message_count,
    count(*) filter (where t.status = 'complete'),
    count(*) filter (where t.status = 'failed'),
    coalesce(nullif(hub.title((
      array_agg(t.result order by t.finished_at desc) filter (where t.status = 'complete')
    )[1]), ''), '—')
  )
  from public.mac_tasks as t
  where t.task_thread_id = thread.id
$$;
comment on function hub.summary_of(public.hub_task_threads) is 'The line that closes a thread.';

create or replace function hub.life_cycle_line(thread public.hub_task_threads, step text) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return case step
    when 'archived' then hub.summary_of(thread)
    when 'idle' then (
      select format('💤 Idle after %s of silence. This thread will be archived in %s unless somebody writes.',
        hub.duration(date_trunc('second', clock_timestamp() - thread.last_activity_at)),
        hub.duration(coalesce(c.archive_after, s.archive_after)))
      from public.hub_channels as c, hub.settings as s where c.id = thread.channel_id
    )
  end;
end
$$;
comment on function hub.life_cycle_line(public.hub_task_threads, text) is 'What a thread is told when it becomes idle or archived.';

create or replace function hub.post_life_cycle(threads uuid[], step text) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_thread uuid;
begin
  insert into public.hub_channel_messages (channel_id, task_thread_id, sender_type, sender_label, content, metadata)
  select t.channel_id, t.id, 'system', 'Aura', hub.life_cycle_line(t, step),
    jsonb_build_object('task_thread_id', t.id, 'event', 'thread_' || step)
  from public.hub_task_threads as t
  where t.id = any (threads)
  order by t.id;
exception when others then
  -- As with every delivery: threads age whether they can be told or not, and one of them silences no other.
  if cardinality(threads) = 1 then
    raise warning 'Telling thread % that it is % failed: %', threads[1], step, sqlerrm;
    return;
  end if;
  foreach v_thread in array threads loop
    perform hub.post_life_cycle(array[v_thread], step);
  end loop;
end
$$;
comment on function hub.post_life_cycle(uuid[], text) is
  'Posts to threads that they become idle or archived. A failure is logged and undoes nothing.';

create or replace function hub.archive_threads(threads uuid[]) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform from public.hub_task_threads as t
  where t.id = any (archive_threads.threads) order by t.id for no key update;
  insert into hub.feed_lines (feed, content, metadata)
  select 'memory-log', format(E'%s\n%s', t.name, hub.life_cycle_line(t, 'archived')),
    jsonb_build_object('event', 'thread_archived', 'task_thread_id', t.id)
  from public.hub_task_threads as t
  join public.hub_channels as c on c.id = t.channel_id
  join public.hub_servers as s on s.id = c.server_id
  where t.id = any (archive_threads.threads) and (s.name = 'cloud-hub' or hub.is_known_to_all(s.id))
  order by t.id;
  perform hub.post_life_cycle(archive_threads.threads, 'archived');
  update public.hub_task_threads as t
  set status = 'archived', archived_at = clock_timestamp(), next_transition_at = null
  where t.id = any (archive_threads.threads);
  perform hub.post_lines('memory-log');
end
$$;
comment on function hub.archive_threads(uuid[]) is 'Posts the summary of threads, archives them, and tells memory-log.';

create or replace function hub.decay_threads(most integer default 1000) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '500ms' -- what it cannot skip, such as the locks of an app's triggers
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_settings hub.settings;
  v_active uuid[];
  v_idle uuid[];
  v_decaying uuid[];
  v_busy uuid[];
begin
  select * into v_settings from hub.settings;
  -- What another tick, or a message being posted, holds now is due again in a minute.
  select array_agg(due.id) filter (where due.status = 'active'),
    array_agg(due.id) filter (where due.status = 'idle'),
    array_agg(due.id) filter (where due.status = 'decaying')
  into v_active, v_idle, v_decaying
  from (
    select t.id, t.status from public.hub_task_threads as t
    where t.next_transition_at <= v_now
    order by t.next_transition_at
    limit decay_threads.most
    for no key update skip locked
  ) as due;

  -- A thread with an unfinished task never leaves active.
  select array_agg(distinct q.thread_id) into v_busy from hub.queue as q
  where q.thread_id = any (v_active || v_idle || v_decaying);
  v_active := array(select unnest(v_active) except select unnest(v_busy));
  v_idle := array(select unnest(v_idle) except select unnest(v_busy));
  v_decaying := array(select unnest(v_decaying) except select unnest(v_busy));
  update public.hub_task_threads as t
  set status = 'active', next_transition_at = v_now + coalesce(c.idle_after, v_settings.idle_after)
  from public.hub_channels as c
  where t.id = any (v_busy) and c.id = t.channel_id;

  perform hub.post_life_cycle(v_active, 'idle');
  -- The hour counts from the warning, however late the warning came.
  update public.hub_task_threads as t
  set status = 'idle', next_transition_at = clock_timestamp() + coalesce(c.archive_after, v_settings.archive_after)
  from public.hub_channels as c
  where t.id = any (v_active) and c.id = t.channel_id;

  update public.hub_task_threads as t
  set status = 'decaying', next_transition_at = clock_timestamp()
  where t.id = any (v_idle);

  perform hub.archive_threads(v_decaying);
  return jsonb_build_object(
    'idle', cardinality(v_active), 'decaying', cardinality(v_idle), 'archived', cardinality(v_decaying)
  );
end
$$;
comment on function hub.decay_threads(integer) is
  'The tick: moves up to `most` due threads one step on and returns {idle, decaying, archived}, the numbers that became so. Safe to run twice at once; run each minute by pg_cron.';

-- A changed timeout takes effect at once: what waits for it moves by the difference.

create or replace function hub.move_transitions() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  update public.hub_task_threads as t
  set next_transition_at = t.next_transition_at
    + case t.status when 'active' then new.idle_after - old.idle_after else new.archive_after - old.archive_after end
  from public.hub_channels as c
  where c.id = t.channel_id and t.status in ('active', 'idle')
    and case t.status when 'active' then c.idle_after else c.archive_after end is null;
  return null;
end
$$;

create or replace trigger _500_move_transitions
after update of idle_after, archive_after on hub.settings
for each row when ((old.idle_after, old.archive_after) is distinct from (new.idle_after, new.archive_after))
execute function hub.move_transitions();

create or replace function hub.move_transitions_of_channel() returns trigger
language plpgsql
security definer -- threads and settings are closed to whoever changes the channel
set search_path = ''
as $$
begin
  update public.hub_task_threads as t
  set next_transition_at = t.next_transition_at + case t.status
    when 'active' then coalesce(new.idle_after, s.idle_after) - coalesce(old.idle_after, s.idle_after)
    else coalesce(new.archive_after, s.archive_after) - coalesce(old.archive_after, s.archive_after)
  end
  from hub.settings as s
  where t.channel_id = new.id and t.status in ('active', 'idle');
  return null;
end
$$;

create or replace trigger _500_move_transitions
after update of idle_after, archive_after on public.hub_channels
for each row when ((old.idle_after, old.archive_after) is distinct from (new.idle_after, new.archive_after))
execute function hub.move_transitions_of_channel();

create or replace function hub.update_thread_status(thread_id uuid, status text) returns jsonb
language plpgsql
security definer -- threads are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_thread public.hub_task_threads;
begin
  perform hub.require_role('viewer');
  if update_thread_status.status is null or update_thread_status.status not in ('active', 'archived') then
    perform hub.refuse('bad_argument', array['status is active, to reopen a thread, or archived, to close it.']);
  end if;
  perform hub.require_channel_role(
    (select t.channel_id from public.hub_task_threads as t where t.id = update_thread_status.thread_id),
    'operator', 'thread_not_found', update_thread_status.thread_id
  );
  select * into v_thread from public.hub_task_threads as t
  where t.id = update_thread_status.thread_id for no key update;
  if not found then
    perform hub.refuse('thread_not_found', array[update_thread_status.thread_id::text]);
  end if;
  if update_thread_status.status = 'active' then
    perform hub.reopen_thread(v_thread.id);
  elsif v_thread.status <> 'archived' then
    if exists (select from hub.queue as q where q.thread_id = v_thread.id) then
      perform hub.refuse('thread_busy', array[v_thread.id::text]);
    end if;
    perform hub.archive_threads(array[v_thread.id]);
  end if;
  return (select to_jsonb(t) from public.hub_task_threads as t where t.id = v_thread.id);
end
$$;

create or replace function public.update_thread_status(thread_id uuid, status text) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.update_thread_status(update_thread_status.thread_id, update_thread_status.status);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.update_thread_status(uuid, text) is
  'Reopens a thread (active) or archives it; returns the hub_task_threads row. Operator. Errors: thread_not_found, thread_busy, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.update_thread_status(uuid, text) from public;
grant execute on function public.update_thread_status(uuid, text), hub.update_thread_status(uuid, text)
to anon, authenticated, service_role;
