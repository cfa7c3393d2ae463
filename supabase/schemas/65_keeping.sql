-- Keeping: what channels forget after keep_for, in steps that hold no lock for long.

alter table public.hub_channels
  add column if not exists keep_for interval check (keep_for > '0' and keep_for <= '100 years');
comment on column public.hub_channels.keep_for is
  'How long messages, archived threads and files are kept; null: for ever. Older ones go each night; a thread with unfinished work stays whole.';
grant insert (keep_for), update (keep_for) on public.hub_channels to authenticated;

create or replace function hub.prune_channel(channel public.hub_channels, most integer) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '500ms'
as $$
#variable_conflict use_column
declare
  v_before timestamptz := now() - channel.keep_for;
  v_files integer;
  v_threads integer;
  v_messages integer;
begin
  -- Files before the messages that show them, and threads before flat messages: each by its own age.
  with gone as (
    delete from public.hub_files as f where f.id in (
      select old.id from public.hub_files as old
      where old.channel_id = channel.id and old.created_at < v_before
        and not exists (select from hub.queue as q where q.task_id = old.task_id or q.thread_id = old.task_thread_id)
      order by old.created_at limit most for update skip locked
    ) returning f.id
  )
  select count(*) into v_files from gone;

  -- Whole threads, of which a long one is first emptied from its oldest message on.
  with gone as (
    delete from public.hub_channel_messages as m where m.id in (
      select old.id from public.hub_task_threads as t
      join public.hub_channel_messages as old on old.task_thread_id = t.id
      where t.channel_id = channel.id and t.status = 'archived' and t.archived_at < v_before
        and not exists (select from hub.queue as q where q.thread_id = t.id)
      limit most for update of old skip locked
    ) returning m.id
  )
  select count(*) into v_messages from gone;
  with gone as (
    delete from public.hub_task_threads as t where t.id in (
      select old.id from public.hub_task_threads as old
      where old.channel_id = channel.id and old.status = 'archived' and old.archived_at < v_before
        and not exists (select from hub.queue as q where q.thread_id = old.id)
        and not exists (select from public.hub_channel_messages as m where m.task_thread_id = old.id)
      limit most for update skip locked
    ) returning t.id
  )
  select count(*) into v_threads from gone;

  with gone as (
    delete from public.hub_channel_messages as m where m.id in (
      select old.id from public.hub_channel_messages as old
      where old.channel_id = channel.id and old.task_thread_id is null and old.created_at < v_before
        -- The request and the news of a task that is not over.
        and not exists (
          select from hub.queue as q where q.task_id = case
            when old.metadata ->> 'task_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (old.metadata ->> 'task_id')::uuid
          end
        )
        and not exists (select from hub.queue as q where q.thread_id = case
            when old.metadata ->> 'task_thread_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (old.metadata ->> 'task_thread_id')::uuid
          end)
      order by old.created_at limit greatest(most - v_messages, 0) for update skip locked
    ) returning m.id
  )
  select count(*) + v_messages into v_messages from gone;
  return jsonb_build_object('messages', v_messages, 'threads', v_threads, 'files', v_files);
end
$$;
comment on function hub.prune_channel(public.hub_channels, integer) is
  'Deletes up to so many messages, threads and files of a channel that are older than its keep_for; returns the counts.';

create or replace function hub.prune_channels(most integer default 2000) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_began timestamptz := clock_timestamp();
  v_channel public.hub_channels;
  v_step jsonb;
  v_done jsonb := '{"messages": 0, "threads": 0, "files": 0}'::jsonb;
begin
  for v_channel in select * from public.hub_channels as c where c.keep_for is not null order by random() loop
    -- One step of a channel a transaction: its counters are locked until the end.
    exit when clock_timestamp() > v_began + interval '300 milliseconds';
    begin
      v_step := hub.prune_channel(v_channel, prune_channels.most);
      v_done := jsonb_build_object(
        'messages', (v_done ->> 'messages')::integer + (v_step ->> 'messages')::integer,
        'threads', (v_done ->> 'threads')::integer + (v_step ->> 'threads')::integer,
        'files', (v_done ->> 'files')::integer + (v_step ->> 'files')::integer
      );
    exception when others then
      raise warning 'Channel % cannot be pruned now: %', v_channel.name, sqlerrm;
    end;
  end loop;
  return v_done;
end
$$;
comment on function hub.prune_channels(integer) is
  'One step of pruning what channels keep no longer: short, since it holds their counters until its end. By pg_cron, each minute from 2 to 5 at night (UTC), and by hub.prune(); returns {messages, threads, files}.';

revoke execute on all functions in schema hub from public;
