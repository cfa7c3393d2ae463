-- Servers and their channels. A server's architecture decides what a message in its channels does.

create table if not exists public.hub_servers (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (name ~ '^[a-z0-9-]{1,64}$'),
  display_name text not null,
  description text,
  icon text not null default 'server.rack',
  architecture_type text not null
    check (architecture_type in ('command_dispatch', 'flat_task_pipeline', 'threaded_task_isolation')),
  is_default boolean not null default false,
  channel_count integer not null default 0,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  paused_at timestamptz
);
comment on table public.hub_servers is 'Chat servers. Read by whoever has a role on them, written by admins.';
comment on column public.hub_servers.icon is 'Name of an SF Symbol.';
comment on column public.hub_servers.architecture_type is
  'command_dispatch runs a command and keeps nothing; flat_task_pipeline answers in the channel; threaded_task_isolation answers in a thread of its own.';
comment on column public.hub_servers.channel_count is 'Kept by trigger.';
alter table public.hub_servers
  add column if not exists default_role text check (default_role in ('none', 'viewer', 'operator'));
comment on column public.hub_servers.default_role is
  'The role here of whoever has no row of their own in hub_server_members; none: the server is private, it does not exist for them; null: their global role.';
comment on column public.hub_servers.paused_at is
  'While set, no new task of this server is claimed and no command is run. Written by set_server_paused.';

create table if not exists public.hub_server_members (
  server_id uuid not null references public.hub_servers on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  role text not null check (role in ('none', 'viewer', 'operator', 'admin')),
  created_at timestamptz not null default now(),
  primary key (server_id, user_id)
);
comment on table public.hub_server_members is
  'Who has which role on one server, above or below their global one. Read by themselves and the server''s admins; written by set_server_role.';
comment on column public.hub_server_members.role is
  'none: the server does not exist for this person; admin: also manages its channels and members. A global admin is admin everywhere.';
create index if not exists idx_hub_server_members_user on public.hub_server_members (user_id);

create table if not exists public.hub_channels (
  id uuid primary key default gen_random_uuid(),
  server_id uuid not null references public.hub_servers on delete cascade,
  name text not null check (name ~ '^[a-z0-9-]{1,64}$'),
  display_name text not null,
  description text,
  category_group text,
  project_path text,
  model_preference text not null default 'any',
  is_read_only boolean not null default false,
  message_count integer not null default 0,
  last_message_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  idle_after interval check (idle_after > '0' and hub.is_span(idle_after)),
  archive_after interval check (archive_after > '0' and hub.is_span(archive_after)),
  unique (server_id, name)
)
-- The counters of a busy channel are rewritten with every message: leave room for that on the page.
with (fillfactor = 50);
comment on table public.hub_channels is 'Channels of a server. Read by whoever has a role on it, written by its admins.';
comment on column public.hub_channels.category_group is 'Heading under which clients list the channel.';
comment on column public.hub_channels.project_path is 'Working directory of the channel''s tasks, below the executor''s root folder.';
comment on column public.hub_channels.model_preference is 'Model of the channel''s tasks, a name of hub_models; any leaves it to the routing rules.';
comment on column public.hub_channels.is_read_only is 'Nobody but the system posts here.';
comment on column public.hub_channels.message_count is 'Messages with no thread; kept by trigger, always exact.';
comment on column public.hub_channels.last_message_at is 'When the newest message with no thread was posted; kept by trigger.';
comment on column public.hub_channels.idle_after is 'Silence after which a thread here becomes idle; null: hub.settings.idle_after.';
comment on column public.hub_channels.archive_after is 'Time from the idle warning to decay; null: hub.settings.archive_after.';

create index if not exists idx_hub_channels_server on public.hub_channels (server_id, category_group, name);

-- No foreign key: any is no model. What is deleted from hub_models is nobody's preference any more.
create or replace function hub.require_model_preference() returns trigger
language plpgsql
security definer -- models are read for whoever writes the channel
set search_path = ''
as $$
begin
  perform hub.require_model(new.model_preference, with_any => true);
  return new;
