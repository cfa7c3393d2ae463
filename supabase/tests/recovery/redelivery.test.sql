-- Delivery never endangers the work: a trigger of the owner's that breaks posting, and what recovery makes of it.
begin;
select plan(32);
set local client_min_messages = error; -- progress that could not be posted is warned of

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 10));
create function pg_temp.break() returns trigger language plpgsql as $$
begin
  raise exception 'The owner''s trigger is broken';
end
$$;
create function pg_temp.complete(content text, outcome text default 'Done') returns text language sql as $$
  select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, complete.outcome) #>> '{task,status}'
  from mac_tasks as t where t.content like complete.content and t.status = 'running'
$$;
create function pg_temp.due() returns void language sql as $$
  update hub.delivery_failures set retry_at = now() - interval '1 second'
$$;

select tests.keep('flat', dispatch_task(tests.channel('buf-barista/bridge'), 'flat'));
select tests.keep('thread', dispatch_task(tests.channel('cloud-hub/dispatch'), 'thread'));
select tests.keep('said', tests.said(tests.channel('buf-barista/bridge')));
select claim_tasks(tests.kept('token') #>> '{}', 2);
create trigger broken before insert on hub_channel_messages for each row execute function pg_temp.break();

select is(pg_temp.complete('flat'), 'complete', 'a completion whose posting fails is a completion');
select is((select (status, result, delivered_at)::text from mac_tasks where content = 'flat'), '(complete,Done,)', 'undelivered');
select is((select (what, reason, failures)::text from hub.delivery_failures), '(task,"The owner''s trigger is broken",1)', 'the failure is recorded');
select is((select outcome from hub_task_attempts where task_id = tests.id('flat')), 'complete', 'the attempt is complete');
select is((select count(*) from hub.queue where task_id = tests.id('flat')), 0::bigint, 'the task has left the queue');
select is(explain_task(tests.id('flat')) #>> '{detail,delivery_failure}', 'The owner''s trigger is broken', 'explain_task tells');
select report_progress(tests.kept('token') #>> '{}', id, claim_id, 'step') from mac_tasks where content = 'thread';
select is(
  (select partial_output from mac_tasks where content = 'thread'), 'step',
  'progress is kept, too'
);
select is(
  (select fail_task(tests.kept('token') #>> '{}', id, claim_id, 'Oops', false) #>> '{task,status}' from mac_tasks where content = 'thread'), 'failed',
  'and a failure is a failure'
);
select is(hub.recover() -> 'redelivered', '0', 'recovery does not try before its time');
select is(
  (select array_agg(round(extract(epoch from retry_at - failed_at) / 60)) from hub.delivery_failures), '{1,1}', 'which is a minute away'
);
select pg_temp.due();
select is(hub.recover() -> 'redelivered', '0', 'while it is broken, nothing arrives');
select is(
  (select array_agg((failures, tests.is_backoff(retry_at - failed_at, '2 minutes'))::text) from hub.delivery_failures), '{"(2,t)","(2,t)"}', 'and the next try waits longer'
);
select pg_temp.due();
select hub.recover();
select is(
  (select array_agg((failures, tests.is_backoff(retry_at - failed_at, '4 minutes'))::text) from hub.delivery_failures), '{"(3,t)","(3,t)"}', 'twice as long each time'
);
update hub.delivery_failures set failures = 50, retry_at = now();
select hub.recover();
select is((select max(retry_at - failed_at) <= interval '6 hours 1 second' from hub.delivery_failures), true, 'up to six hours');

drop trigger broken on hub_channel_messages;
select pg_temp.due();
select is(hub.recover() -> 'redelivered', '2', 'once it is mended, both arrive');
select is(
  tests.said(tests.channel('buf-barista/bridge')),
  array(select jsonb_array_elements_text(tests.kept('said'))) || format(E'agent: ✅ %s complete [claude/linux-1]\nDone', left(tests.id('flat')::text, 8)),
  'the result, once'
);
select is((tests.said(tests.id('thread', 'thread', 'id')))[3:], '{"system [Task Failed]: Oops"}', 'and the failure');
select is((select count(*) from mac_tasks where delivered_at is null), 0::bigint, 'both are delivered');
select is((select count(*) from hub.delivery_failures), 0::bigint, 'nothing is left to deliver');
select is(hub.recover() -> 'redelivered', '0', 'and nothing is delivered twice');

-- A team's outcomes: of a synthesis, and of a team that ended with a subtask.
select dispatch_team(tests.channel('cloud-hub/dispatch'), 'Good', '["g1"]');
select tests.keep('bad', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Bad', '["b1"]'));
select claim_tasks(tests.kept('token') #>> '{}', 2);
select pg_temp.complete('g1');
select claim_tasks(tests.kept('token') #>> '{}', 2);
create trigger broken before insert on hub_channel_messages for each row execute function pg_temp.break();
select is(pg_temp.complete('Several agents%', 'All good'), 'complete', 'a synthesis whose posting fails completes');
select is((select status from hub_teams where goal = 'Good'), 'complete', 'and so does its team');
select is(
  (select fail_task(tests.kept('token') #>> '{}', id, claim_id, 'Oops', false) #>> '{task,status}' from mac_tasks where content = 'b1'), 'failed',
  'a last subtask whose posting fails fails'
);
select is((select status from hub_teams where goal = 'Bad'), 'failed', 'and so does its team');
select is((select array_agg(what order by what) from hub.delivery_failures), '{task,team,team}', 'three outcomes are owed');
drop trigger broken on hub_channel_messages;
select pg_temp.due();
select is(hub.recover() -> 'redelivered', '3', 'all three arrive');
select is(
  (select array_agg(content order by content) from hub_channel_messages where embed_data ->> 'title' in ('Team Complete', 'Team Failed')),
  array['All good', 'Every subtask failed.'], 'the teams'' outcomes, once each'
);
select is(
  (tests.said(tests.id('bad', 'thread', 'id')))[3:], '{"system [Task Failed]: Oops","system [Team Failed]: Every subtask failed."}', 'after the subtask''s own'
);

-- The thread was archived, or the task begun anew, before the outcome arrived.
select tests.keep('late', dispatch_task(tests.channel('cloud-hub/dispatch'), 'late'));
select tests.keep('again', dispatch_task(tests.channel('cloud-hub/dispatch'), 'again'));
select claim_tasks(tests.kept('token') #>> '{}', 2);
create trigger broken before insert on hub_channel_messages for each row execute function pg_temp.break();
select pg_temp.complete('late', 'Late');
select fail_task(tests.kept('token') #>> '{}', id, claim_id, 'Oops', false) from mac_tasks where content = 'again';
drop trigger broken on hub_channel_messages;
select update_thread_status(tests.id('late', 'thread', 'id'), 'archived');
select retry_task(tests.id('again'));
select pg_temp.due();
select is(hub.recover() -> 'redelivered', '1', 'a failed task that was begun anew has no outcome to deliver');
select is((select status from hub_task_threads where id = tests.id('late', 'thread', 'id')), 'active', 'an archived thread is opened for its result');
select ok('agent [Task Complete]: Late' = any (tests.said(tests.id('late', 'thread', 'id'))), 'which is there');

-- Dispatch is not delivery: what cannot be announced is not queued.
create trigger broken before insert on hub_channel_messages for each row execute function pg_temp.break();
select is(
  tests.error_of(format('select public.dispatch_task(%L, ''x'')', tests.channel('buf-barista/bridge'))) is not null
    and not exists (select from mac_tasks where content = 'x'),
  true, 'a task that cannot be announced is not made'
);

select * from finish();
rollback;
