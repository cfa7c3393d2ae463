-- A thread that is moved to another channel keeps its count, and its tasks come along.
begin;
select plan(12);

select tests.keep('token', tests.device('mac-1', '{claude}', 'linux', 3));
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Work'));
insert into hub_channel_messages (channel_id, task_thread_id, content)
select tests.channel('cloud-hub/dispatch'), tests.id('d', 'thread', 'id'), n::text from generate_series(1, 3) as n;
create function pg_temp.thread() returns hub_task_threads language sql as $$
  select t from hub_task_threads as t where t.id = tests.id('d', 'thread', 'id')
$$;
select tests.keep('counts', (select jsonb_object_agg(name, message_count) from hub_channels));

update hub_task_threads set channel_id = tests.channel('cloud-hub/infrastructure') where id = tests.id('d', 'thread', 'id');
select is((select message_count from pg_temp.thread()), 5, 'the count stays');
select is((select jsonb_object_agg(name, message_count) from hub_channels), tests.kept('counts'), 'and so do those of the channels');
select is((select channel_id from mac_tasks where id = tests.id('d')), tests.channel('cloud-hub/infrastructure'), 'the task comes along');
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select complete_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Done');
select is((select delivered_at is not null from mac_tasks where id = tests.id('d')), true, 'is delivered');
select is((select count(*) from hub_channel_messages where channel_id = tests.channel('cloud-hub/infrastructure') and content = 'Done'), 1::bigint, 'where the thread is');
select is((dispatch_task(tests.channel('cloud-hub/infrastructure'), 'More', tests.id('d', 'thread', 'id')) #>> '{thread,id}')::uuid, tests.id('d', 'thread', 'id'), 'and may be followed up there');

update hub_task_threads set channel_id = tests.channel('cloud-hub/dispatch') where id = tests.id('d', 'thread', 'id');
select is((select message_count from pg_temp.thread()),
  (select count(*)::integer from hub_channel_messages where task_thread_id = tests.id('d', 'thread', 'id')), 'back again too');
select is((select count(distinct channel_id) from mac_tasks where task_thread_id = tests.id('d', 'thread', 'id')), 1::bigint, 'with all of its tasks');
select is(
  tests.error_of(format('update public.hub_task_threads set channel_id = %L', tests.channel('buf-barista/bridge'))),
  'wrong_architecture', 'a flat channel has no threads');
select tests.keep('team', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Goal', '["a", "b"]'));
update hub_task_threads set channel_id = tests.channel('cloud-hub/infrastructure') where id = tests.id('team', 'thread', 'id');
select is((select channel_id from hub_teams where id = tests.id('team', 'team', 'id')), tests.channel('cloud-hub/infrastructure'), 'and so does a team');

-- To another server, which may be paused and has devices of its own.
insert into hub_servers (name, display_name, architecture_type) values ('other', 'Other', 'threaded_task_isolation');
insert into hub_channels (server_id, name, display_name) select id, 'work', '#work' from hub_servers where name = 'other';
select claim_tasks(tests.kept('token') #>> '{}', 2);
update hub_task_threads set channel_id = tests.channel('other/work') where id = tests.id('team', 'thread', 'id');
select results_eq(
  'select q.state, s.name from hub.queue as q join hub.lanes as l on l.id = q.lane_id join hub_servers as s on s.id = l.server_id where q.team_id is not null order by 1',
  $$values ('ready', 'other'), ('running', 'other')$$,
  'what waits and what runs is in the lanes of the server that it is now of');
select is_empty('select * from hub.check()', 'and all agrees');

select * from finish();
rollback;
