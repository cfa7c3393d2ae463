-- What pgTAP tests share. Loaded by the runner before the tests, outside of the migrations.
--
-- Every test runs in a transaction of its own that is rolled back: who is signed in, and the users
-- made here, are gone after it.

create schema if not exists tests;
grant usage on schema tests to anon, authenticated, service_role;

create or replace function tests.sign_out() returns void
language sql
set search_path = ''
as $$
  select set_config('role', 'none', true), set_config('request.jwt.claims', '{}', true)
$$;
comment on function tests.sign_out() is 'Back to the direct SQL session that the test began as.';

create or replace function tests.sign_in(role text) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  v_user uuid;
begin
  perform tests.sign_out();
  if sign_in.role not in ('anon', 'service_role') then
    v_user := tests.user_with(sign_in.role);
  end if;
  perform
    set_config('request.jwt.claims', jsonb_strip_nulls(jsonb_build_object(
      'sub', v_user,
      'role', case when v_user is null then sign_in.role else 'authenticated' end
    ))::text, true),
    set_config('role', case when v_user is null then sign_in.role else 'authenticated' end, true);
  return v_user;
end
$$;
comment on function tests.sign_in(text) is
  'Goes on as anon, service_role, stranger (a user without a row in hub_members), viewer, operator or admin. The same user each time in one test; returns the id.';

create or replace function tests.user_with(role text) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  -- Each test has users of its own, so that tests that run at once do not wait for each other.
  v_name text := user_with.role || '-' || pg_current_xact_id();
  v_user uuid := md5('tests.user ' || v_name)::uuid;
begin
  insert into auth.users (id, email, raw_user_meta_data)
  values (v_user, v_name || '@tests.example', jsonb_build_object('name', user_with.role))
  on conflict (id) do nothing;
  if user_with.role <> 'stranger' then
    insert into public.hub_members (user_id, role) values (v_user, user_with.role)
    on conflict (user_id) do nothing;
  end if;
  return v_user;
end
$$;
comment on function tests.user_with(text) is 'The test''s user with this role, made when first asked for. Call it signed out, and where rows are deleted in a subselect of its own: for each row it would make the user again.';

create or replace function tests.error_of(statement text) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_state text;
  v_detail text;
begin
  execute statement;
  return null;
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_detail = pg_exception_detail;
  return case
    when v_state = tests.state_of(v_detail) then v_detail
    else concat_ws(' ', v_state, nullif(v_detail, ''))
  end;
end
$$;
comment on function tests.error_of(text) is
  'What a statement, run as the caller, is refused with: the registered name where the SQLSTATE is the registered one, else the SQLSTATE and the detail; null if it succeeds, and then its effects stay.';

create or replace function tests.state_of(error text) returns text
language sql
stable
security definer -- the registry is closed to API roles
set search_path = ''
as $$
  select 'PT' || e.status from hub.errors as e where e.name = state_of.error
$$;

create or replace function tests.channel(name text) returns uuid
language sql
stable
security definer -- also for roles that may not read channels
set search_path = ''
as $$
  select c.id
  from public.hub_channels as c
  join public.hub_servers as s on s.id = c.server_id
  where s.name || '/' || c.name = channel.name
$$;
comment on function tests.channel(text) is 'The id of a channel named as cloud-hub/dispatch.';

create or replace function tests.device(
  name text, models text[] default '{claude,codex,gemini}', platform text default 'linux', max_running integer default 1
) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_token text := public.register_device(
    device.name, device.platform, to_jsonb(device.models), device.max_running) ->> 'token';
begin
  perform public.device_heartbeat(v_token);
  return v_token;
end
$$;
comment on function tests.device(text, text[], text, integer) is 'Registers a device, which is then online; returns its token. Call it signed out.';

create or replace function tests.is_backoff(actual interval, expected interval) returns boolean
language sql
set search_path = ''
as $$
  select actual between expected * 0.8 - interval '1 second' and expected + interval '1 second'
$$;
comment on function tests.is_backoff(interval, interval) is 'Whether a wait is this one, less what chance takes of it.';

create or replace function tests.keep(name text, value anyelement) returns void
language sql
set search_path = ''
as $$
  select set_config('tests.' || keep.name, coalesce(to_jsonb(keep.value), 'null')::text, true)
$$;
comment on function tests.keep(text, anyelement) is 'Remembers a value until the test ends; tests.kept() has it back.';

create or replace function tests.kept(name text) returns jsonb
language sql
set search_path = ''
as $$
  select current_setting('tests.' || kept.name)::jsonb
$$;

create or replace function tests.id(name text, variadic path text[] default '{task,id}') returns uuid
language sql
set search_path = ''
as $$
  select (tests.kept(id.name) #>> id.path)::uuid
$$;
comment on function tests.id(text, text[]) is 'An id out of a kept answer: by default that of its task.';

create or replace function tests.said(place uuid) returns text[]
language sql
stable
security definer -- also for roles that may not read messages
set search_path = ''
as $$
  select coalesce(array_agg(
    m.sender_type || case
      when m.embed_data is not null then format(' [%s]: ', m.embed_data ->> 'title') || m.content
      else ': ' || m.content
    end
    order by m.created_at, m.id
  ), '{}')
  from public.hub_channel_messages as m
  where m.task_thread_id = place or m.task_thread_id is null and m.channel_id = place
$$;
comment on function tests.said(uuid) is 'What a channel or a thread shows, as "sender: text", an embed as "sender [title]: text".';

create or replace function tests.touched(variadic tables text[] default null) returns bigint
language sql
set search_path = ''
as $$
  select coalesce(sum(s.seq_tup_read + coalesce(s.idx_tup_fetch, 0)), 0)
  from pg_catalog.pg_stat_xact_user_tables as s
  where s.schemaname in ('public', 'hub', 'koji') and (tables is null or s.relname = any (tables))
$$;
comment on function tests.touched(text[]) is
  'Rows of these tables, or of all, that this transaction has read so far: what a statement adds is what it costs.';


create or replace function tests.arrive(path text, size bigint, file_type text default 'text/plain') returns void
language sql
set search_path = ''
as $$
  insert into storage.objects (bucket_id, name, version, metadata)
  values ('hub-files', arrive.path, gen_random_uuid(), jsonb_build_object('size', arrive.size, 'mimetype', arrive.file_type))
$$;
comment on function tests.arrive(text, bigint, text) is 'The object of a file arrives, as Storage writes it down.';

create or replace function tests.file(name text, channel text default 'buf-barista/quick', size bigint default 5) returns uuid
language plpgsql
security definer -- the object is written by Storage, whoever the caller is
set search_path = ''
as $$
declare
  v_file jsonb := public.create_file(tests.channel(file.channel), file.name, 'text/plain', file.size) -> 'file';
begin
  perform tests.arrive(v_file ->> 'path', file.size);
  return v_file ->> 'id';
end
$$;
comment on function tests.file(text, text, bigint) is 'A file of the caller''s that has arrived; returns its id.';

grant execute on all functions in schema tests to anon, authenticated, service_role;
