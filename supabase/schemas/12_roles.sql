-- Roles: who is calling, and what they may do on which server. Every guard, policy, RPC, view, topic and
-- search asks here; the rule itself is hub.role_of() and stands nowhere else.
--
-- A policy asks once for each statement, not for each row: `channel_id in (select hub.channels_with('viewer'))`
-- becomes a set that is made when the first row is looked at. Never write `= any (array)` for it: that would
-- be taken for a condition of an index, and a page would be sorted out of whole channels.

create or replace function hub.api_role() returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_role text := coalesce(nullif(current_setting('role', true), 'none'), session_user);
begin
  if v_role in ('anon', 'authenticated', 'service_role') then
    return v_role;
  end if;
  -- Any other role that is not the owner's, as one that an app's tokens name, is a person at most.
  if not pg_has_role(v_role, (
    select n.nspowner from pg_catalog.pg_namespace as n where n.nspname = 'hub'
  ), 'member') then
    return 'authenticated';
  end if;
  return null;
end
$$;
comment on function hub.api_role() is
  'The API role this call came in with, also inside a definer function; null for a direct SQL session of the owner or a superuser.';

-- The rule -----------------------------------------------------------------------------------------

create or replace function hub.role_of(global_role text, own_role text, default_role text) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when global_role is null or global_role = 'admin' then global_role
    else nullif(coalesce(own_role, default_role, global_role), 'none')
  end;
end
$$;
comment on function hub.role_of(text, text, text) is
  'A person''s role on a server: a global admin is admin everywhere; else their own role there, else the server''s default, else the global role. Null: the server does not exist for them.';

create or replace function hub.global_role(user_id uuid) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select coalesce(m.role, (select s.default_role from hub.settings as s))
    -- The token of a user who was deleted is valid until it expires.
    from auth.users as u
    left join public.hub_members as m on m.user_id = u.id
    where u.id = global_role.user_id and not u.is_anonymous and u.deleted_at is null
  );
end
$$;
comment on function hub.global_role(uuid) is
  'The role of a user where no server says otherwise; null for an anonymous or deleted one, who has no role ever.';

create or replace function hub.server_roles(user_id uuid) returns table (server_id uuid, role text)
language plpgsql
stable
rows 10
set search_path = ''
as $$
declare
  v_global text := hub.global_role(server_roles.user_id);
begin
  return query
  select s.id, r.role
  from public.hub_servers as s
  left join public.hub_server_members as m on m.server_id = s.id and m.user_id = server_roles.user_id
  cross join lateral (select hub.role_of(v_global, m.role, s.default_role) as role) as r
  where r.role is not null;
end
$$;
comment on function hub.server_roles(uuid) is 'The servers that exist for a user, each with the role there.';

-- The caller, globally -------------------------------------------------------------------------------

create or replace function hub.caller_role() returns text
language plpgsql
stable
-- Definer: callers may neither read the settings nor other members' rows.
security definer
set search_path = ''
as $$
declare
  v_role text := hub.api_role();
begin
  if v_role is null or v_role = 'service_role' then
    return 'admin';
  elsif v_role = 'authenticated' then
    return hub.global_role(auth.uid());
  end if;
  return null;
end
$$;
comment on function hub.caller_role() is
  'The caller''s global role, viewer, operator or admin; null for nobody. The service key and direct SQL sessions count as admin.';

create or replace function hub.has_role(role text) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(hub.is_at_least(hub.caller_role(), has_role.role), false);
end
$$;
comment on function hub.has_role(text) is 'Whether the caller''s global role is this one or a higher one.';

