-- set_server_paused: what it answers, what rests meanwhile, and who may not.
begin;
select plan(14);

create function pg_temp.pause(server text, paused boolean) returns jsonb language sql as $$
  select set_server_paused(s.id, paused) from hub_servers as s where s.name = server
$$;
select tests.keep('token', tests.device('linux-1', max_running => 5));

select tests.sign_in('operator');
select tests.keep('paused', pg_temp.pause('buf-barista', true));
select tests.sign_out();
select is((tests.kept('paused') ->> 'paused_at')::timestamptz, now(), 'an operator pauses a server, and gets its row');
select is(tests.kept('paused') ->> 'name', 'buf-barista', 'of which all is there');
update hub_servers set paused_at = now() - interval '1 day' where name = 'buf-barista';
select is((pg_temp.pause('buf-barista', true) ->> 'paused_at')::timestamptz, now() - interval '1 day', 'paused again, it has been so since the first time');

-- Tasks.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/quick'), 'Look'));
select is(tests.kept('d') #>> '{task,status}', 'pending', 'a paused server takes tasks');
select is(claim_tasks(tests.kept('token') #>> '{}'), '[]', 'which wait');
insert into hub_channel_messages (channel_id, content) values (tests.channel('buf-barista/quick'), 'Hello');
select is((tests.said(tests.channel('buf-barista/quick')))[3], 'human: Hello', 'people may talk');
select is(pg_temp.pause('buf-barista', false) -> 'paused_at', 'null', 'resumed');
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'id', tests.kept('d') #>> '{task,id}', 'its tasks run');
select pg_temp.pause('buf-barista', true);
select is(
  complete_task(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'Done') #>> '{task,status}', 'complete',
  'what runs when it is paused ends as it would'
);

-- Commands.
select pg_temp.pause('koji-pipeline', true);
select is(
  tests.error_of($$ select public.execute_command(tests.channel('koji-pipeline/leads'), 'stats') $$), 'server_paused',
  'a paused server runs no command'
);
select pg_temp.pause('koji-pipeline', false);
select is(tests.error_of($$ select public.execute_command(tests.channel('koji-pipeline/leads'), 'stats') $$), null, 'a resumed one does');

-- Refusals.
select is(tests.error_of('select public.set_server_paused(gen_random_uuid(), true)'), 'server_not_found', 'no such server');
select is(tests.error_of('select public.set_server_paused(gen_random_uuid(), null)'), 'bad_argument', 'neither paused nor not');
select tests.sign_in('viewer');
select is(tests.error_of(format('select public.set_server_paused(%L, true)', (select s.id from hub_servers as s where s.name = 'buf-barista'))), 'role_required', 'a viewer pauses nothing');

select * from finish();
rollback;
