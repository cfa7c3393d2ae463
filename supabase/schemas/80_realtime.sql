-- Realtime: private topics channel:<id>, thread:<id> and mesh, the public topic mesh:wake, and the
-- publication for clients that use postgres_changes.

create or replace function hub.broadcast_messages() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
declare
  -- Realtime limits the size of a message: what is longer is read over REST.
  v_most constant integer := 32000;
begin
  perform realtime.send(
    case
      when length(n.content) > v_most
        then to_jsonb(n) || jsonb_build_object('content', left(n.content, v_most), 'truncated', true)
      else to_jsonb(n)
    end,
    'message',
    case when n.task_thread_id is null then 'channel:' || n.channel_id else 'thread:' || n.task_thread_id end,
    true
  )
  from (select * from new_rows order by created_at) as n;
  return null;
end
$$;

create or replace trigger _700_broadcast_new_messages
after insert on public.hub_channel_messages referencing new table as new_rows
for each statement execute function hub.broadcast_messages();

create or replace trigger _700_broadcast_changed_messages
after update on public.hub_channel_messages referencing new table as new_rows
for each statement execute function hub.broadcast_messages();

create or replace function hub.broadcast_thread() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
begin
  perform realtime.send(to_jsonb(new), 'thread', 'channel:' || new.channel_id, true);
  return null;
end
$$;

create or replace trigger _700_broadcast_new_thread
after insert on public.hub_task_threads
for each row execute function hub.broadcast_thread();

create or replace trigger _700_broadcast_changed_thread
after update on public.hub_task_threads
for each row when (old.* is distinct from new.*)
execute function hub.broadcast_thread();

create or replace function hub.broadcast_file() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
begin
  perform realtime.send(
    to_jsonb(new), 'file',
    case when new.task_thread_id is null then 'channel:' || new.channel_id else 'thread:' || new.task_thread_id end,
    true
  );
  return null;
end
$$;

-- A file that no request names yet is nobody's news.
create or replace trigger _700_broadcast_new_file
after insert on public.hub_files
for each row when (new.task_id is not null)
execute function hub.broadcast_file();

create or replace trigger _700_broadcast_changed_file
after update on public.hub_files
for each row when (new.task_id is not null and old.* is distinct from new.*)
execute function hub.broadcast_file();

create or replace function hub.broadcast_question() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
begin
  perform realtime.send(to_jsonb(new), 'question', topic, true)
  from unnest(array['channel:' || new.channel_id, 'thread:' || new.task_thread_id]) as topic
  where topic is not null;
  return null;
end
$$;

create or replace trigger _700_broadcast_new_question
after insert on public.hub_questions
for each row execute function hub.broadcast_question();

create or replace trigger _700_broadcast_changed_question
after update on public.hub_questions
for each row when (old.state is distinct from new.state)
execute function hub.broadcast_question();

create or replace function hub.broadcast_device() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
declare
  v_id uuid := (to_jsonb(new) ->> case tg_table_name when 'mesh_devices' then 'id' else 'device_id' end)::uuid;
begin
  perform realtime.send(hub.device_json(d), 'device', 'mesh', true)
  from public.mesh_devices as d where d.id = v_id and hub.is_known_device(d);
  return null;
end
$$;

create or replace trigger _700_broadcast_new_device
after insert on public.mesh_devices
for each row execute function hub.broadcast_device();

-- Being heard of alone is no news: it happens each second.
create or replace trigger _700_broadcast_changed_device
after update on public.mesh_devices
for each row when (
  (old.registered_by, old.server_ids, old.name, old.platform, old.status, old.draining, old.agent_version, old.max_running, old.metadata)
    is distinct from (new.registered_by, new.server_ids, new.name, new.platform, new.status, new.draining, new.agent_version, new.max_running, new.metadata)
)
execute function hub.broadcast_device();

create or replace trigger _700_broadcast_new_model
after insert on public.mesh_device_models
for each row execute function hub.broadcast_device();

create or replace trigger _700_broadcast_changed_model
after update on public.mesh_device_models
for each row when (old.* is distinct from new.*)
execute function hub.broadcast_device();

create or replace function hub.server_of_topic(topic text) returns uuid
language sql
stable
set search_path = ''
as $$
  select c.server_id from public.hub_channels as c
  where c.id = case
    when topic !~ '^(channel|thread):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then null
    when topic like 'channel:%' then split_part(topic, ':', 2)::uuid
    else (select t.channel_id from public.hub_task_threads as t where t.id = split_part(topic, ':', 2)::uuid)
  end
$$;
comment on function hub.server_of_topic(text) is 'The server of a topic channel:<id> or thread:<id>; null where there is no such channel or thread.';

create or replace function hub.is_topic(topic text) returns boolean
language sql
stable
security definer -- whether a topic is this project's is the same for everybody
set search_path = ''
as $$
  select coalesce(topic = 'mesh', false) or hub.server_of_topic(topic) is not null
$$;
comment on function hub.is_topic(text) is
  'Whether a private topic belongs to a channel or thread that exists, or is mesh. An app beside this may name its own topics channel:<id>: they stay its own.';

create or replace function hub.may_listen(topic text) returns boolean
language sql
stable
security definer -- the channel of a topic may be one that the caller does not see
set search_path = ''
as $$
  select case topic
    when 'mesh' then hub.has_role('viewer')
    else hub.role_on(hub.server_of_topic(topic)) is not null
  end
$$;
comment on function hub.may_listen(text) is 'Whether the caller may join a private topic: mesh, or that of a channel or thread they may read.';

-- Who may listen: whoever may read.
drop policy if exists hub_authenticated_read_topics on realtime.messages;
create policy hub_authenticated_read_topics on realtime.messages
for select to authenticated
using (extension = 'broadcast' and (select hub.may_listen(realtime.topic())));
-- Nobody but the database speaks on these topics, whatever other policies of the app allow.
drop policy if exists hub_only_the_database_speaks on realtime.messages;
create policy hub_only_the_database_speaks on realtime.messages
as restrictive for insert to anon, authenticated
with check (not hub.is_topic(topic) and not (select hub.is_topic(realtime.topic())));

do $$
declare
  v_table text;
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    return;
  end if;
  for v_table in
    select t.name from unnest(array[
      'hub_models', 'hub_servers', 'hub_channels', 'hub_channel_messages', 'hub_task_threads', 'hub_teams',
      'hub_task_attempts', 'hub_files', 'hub_questions', 'hub_reads', 'hub_task_inputs', 'mesh_devices', 'mesh_device_models', 'mac_tasks'
    ]) as t (name)
    -- Another app's mac_tasks is published or not as its owner has it.
    where (t.name <> 'mac_tasks' or (select s.claims_foreign_tasks from hub.settings as s))
      and not exists (
        select from pg_catalog.pg_publication_tables as p
        where p.pubname = 'supabase_realtime' and p.schemaname = 'public' and p.tablename = t.name
      )
  loop
    execute format('alter publication supabase_realtime add table public.%I', v_table);
  end loop;
end
$$;

revoke execute on all functions in schema hub from public;
-- Asked by the policies, as whoever joins.
grant execute on function hub.is_topic(text) to anon, authenticated;
grant execute on function hub.may_listen(text) to authenticated;
