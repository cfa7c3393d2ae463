begin;
select plan(10);

create function pg_temp.server() returns uuid language sql as $$ select id from public.hub_servers where name = 'buf-barista' $$;
create function pg_temp.people(role text, statement text) returns jsonb language plpgsql as $$
declare
  v_people jsonb;
begin
  perform tests.sign_in(people.role);
  execute statement into v_people;
  perform tests.sign_out();
  return v_people;
end
$$;
create function pg_temp.found(people jsonb, role text) returns jsonb language sql as $$
  select p from jsonb_array_elements(people) as p where p ->> 'user_id' = tests.user_with(found.role)::text
$$;

do $$
begin
  perform public.set_server_role(pg_temp.server(), tests.user_with('viewer'), 'admin');
  perform public.set_server_role(s.id, tests.user_with('viewer'), 'operator') from public.hub_servers as s where s.name = 'cloud-hub';
  perform public.set_server_role(pg_temp.server(), tests.user_with('operator'), 'none');
  update auth.users set raw_user_meta_data = '{"name": "Zoë Ångström"}', email = 'zoe@example.com' where id = tests.user_with('operator');
  perform tests.user_with('stranger');
  insert into auth.users (id, is_anonymous) values (gen_random_uuid(), true);
end
$$;

select is(
  pg_temp.people('admin', 'select public.list_people()') -> -1,
  jsonb_build_object(
    'user_id', tests.user_with('operator'), 'label', 'Zoë Ångström', 'email', 'zoe@example.com',
    'member_role', 'operator', 'server_roles', jsonb_build_object(pg_temp.server(), 'none'), 'role', 'operator'
  ), 'Somebody, with the roles they were given; the last by name'
);
select is(
  jsonb_array_length(pg_temp.people('admin', 'select public.list_people()')),
  (select count(*)::integer from auth.users where not is_anonymous and deleted_at is null),
  'Everybody who has an account, and no anonymous user'
);
select is(
  (select jsonb_object_agg(s.name, r.value) from jsonb_each_text(
    pg_temp.found(pg_temp.people('admin', 'select public.list_people()'), 'viewer') -> 'server_roles'
  ) as r join public.hub_servers as s on s.id::text = r.key),
  '{"buf-barista": "admin", "cloud-hub": "operator"}', 'Without a server, the roles on each'
);
select is(
  pg_temp.found(pg_temp.people('viewer', format('select public.list_people(%L)', pg_temp.server())), 'viewer') -> 'server_roles',
  jsonb_build_object(pg_temp.server(), 'admin'), 'On a server, the role there alone: its admin learns of no other server'
);
select is(
  pg_temp.found(pg_temp.people('viewer', format('select public.list_people(%L)', pg_temp.server())), 'operator') -> 'role',
  'null', 'Who has none there has none'
);
select is(
  pg_temp.found(pg_temp.people('admin', 'select public.list_people()'), 'stranger') - 'label' - 'email',
  jsonb_build_object(
    'user_id', tests.user_with('stranger'), 'member_role', null, 'server_roles', '{}'::jsonb,
    'role', (select default_role from hub.settings)
  ), 'A stranger has the default role'
);
select is(
  (select array_agg(p ->> 'label') from jsonb_array_elements(pg_temp.people('admin', 'select public.list_people(search => ''ÅNGS'')')) as p),
  array['Zoë Ångström'], 'A part of a name finds them, in small letters or large'
);
select is(
  jsonb_array_length(pg_temp.people('admin', 'select public.list_people(search => ''ZOE@'')')), 1, 'and a part of the address'
);
select is(
  pg_temp.people('admin', format('select public.list_people(search => %L)', upper(tests.user_with('viewer')::text))) -> 0 ->> 'user_id',
  tests.user_with('viewer')::text, 'or the whole id'
);
select is(
  tests.error_of('select public.list_people(search => repeat(''x'', 201))'), 'content_too_long', 'A search has 200 characters'
);

select * from finish();
rollback;
