-- Tasks of one thread run one after another; a session's device is preferred; teams run side by side.
begin;
select plan(29);

create function pg_temp.claim(device text) returns text language sql as $$
  select string_agg(t ->> 'content', ',' order by n)
  from jsonb_array_elements(claim_tasks(tests.kept(device) #>> '{}', 10)) with ordinality as c (t, n)
$$;
create function pg_temp.complete(content text, device text, session text default null) returns void language sql as $$
  select complete_task(tests.kept(device) #>> '{}', t.id, t.claim_id, 'done', session_id => session)
  from mac_tasks as t where t.content = complete.content and t.status = 'running'
$$;
create function pg_temp.follow(content text, run_at timestamptz default null) returns void language sql as $$
  select dispatch_task(tests.channel('cloud-hub/dispatch'), content, tests.id('d', 'thread', 'id'), run_at => follow.run_at)
$$;
select tests.keep('a', tests.device('a', '{claude}', max_running => 5));
select tests.keep('b', tests.device('b', '{claude}', max_running => 5));

select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'one'));
select pg_temp.follow('two');
select pg_temp.follow('three');
select is(pg_temp.claim('a'), 'one', 'only the first of a thread is offered');
select is(pg_temp.claim('b'), null, 'to anybody');
select pg_temp.complete('one', 'a', 'session-a');
select is(pg_temp.claim('b'), null, 'the next prefers the device of the session');
select is(pg_temp.claim('a'), 'two', 'which gets it, though it was queued before there was a session');
select is((select session_id from mac_tasks where content = 'one'), 'session-a', 'the session is kept with the task');
select pg_temp.complete('two', 'a', 'session-a2');
select is(
  (select (session_id, session_device, (select string_agg(s.model || ' ' || s.session_id, ', ') from hub.sessions as s where s.task_thread_id = t.id))::text from hub_task_threads as t where id = tests.id('d', 'thread', 'id')),
  '(session-a2,a,"claude session-a2")', 'and the latest with the thread'
);

-- The preferred device is not there.
update mesh_devices set status = 'offline' where name = 'a';
select tests.keep('c', claim_tasks(tests.kept('b') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'content', 'three', 'without it, another device takes over');
select is(tests.kept('c') ->> 'session_id', null, 'which cannot resume the session');
select pg_temp.complete('three', 'b', 'session-b');
select is((select session_device from hub_task_threads where id = tests.id('d', 'thread', 'id')), 'b', 'the session is now there');
select device_heartbeat(tests.kept('a') #>> '{}');
select pg_temp.follow('four');
select is(pg_temp.claim('a'), null, 'and stays there');
select set_device_draining((select id from mesh_devices where name = 'b'), true);
select is(pg_temp.claim('a'), 'four', 'until that device drains');
select set_device_draining((select id from mesh_devices where name = 'b'), false);

-- Retries and backoff keep the order; a scheduled task holds up nobody.
select pg_temp.follow('five');
select pg_temp.follow('in an hour', now() + interval '1 hour');
select pg_temp.follow('six');
select fail_task(tests.kept('a') #>> '{}', t.id, t.claim_id, 'oops') from mac_tasks as t where content = 'four';
select is(pg_temp.claim('a') is null and pg_temp.claim('b') is null, true, 'a task that waits for its next attempt holds the thread');
update mac_tasks set run_at = now() - interval '1 second' where content = 'four';
select is(pg_temp.claim('b'), 'four', 'and goes first');
select pg_temp.complete('four', 'b');
select is(pg_temp.claim('b'), 'five', 'then the next by age');
update mac_tasks set run_at = now() - interval '1 second' where content = 'in an hour';
select is(pg_temp.claim('b'), null, 'a scheduled task whose time has come waits its turn');
select pg_temp.complete('five', 'b');
select is(pg_temp.claim('b'), 'in an hour', 'which is by age');
select pg_temp.complete('in an hour', 'b');
select is(pg_temp.claim('b'), 'six', 'as of all');
select pg_temp.complete('six', 'b');

-- A thread goes on whatever its tasks are put back behind.
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'older'));
select pg_temp.claim('a');
select fail_task(tests.kept('a') #>> '{}', t.id, t.claim_id, 'no', false) from mac_tasks as t where content = 'older';
select pg_temp.follow('newer');
select is(pg_temp.claim('a'), 'newer', 'a follow-up of a failed task runs');
select retry_task(tests.id('d'));
select is(pg_temp.claim('a'), null, 'the failed one, retried, waits for it');
select release_task(tests.kept('a') #>> '{}', t.id, t.claim_id) from mac_tasks as t where content = 'newer';
select is(pg_temp.claim('a'), 'older', 'when that is given back, the older one goes first');
select pg_temp.complete('older', 'a');
update mac_tasks set priority = 7 where content = 'newer';
select is(pg_temp.claim('a'), 'newer', 'and then the other, whatever its priority');
select pg_temp.complete('newer', 'a');

select pg_temp.follow('first');
select pg_temp.follow('second');
update mac_tasks set run_at = now() + interval '1 hour' where content = 'first';
select is(pg_temp.claim('a'), 'second', 'a task that is put off lets the next one go');
update mac_tasks set priority = 9 where content = 'second';
update mac_tasks set run_at = null where content = 'first';
select is(pg_temp.claim('a'), null, 'and waits for it when its time comes');
select pg_temp.complete('second', 'a');
select is(pg_temp.claim('a'), 'first', 'as any other');
select pg_temp.complete('first', 'a');
select pg_temp.follow('first again');
select pg_temp.follow('second again');
update mac_tasks set priority = 9 where content like '% again';
select is(pg_temp.claim('a'), 'first again', 'a changed priority moves nobody within a thread');
select pg_temp.complete('first again', 'a');
select is(pg_temp.claim('a'), 'second again', 'nor stops it');
select pg_temp.complete('second again', 'a');

-- A follow-up goes on with the model of its thread.
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'gem', model => 'gemini'));
select pg_temp.follow('next');
select is((select model_preference from mac_tasks where content = 'next'), 'gemini', 'a follow-up wants the model of the task before it');

-- Threads are independent; teams are side by side, and what follows a team waits for all of it.
select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Do both', '["left", "right"]'));
select pg_temp.follow('after');
select is(pg_temp.claim('a') , 'gem,left,right', 'a team''s subtasks run side by side, the follow-up waits');
select pg_temp.complete('left', 'a');
select pg_temp.complete('right', 'a');
select is(pg_temp.claim('a') like 'Several agents%', true, 'the synthesis goes before the follow-up');

select * from finish();
rollback;
