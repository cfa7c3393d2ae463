-- The files of a task, for the device that holds it: those of its request, and those that its agent leaves.

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
  v_task := hub.held_task(hub.authenticate_device(read_file.token), read_file.task_id, read_file.claim_id);
  select * into v_file from public.hub_files as f where f.id = read_file.file_id and f.task_id = v_task.id;
  if not found then
    perform hub.refuse('file_not_found', array[coalesce(read_file.file_id::text, 'null')]);
  elsif v_file.state <> 'stored' then
    perform hub.refuse('file_not_stored', array[v_file.name]);
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
  v_task := hub.held_task(hub.authenticate_device(offer_file.token), offer_file.task_id, offer_file.claim_id);
  perform hub.require_file(offer_file.name, offer_file.media_type, offer_file.size, offer_file.sha256);
  if v_task.channel_id is null then
    perform hub.refuse('task_not_found', array[v_task.id::text]);
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
      perform hub.refuse('too_many_files', array[(v_count + 1)::text, v_settings.max_files_per_task::text]);
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

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.read_file(text, uuid, uuid, uuid), public.offer_file(text, uuid, uuid, text, text, bigint, text, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.read_file(text, uuid, uuid, uuid), hub.read_file(text, uuid, uuid, uuid),
  public.offer_file(text, uuid, uuid, text, text, bigint, text, text),
  hub.offer_file(text, uuid, uuid, text, text, bigint, text, text)
to anon, authenticated;