end
$$;

create or replace trigger _100_require_model_on_insert
before insert on public.hub_channels
for each row execute function hub.require_model_preference();

create or replace trigger _100_require_model_on_update
before update of model_preference on public.hub_channels
for each row when (old.model_preference is distinct from new.model_preference)
execute function hub.require_model_preference();

create or replace function hub.forget_model() returns trigger
language plpgsql
security definer -- channels are written for whoever deletes the model
set search_path = ''
as $$
begin
  update public.hub_channels as c set model_preference = 'any' where c.model_preference = old.name;
  return null;
end
$$;

create or replace function hub.follow_model_name() returns trigger
language plpgsql
security definer -- channels are written for whoever renames the model
set search_path = ''
as $$
begin
  update public.hub_channels as c set model_preference = new.name where c.model_preference = old.name;
  return null;
end
$$;

create or replace trigger _500_forget_model
after delete on public.hub_models
for each row execute function hub.forget_model();

create or replace trigger _500_follow_model_name
after update of name on public.hub_models
for each row when (old.name <> new.name)
execute function hub.follow_model_name();

-- channel_count: exact after inserts, deletes, cascades and moves.

create or replace function hub.count_channels_of(servers uuid[]) returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Counted under the locks, which are taken in a fixed order.
  perform from public.hub_servers as s where s.id = any (servers) order by s.id for no key update;
  update public.hub_servers as s
  set channel_count = (select count(*) from public.hub_channels as c where c.server_id = s.id)
  where s.id = any (servers);
end
$$;
comment on function hub.count_channels_of(uuid[]) is 'Counts the channels of these servers anew.';

create or replace function hub.count_channels() returns trigger
language plpgsql
security definer -- counters are not writable by API roles
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform hub.count_channels_of(array(select distinct server_id from new_rows));
  elsif tg_op = 'DELETE' then
    perform hub.count_channels_of(array(select distinct server_id from old_rows));
  else
    perform hub.count_channels_of(array[old.server_id, new.server_id]);
  end if;
  return null;
end
$$;

create or replace trigger _500_count_channels_on_insert
after insert on public.hub_channels referencing new table as new_rows
for each statement execute function hub.count_channels();

create or replace trigger _500_count_channels_on_delete
after delete on public.hub_channels referencing old table as old_rows
for each statement execute function hub.count_channels();

-- By row: every message updates its channel, and only a move concerns the servers.
create or replace trigger _500_count_channels_on_update
after update of server_id on public.hub_channels
for each row when (old.server_id is distinct from new.server_id)
execute function hub.count_channels();

create or replace function hub.touch_updated_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$;

create or replace trigger _900_touch_updated_at
before update on public.hub_servers
for each row execute function hub.touch_updated_at();

-- Permissions ------------------------------------------------------------------------------------

alter table public.hub_servers enable row level security;
alter table public.hub_server_members enable row level security;
alter table public.hub_channels enable row level security;
revoke all on public.hub_servers, public.hub_server_members, public.hub_channels
from anon, authenticated, service_role;

grant select, insert, update, delete on public.hub_servers, public.hub_server_members, public.hub_channels
to service_role;
grant select, delete on public.hub_servers, public.hub_channels to authenticated;
grant select on public.hub_server_members to authenticated;
grant insert (name, display_name, description, icon, architecture_type, is_default, metadata, default_role)
on public.hub_servers to authenticated;
grant update (name, display_name, description, icon, is_default, metadata, default_role)
on public.hub_servers to authenticated;
grant insert (
  server_id, name, display_name, description, category_group, project_path, model_preference,
  is_read_only, metadata, idle_after, archive_after
) on public.hub_channels to authenticated;
grant update (
  name, display_name, description, category_group, project_path, model_preference,
  is_read_only, metadata, idle_after, archive_after
) on public.hub_channels to authenticated;

