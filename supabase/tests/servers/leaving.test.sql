-- Who leaves: unfinished tasks are cancelled where their author is no operator any more, and tokens of
-- devices stop where who registered them is none anywhere, however that came.
begin;
select no_plan();

create function pg_temp.server(name text) returns uuid language sql as $$
  select s.id from public.hub_servers as s where s.name = server.name
$$;
-- An operator with a task on two servers and one that runs, a team and a device; somebody else with a task.
create function pg_temp.arrive() returns void language plpgsql as $$
begin
  update hub.settings set default_role = 'viewer' where id;
  update public.hub_servers set default_role = null;
  delete from public.hub_server_members;
  delete from public.mac_tasks;
  perform public.set_member_role(tests.user_with('operator'), 'operator');
  perform tests.user_with('admin');
  perform tests.sign_in('operator');
  perform tests.keep('device', public.register_device('leaving-' || gen_random_uuid(), 'linux', '["claude"]'));
  perform public.dispatch_task(tests.channel('buf-barista/quick'), 'barista', run_at => now() + interval '1 hour');
  perform public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'cloud');
  perform public.dispatch_team(tests.channel('cloud-hub/dispatch'), 'team', '["one", "two"]');
  perform tests.sign_in('admin');
  perform public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'of the admin');
  perform tests.sign_out();
end
$$;
create function pg_temp.left() returns text[] language sql as $$
  select array(select t.content from public.mac_tasks as t where t.status = 'pending' order by t.content)
$$;
create function pg_temp.works() returns boolean language sql as $$
  select tests.error_of(format('select public.claim_tasks(%L)', tests.kept('device') ->> 'token')) is null
$$;

do $$ begin perform pg_temp.arrive(); end $$;
select is(pg_temp.left(), array['barista', 'cloud', 'of the admin', 'one', 'two'], 'They all wait');

do $$ begin perform public.set_server_role(pg_temp.server('cloud-hub'), tests.user_with('operator'), 'viewer'); end $$;
select is(pg_temp.left(), array['barista', 'of the admin'], 'A viewer of a server has no unfinished tasks there');
select ok((select bool_and(t.cancelled_at is not null) from mac_tasks as t where t.content in ('cloud', 'one', 'two')), 'They are cancelled');
select ok((select m.content like '🚫 % cancelled by Aura: who asked for it is no operator here any more' from hub_channel_messages as m where m.metadata ->> 'event' = 'task_cancelled' limit 1), 'and the channel is told why');
select ok(pg_temp.works(), 'Their device goes on for the other server');

do $$ begin perform pg_temp.arrive(); perform public.set_member_role(tests.user_with('operator'), 'viewer'); end $$;
select is(pg_temp.left(), array['of the admin'], 'A viewer of everything has none at all');
select ok(not pg_temp.works(), 'and no device');
do $$ begin perform public.set_member_role(tests.user_with('operator'), 'operator'); end $$;
select ok(not pg_temp.works(), 'whose token stays dead when the role comes back');

do $$ begin perform pg_temp.arrive(); update public.hub_servers set default_role = 'none' where name = 'cloud-hub'; end $$;
select is(pg_temp.left(), array['barista', 'of the admin'], 'A server that becomes private leaves nothing of whom it is hidden from');

do $$ begin perform pg_temp.arrive(); delete from public.hub_members where user_id = (select tests.user_with('operator')); end $$;
select is(pg_temp.left(), array['of the admin'], 'The row of a member goes: the default counts');

do $$
begin
  perform pg_temp.arrive();
  update hub.settings set default_role = 'operator' where id;
  delete from public.hub_members where user_id = (select tests.user_with('operator'));
end
$$;
select is(pg_temp.left(), array['barista', 'cloud', 'of the admin', 'one', 'two'], 'Where that is operator, nothing changes');
do $$ begin update hub.settings set default_role = 'viewer' where id; end $$;
select is(pg_temp.left(), array['of the admin'], 'The default is lowered');
select ok(not pg_temp.works(), 'for devices too');

do $$ begin perform pg_temp.arrive(); delete from auth.users where id = (select tests.user_with('operator')); end $$;
select is(pg_temp.left(), array['of the admin'], 'A user is deleted');
select ok(not pg_temp.works(), 'and their devices have no token');

-- One that no trigger sees.
do $$
declare
  v_user uuid;
begin
  perform pg_temp.arrive();
  update hub.settings set default_role = 'operator' where id;
  v_user := tests.sign_in('stranger');
  perform public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'of a stranger');
  perform tests.sign_out();
  update auth.users set deleted_at = now() where id = v_user;
end
$$;
select ok('of a stranger' = any (pg_temp.left()), 'That a user is deleted but kept is seen by nobody');
select hub.recover();
select ok('of a stranger' <> all (pg_temp.left()), 'until recovery looks');

select * from finish();
rollback;
