-- What a device cannot run goes to another first; what is only taken and given back is put off.
begin;
select plan(26);

select tests.keep('a', tests.device('a', '{claude}', max_running => 20));
select tests.keep('b', tests.device('b', '{claude}', max_running => 20));
create function pg_temp.claim(device text) returns text language sql as $$
  select tests.keep('c', claim_tasks(tests.kept(device) #>> '{}') -> 0); select tests.kept('c') ->> 'content'
$$;
create function pg_temp.fail(device text, retryable boolean default false) returns void language sql as $$
  select fail_task(tests.kept(device) #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'There is no folder "app"', retryable, true)
$$;
create function pg_temp.release(device text) returns void language sql as $$
  select release_task(tests.kept(device) #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'))
$$;
create function pg_temp.state() returns text language sql as $$
  select concat_ws(' ', t.status, q.state, t.attempt) from mac_tasks as t left join hub.queue as q on q.task_id = t.id where t.id = tests.id('d')
$$;

-- Elsewhere first.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'work', model => 'claude'));
select is(pg_temp.claim('a'), 'work', 'a task');
select pg_temp.fail('a');
select is(pg_temp.state(), 'pending ready 0', 'that its device cannot run waits for another, at the cost of no attempt');
select is(pg_temp.claim('a'), null, 'is not offered to that one again');
select is((select l.reason from jsonb_to_record(explain_task(tests.id('d'))) as l (reason text)), 'ready', 'but to one that has not tried');
select is(pg_temp.claim('b'), 'work', 'which gets it');
select pg_temp.fail('b');
select is((select (status, error)::text from mac_tasks where id = tests.id('d')), '(failed,"There is no folder ""app""")', 'when nobody is left, the reason counts');
select retry_task(tests.id('d'));
select is(pg_temp.claim('a'), 'work', 'a retry begins anew');
select pg_temp.fail('a');
update mesh_devices set status = 'offline' where name = 'b';
select hub.offer_elsewhere();
select is(pg_temp.claim('a'), null, 'if the other goes meanwhile');
update hub.queue set since = since - interval '6 minutes';
select hub.offer_elsewhere();
select is(pg_temp.claim('a'), 'work', 'after a while the first may say again why it cannot');
select pg_temp.fail('a', true);
select is(pg_temp.state(), 'pending backoff 2', 'which is then a failure like any other');
update mesh_devices set status = 'online' where name = 'b';
select cancel_task(tests.id('d'));

-- The device of the session is no reason to wait for it.
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'first', model => 'claude'));
select pg_temp.claim('a');
select complete_task(tests.kept('a') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Done', session_id => 's');
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'second', tests.id('d', 'thread', 'id')));
select pg_temp.claim('a');
select pg_temp.fail('a');
select is(pg_temp.claim('b'), 'second', 'a follow-up leaves the device of its session that cannot run it');
select pg_temp.release('b');
select cancel_task(tests.id('d'));

-- Nor is that of an answer, for a task that any model may do.
select tests.keep('other', tests.device('other', '{gemini}'));
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'asks'));
update mac_tasks set model_preference = 'any' where id = tests.id('d');
update mesh_devices set status = 'offline' where name in ('b', 'other');
select pg_temp.claim('a');
select tests.keep('q', ask_question(tests.kept('a') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'approval', 'Go on?'));
select park_task(tests.kept('a') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 's');
select answer_question(id, 'allow') from hub_questions where task_id = tests.id('d');
select is(pg_temp.claim('a'), 'asks', 'what was asked on a device goes on there');
update mesh_devices set status = 'online' where name = 'other';
select pg_temp.fail('a');
select is(pg_temp.claim('other'), 'asks', 'and with another model where that device cannot');
select pg_temp.release('other');
select cancel_task(tests.id('d'));
delete from mesh_devices where name = 'other';
update mesh_devices set status = 'online' where name = 'b';

-- A device with no agent that works is there, and gets nothing.
select device_heartbeat(tests.kept('b') #>> '{}', models => '[]');
select is((select count(*) from mesh_device_models as m join mesh_devices as d on d.id = m.device_id where d.name = 'b'), 0::bigint, 'a heartbeat may withdraw every model');
select dispatch_task(tests.channel('buf-barista/bridge'), 'work');
select is(pg_temp.claim('b'), null, 'then nothing is claimed');
select is(tests.error_of($$select public.register_device('c', 'linux', '[]')$$), 'bad_argument', 'though one with none is not registered');

-- Given back for ever.
select is(pg_temp.claim('a'), 'work', 'a task that is taken');
select tests.keep('d', jsonb_build_object('task', tests.kept('c')));
select pg_temp.release('a');
select is(pg_temp.state(), 'pending ready 0', 'and given back waits on');
select pg_temp.claim('a');
select pg_temp.release('a');
select pg_temp.claim('a');
select pg_temp.release('a');
select is(pg_temp.state(), 'pending backoff 0', 'the third time in a row it is put off');
select is((select error from mac_tasks where id = tests.id('d')), 'released by a, 3 times in a row', 'and says why');
select is(explain_task(tests.id('d')) ->> 'reason', 'backoff', 'explain_task too');
select is((select status from mesh_devices where name = 'a'), 'online', 'its device did other work');
update hub_task_attempts set started_at = now() - interval '2 hours' where device = 'a' and outcome <> 'released';
select dispatch_task(tests.channel('buf-barista/bridge'), n::text) from generate_series(1, 2) as n;
do $$
begin
  for n in 1..6 loop
    update mac_tasks set run_at = null where status = 'pending';
    exit when pg_temp.claim('a') is null;
    perform pg_temp.release('a');
  end loop;
end
$$;
select is((select (status, draining)::text from mesh_devices where name = 'a'), '(draining,t)', 'one that does nothing else is drained');
select is((select count(*) from hub_channel_messages where content like '🟠 a gave back all of the%'), 1::bigint, 'and the feed says so once');

-- What waits behind somebody is as urgent as that.
select tests.keep('first', dispatch_task(tests.channel('cloud-hub/dispatch'), 'low', priority => -50));
select dispatch_task(tests.channel('cloud-hub/dispatch'), 'next', tests.id('first', 'thread', 'id'), priority => -20);
select dispatch_task(tests.channel('cloud-hub/dispatch'), 'urgent', tests.id('first', 'thread', 'id'), priority => 50);
select is((select array_agg(priority order by created_at) from mac_tasks where task_thread_id = tests.id('first', 'thread', 'id')), '{50,-20,50}', 'what an urgent follow-up waits behind is as urgent');
select cancel_task(tests.id('first'));
select is((select array_agg(priority order by created_at) from mac_tasks where task_thread_id = tests.id('first', 'thread', 'id')), '{50,50,50}', 'one after the other');

select * from finish();
rollback;
