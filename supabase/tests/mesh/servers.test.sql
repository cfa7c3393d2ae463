-- Which servers a device works for, who may register and remove it, and who sees it.
begin;
select no_plan();

do $$
begin
  update hub.settings set default_role = 'viewer' where id;
  perform tests.user_with(r) from unnest(array['stranger', 'viewer', 'operator', 'admin']) as r;
end
$$;
create function pg_temp.server(name text) returns uuid language sql security definer as $$
  select s.id from public.hub_servers as s where s.name = server.name
$$;
create function pg_temp.register(role text, name text, variadic servers text[]) returns jsonb language plpgsql as $$
declare
  v_ids uuid[] := (select array_agg(pg_temp.server(n)) from unnest(servers) as n where n <> '');
  v_answer jsonb;
begin
  perform tests.sign_in(register.role);
  begin
    v_answer := public.register_device(register.name, 'linux', '["claude"]', 10, v_ids);
  exception when others then
    declare
      v_detail text;
    begin
      get stacked diagnostics v_detail = pg_exception_detail;
      v_answer := to_jsonb(v_detail);
    end;
  end;
  perform tests.sign_out();
  return v_answer;
end
$$;
-- What a device would claim. It is undone again.
create function pg_temp.claims(device jsonb) returns text[] language plpgsql as $$
declare
  v_tasks jsonb;
begin
  perform public.device_heartbeat(device ->> 'token', '{}');
  v_tasks := public.claim_tasks(device ->> 'token', 10);
  raise 'undone' using errcode = 'TE000';
exception when sqlstate 'TE000' then
  return array(select t ->> 'content' from jsonb_array_elements(v_tasks) as t order by 1);
end
$$;

select public.dispatch_task(tests.channel('buf-barista/quick'), 'barista');
select public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'cloud');
insert into mac_tasks (content) values ('of no channel');

-- Limited to servers.
select tests.keep('all', pg_temp.register('operator', 'servers-all', ''));
select tests.keep('one', pg_temp.register('operator', 'servers-one', 'cloud-hub'));
select is(pg_temp.claims(tests.kept('one')), array['cloud'], 'A device claims for its servers and for no other');
select is(pg_temp.claims(tests.kept('all')), array['barista', 'cloud', 'of no channel'], 'one without a limit for all');
select is((select d.registered_by from mesh_devices as d where d.name = 'servers-one'), tests.user_with('operator'), 'and it is known who registered it');
select is((pg_temp.register('operator', 'servers-one', '') #>> '{device,server_ids}')::text, (tests.kept('one') #>> '{device,server_ids}')::text,
  'registered again without servers, its limit stays');

-- A model that only a device of another server runs is no model here.
select tests.keep('only', public.register_device('servers-only', 'macos', '["codex"]', 10, array[pg_temp.server('buf-barista')]));
select public.device_heartbeat(tests.kept('only') ->> 'token', '{}');
select public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'for codex', model => 'codex');
select is(pg_temp.claims(tests.kept('all')), array['barista', 'cloud', 'for codex', 'of no channel'],
  'The model that is used is one of a device that works for the server');

-- Limited, and no longer, later on.
create function pg_temp.limit_to(role text, device text, variadic servers text[]) returns text language plpgsql as $$
declare
  v_error text;
begin
  perform tests.sign_in(limit_to.role);
  v_error := tests.error_of(format(
    'select public.set_device_servers(%L, %L)',
    (select d.id from public.mesh_devices as d where d.name = device),
    (select array_agg(pg_temp.server(n)) from unnest(servers) as n where n <> '')
  ));
  perform tests.sign_out();
  return v_error;
end
$$;
select is(pg_temp.limit_to('operator', 'servers-all', 'buf-barista'), null, 'Who registered a device says for which servers it is');
select is(pg_temp.claims(tests.kept('all')), array['barista'], 'which counts at once');
select is(pg_temp.limit_to('viewer', 'servers-all', ''), 'role_required', 'and nobody else does');
select is(pg_temp.limit_to('admin', 'servers-all', ''), null, 'but an admin');
select is(pg_temp.claims(tests.kept('all')), array['barista', 'cloud', 'for codex', 'of no channel'], 'with null it works for all again');
select is(
  tests.error_of(format('select public.set_device_servers(%L, %L)', (select d.id from mesh_devices as d where d.name = 'servers-all'), c.servers)), c.error,
  format('servers is not %s', c.servers)
) from (values ('{}', 'bad_argument'), (format('{%s}', gen_random_uuid()), 'server_not_found'), ('{null}', 'server_not_found')) as c (servers, error);

