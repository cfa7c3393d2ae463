-- The bucket of files in Storage: what may go into it and who reads it, what an object's arrival means, and
-- the objects that are to be removed.

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
    perform hub.refuse('bad_argument', array['removed is an array of paths.']);
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
revoke execute on function public.files_to_remove(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.files_to_remove(jsonb), hub.files_to_remove(jsonb) to service_role;
-- Asked by the policies, as whoever uploads or downloads.
grant execute on function hub.sees_file(text), hub.sends_file(text) to anon, authenticated;
