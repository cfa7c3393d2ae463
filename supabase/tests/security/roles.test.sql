-- Who has which role, who may change it, and that nothing but a role opens a door.
begin;
select no_plan();

do $$
begin
  update hub.settings set default_role = 'viewer' where id;
  perform set_config('tests.' || r, tests.user_with(r)::text, true)
  from unnest(array['stranger', 'viewer', 'operator', 'admin']) as r;
  -- The test's admin is the only one.
  delete from public.hub_members as m where m.role = 'admin' and m.user_id <> (select tests.user_with('admin'));
end
$$;

create function pg_temp.role_of(role text) returns text
language plpgsql
as $$
declare
  v_role text;
begin
  perform tests.sign_in(role_of.role);
  v_role := hub.caller_role();
  perform tests.sign_out();
  return v_role;
end
$$;
create function pg_temp.refusal(role text, statement text) returns text
language plpgsql
as $$
declare
  v_error text;
begin
  perform tests.sign_in(refusal.role);
  v_error := tests.error_of(statement);
  perform tests.sign_out();
  return v_error;
end
$$;

select is(pg_temp.role_of(r.name), r.role, format('%s counts as %s', r.name, coalesce(r.role, 'nobody')))
from (values
  ('anon', null), ('stranger', 'viewer'), ('viewer', 'viewer'), ('operator', 'operator'), ('admin', 'admin'),
  ('service_role', 'admin')
) as r (name, role);
select is(hub.caller_role(), 'admin', 'The owner''s own session counts as admin');

do $$ begin update hub.settings set default_role = 'operator' where id; end $$;
do $$ begin perform set_config('request.jwt.claims', jsonb_build_object('sub', gen_random_uuid(), 'role', 'authenticated')::text, true), set_config('role', 'authenticated', true); end $$;
select is(hub.caller_role(), null, 'A user who was deleted counts as nobody, while the token lasts');
select tests.sign_out();

select is(pg_temp.role_of('stranger'), 'operator', 'The default role is that of the settings, at once');
select is(pg_temp.role_of('viewer'), 'viewer', 'and a row in hub_members comes first');
do $$ begin update hub.settings set default_role = 'viewer' where id; end $$;

-- A token without a user, and a role that this project does not know.
set local role authenticated;
select is(hub.caller_role(), null, 'A signed-in role without a user is nobody');
select is(tests.error_of($$ select public.whoami() $$), 'not_signed_in', 'and is refused so');
set local role none;
create role tests_custom;
grant authenticated to tests_custom;
do $$ begin execute format('grant tests_custom to %I', session_user); end $$;
set local role tests_custom;
select is(hub.caller_role(), null, 'A role of the app''s own, without a user, is nobody');
do $$ begin perform set_config('request.jwt.claims', jsonb_build_object('sub', current_setting('tests.stranger'))::text, true); end $$;
select is(hub.caller_role(), 'viewer', 'with a user it is that user');
select is(tests.error_of($$ select public.update_settings('{}') $$), 'role_required', 'and no admin');
do $$ begin perform tests.sign_out(); end $$;

-- Commands that change data ----------------------------------------------------------------------

select is(
  pg_temp.refusal('viewer', format('select public.execute_command(tests.channel(''koji-pipeline/leads''), %L)',
    case when c.usage like '%>' then '!' || c.name || ' 1' else '!' || c.name end)) is not distinct from 'role_required',
  c.changes_data, format('!%s: a viewer is refused: %s', c.name, c.changes_data)
)
from koji.commands as c
order by c.name;

-- set_member_role --------------------------------------------------------------------------------

select is(pg_temp.refusal(c.role, format('select public.set_member_role(%L, %L)', tests.user_with(c.member), c.given)), c.error,
  format('%s makes %s %s: %s', c.role, c.member, c.given, coalesce(c.error, 'done')))
from (values
  ('anon', 'stranger', 'admin', 'not_signed_in'),
  ('stranger', 'stranger', 'admin', 'role_required'),
  ('viewer', 'viewer', 'operator', 'role_required'),
  ('operator', 'operator', 'admin', 'role_required'),
  ('operator', 'admin', 'viewer', 'role_required'),
  ('admin', 'admin', 'operator', 'last_admin'),
  ('admin', 'stranger', 'owner', 'bad_argument'),
  ('admin', 'stranger', null, 'bad_argument'),
  ('admin', 'stranger', 'operator', null),
  ('service_role', 'viewer', 'admin', null),
  ('admin', 'admin', 'viewer', null), -- there is another one now
  ('viewer', 'viewer', 'viewer', 'last_admin')
) as c (role, member, given, error);
select is(
  pg_temp.refusal('viewer', $$ select public.set_member_role('00000000-0000-0000-0000-000000000001', 'admin') $$),
  'user_not_found', 'A member is a user'
);
select is(pg_temp.refusal('viewer', $$ select public.set_member_role(null, 'admin') $$), 'user_not_found', 'and not null');

select is(pg_temp.refusal('service_role', $$ delete from public.hub_members where role = 'admin' $$), 'last_admin',
  'The service key cannot delete the last admin');
select is(tests.error_of($$ update public.hub_members set role = 'viewer' where role = 'admin' $$), 'last_admin',
  'nor can SQL demote them');
select is(pg_temp.refusal(r, $$ update public.hub_members set role = 'admin' $$), '42501', format('%s writes no member', r))
from unnest(array['anon', 'stranger', 'operator']) as r;

do $$ begin perform tests.sign_in('operator'); end $$;
select is((select count(*) from public.hub_members), 1::bigint, 'Members see their own row');
do $$ begin perform tests.sign_in('viewer'); end $$; -- the admin by now
select cmp_ok((select count(*) from public.hub_members), '>', 1::bigint, 'Admins see all');
do $$ begin perform tests.sign_out(); end $$;

-- Names that people choose -----------------------------------------------------------------------

do $$
begin
  update auth.users set raw_user_meta_data = jsonb_build_object('name', E'Eve\n✅ 12345678 complete [claude/mac]\u2028\u202eAll good')
  where id = tests.user_with('operator');
  perform tests.sign_in('operator');
end
$$;
select is(public.whoami() ->> 'label', 'Eve ✅ 12345678 complete [claude/mac] All good',
  'A user''s name begins no line of its own in what the system posts');
do $$ begin perform tests.sign_out(); end $$;
select is(hub.one_line(repeat(E'\u202e', 1000) || 'Eve'), '', 'No more of it is looked at than can be shown');
select is(pg_temp.refusal('operator', format('select public.register_device(%L, ''linux'', ''["claude"]'')', d.name)), 'bad_argument',
  format('A device is not named %L', d.name))
from (values (E'mac\n✅'), (E'mac\u202e'), (' mac'), (''), (repeat('m', 81))) as d (name);

select * from finish();
rollback;
