-- In which order servers and channels stand.

alter table public.hub_servers
  add column if not exists position integer;
comment on column public.hub_servers.position is
  'Its place among the servers; null: after those that have one, oldest first. Written by order_servers.';
alter table public.hub_channels
  add column if not exists position integer;
comment on column public.hub_channels.position is
  'Its place among the channels of its server; null: after those that have one, oldest first. Written by order_channels.';

create or replace function hub.require_order(argument text, ids uuid[]) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if coalesce(cardinality(require_order.ids), 0) not between 1 and 1000
    or cardinality(require_order.ids) <> (select count(distinct i.id) from unnest(require_order.ids) as i (id))
  then
    perform hub.refuse('bad_argument', array[format('%s names 1 to 1000 different ones.', require_order.argument)]);
  end if;
end
$$;
comment on function hub.require_order(text, uuid[]) is
  'Raises bad_argument unless these are ids of different things that can be put into this order.';

create or replace function hub.order_servers(server_ids uuid[]) returns jsonb
language plpgsql
security definer -- positions are written by nobody else
set search_path = ''
as $$
declare
  v_unknown uuid;
begin
  perform hub.require_role('admin');
  perform hub.require_order('server_ids', order_servers.server_ids);
  perform from public.hub_servers as s order by s.id for no key update;
  select i.id into v_unknown from unnest(order_servers.server_ids) as i (id)
  where not exists (select from public.hub_servers as s where s.id = i.id) limit 1;
  if found then
    perform hub.refuse('server_not_found', array[v_unknown::text]);
  end if;
  -- In steps of no particular size: a gap is not to tell of a server that is hidden.
  update public.hub_servers as s set position = o.position
  from (
    select r.id, sum(1 + floor(random() * 1000)::integer) over (
      order by array_position(order_servers.server_ids, r.id), r.position, r.created_at, r.name
    ) as position
    from public.hub_servers as r
  ) as o
  where o.id = s.id;
  return (select jsonb_agg(s order by s.position) from public.hub_servers as s);
end
$$;

create or replace function public.order_servers(server_ids uuid[]) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.order_servers(order_servers.server_ids);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.order_servers(uuid[]) is
  'Puts the servers into this order, those that are not named after the others as they were; returns all hub_servers rows in their order. Admin. Errors: role_required, server_not_found, bad_argument.';

create or replace function hub.order_channels(server_id uuid, channel_ids uuid[]) returns jsonb
language plpgsql
security definer -- positions are written by nobody else
set search_path = ''
as $$
declare
  v_unknown uuid;
begin
  perform hub.require_server_role(order_channels.server_id, 'admin');
  perform hub.require_order('channel_ids', order_channels.channel_ids);
  perform from public.hub_channels as c where c.server_id = order_channels.server_id
  order by c.id for no key update;
  select i.id into v_unknown from unnest(order_channels.channel_ids) as i (id)
  where not exists (
    select from public.hub_channels as c where c.id = i.id and c.server_id = order_channels.server_id
  ) limit 1;
  if found then
    perform hub.refuse('channel_not_found', array[v_unknown::text]);
  end if;
  update public.hub_channels as c set position = o.position
  from (
    select r.id, row_number() over (
      order by array_position(order_channels.channel_ids, r.id), r.position, r.created_at, r.name
    ) as position
    from public.hub_channels as r where r.server_id = order_channels.server_id
  ) as o
  where o.id = c.id and c.position is distinct from o.position;
  return (
    select jsonb_agg(c order by c.position) from public.hub_channels as c
    where c.server_id = order_channels.server_id
  );
end
$$;

create or replace function public.order_channels(server_id uuid, channel_ids uuid[]) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.order_channels(order_channels.server_id, order_channels.channel_ids);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.order_channels(uuid, uuid[]) is
  'Puts the channels of a server into this order, those that are not named after the others as they were; returns all hub_channels rows of the server in their order. Admin of the server. Errors: server_not_found, role_required, channel_not_found, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.order_servers(uuid[]), public.order_channels(uuid, uuid[]) from public;
grant execute on function
  public.order_servers(uuid[]), hub.order_servers(uuid[]),
  public.order_channels(uuid, uuid[]), hub.order_channels(uuid, uuid[])
to anon, authenticated, service_role;