-- Who is no operator of a server has no device that reads its tasks.
do $$ begin perform public.set_server_role(pg_temp.server('cloud-hub'), tests.user_with('operator'), 'none'); end $$;
select is(pg_temp.claims(tests.kept('all')), array['barista', 'of no channel'], 'A device works where who registered it is an operator');
do $$ begin perform public.set_server_role(pg_temp.server('cloud-hub'), tests.user_with('operator'), null); end $$;
select is(pg_temp.claims(tests.kept('all')), array['barista', 'cloud', 'for codex', 'of no channel'], 'again once they are');

-- Who may register what.
do $$ begin perform public.set_server_role(pg_temp.server('buf-barista'), tests.user_with('viewer'), 'operator'); end $$;
select is(pg_temp.register(c.role, c.name, variadic c.servers) #>> '{}', c.error, format('%s registers %s for %s: %s', c.role, c.name, c.servers, c.error))
from (values
  ('stranger', 'servers-a', '{""}'::text[], 'role_required'),
  ('stranger', 'servers-a', '{buf-barista}', 'role_required'),
  ('viewer', 'servers-a', '{buf-barista,cloud-hub}', 'role_required'),
  ('viewer', 'servers-one', '{""}', 'device_name_taken'),
  ('viewer', 'Aura', '{""}', 'bad_argument'),
  ('operator', E'\u2800', '{""}', 'bad_argument')
) as c (role, name, servers, error);
select tests.keep('viewers', pg_temp.register('viewer', 'servers-viewer', ''));
select is(pg_temp.claims(tests.kept('viewers')), array['barista'], 'An operator of one server registers a device, which works for that one');
select is(pg_temp.register('admin', 'servers-viewer', '') #>> '{device,registered_by}', tests.user_with('admin')::text, 'An admin may register any device anew');
select is(
  (select m.content from hub_channel_messages as m where m.metadata ->> 'event' = 'device_registered' order by m.created_at desc limit 1),
  '🔑 servers-viewer (linux) was registered anew by admin: its old token has stopped working', 'and heartbeat says so'
);

-- A device of a server that is hidden is hidden.
create function pg_temp.seen(role text) returns text[] language plpgsql as $$
declare
  v_seen text[];
begin
  perform tests.sign_in(seen.role);
  v_seen := array(
    select d.name from public.mesh_devices as d where d.name like 'servers-%'
    intersect select d.name from public.mesh_devices as d join public.mesh_device_models as m on m.device_id = d.id order by 1
  );
  perform tests.sign_out();
  return v_seen;
end
$$;
select is(pg_temp.seen('stranger'), array['servers-all', 'servers-one', 'servers-only', 'servers-viewer'], 'Everybody sees devices of servers they may read');
delete from realtime.messages;
do $$ begin update public.hub_servers set default_role = 'none' where name = 'cloud-hub'; end $$;
select is(pg_temp.seen('stranger'), array['servers-all', 'servers-only', 'servers-viewer'], 'and none that works for one they may not');
select is(pg_temp.seen('admin'), array['servers-all', 'servers-one', 'servers-only', 'servers-viewer'], 'Admins see all');
update mesh_devices set max_running = 3 where name = 'servers-one';
select is((select count(*) from realtime.messages where topic = 'mesh' and payload ->> 'name' = 'servers-one'), 0::bigint, 'Nothing is told of it on the topic of all devices');
select tests.keep('one_id', (select d.id from mesh_devices as d where d.name = 'servers-one'));
do $$ begin perform tests.sign_in('viewer'); end $$;
select is(tests.error_of(format('select public.%s', c.call)), 'device_not_found', format('%s finds no hidden device', c.call))
from (select format('set_device_draining(%s, true)', quote_literal(tests.kept('one_id') #>> '{}')) as call
  union all select format('remove_device(%s)', quote_literal(tests.kept('one_id') #>> '{}'))
  union all select format('set_device_servers(%s, null)', quote_literal(tests.kept('one_id') #>> '{}'))) as c;
do $$ begin perform tests.sign_out(); end $$;

-- remove_device.
create function pg_temp.remove(role text, device text) returns text language plpgsql as $$
declare
  v_id uuid := (select d.id from public.mesh_devices as d where d.name = device);
  v_error text;
begin
  perform tests.sign_in(remove.role);
  v_error := tests.error_of(format('select public.remove_device(%L)', v_id));
  perform tests.sign_out();
  return v_error;
end
$$;
select is(pg_temp.remove('viewer', 'servers-all'), 'role_required', 'Nobody removes the device of somebody else');
select is(pg_temp.remove('operator', 'servers-all'), null, 'but who registered it');
select is(pg_temp.remove('admin', 'servers-only'), null, 'and admins');
select is(tests.error_of(format('select public.claim_tasks(%L)', tests.kept('all') ->> 'token')), 'bad_device_token', 'with its token');

-- A server that goes is nobody's any more.
delete from hub_servers where name = 'cloud-hub';
select is((select d.server_ids from mesh_devices as d where d.name = 'servers-one'), '{}'::uuid[], 'A device of a server that is gone works for none');

select * from finish();
rollback;
