-- What was written with triggers off: named by hub.check(), put right by hub.repair().
begin;
select plan(34);

select tests.keep('token', tests.device('mac-1', '{claude}', 'macos', 9));
create function pg_temp.found() returns text[] language sql as $$
  select coalesce(array_agg(distinct what || ': ' || problem order by what || ': ' || problem), '{}') from hub.check()
$$;
create function pg_temp.task(name text) returns mac_tasks language sql as $$ select t from mac_tasks as t where t.id = tests.id(name) $$;
select hub.repair();
select is(pg_temp.found(), '{}', 'all is well');
select is(hub.repair(), '{}', 'and nothing to repair');

-- A pending task without its row.
select tests.keep('p', dispatch_task(tests.channel('buf-barista/bridge'), 'Pending'));
delete from hub.queue where task_id = tests.id('p');
select is(pg_temp.found(), '{"queue: pending, and not in the queue"}', 'a task that waits is not in the queue');
select is(explain_task(tests.id('p')) ->> 'reason', 'not_queued', 'as explain_task says');
select is(claim_tasks(tests.kept('token') #>> '{}'), '[]', 'nobody gets it');
select is(hub.repair(), '{"queue": 1}', 'it is put there');
select is(claim_tasks(tests.kept('token') #>> '{}') #>> '{0,content}', 'Pending', 'and claimed');

-- A running one: recovery meets it by its attempt.
delete from hub.queue where task_id = tests.id('p');
update mac_tasks set lease_expires_at = now() - interval '1 second' where id = tests.id('p');
select is(pg_temp.found(), '{"queue: running, and not in the queue"}', 'a task that runs is not');
select is(hub.recover() -> 'requeued', '1', 'recovery finds it, and takes it back');
select is(pg_temp.found(), '{}', 'all is well again');

-- An ended one that keeps its slot, blocks its thread, and was never posted.
select tests.keep('t', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Ends unseen'));
select tests.keep('u', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Waits', tests.id('t', 'thread', 'id')));
select claim_tasks(tests.kept('token') #>> '{}', 9);
alter table mac_tasks disable trigger user;
update mac_tasks set status = 'complete', result = 'Done', finished_at = now(), claim_id = null, lease_expires_at = null where id = tests.id('t');
alter table mac_tasks enable trigger user;
select is(
  pg_temp.found(),
  array['attempt: its attempt 1 is open, and its claim is over', 'delivery: complete, not delivered, and nobody will try',
    'queue: complete, and still in the queue as running'],
  'a task that has ended is still in the queue'
);
select is((select running from hub.device_load), 2::bigint, 'where it keeps a slot');
select tests.keep('report', hub.recover());
select is(tests.kept('report') -> 'redelivered', '1', 'recovery meets it: its outcome is posted');
select is((select running from hub.device_load), 1::bigint, 'its slot is free');
select is(claim_tasks(tests.kept('token') #>> '{}') #>> '{0,content}', 'Waits', 'and its thread goes on');
select is(pg_temp.found(), '{}', 'all is well again');
select is((select count(*) from hub_channel_messages where content = 'Done'), 1::bigint, 'it was posted once');

-- A question of a task that has ended, and one whose task does not wait for it.
select tests.keep('q', dispatch_task(tests.channel('buf-barista/bridge'), 'Asks'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select ask_question(tests.kept('token') #>> '{}', tests.id('q'), tests.id('c', 'claim_id'), 'question', 'Which?');
select park_task(tests.kept('token') #>> '{}', tests.id('q'), tests.id('c', 'claim_id'));
update hub.queue set state = 'ready' where task_id = tests.id('q');
select is(pg_temp.found(), '{"queue: ready, and a question of it is open"}', 'a task that would not wait for its answer');
select is(hub.repair(), '{"queue": 1}', 'is parked');
alter table mac_tasks disable trigger user;
update mac_tasks set status = 'failed', error = 'x', finished_at = now(), delivered_at = now() where id = tests.id('q');
alter table mac_tasks enable trigger user;
select is(
  pg_temp.found(), '{"question: it has ended, and asks","queue: failed, and still in the queue as parked"}', 'one that has ended and still asks'
);
select hub.repair();
select is(pg_temp.found(), '{}', 'asks no more');

-- Counters.
set local session_replication_role = replica;
insert into hub_channel_messages (channel_id, sender_type, sender_label, content, metadata)
values (tests.channel('buf-barista/quick'), 'system', 'Aura', 'x', '{"event": "brief"}');
insert into hub_channel_messages (channel_id, task_thread_id, sender_type, sender_label, content, metadata)
values (tests.channel('cloud-hub/dispatch'), tests.id('t', 'thread', 'id'), 'system', 'Aura', 'x', '{"event": "brief"}');
insert into hub_channels (server_id, name, display_name) select id, 'more', '#more' from hub_servers where name = 'cloud-hub';
set local session_replication_role = origin;
select is((select array_agg(distinct what order by what) from hub.check()), '{channel,server,thread}', 'each counter that is wrong is named');
select is(hub.repair(), '{"channel": 1, "server": 1, "thread": 1}', 'and counted anew');
select is(pg_temp.found(), '{}', 'exactly');

-- The rest of the queue.
update hub.queue set priority = 77, state = 'blocked', thread_id = tests.id('t', 'thread', 'id') where task_id = tests.id('p');
select is(cardinality(pg_temp.found()), 1, 'whatever else a row of the queue says');
select is(hub.repair(), '{"queue": 1}', 'is put right');
select is((select (state, priority, thread_id)::text from hub.queue where task_id = tests.id('p')), '(running,0,)', 'from the task');

-- A team that has lost its tasks.
select tests.keep('team', dispatch_team(tests.channel('buf-barista/bridge'), 'Goal', '["a", "b"]'));
alter table mac_tasks disable trigger user;
delete from mac_tasks where team_id = tests.id('team', 'team', 'id');
alter table mac_tasks enable trigger user;
select is(pg_temp.found(), '{"team: running, and no task of it is unfinished"}', 'a team that waits for nothing');
select hub.repair();
select is((select status from hub_teams where id = tests.id('team', 'team', 'id')), 'failed', 'ends');

-- Truncating.
set constraints all immediate;
truncate hub_channel_messages cascade;
select is(pg_temp.found(), '{}', 'all messages go, and the counters with them');
select is((select sum(message_count) from hub_channels), 0::bigint, 'to nothing');
truncate mac_tasks cascade;
select is(pg_temp.found(), '{}', 'all tasks go');
truncate hub_channels cascade;
select is((select sum(channel_count) from hub_servers), 0::bigint, 'all channels go');
select is(pg_temp.found(), '{}', 'and nothing is left that is wrong');

select * from finish();
rollback;
