-- Files: what people send along with a request, and what agents leave. A row says what a file is; its bytes
-- are an object of the private bucket hub-files, at hub_files.path. The row comes first, and the object makes
-- it stored: so nothing is in the bucket that no row speaks of.

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
    perform hub.fail('bad_argument', array['name is one line of at most 200 bytes, without a path.']);
  elsif length(media_type) > 200
    or coalesce(media_type, '') !~ '^([a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+( *;[ -~]*)?)?$'
  then
    perform hub.fail('bad_argument', array['media_type is as text/plain, in small letters.']);
  elsif size is null or size < 0 then
    perform hub.fail('bad_argument', array['size is a number of bytes.']);
  elsif sha256 !~ '^[0-9a-f]{64}$' then
    perform hub.fail('bad_argument', array['sha256 is 64 hex digits in small letters.']);
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
    perform hub.fail('wrong_architecture', array[v_channel.display_name, v_channel.architecture_type, 'files']);
  elsif v_channel.is_read_only then
    perform hub.fail('channel_read_only', array[v_channel.display_name]);
  end if;
  perform hub.require_file(create_file.name, create_file.media_type, create_file.size, create_file.sha256);
  if create_file.size > v_settings.max_file_size then
    perform hub.fail('file_too_large', array[create_file.size::text, v_settings.max_file_size::text]);
  end if;
  -- Files that no request names yet: ten requests' worth of them.
  select count(*) into v_unused from public.hub_files as f where f.created_by = auth.uid() and f.task_id is null;
  if v_unused >= 10 * v_settings.max_files_per_task then
    perform hub.fail('too_many_files', array[(v_unused + 1)::text, (10 * v_settings.max_files_per_task)::text],
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
    perform hub.fail('too_many_files', array[cardinality(file_ids)::text, v_most::text]);
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
    perform hub.fail('file_not_found', array[v_missing], 'Name files that you have created for this channel.');
  end if;
  foreach v_file in array v_files loop
    if v_file.task_id is not null then
      perform hub.fail('file_in_use', array[v_file.name]);
    elsif v_file.state <> 'stored' then
      perform hub.fail('file_not_stored', array[v_file.name]);
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

-- A device's files -------------------------------------------------------------------------------

create or replace function hub.files_of(task_id uuid) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(
    (
      select jsonb_agg(jsonb_build_object(
        'id', f.id, 'name', f.name, 'media_type', f.media_type, 'size', f.size, 'sha256', f.sha256
      ) order by f.created_at, f.id)
      from public.hub_files as f where f.task_id = files_of.task_id and f.direction = 'in'
    ),
    '[]'
  );
end
$$;
comment on function hub.files_of(uuid) is 'The files of a task''s request, as claim_tasks gives them: [{id, name, media_type, size, sha256}].';

create or replace function hub.show_file(file public.hub_files) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
  v_event text := case when file.state = 'stored' then 'file_stored' else 'file_failed' end;
  v_text text;
  v_message uuid := gen_random_uuid();
begin
  select * into v_task from public.mac_tasks as t where t.id = file.task_id and t.channel_id = file.channel_id;
  if not found or file.direction <> 'out' or exists (
    select from public.hub_task_threads as t where t.id = v_task.task_thread_id and t.status = 'archived'
  ) then
    return;
  end if;
  v_text := format('📎 %s%s%s',
    case when v_task.task_thread_id is null then hub.short_id(v_task.id) || ': ' end, file.name,
    case file.state when 'stored' then format(' (%s)', pg_size_pretty(file.size))
      else ' could not be delivered: ' || file.error end
  );
  if file.message_id is null then
    perform hub.post(v_task, v_event, 'agent', v_text, 'text', null, v_message);
    update public.hub_files as f set message_id = v_message where f.id = file.id;
  else
    update public.hub_channel_messages as m
    set content = v_text, metadata = m.metadata || jsonb_build_object('event', v_event)
    where m.id = file.message_id;
  end if;
end
$$;
comment on function hub.show_file(public.hub_files) is
  'Posts where its task lives that a file an agent left is there, or why it is not; what is said of it already is rewritten.';

create or replace function hub.read_file(token text, task_id uuid, claim_id uuid, file_id uuid) returns jsonb
language plpgsql
security definer -- executors have no rights on files but by their token
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
  v_file public.hub_files;
begin
  v_task := hub.held_task(hub.hear_device(read_file.token), read_file.task_id, read_file.claim_id);
  select * into v_file from public.hub_files as f where f.id = read_file.file_id and f.task_id = v_task.id;
  if not found then
    perform hub.fail('file_not_found', array[coalesce(read_file.file_id::text, 'null')]);
  elsif v_file.state <> 'stored' then
    perform hub.fail('file_not_stored', array[v_file.name]);
  end if;
  return jsonb_build_object('file', to_jsonb(v_file));
end
$$;

create or replace function public.read_file(token text, task_id uuid, claim_id uuid, file_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.read_file(read_file.token, read_file.task_id, read_file.claim_id, read_file.file_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.read_file(text, uuid, uuid, uuid) is
  'Whether this claim may read a file of its task: {file}, else an error. The edge function files answers it with a signed URL. Errors: bad_device_token, task_not_found, stale_claim, file_not_found, file_not_stored.';

create or replace function hub.offer_file(
  token text, task_id uuid, claim_id uuid, name text, media_type text, size bigint, sha256 text, error text
) returns jsonb
language plpgsql
security definer -- executors have no rights on files but by their token
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_settings hub.settings;
  v_task public.mac_tasks;
  v_file public.hub_files;
  v_count integer;
  v_error text := nullif(btrim(left(offer_file.error, 1000)), '');
begin
  v_task := hub.held_task(hub.hear_device(offer_file.token), offer_file.task_id, offer_file.claim_id);
  perform hub.require_file(offer_file.name, offer_file.media_type, offer_file.size, offer_file.sha256);
  if v_task.channel_id is null then
    perform hub.fail('task_not_found', array[v_task.id::text]);
  end if;
  select * into v_settings from hub.settings;
  if v_error is null and offer_file.size > v_settings.max_file_size then
    v_error := format('it has %s bytes; %s are allowed', offer_file.size, v_settings.max_file_size);
  end if;
  -- Offered again, it is the same file: one that has arrived as it is, or one that is tried once more.
  select * into v_file from public.hub_files as f
  where f.task_id = v_task.id and f.direction = 'out' and f.name = offer_file.name
    and (f.state <> 'stored' or f.sha256 = offer_file.sha256 and f.size = offer_file.size)
  order by f.created_at desc limit 1 for no key update;
  if v_file.state = 'stored' then
    return jsonb_build_object('file', to_jsonb(v_file));
  elsif v_file.id is null then
    select count(*) into v_count from public.hub_files as f
    where f.task_id = v_task.id and f.direction = 'out' and f.created_at >= v_task.started_at;
    if v_count >= v_settings.max_files_per_task then
      perform hub.fail('too_many_files', array[(v_count + 1)::text, v_settings.max_files_per_task::text]);
    end if;
    insert into public.hub_files (channel_id, task_thread_id, task_id, name, size, direction)
    values (v_task.channel_id, v_task.task_thread_id, v_task.id, offer_file.name, offer_file.size, 'out')
    returning * into v_file;
  end if;
  update public.hub_files as f
  set media_type = coalesce(nullif(offer_file.media_type, ''), 'application/octet-stream'),
    size = offer_file.size, sha256 = offer_file.sha256, error = v_error,
    state = case when v_error is null then 'pending' else 'failed' end
  where f.id = v_file.id
  returning * into v_file;
  if v_error is not null then
    perform hub.show_file(v_file);
    select * into v_file from public.hub_files as f where f.id = v_file.id;
  end if;
  return jsonb_build_object('file', to_jsonb(v_file));
end
$$;

create or replace function public.offer_file(
  token text, task_id uuid, claim_id uuid, name text, media_type text default null, size bigint default null,
  sha256 text default null, error text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.offer_file(
    offer_file.token, offer_file.task_id, offer_file.claim_id, offer_file.name, offer_file.media_type,
    offer_file.size, offer_file.sha256, offer_file.error
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.offer_file(text, uuid, uuid, text, text, bigint, text, text) is
  'Announces a file that an agent left for its task; returns {file}: pending, to be uploaded; stored, where this file has arrived before; or failed, where it is too large or error says why it cannot be delivered, which is posted. Offered again by its name, a file that is not stored is tried once more. The edge function files answers it with a signed URL. Errors: bad_device_token, task_not_found, stale_claim, bad_argument, too_many_files.';

create or replace function hub.fail_missing_files() returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_file public.hub_files;
  v_count integer := 0;
begin
  for v_file in
    update public.hub_files as f
    set state = 'failed', error = 'its device has not uploaded it'
    where f.id in (
      select late.id from public.hub_files as late
      join public.mac_tasks as t on t.id = late.task_id
      where late.state = 'pending' and late.direction = 'out' and t.finished_at < clock_timestamp() - interval '5 minutes'
      order by late.created_at limit 100
      for no key update of late skip locked
    )
    returning f.*
  loop
    perform hub.show_file(v_file);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function hub.fail_missing_files() is
  'Says of files whose task ended five minutes ago, and which have not arrived, that they have failed; returns how many. One that comes later is stored all the same.';

-- The bucket -------------------------------------------------------------------------------------

create or replace function hub.receive_object() returns trigger
language plpgsql
security definer -- Storage writes as the caller or as service_role, who may not write files
set search_path = ''
set lock_timeout = '2500ms' -- Storage then says that the object is locked
as $$
declare
  v_file public.hub_files;
begin
  select * into v_file from public.hub_files as f where f.path = new.name for no key update;
  if not found then
    raise insufficient_privilege using message = format('No file is expected at "%s".', new.name);
  end if;
  -- Storage asks for permission with an object that has no size, and takes it back.
  if not coalesce(new.metadata, '{}') ? 'size' or v_file.state = 'stored' then
    return null;
  end if;
  if (new.metadata ->> 'size')::numeric <> v_file.size then
    raise insufficient_privilege using message = format(
      'The file has %s bytes; %s were announced.', new.metadata ->> 'size', v_file.size
    );
  end if;
  update public.hub_files as f set state = 'stored', error = null where f.id = v_file.id returning * into v_file;
  perform hub.show_file(v_file);
  return null;
end
$$;
comment on function hub.receive_object() is
  'The object of a file has arrived: the file is stored. Refuses an object that no file speaks of, or of another size.';

create table if not exists hub.removed_files (
  path text primary key,
  removed_at timestamptz not null default clock_timestamp()
);
comment on table hub.removed_files is
  'Paths of files whose rows are gone and whose objects are to follow. SQL may not delete objects: the edge functions files and recover do, by the Storage API.';

create or replace function hub.remember_removed_file() returns trigger
language plpgsql
security definer -- a channel is deleted by an admin, who may not write here
set search_path = ''
as $$
begin
  insert into hub.removed_files (path) values (old.path) on conflict do nothing;
  return null;
end
$$;

create or replace trigger _500_remember_removed_file
after delete on public.hub_files
for each row execute function hub.remember_removed_file();

create or replace function hub.files_to_remove(removed jsonb) returns jsonb
language plpgsql
security definer -- called with the service key
set search_path = ''
as $$
begin
  if jsonb_typeof(files_to_remove.removed) is distinct from 'array' then
    perform hub.fail('bad_argument', array['removed is an array of paths.']);
  end if;
  delete from hub.removed_files as r
  where r.path in (select jsonb_array_elements_text(files_to_remove.removed));
  return (
    select coalesce(jsonb_agg(next.path), '[]')
    from (select r.path from hub.removed_files as r order by r.removed_at, r.path limit 100) as next
  );
end
$$;

create or replace function public.files_to_remove(removed jsonb default '[]') returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.files_to_remove(files_to_remove.removed);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.files_to_remove(jsonb) is
  'Forgets these paths, whose objects have been removed, and returns up to 100 others whose objects are to be removed from the bucket hub-files. service_role. Errors: bad_argument.';

create or replace function hub.prune_files() returns integer
language sql
set search_path = ''
as $$
  with gone as (
    delete from public.hub_files as f
    where f.task_id is null and f.message_id is null and f.created_at < now() - interval '1 day'
    returning f.id
  )
  select count(*)::integer from gone
$$;
comment on function hub.prune_files() is 'Deletes files that no request has named for a day; returns how many.';

create or replace function hub.follow_file_size() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if to_regclass('storage.buckets') is not null then
    update storage.buckets as b set file_size_limit = new.max_file_size where b.id = 'hub-files';
  end if;
  return null;
end
$$;
comment on function hub.follow_file_size() is 'Gives the bucket the limit of the settings.';

create or replace trigger _500_follow_file_size
after update of max_file_size on hub.settings
for each row execute function hub.follow_file_size();

create or replace function hub.sees_file(path text) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  -- Apart, since anon may not even ask.
  if auth.uid() is null then
    return false;
  end if;
  -- As the caller, under the policy of hub_files: who may not read the row may not read the bytes.
  return exists (select from public.hub_files as f where f.path = sees_file.path);
end
$$;
comment on function hub.sees_file(text) is 'Whether the caller may read the file of this path.';

create or replace function hub.sends_file(path text) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  if auth.uid() is null then
    return false;
  end if;
  return exists (
    select from public.hub_files as f
    where f.path = sends_file.path and f.created_by = auth.uid() and f.direction = 'in' and f.state = 'pending'
      and f.channel_id in (select hub.channels_with('operator'))
  );
end
$$;
comment on function hub.sends_file(text) is 'Whether the caller has announced the file of this path, and it has not arrived.';

-- A project without Storage installs all the same: its files then stay pending. On hosted projects postgres
-- does not own these tables: it may put policies and triggers on them, and no more.
do $$
begin
  if not exists (
    select from pg_catalog.pg_attribute as a
    where a.attrelid = to_regclass('storage.buckets') and a.attname = 'file_size_limit' and not a.attisdropped
  ) then
    raise warning 'There is no Storage here: files can be announced, but not uploaded.';
    return;
  end if;
  insert into storage.buckets (id, name, public, file_size_limit)
  values ('hub-files', 'hub-files', false, (select s.max_file_size from hub.settings as s))
  on conflict (id) do nothing;

  create or replace trigger hub_500_receive_object
  after insert or update of bucket_id, name, metadata on storage.objects
  for each row when (new.bucket_id = 'hub-files')
  execute function hub.receive_object();

  -- Who may read the channel reads its files; who announced a file puts its bytes there, once.
  drop policy if exists hub_read_files on storage.objects;
  create policy hub_read_files on storage.objects
  for select to authenticated using (bucket_id = 'hub-files' and hub.sees_file(name));
  drop policy if exists hub_upload_files on storage.objects;
  create policy hub_upload_files on storage.objects
  for insert to authenticated with check (bucket_id = 'hub-files' and hub.sends_file(name));
  -- And nobody else, whatever other policies of the app allow.
  drop policy if exists hub_only_readers_read_files on storage.objects;
  create policy hub_only_readers_read_files on storage.objects
  as restrictive for select to anon, authenticated using (bucket_id <> 'hub-files' or hub.sees_file(name));
  drop policy if exists hub_only_senders_upload_files on storage.objects;
  create policy hub_only_senders_upload_files on storage.objects
  as restrictive for insert to anon, authenticated with check (bucket_id <> 'hub-files' or hub.sends_file(name));
  drop policy if exists hub_nobody_changes_files on storage.objects;
  create policy hub_nobody_changes_files on storage.objects
  as restrictive for update to anon, authenticated
  using (bucket_id <> 'hub-files') with check (bucket_id <> 'hub-files');
  drop policy if exists hub_nobody_deletes_files on storage.objects;
  create policy hub_nobody_deletes_files on storage.objects
  as restrictive for delete to anon, authenticated using (bucket_id <> 'hub-files');
end
$$;

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.create_file(uuid, text, text, bigint, text), public.read_file(text, uuid, uuid, uuid),
  public.offer_file(text, uuid, uuid, text, text, bigint, text, text), public.files_to_remove(jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  public.create_file(uuid, text, text, bigint, text), hub.create_file(uuid, text, text, bigint, text)
to anon, authenticated, service_role;
grant execute on function
  public.read_file(text, uuid, uuid, uuid), hub.read_file(text, uuid, uuid, uuid),
  public.offer_file(text, uuid, uuid, text, text, bigint, text, text),
  hub.offer_file(text, uuid, uuid, text, text, bigint, text, text)
to anon, authenticated;
grant execute on function public.files_to_remove(jsonb), hub.files_to_remove(jsonb) to service_role;
-- Asked by the policies, as whoever uploads or downloads; by the check, as whoever writes the row.
grant execute on function hub.sees_file(text), hub.sends_file(text) to anon, authenticated;
grant execute on function hub.is_file_name(text) to service_role;
