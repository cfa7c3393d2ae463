-- claim_tasks takes by priority, then created_at, and only what may run now.
begin;
select plan(21);

create function pg_temp.claim(most integer default 1) returns text[] language sql as $$
  select coalesce(array_agg(t ->> 'content' order by n), '{}')
  from jsonb_array_elements(claim_tasks(tests.kept('token') #>> '{}', most)) with ordinality as c (t, n)
$$;
create function pg_temp.finish() returns void language sql as $$
  select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, 'done') from mac_tasks as t where t.claim_id is not null
$$;

select tests.keep('token', tests.device('linux-1', max_running => 10));
select is(claim_tasks(tests.kept('token') #>> '{}'), '[]', 'with nothing to do, an empty array');

-- Across servers and models, hence lanes.
select dispatch_task(tests.channel('buf-barista/bridge'), 'first');
select dispatch_task(tests.channel('cloud-hub/dispatch'), 'second', model => 'codex');
select dispatch_task(tests.channel('buf-barista/quick'), 'third', priority => -5);
select dispatch_task(tests.channel('buf-barista/quick'), 'urgent', priority => 10);
select dispatch_task(tests.channel('cloud-hub/dispatch'), 'urgent too', priority => 10);
select is(pg_temp.claim(), '{urgent}', 'the highest priority first');
select is(pg_temp.claim(2), '{"urgent too",first}', 'then by age, in the order of the claim');
select is(pg_temp.claim(10), '{second,third}', 'as many as there are');
select is(pg_temp.claim(10), '{}', 'and no task twice');
select pg_temp.finish();

-- What an answer carries.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Look'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(
  (select array_agg(k order by k) from jsonb_object_keys(tests.kept('c')) as k
    where k in ('claim_id', 'lease_expires_at', 'model', 'project', 'content', 'session_id', 'attempt', 'kind', 'short_id', 'id')),
  '{attempt,claim_id,content,id,kind,lease_expires_at,model,project,session_id,short_id}', 'all that an executor needs'
);
select is(tests.kept('c') ->> 'short_id', left(tests.id('d')::text, 8), 'the short id is that of the messages');
select is(
  (tests.kept('c') ->> 'lease_expires_at')::timestamptz - (tests.kept('c') ->> 'started_at')::timestamptz < interval '91 seconds', true,
  'a lease lasts 90 s'
);
select is((select (attempt, device, model, outcome)::text from hub_task_attempts where claim_id = tests.id('c', 'claim_id')), '(1,linux-1,claude,)', 'the attempt is on record');
select pg_temp.finish();

-- run_at.
select dispatch_task(tests.channel('buf-barista/bridge'), 'later', run_at => now() + interval '1 hour');
select dispatch_task(tests.channel('buf-barista/bridge'), 'now', run_at => now() - interval '1 hour');
select is(pg_temp.claim(10), '{now}', 'a scheduled task waits for its time');
update mac_tasks set run_at = now() - interval '1 second' where content = 'later';
select is(pg_temp.claim(10), '{later}', 'and is claimed once it has come');
select pg_temp.finish();

-- max_running, and draining.
select tests.keep('small', tests.device('small', '{claude}', max_running => 2));
select dispatch_task(tests.channel('buf-barista/bridge'), format('n%s', n)) from generate_series(1, 5) as n;
select tests.keep('token', tests.kept('small'));
select is(pg_temp.claim(10), '{n1,n2}', 'no more than max_running');
select is(pg_temp.claim(10), '{}', 'nor in two claims');
select pg_temp.finish();
select set_device_draining((select id from mesh_devices where name = 'small'), true);
select is(pg_temp.claim(10), '{}', 'a draining device claims nothing');
select set_device_draining((select id from mesh_devices where name = 'small'), false);
select is(pg_temp.claim(10), '{n3,n4}', 'until that ends');
select pg_temp.finish();

-- A paused server.
select dispatch_task(tests.channel('cloud-hub/dispatch'), 'cloud');
select set_server_paused((select id from hub_servers where name = 'buf-barista'), true);
select is(pg_temp.claim(10), '{cloud}', 'no task of a paused server is claimed');
select set_server_paused((select id from hub_servers where name = 'buf-barista'), false);
select is(pg_temp.claim(10), '{n5}', 'until it resumes');
select pg_temp.finish();

-- A channel that moves to a paused server.
select dispatch_task(tests.channel('buf-barista/bridge'), 'moved');
select set_server_paused((select id from hub_servers where name = 'cloud-hub'), true);
update hub_channels set server_id = (select id from hub_servers where name = 'cloud-hub') where name = 'bridge';
select is(pg_temp.claim(10), '{}', 'a task goes with its channel');
select set_server_paused((select id from hub_servers where name = 'cloud-hub'), false);
select is(pg_temp.claim(10), '{moved}', 'wherever that goes');
select pg_temp.finish();

-- Refusals.
select is(tests.error_of('select public.claim_tasks(''aura_00'')'), 'bad_device_token', 'a token of no device');
select is(tests.error_of(format('select public.claim_tasks(%L, 0)', tests.kept('token') #>> '{}')), 'bad_argument', 'no task asked for');

select * from finish();
rollback;