-- Servers are made, named and deleted by global admins: names are unique over all of them, and one that is
-- refused would tell of a server that is hidden.
drop policy if exists authenticated_read_servers on public.hub_servers;
create policy authenticated_read_servers on public.hub_servers
for select to authenticated using (id in (select hub.servers_with('viewer')));
drop policy if exists admin_insert_servers on public.hub_servers;
create policy admin_insert_servers on public.hub_servers
for insert to authenticated with check ((select hub.has_role('admin')));
drop policy if exists admin_update_servers on public.hub_servers;
create policy admin_update_servers on public.hub_servers
for update to authenticated using ((select hub.has_role('admin')));
drop policy if exists admin_delete_servers on public.hub_servers;
create policy admin_delete_servers on public.hub_servers
for delete to authenticated using ((select hub.has_role('admin')));

drop policy if exists authenticated_read_channels on public.hub_channels;
create policy authenticated_read_channels on public.hub_channels
for select to authenticated using (server_id in (select hub.servers_with('viewer')));
drop policy if exists admin_insert_channels on public.hub_channels;
create policy admin_insert_channels on public.hub_channels
for insert to authenticated with check (server_id in (select hub.servers_with('admin')));
drop policy if exists admin_update_channels on public.hub_channels;
create policy admin_update_channels on public.hub_channels
for update to authenticated using (server_id in (select hub.servers_with('admin')));
drop policy if exists admin_delete_channels on public.hub_channels;
create policy admin_delete_channels on public.hub_channels
for delete to authenticated using (server_id in (select hub.servers_with('admin')));

drop policy if exists authenticated_read_server_members on public.hub_server_members;
create policy authenticated_read_server_members on public.hub_server_members
for select to authenticated using (
  user_id = (select auth.uid()) and role <> 'none' or server_id in (select hub.servers_with('admin'))
);

-- An update or delete that row security hides would answer with an empty list: refuse it instead, unless
-- there is some server where it is allowed.
create or replace function hub.require_admin_for_write() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if tg_table_name <> 'hub_channels' or not exists (select hub.servers_with('admin')) then
    perform hub.require_role('admin');
  end if;
  return null;
end
$$;

-- For every database role but the owner's.
do $$
declare
  v_table text;
begin
  foreach v_table in array array['hub_models', 'hub_servers', 'hub_channels'] loop
    execute format(
      $trigger$
        create or replace trigger _050_require_admin_for_write
        before insert or update or delete on public.%I
        for each statement when (current_user::text <> %L)
        execute function hub.require_admin_for_write()
      $trigger$,
      v_table, current_user
    );
  end loop;
end
$$;

-- Pausing ----------------------------------------------------------------------------------------

create or replace function hub.set_server_paused(server_id uuid, paused boolean) returns jsonb
language plpgsql
security definer -- operators may pause, but only admins may write servers
set search_path = ''
as $$
declare
  v_server public.hub_servers;
begin
  perform hub.require_role('viewer');
  if set_server_paused.paused is null then
    perform hub.refuse('bad_argument', array['paused is true or false.']);
  end if;
  perform hub.require_server_role(set_server_paused.server_id, 'operator');
  update public.hub_servers as s
  set paused_at = case when set_server_paused.paused then coalesce(s.paused_at, now()) end
  where s.id = set_server_paused.server_id
  returning * into v_server;
  if not found then
    perform hub.refuse('server_not_found', array[coalesce(set_server_paused.server_id::text, 'null')]);
  end if;
  return to_jsonb(v_server);
end
$$;

create or replace function public.set_server_paused(server_id uuid, paused boolean) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.set_server_paused(set_server_paused.server_id, set_server_paused.paused);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.set_server_paused(uuid, boolean) is
  'Pauses a server (its waiting tasks are not claimed, its commands are refused) or resumes it; returns the hub_servers row. Operator. Errors: server_not_found, bad_argument.';

-- Members ----------------------------------------------------------------------------------------