create or replace function hub.is_at_least(role text, wanted text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return array_position(array['viewer', 'operator', 'admin'], is_at_least.role)
    >= array_position(array['viewer', 'operator', 'admin'], is_at_least.wanted);
end
$$;
comment on function hub.is_at_least(text, text) is 'Whether a role is as high as another; null without a role.';

create or replace function hub.require_role(role text) returns void
language plpgsql
stable
security definer -- reads the registry of errors
set search_path = ''
as $$
begin
  if not hub.has_role(require_role.role) then
    if hub.caller_role() is null then
      perform hub.refuse('not_signed_in');
    end if;
    perform hub.refuse('role_required', array[require_role.role, hub.caller_role()]);
  end if;
end
$$;
comment on function hub.require_role(text) is
  'Raises not_signed_in or role_required unless the caller has this global role or a higher one.';

-- The caller, on a server ------------------------------------------------------------------------------

create or replace function hub.role_on(server_id uuid) returns text
language plpgsql
stable
security definer -- callers may not read who else is a member
set search_path = ''
as $$
declare
  v_global text := hub.caller_role();
begin
  return (
    select hub.role_of(v_global, m.role, s.default_role)
    from public.hub_servers as s
    left join public.hub_server_members as m on m.server_id = s.id and m.user_id = auth.uid()
    where s.id = role_on.server_id
  );
end
$$;
comment on function hub.role_on(uuid) is
  'The caller''s role on a server: viewer, operator, admin; null where the server does not exist for the caller.';

create or replace function hub.servers_with(role text) returns setof uuid
language plpgsql
stable
rows 10
security definer -- callers may not read who else is a member
set search_path = ''
as $$
declare
  v_global text := hub.caller_role();
  v_user uuid := auth.uid();
begin
  if v_global is not null then
    return query
    select s.id from public.hub_servers as s
    left join public.hub_server_members as m on m.server_id = s.id and m.user_id = v_user
    where hub.is_at_least(hub.role_of(v_global, m.role, s.default_role), servers_with.role);
  end if;
end
$$;
comment on function hub.servers_with(text) is
  'The servers on which the caller has this role or a higher one; with viewer, those that exist for the caller.';

create or replace function hub.channels_with(role text) returns setof uuid
language plpgsql
stable
rows 100
security definer -- callers may not read who else is a member
set search_path = ''
as $$
declare
  v_servers uuid[] := array(select hub.servers_with(channels_with.role));
begin
  return query
  select c.id from public.hub_channels as c where c.server_id = any (v_servers);
end
$$;
comment on function hub.channels_with(text) is
  'The channels on whose servers the caller has this role or a higher one. In a policy: channel_id in (select hub.channels_with(''viewer'')).';

create or replace function hub.is_known_to_all(server_id uuid) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return not exists (
    select from public.hub_servers as s where s.id = is_known_to_all.server_id and s.default_role = 'none'
  ) and not exists (
    select from public.hub_server_members as m where m.server_id = is_known_to_all.server_id and m.role = 'none'
  );
end
$$;
comment on function hub.is_known_to_all(uuid) is
  'Whether a server is hidden from nobody: only of such do feeds and the topic mesh tell.';

create or replace function hub.is_operator_somewhere() returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.has_role('operator') or exists (select hub.servers_with('operator'));
end
$$;
comment on function hub.is_operator_somewhere() is 'Whether the caller is an operator or an admin, of the project or of a server.';

create or replace function hub.require_server_role(server_id uuid, role text) returns void
language plpgsql
stable
security definer -- reads the registry of errors
set search_path = ''
as $$
declare
  v_role text := hub.role_on(require_server_role.server_id);
begin
  if v_role is null then
    perform hub.require_role('viewer');
    perform hub.refuse('server_not_found', array[require_server_role.server_id::text]);
  elsif hub.is_at_least(v_role, require_server_role.role) is not true then
    perform hub.refuse('role_required', array[require_server_role.role, v_role]);
  end if;
end
$$;
comment on function hub.require_server_role(uuid, text) is
  'Raises not_signed_in, server_not_found (also where the server is hidden from the caller) or role_required.';

create or replace function hub.require_channel_role(
  channel_id uuid, role text, missing text default 'channel_not_found', id uuid default null
) returns void
language plpgsql
stable
security definer -- reads the registry of errors
set search_path = ''
as $$
declare
  v_role text := hub.role_on((
    select c.server_id from public.hub_channels as c where c.id = require_channel_role.channel_id
  ));
begin
  if v_role is null then
    perform hub.require_role('viewer');
    perform hub.refuse(require_channel_role.missing, array[
      coalesce(require_channel_role.id, require_channel_role.channel_id)::text
    ]);
  elsif hub.is_at_least(v_role, require_channel_role.role) is not true then
    perform hub.refuse('role_required', array[require_channel_role.role, v_role]);
  end if;
end
$$;
comment on function hub.require_channel_role(uuid, text, text, uuid) is
  'Raises not_signed_in, role_required or, where the channel does not exist for the caller, channel_not_found. What is found by an id of its own is missing in its own name: require_channel_role(v_task.channel_id, ''operator'', ''task_not_found'', task_id).';

revoke execute on all functions in schema hub from public;
grant execute on function
  hub.api_role(), hub.caller_role(), hub.is_at_least(text, text), hub.has_role(text), hub.require_role(text), hub.role_on(uuid),
  hub.servers_with(text), hub.channels_with(text), hub.require_server_role(uuid, text),
  hub.require_channel_role(uuid, text, text, uuid)
to anon, authenticated, service_role;
