-- An app may have functions or tables of the names that are new: they stay its own.
do $$
declare
  v_taken text;
begin
  select string_agg(n.name, ', ') into v_taken
  from unnest(array['public.order_channels(uuid, uuid[])', 'public.order_servers(uuid[])', 'public.set_device_servers(uuid, uuid[])']) as n (name)
  where case
    when n.name like '%)' then to_regprocedure(n.name) is not null
    else to_regclass(n.name) is not null
  end;
  if v_taken is not null and to_regprocedure('hub.order_channels(uuid, uuid[])') is null then
    raise exception 'The schema public has what Aura Servers would take for its own: %.', v_taken
    using hint = 'Nothing was changed. Rename it.';
  end if;
end
$$;

SET local check_function_bodies = off;

ALTER TABLE "public"."hub_channels"
  ADD COLUMN IF NOT EXISTS "position" integer;

ALTER TABLE "public"."hub_servers"
  ADD COLUMN IF NOT EXISTS "position" integer;

CREATE OR REPLACE FUNCTION hub.order_channels (
  server_id   uuid,
  channel_ids uuid[]
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION hub.order_servers (
  server_ids uuid[]
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
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
$function$;

CREATE OR REPLACE FUNCTION hub.require_device (
  name        text,
  platform    text,
  max_running integer,
  servers     uuid[]
)
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
begin
  if coalesce(length(require_device.name), 0) = 0 or require_device.name <> hub.one_line(require_device.name)
    or not hub.is_visible(require_device.name) or lower(require_device.name) = 'aura'
  then
    perform hub.refuse('bad_argument', array[
      'name has 1 to 80 visible characters, one space between words, and is not Aura.'
    ]);
  end if;
  if require_device.platform is null or require_device.platform not in ('macos', 'linux', 'windows') then
    perform hub.refuse('bad_argument', array['platform is one of macos, linux, windows.']);
  end if;
  if coalesce(require_device.max_running, 1) not between 1 and 100 then
    perform hub.refuse('bad_argument', array['max_running is from 1 to 100.']);
  end if;
  perform hub.require_device_servers(require_device.servers);
end
$function$;

CREATE OR REPLACE FUNCTION hub.require_device_servers (
  servers uuid[]
)
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
begin
  if cardinality(require_device_servers.servers) not between 1 and 100 then
    perform hub.refuse('bad_argument', array['servers names 1 to 100 servers; null: all of them.']);
  end if;
  perform hub.require_server_role(s.id, 'operator') from unnest(require_device_servers.servers) as s (id);
end
$function$;

CREATE OR REPLACE FUNCTION hub.require_order (
  argument text,
  ids      uuid[]
)
  RETURNS void
  LANGUAGE plpgsql
  STABLE
  SET search_path TO ''
  AS $function$
begin
  if coalesce(cardinality(require_order.ids), 0) not between 1 and 1000
    or cardinality(require_order.ids) <> (select count(distinct i.id) from unnest(require_order.ids) as i (id))
  then
    perform hub.refuse('bad_argument', array[format('%s names 1 to 1000 different ones.', require_order.argument)]);
  end if;
end
$function$;

CREATE OR REPLACE FUNCTION hub.set_device_servers (
  device_id uuid,
  servers   uuid[]
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  AS $function$
declare
  v_device public.mesh_devices;
begin
  v_device := hub.own_device(set_device_servers.device_id, by_operators => false);
  perform hub.require_device_servers(set_device_servers.servers);
  update public.mesh_devices as d
  set server_ids = (select array_agg(distinct s.id) from unnest(set_device_servers.servers) as s (id))
  where d.id = v_device.id
  returning * into v_device;
  return to_jsonb(v_device);
end
$function$;

CREATE OR REPLACE FUNCTION public.order_channels (
  server_id   uuid,
  channel_ids uuid[]
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SET search_path TO ''
  SET lock_timeout TO '2500ms'
  AS $function$
begin
  return hub.order_channels(order_channels.server_id, order_channels.channel_ids);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$function$;

CREATE OR REPLACE FUNCTION public.order_servers (
  server_ids uuid[]
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SET search_path TO ''
  SET lock_timeout TO '2500ms'
  AS $function$
begin
  return hub.order_servers(order_servers.server_ids);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$function$;

CREATE OR REPLACE FUNCTION public.set_device_servers (
  device_id uuid,
  servers   uuid[]
)
  RETURNS jsonb
  LANGUAGE plpgsql
  SET search_path TO ''
  SET lock_timeout TO '2500ms'
  AS $function$
begin
  return hub.set_device_servers(set_device_servers.device_id, set_device_servers.servers);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$function$;

COMMENT ON COLUMN "public"."hub_channels"."position" IS 'Its place among the channels of its server; null: after those that have one, oldest first. Written by order_channels.';

COMMENT ON COLUMN "public"."hub_servers"."position" IS 'Its place among the servers; null: after those that have one, oldest first. Written by order_servers.';

COMMENT ON FUNCTION "hub"."require_device_servers"(uuid[]) IS 'Raises bad_argument, server_not_found or role_required for servers that the caller''s devices cannot be for.';

COMMENT ON FUNCTION "hub"."require_order"(text, uuid[]) IS 'Raises bad_argument unless these are ids of different things that can be put into this order.';

COMMENT ON FUNCTION "public"."order_channels"(uuid, uuid[]) IS 'Puts the channels of a server into this order, those that are not named after the others as they were; returns all hub_channels rows of the server in their order. Admin of the server. Errors: server_not_found, role_required, channel_not_found, bad_argument.';

COMMENT ON FUNCTION "public"."order_servers"(uuid[]) IS 'Puts the servers into this order, those that are not named after the others as they were; returns all hub_servers rows in their order. Admin. Errors: role_required, server_not_found, bad_argument.';

COMMENT ON FUNCTION "public"."set_device_servers"(uuid, uuid[]) IS 'Makes a device work for these servers alone, or, with null, for all on which whoever registered it is an operator; what it runs goes on. Returns the mesh_devices row. Who registered it, or an admin. Errors: device_not_found, role_required, server_not_found, bad_argument.';

REVOKE ALL ON FUNCTION "hub"."order_channels"(uuid, uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION "hub"."order_channels"(uuid, uuid[]) TO "anon", "authenticated", "service_role";

REVOKE ALL ON FUNCTION "hub"."order_servers"(uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION "hub"."order_servers"(uuid[]) TO "anon", "authenticated", "service_role";

REVOKE ALL ON FUNCTION "hub"."require_device_servers"(uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION "hub"."require_order"(text, uuid[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION "hub"."set_device_servers"(uuid, uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION "hub"."set_device_servers"(uuid, uuid[]) TO "anon", "authenticated", "service_role";

REVOKE ALL ON FUNCTION "public"."order_channels"(uuid, uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION "public"."order_channels"(uuid, uuid[]) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."order_channels"(uuid, uuid[]) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."order_channels"(uuid, uuid[]) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."order_channels"(uuid, uuid[]) TO "service_role";

REVOKE ALL ON FUNCTION "public"."order_servers"(uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION "public"."order_servers"(uuid[]) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."order_servers"(uuid[]) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."order_servers"(uuid[]) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."order_servers"(uuid[]) TO "service_role";

REVOKE ALL ON FUNCTION "public"."set_device_servers"(uuid, uuid[]) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION "public"."set_device_servers"(uuid, uuid[]) TO "anon", "authenticated";

REVOKE ALL ON FUNCTION "public"."set_device_servers"(uuid, uuid[]) FROM "postgres";

GRANT EXECUTE ON FUNCTION "public"."set_device_servers"(uuid, uuid[]) TO "postgres";

GRANT EXECUTE ON FUNCTION "public"."set_device_servers"(uuid, uuid[]) TO "service_role";
