-- Members: who may do what, and the names by which the system's texts call people.

create table if not exists public.hub_members (
  user_id uuid primary key references auth.users on delete cascade,
  role text not null check (role in ('viewer', 'operator', 'admin')),
  created_at timestamptz not null default now()
);
comment on table public.hub_members is
  'Who has which role. A user without a row has the default role of the settings row. Written by set_member_role.';
comment on column public.hub_members.role is
  'viewer reads and runs read-only commands; operator also posts, dispatches and enrols devices; admin also manages servers, channels and members.';

create or replace function hub.is_one_line(content text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- Written out: [[:cntrl:]] would depend on the locale.
  return content !~ '[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]';
end
$$;
comment on function hub.is_one_line(text) is
  'Whether a text can stand inside a line of the system''s: no control character, no line end, no mark that turns the reading direction.';

create or replace function hub.one_line(name text) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- Control characters, line ends, and the marks that change the direction of what follows.
  -- Of a profile that somebody made of megabytes, no more than can be shown is looked at.
  return btrim(left(regexp_replace(
    left(name, 1000), '[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\s]+', ' ', 'g'
  ), 80));
end
$$;
comment on function hub.one_line(text) is
  'A name that people choose, safe inside a line of the system''s: at most 80 characters, none that begins a line or turns the reading direction.';

create or replace function hub.user_label(user_id uuid) returns text
language plpgsql
stable
security definer -- auth.users is closed to API roles
set search_path = ''
as $$
declare
  v_label text;
begin
  if user_label.user_id is not null then
    select coalesce(
      (
        select hub.one_line(n.name)
        from unnest(array[
          u.raw_user_meta_data ->> 'name', u.raw_user_meta_data ->> 'full_name', split_part(u.email, '@', 1)
        ]) with ordinality as n (name, position)
        where hub.is_visible(hub.one_line(n.name))
        order by n.position limit 1
      ),
      'user'
    )
    into v_label from auth.users as u where u.id = user_label.user_id;
    -- Nobody is taken for the system or for a device.
    if lower(v_label) = 'aura' or exists (select from public.mesh_devices as d where lower(d.name) = lower(v_label)) then
      v_label := left(v_label, 71) || ' (person)';
    end if;
  end if;
  return coalesce(v_label, case when hub.api_role() = 'service_role' then 'service' else 'admin' end);
end
$$;
comment on function hub.user_label(uuid) is
  'The name shown for a user: name or full_name of the profile, else the e-mail address before the @; marked "(person)" where it is that of the system or of a device.';

-- The settings row is made once; if exactly one person is there at that moment, they become the admin. A
-- later run of this chapter must not promote people who signed up since.
do $$
declare
  v_people uuid[];
begin
  insert into hub.settings (id) values (true) on conflict do nothing;
  if not found then
    return;
  end if;
  select array_agg(u.id) into v_people
  from auth.users as u
  where (u.email_confirmed_at is not null or u.phone_confirmed_at is not null)
    and not u.is_anonymous and u.deleted_at is null
    and (u.banned_until is null or u.banned_until <= now());
  if cardinality(v_people) = 1 then
    insert into public.hub_members (user_id, role) values (v_people[1], 'admin') on conflict do nothing;
  else
    raise notice 'Aura Servers has no admin yet. Make one with: select public.set_member_role(''<user id>'', ''admin'');';
  end if;
end
$$;

create or replace function hub.keep_last_admin() returns trigger
language plpgsql
security definer -- counts admins that the caller may not see
set search_path = ''
as $$
begin
  -- A user deleted from auth.users takes the row along; the app that owns users is not held up.
  if tg_op = 'DELETE' and not exists (select from auth.users as u where u.id = old.user_id) then
    return old;
  end if;
  -- Admins who demote each other take turns. Not by locks of the rows: each holds the other's row by now.
  perform pg_advisory_xact_lock(hashtextextended('hub.last_admin', 0));
  if not exists (
    select from public.hub_members as m where m.role = 'admin' and m.user_id <> old.user_id
  ) then
    perform hub.refuse('last_admin');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

create or replace trigger _100_keep_last_admin_on_delete
before delete on public.hub_members
for each row when (old.role = 'admin')
execute function hub.keep_last_admin();

create or replace trigger _100_keep_last_admin_on_update
before update on public.hub_members
for each row when (old.role = 'admin' and new.role <> 'admin')
execute function hub.keep_last_admin();

alter table public.hub_members enable row level security;
revoke all on public.hub_members from anon, authenticated, service_role;
grant select on public.hub_members to authenticated;
grant select, insert, update, delete on public.hub_members to service_role;

drop policy if exists authenticated_read_members on public.hub_members;
create policy authenticated_read_members on public.hub_members
for select to authenticated
using (user_id = (select auth.uid()) or (select hub.has_role('admin')));

create or replace function hub.require_user(user_id uuid) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  -- An anonymous user is nobody: a role given to one would be forgotten.
  if not exists (
    select from auth.users as u
    where u.id = require_user.user_id and not u.is_anonymous and u.deleted_at is null
  ) then
    perform hub.refuse('user_not_found', array[require_user.user_id::text]);
  end if;
end
$$;
comment on function hub.require_user(uuid) is 'Raises user_not_found unless there is this user, and it is no anonymous one.';

create or replace function hub.set_member_role(user_id uuid, role text) returns jsonb
language plpgsql
security definer -- members are written by nobody else
set search_path = ''
as $$
declare
  v_member public.hub_members;
begin
  perform hub.require_role('admin');
  if set_member_role.role is null or set_member_role.role not in ('viewer', 'operator', 'admin') then
    perform hub.refuse('bad_argument', array['role is one of viewer, operator, admin.']);
  end if;
  perform hub.require_user(set_member_role.user_id);
  insert into public.hub_members as m (user_id, role)
  values (set_member_role.user_id, set_member_role.role)
  on conflict on constraint hub_members_pkey do update set role = excluded.role
  returning * into v_member;
  return to_jsonb(v_member);
end
$$;

create or replace function public.set_member_role(user_id uuid, role text) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.set_member_role(set_member_role.user_id, set_member_role.role);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.set_member_role(uuid, text) is
  'Gives a user the role viewer, operator or admin; returns the hub_members row. Admin. Errors: role_required, user_not_found, last_admin, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.set_member_role(uuid, text) from public;
grant execute on function public.set_member_role(uuid, text), hub.set_member_role(uuid, text)
to anon, authenticated, service_role;
