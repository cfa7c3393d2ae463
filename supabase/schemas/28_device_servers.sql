-- Which device works for which server: all that its server_ids name, and where it names none, all of them;
-- and of these only such on which whoever registered it is an operator, since a device reads what it claims.
--
-- What follows from that is kept as a list of what is barred, nearly always empty, so that a claim asks for
-- it at no cost. It is made anew whenever a role, a server or a device changes.

create table if not exists hub.barred_servers (
  device_id uuid not null references public.mesh_devices on delete cascade,
  -- No foreign key: all zeros stand for tasks of no channel, as in hub.lanes.
  server_id uuid not null,
  primary key (device_id, server_id)
);
comment on table hub.barred_servers is
  'Servers that a device does not work for: its server_ids leave them out, or who registered it is no operator there. Kept by trigger: never write it.';

create or replace function hub.bar_servers() returns void
language plpgsql
set search_path = ''
as $$
begin
  -- In turns: two changes at once would each miss what the other has made.
  perform pg_advisory_xact_lock(hashtextextended('hub.bar_servers', 0));
  with servers as (
    select s.id from public.hub_servers as s
    union all select '00000000-0000-0000-0000-000000000000'
  ),
  rights as (
    select u.registered_by, r.server_id
    from (select distinct d.registered_by from public.mesh_devices as d where d.registered_by is not null) as u
    cross join lateral (
      select own.server_id from hub.server_roles(u.registered_by) as own where hub.is_at_least(own.role, 'operator')
      union all
      select '00000000-0000-0000-0000-000000000000' where hub.is_at_least(hub.global_role(u.registered_by), 'operator')
    ) as r
  ),
  barred as (
    select d.id as device_id, s.id as server_id
    from public.mesh_devices as d
    cross join servers as s
    where s.id <> all (d.server_ids)
      or d.registered_by is not null and (d.registered_by, s.id) not in (select r.registered_by, r.server_id from rights as r)
  ),
  lifted as (
    delete from hub.barred_servers as b
    where (b.device_id, b.server_id) not in (select w.device_id, w.server_id from barred as w)
  )
  insert into hub.barred_servers (device_id, server_id)
  select w.device_id, w.server_id from barred as w
  on conflict do nothing;
end
$$;
comment on function hub.bar_servers() is 'Makes hub.barred_servers anew from devices, servers and roles.';

create or replace function hub.is_known_device(device public.mesh_devices) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return not exists (select from unnest(device.server_ids) as s (id) where not hub.is_known_to_all(s.id));
end
$$;
comment on function hub.is_known_device(public.mesh_devices) is
  'Whether everybody may know of a device: it works for no server that is hidden from somebody.';

create or replace function hub.follow_device() returns trigger
language plpgsql
security definer -- a user who is deleted takes the name along as another role
set search_path = ''
as $$
begin
  if old.registered_by is not null and new.registered_by is null then
    -- Not "anybody's", but of somebody who is gone.
    delete from hub.device_tokens as t where t.device_id = new.id;
  end if;
  perform hub.bar_servers();
  return null;
end
$$;

create or replace trigger _400_follow_device
after insert on public.mesh_devices
for each row when (new.server_ids is not null or new.registered_by is not null)
execute function hub.follow_device();

create or replace trigger _400_follow_device_on_change
after update of server_ids, registered_by on public.mesh_devices
for each row when ((old.server_ids, old.registered_by) is distinct from (new.server_ids, new.registered_by))
execute function hub.follow_device();

-- A server that is deleted is nobody's any more.
create or replace function hub.forget_server() returns trigger
language plpgsql
security definer -- devices are written by nobody else
set search_path = ''
as $$
begin
  update public.mesh_devices as d set server_ids = array_remove(d.server_ids, old.id)
  where old.id = any (d.server_ids);
  return null;
end
$$;

create or replace trigger _400_forget_server
after delete on public.hub_servers
for each row execute function hub.forget_server();

revoke execute on all functions in schema hub from public;