create or replace function hub.set_server_role(server_id uuid, user_id uuid, role text) returns jsonb
language plpgsql
security definer -- members are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_member public.hub_server_members;
begin
  perform hub.require_server_role(set_server_role.server_id, 'admin');
  if set_server_role.role is not null and set_server_role.role not in ('none', 'viewer', 'operator', 'admin') then
    perform hub.refuse('bad_argument', array[
      'role is one of none, viewer, operator, admin, or null for the server''s default.'
    ]);
  end if;
  perform hub.require_user(set_server_role.user_id);
  if set_server_role.role is null then
    delete from public.hub_server_members as m
    where m.server_id = set_server_role.server_id and m.user_id = set_server_role.user_id;
  else
    insert into public.hub_server_members as m (server_id, user_id, role)
    values (set_server_role.server_id, set_server_role.user_id, set_server_role.role)
    on conflict on constraint hub_server_members_pkey do update set role = excluded.role
    returning * into v_member;
  end if;
  return jsonb_build_object(
    'server_id', set_server_role.server_id, 'user_id', set_server_role.user_id, 'role', v_member.role
  );
end
$$;

create or replace function public.set_server_role(server_id uuid, user_id uuid, role text) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.set_server_role(set_server_role.server_id, set_server_role.user_id, set_server_role.role);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.set_server_role(uuid, uuid, text) is
  'Gives a user the role none, viewer, operator or admin on one server; null takes it away again. Returns {server_id, user_id, role}. Admin of the server. Errors: server_not_found, role_required, user_not_found, bad_argument.';

create or replace function hub.list_people(server_id uuid, search text) returns jsonb
language plpgsql
stable
security definer -- users are closed to API roles
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_default text := (select s.default_role from hub.settings as s);
begin
  if list_people.server_id is null then
    perform hub.require_role('admin');
  else
    perform hub.require_server_role(list_people.server_id, 'admin');
  end if;
  if length(list_people.search) > 200 then
    perform hub.refuse('content_too_long', array['search', length(list_people.search)::text, '200']);
  end if;
  return coalesce(
    (
      select jsonb_agg(
        jsonb_build_object(
          'user_id', p.id, 'label', p.label, 'email', p.email, 'member_role', p.role, 'server_roles', p.server_roles,
          'role', hub.role_of(coalesce(p.role, v_default), p.server_roles ->> s.id::text, s.default_role)
        ) order by lower(p.label), p.id
      )
      from (
        select u.id, u.label, u.email, m.role, (
          select coalesce(jsonb_object_agg(own.server_id, own.role), '{}')
          from public.hub_server_members as own
          where own.user_id = u.id and (list_people.server_id is null or own.server_id = list_people.server_id)
        ) as server_roles
        from (
          select a.id, a.email, hub.user_label(a.id) as label
          from auth.users as a where not a.is_anonymous and a.deleted_at is null
        ) as u
        left join public.hub_members as m on m.user_id = u.id
        where list_people.search is null
          or strpos(lower(concat_ws(E'\n', u.label, u.email)), lower(list_people.search)) > 0
          or u.id::text = lower(list_people.search)
        order by lower(u.label), u.id limit 200
      ) as p
      left join public.hub_servers as s on s.id = list_people.server_id
    ),
    '[]'
  );
end
$$;

create or replace function public.list_people(server_id uuid default null, search text default null) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.list_people(list_people.server_id, list_people.search);
end
$$;
comment on function public.list_people(uuid, text) is
  'Who has an account, by name, the first 200: an array of {user_id, label, email, member_role: that of hub_members or null, server_roles: {server id: role} given on servers, role: what comes of it}. server_id: role and server_roles are those on that server. search: the id, or a part of the name or address, at most 200 characters. Admin, or of the server where one is named. Errors: role_required, server_not_found, content_too_long.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.list_people(uuid, text) from public;
grant execute on function public.list_people(uuid, text), hub.list_people(uuid, text)
to anon, authenticated, service_role;
revoke execute on function public.set_server_role(uuid, uuid, text) from public;
grant execute on function public.set_server_role(uuid, uuid, text), hub.set_server_role(uuid, uuid, text)
to anon, authenticated, service_role;
revoke execute on function public.set_server_paused(uuid, boolean) from public;
grant execute on function public.set_server_paused(uuid, boolean), hub.set_server_paused(uuid, boolean)
to anon, authenticated, service_role;
