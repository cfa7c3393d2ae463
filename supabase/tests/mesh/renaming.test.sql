-- A device that is renamed keeps what it runs, its lanes and its sessions.
begin;
select plan(14);

select tests.keep('token', tests.device('old', '{claude}', 'linux', 2));
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'First'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select complete_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Done', null, 's1');
select tests.keep('u', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Waits', tests.id('d', 'thread', 'id')));
select dispatch_task(tests.channel('buf-barista/bridge'), t) from unnest('{One,Two,Three}'::text[]) as t;
update mac_tasks set priority = 5 where content = 'One';
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'content', 'One', 'it runs something');
-- Another one had the new name once, and left a lane.
insert into hub.lanes (server_id, model, platform, device)
select server_id, model, platform, 'new' from hub.lanes where device = 'old';

update mesh_devices set name = 'new' where name = 'old';
select is((select claimed_by from mac_tasks where content = 'One'), 'new', 'what it runs is its own');
select is((select claim_id from mac_tasks where content = 'One'), tests.id('c', 'claim_id'), 'by the same claim');
select is((select running from hub.device_load), 1::bigint, 'and counts');
select is(explain_task(tests.id('c', 'id')) #>> '{detail,device}', 'new', 'as anybody sees');
select is(
  device_heartbeat(tests.kept('token') #>> '{}', array[tests.id('c', 'id')]) -> 'lost', '[]', 'a heartbeat renews its lease');
select is(
  tests.error_of(format('select public.report_progress(%L, %L, %L, ''x'')', tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'))),
  null, 'it may report');
select is((select session_device from hub_task_threads), 'new', 'the session is its own');
select is((select l.device from hub.queue as q join hub.lanes as l on l.id = q.lane_id where q.task_id = tests.id('u')), 'new', 'and what waits for it');
select tests.keep('more', claim_tasks(tests.kept('token') #>> '{}', 10));
select is(jsonb_array_length(tests.kept('more')), 1, 'it claims no more than it has room for');
select is(tests.kept('more') #>> '{0,session_id}', 's1', 'and resumes its session');
select complete_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Done');
select is((select status from mac_tasks where content = 'One'), 'complete', 'what it ran ends');

-- One of an older executor is taken over by its name.
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
update mac_tasks set claimed_by = 'somebody' where id = tests.id('c', 'id');
select is((select claim_id from mac_tasks where id = tests.id('c', 'id')), null, 'a task that somebody takes over by an update is theirs');
select is((select device from hub.queue where task_id = tests.id('c', 'id')), 'somebody', 'as the queue knows');

select * from finish();
rollback;
