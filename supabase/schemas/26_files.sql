-- Files: what people send along with a request, and what agents leave. A row says what a file is; its bytes
-- are an object of the private bucket hub-files (see the chapter bucket), at hub_files.path. The row comes
-- first, and the object makes it stored: so nothing is in the bucket that no row speaks of.

create or replace function hub.is_file_name(name text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return name = btrim(name) and length(name) > 0 and octet_length(name) <= 200
    and name not in ('.', '..') and strpos(name, '/') = 0 and strpos(name, '\') = 0 and hub.is_one_line(name);
end
$$;
comment on function hub.is_file_name(text) is
  'Whether a text can name a file in any folder: one line of at most 200 bytes, no path, nothing that turns the reading direction.';

create table if not exists public.hub_files (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references public.hub_channels on delete cascade,
  task_thread_id uuid,
  message_id uuid references public.hub_channel_messages on delete set null,
  task_id uuid references public.mac_tasks on delete set null,
  name text not null check (hub.is_file_name(name)),
  media_type text not null default 'application/octet-stream'
    check (length(media_type) <= 200 and media_type ~ '^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+( *;[ -~]*)?$'),
  size bigint not null check (size >= 0),
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  direction text not null check (direction in ('in', 'out')),
  state text not null default 'pending' check (state in ('pending', 'stored', 'failed')),
  error text,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  path text not null generated always as (channel_id::text || '/' || id::text) stored unique,
  constraint hub_files_failed check ((state = 'failed') = (error is not null)),
  constraint hub_files_task_thread_id_fkey
    foreign key (task_thread_id, channel_id) references public.hub_task_threads (id, channel_id)
    on delete cascade on update cascade
);
comment on table public.hub_files is
  'Files of requests (in) and of what agents leave (out). Made by create_file and by devices; the bytes are the object of the bucket hub-files at path.';
comment on column public.hub_files.message_id is 'The message that shows the file: the request, or the one that tells of what an agent left.';
comment on column public.hub_files.task_id is 'Null until a request names the file.';
comment on column public.hub_files.name is 'One line, no path: data, never a place to write to.';
comment on column public.hub_files.media_type is 'As the sender says; nothing is guessed from the bytes.';
comment on column public.hub_files.size is 'In bytes, as announced: an object of another size is refused.';
comment on column public.hub_files.sha256 is 'In hex, as announced; whoever reads the file compares. Null: not told.';
comment on column public.hub_files.state is
  'pending: announced; stored: the object is there; failed: it could not be delivered, and error says why.';
comment on column public.hub_files.created_by is 'The user who sends it; null for what an agent left, the service key and SQL.';
comment on column public.hub_files.path is 'The name of the object in the bucket hub-files: <channel_id>/<id>.';

create index if not exists idx_hub_files_channel on public.hub_files (channel_id, created_at);
create index if not exists idx_hub_files_thread on public.hub_files (task_thread_id) where task_thread_id is not null;
create index if not exists idx_hub_files_message on public.hub_files (message_id) where message_id is not null;
create index if not exists idx_hub_files_task on public.hub_files (task_id, created_at) where task_id is not null;
create index if not exists idx_hub_files_unused on public.hub_files (created_by) where task_id is null;
create index if not exists idx_hub_files_pending on public.hub_files (created_at) where state = 'pending';

alter table public.hub_files enable row level security;
revoke all on public.hub_files from anon, authenticated, service_role;
grant select on public.hub_files to authenticated;
grant select, insert, update, delete on public.hub_files to service_role;

drop policy if exists authenticated_read_files on public.hub_files;
create policy authenticated_read_files on public.hub_files
for select to authenticated using (channel_id in (select hub.channels_with('viewer')));

insert into hub.errors (name, status, message, hint) values
  ('file_not_found', 404, 'There is no file %s.', null),
  ('file_not_stored', 409, 'The file %s has not arrived.', 'Upload it to the bucket hub-files at the path of its row first.'),
  ('file_in_use', 409, 'The file %s belongs to a request already.', 'Create and upload it again for another request.'),
  ('file_too_large', 413, 'The file has %s bytes; %s are allowed.', null),
  ('too_many_files', 400, 'There are %s files; %s are allowed.', 'Send fewer files, or join them into an archive.')
on conflict (name) do update
  set status = excluded.status, message = excluded.message, hint = excluded.hint;

insert into hub.message_events (name, meaning) values
  ('file_stored', 'A file that an agent left is there.'),
  ('file_failed', 'A file that an agent left could not be delivered; the message says why.')
on conflict (name) do update set meaning = excluded.meaning;

-- A person's files -------------------------------------------------------------------------------

create or replace function hub.require_file(name text, media_type text, size bigint, sha256 text) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if not coalesce(hub.is_file_name(name), false) then
    perform hub.refuse('bad_argument', array['name is one line of at most 200 bytes, without a path.']);
  elsif length(media_type) > 200
    or coalesce(media_type, '') !~ '^([a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+( *;[ -~]*)?)?$'
  then
    perform hub.refuse('bad_argument', array['media_type is as text/plain, in small letters.']);
  elsif size is null or size < 0 then
    perform hub.refuse('bad_argument', array['size is a number of bytes.']);
  elsif sha256 !~ '^[0-9a-f]{64}$' then
    perform hub.refuse('bad_argument', array['sha256 is 64 hex digits in small letters.']);
  end if;
end
$$;
comment on function hub.require_file(text, text, bigint, text) is 'Raises bad_argument for what describes no file.';

create or replace function hub.create_file(channel_id uuid, name text, media_type text, size bigint, sha256 text)
returns jsonb
language plpgsql
security definer -- files are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_settings hub.settings;
  v_channel record;
  v_file public.hub_files;
  v_unused integer;
begin
  perform hub.require_channel_role(create_file.channel_id, 'operator');
  select * into v_settings from hub.settings;
  select c.*, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = create_file.channel_id;
  if v_channel.architecture_type = 'command_dispatch' then
    perform hub.refuse('wrong_architecture', array[v_channel.display_name, v_channel.architecture_type, 'files']);
  elsif v_channel.is_read_only then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  end if;
  perform hub.require_file(create_file.name, create_file.media_type, create_file.size, create_file.sha256);
  if create_file.size > v_settings.max_file_size then
    perform hub.refuse('file_too_large', array[create_file.size::text, v_settings.max_file_size::text]);
  end if;
  -- Files that no request names yet: ten requests' worth of them.
  select count(*) into v_unused from public.hub_files as f where f.created_by = auth.uid() and f.task_id is null;
  if v_unused >= 10 * v_settings.max_files_per_task then
    perform hub.refuse('too_many_files', array[(v_unused + 1)::text, (10 * v_settings.max_files_per_task)::text],
      'Send the requests that they are for; what no request names is deleted after a day.');
  end if;
  insert into public.hub_files (channel_id, name, media_type, size, sha256, direction, created_by)
  values (
    v_channel.id, create_file.name, coalesce(nullif(create_file.media_type, ''), 'application/octet-stream'),
    create_file.size, create_file.sha256, 'in', auth.uid()
  )
  returning * into v_file;
  return jsonb_build_object('file', to_jsonb(v_file));
end
$$;

create or replace function public.create_file(
  channel_id uuid, name text, media_type text default null, size bigint default null, sha256 text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.create_file(
    create_file.channel_id, create_file.name, create_file.media_type, create_file.size, create_file.sha256
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.create_file(uuid, text, text, bigint, text) is
  'Announces a file for a request in this channel; returns {file}. Upload its bytes to the bucket hub-files at file.path, whereupon it is stored, then name it in dispatch_task(file_ids). Operator. Errors: channel_not_found, wrong_architecture, channel_read_only, bad_argument, file_too_large, too_many_files.';

create or replace function hub.lock_files(file_ids uuid[], channel_id uuid) returns public.hub_files[]
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_most integer := (select s.max_files_per_task from hub.settings as s);
  v_files public.hub_files[];
  v_file public.hub_files;
  v_missing text;
begin
  if cardinality(file_ids) > v_most then
    perform hub.refuse('too_many_files', array[cardinality(file_ids)::text, v_most::text]);
  end if;
  v_files := array(
    select f from public.hub_files as f
    where f.id = any (file_ids) and f.channel_id = lock_files.channel_id and f.direction = 'in'
      and f.created_by is not distinct from auth.uid()
    order by f.id for no key update
  );
  select coalesce(i.id::text, 'null') into v_missing from unnest(file_ids) as i (id)
  where not exists (select from unnest(v_files) as f where f.id = i.id) limit 1;
  if v_missing is not null then
    perform hub.refuse('file_not_found', array[v_missing], 'Name files that you have created for this channel.');
  end if;
  foreach v_file in array v_files loop
    if v_file.task_id is not null then
      perform hub.refuse('file_in_use', array[v_file.name]);
    elsif v_file.state <> 'stored' then
      perform hub.refuse('file_not_stored', array[v_file.name]);
    end if;
  end loop;
  return v_files;
end
$$;
comment on function hub.lock_files(uuid[], uuid) is
  'The caller''s files for a request in this channel, locked. Errors: too_many_files, file_not_found, file_in_use, file_not_stored.';

create or replace function hub.names_of(files public.hub_files[], file_ids uuid[]) returns text
language sql
stable
set search_path = ''
as $$
  select '📎 ' || string_agg(f.name, ', ' order by array_position(file_ids, f.id)) from unnest(files) as f
$$;
comment on function hub.names_of(public.hub_files[], uuid[]) is 'The words of a request that has none: the names of its files.';

create or replace function hub.attach_files(file_ids uuid[], task public.mac_tasks) returns void
language sql
set search_path = ''
as $$
  update public.hub_files as f
  set task_id = task.id, task_thread_id = task.task_thread_id, message_id = (task.metadata ->> 'message_id')::uuid
  where f.id = any (file_ids)
$$;
comment on function hub.attach_files(uuid[], public.mac_tasks) is 'Makes files those of a request.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.create_file(uuid, text, text, bigint, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.create_file(uuid, text, text, bigint, text), hub.create_file(uuid, text, text, bigint, text)
to anon, authenticated, service_role;
-- Asked by the check, as whoever writes the row.
grant execute on function hub.is_file_name(text) to service_role;
