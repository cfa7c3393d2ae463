-- Roles by server: the row of a person, the server's default, the global role, in this order.
begin;
select no_plan();

do $$
begin
  update hub.settings set default_role = 'viewer' where id;
  perform tests.user_with(r) from unnest(array['stranger', 'viewer', 'operator', 'admin']) as r;
end
$$;
create function pg_temp.server() returns uuid language sql as $$
  select s.id from public.hub_servers as s where s.name = 'buf-barista'
$$;
create function pg_temp.role_on(role text) returns text language plpgsql as $$
declare
  v_server uuid := pg_temp.server();
  v_role text;
begin
  perform tests.sign_in(role_on.role);
  v_role := hub.role_on(v_server);
  perform tests.sign_out();
  return v_role;
end
$$;

-- Somebody's global role, the server's default and their own row there make their role on the server.
do $$
declare
  v_case record;
begin
  create temp table outcomes (global text, server_default text, own text, role text);
  for v_case in
    select * from unnest(array['anon', 'stranger', 'viewer', 'operator', 'admin']) as g (global)
    cross join unnest(array[null, 'none', 'viewer', 'operator']) as d (server_default)
    cross join unnest(array[null, 'none', 'viewer', 'operator', 'admin']) as o (own)
  loop
    update public.hub_servers set default_role = v_case.server_default where id = pg_temp.server();
    if v_case.global <> 'anon' then
      perform public.set_server_role(pg_temp.server(), tests.user_with(v_case.global), v_case.own);
    end if;
    insert into outcomes values (v_case.global, v_case.server_default, v_case.own, pg_temp.role_on(v_case.global));
  end loop;
end
$$;
select is(o.role, case
    when o.global = 'anon' then null
    when o.global = 'admin' then 'admin'
    else nullif(coalesce(o.own, o.server_default, case o.global when 'stranger' then 'viewer' else o.global end), 'none')
  end, format('%s, default %s, own %s', o.global, o.server_default, o.own))
from outcomes as o;

-- set_server_role: who may, what it answers.
do $$ begin update public.hub_servers set default_role = null where id = pg_temp.server(); delete from public.hub_server_members; end $$;
create function pg_temp.refusal(role text, statement text) returns text language plpgsql as $$
declare
  v_error text;
begin
  perform tests.sign_in(refusal.role);
  v_error := tests.error_of(statement);
  perform tests.sign_out();
  return v_error;
end
$$;
select is(pg_temp.refusal(c.role, format('select public.set_server_role(%L, %L, %L)', pg_temp.server(), tests.user_with(c.member), c.given)), c.error,
  format('%s makes %s %s: %s', c.role, c.member, coalesce(c.given, 'nothing of their own'), coalesce(c.error, 'done')))
from (values
  ('anon', 'viewer', 'admin', 'not_signed_in'),
  ('operator', 'operator', 'admin', 'role_required'),
  ('admin', 'operator', 'owner', 'bad_argument'),
  ('admin', 'stranger', 'admin', null),
  ('stranger', 'viewer', 'operator', null), -- now an admin of this server, and of no other
  ('stranger', 'viewer', null, null),
  ('stranger', 'operator', 'none', null),
  ('operator', 'viewer', 'viewer', 'server_not_found'),
  ('service_role', 'operator', null, null)
) as c (role, member, given, error);
select is(pg_temp.refusal('stranger', format('select public.set_server_role(%L, %L, ''viewer'')', s.id, tests.user_with('viewer'))), 'role_required',
  format('An admin of one server is none of %s', s.name))
from public.hub_servers as s where s.name <> 'buf-barista';
select is(pg_temp.refusal('admin', format('select public.set_server_role(%L, %L, ''viewer'')', pg_temp.server(), gen_random_uuid())), 'user_not_found', 'A member is a user');
select is(pg_temp.refusal('stranger', format('insert into public.hub_channels (server_id, name, display_name) values (%L, ''made'', ''Made'')', pg_temp.server())), null,
  'An admin of a server makes its channels');
select is(pg_temp.refusal('stranger', format('insert into public.hub_channels (server_id, name, display_name) select s.id, ''made'', ''Made'' from public.hub_servers as s where s.name = ''cloud-hub''')), '42501',
  'and no others');
select is(pg_temp.refusal('stranger', 'update public.hub_servers set display_name = ''Mine'''), 'role_required', 'and no server');

-- Anonymous users are nobody, whatever they were given.
do $$
declare
  v_user uuid := tests.user_with('viewer');
begin
  update auth.users set is_anonymous = true where id = v_user;
end
$$;
select is(pg_temp.role_on('viewer'), null, 'An anonymous user has no role on a server');
select is(pg_temp.refusal('viewer', 'select public.whoami()'), 'not_signed_in', 'nor any other');
select is(pg_temp.refusal('admin', format('select public.set_server_role(%L, %L, ''viewer'')', pg_temp.server(), tests.user_with('viewer'))), 'user_not_found', 'and is given none');
select is(pg_temp.refusal('admin', format('select public.set_member_role(%L, ''viewer'')', tests.user_with('viewer'))), 'user_not_found', 'nowhere');

-- whoami tells the role for each server.
do $$
begin
  perform public.set_server_role(pg_temp.server(), tests.user_with('operator'), 'none');
  perform public.set_server_role(s.id, tests.user_with('operator'), 'viewer') from public.hub_servers as s where s.name = 'cloud-hub';
  perform tests.sign_in('operator');
end
$$;
select is(
  (select array_agg(s ->> 'name' || ' ' || (s ->> 'role')) from jsonb_array_elements(public.whoami() -> 'servers') as s),
  array['cloud-hub viewer', 'koji-pipeline operator'], 'whoami() names the servers that exist for the caller, each with the role'
);
do $$ begin perform tests.sign_out(); end $$;

select * from finish();
rollback;
