-- Every message of the system and of agents names its event, through a whole life of each kind.
begin;
select plan(12);

create function pg_temp.events(channel text, thread uuid default null) returns text[] language sql as $$
  select array_agg(coalesce(m.metadata ->> 'event', m.sender_type) order by m.created_at, m.id)
  from hub_channel_messages as m
  where m.channel_id = tests.channel(channel) and m.task_thread_id is not distinct from thread
$$;

select tests.keep('mac', to_jsonb(tests.device('events-mac', max_running => 10)));
select is(pg_temp.events('cloud-hub/heartbeat'), '{device_online}', 'a device that comes online');

-- Flat: a task with progress, one that fails and comes back, one that is cancelled.
select tests.keep('flat', dispatch_task(tests.channel('buf-barista/garden'), 'Fix the login test'));
select tests.keep('claim', claim_tasks(tests.kept('mac') #>> '{}'));
select report_progress(tests.kept('mac') #>> '{}', tests.id('flat', 'task', 'id'), (tests.kept('claim') #>> '{0,claim_id}')::uuid, 'Looking');
select complete_task(tests.kept('mac') #>> '{}', tests.id('flat', 'task', 'id'), (tests.kept('claim') #>> '{0,claim_id}')::uuid, 'Done.');
select is(pg_temp.events('buf-barista/garden'), '{human,task_queued,task_progress,task_completed}', 'a flat task that is done');

select tests.keep('second', dispatch_task(tests.channel('buf-barista/workshop'), 'Fix the login test'));
select tests.keep('claim', claim_tasks(tests.kept('mac') #>> '{}'));
select fail_task(tests.kept('mac') #>> '{}', tests.id('second', 'task', 'id'), (tests.kept('claim') #>> '{0,claim_id}')::uuid, 'No luck', true);
select cancel_task(tests.id('second', 'task', 'id'));
select is(pg_temp.events('buf-barista/workshop'), '{human,task_queued,task_requeued,task_cancelled}', 'one that is put back and cancelled');

select tests.keep('third', dispatch_task(tests.channel('buf-barista/research'), 'Fix the login test'));
select tests.keep('claim', claim_tasks(tests.kept('mac') #>> '{}'));
select fail_task(tests.kept('mac') #>> '{}', tests.id('third', 'task', 'id'), (tests.kept('claim') #>> '{0,claim_id}')::uuid, 'No luck', false);
select is(pg_temp.events('buf-barista/research'), '{human,task_queued,task_failed}', 'one that fails');

-- Threaded, until it is archived.
select tests.keep('threaded', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Build a health endpoint'));
select is(pg_temp.events('cloud-hub/dispatch'), '{thread_opened}', 'the channel has the line of a thread');
select tests.keep('claim', claim_tasks(tests.kept('mac') #>> '{}'));
select complete_task(tests.kept('mac') #>> '{}', tests.id('threaded', 'task', 'id'), (tests.kept('claim') #>> '{0,claim_id}')::uuid, 'Done.');
do $$
begin
  for i in 1..3 loop
    update hub_task_threads set next_transition_at = now() where id = tests.id('threaded', 'thread', 'id') and status <> 'archived';
    perform hub.decay_threads();
  end loop;
end
$$;
select is(
  pg_temp.events('cloud-hub/dispatch', tests.id('threaded', 'thread', 'id')),
  '{human,task_queued,task_completed,thread_idle,thread_archived}', 'and the thread its life'
);
select is(pg_temp.events('cloud-hub/memory-log'), '{thread_archived}', 'which memory-log remembers');

-- A team.
select tests.keep('team', dispatch_team(tests.channel('cloud-hub/infrastructure'), 'Two things', '["a", "b"]'));
select is(
  pg_temp.events('cloud-hub/infrastructure', tests.id('team', 'thread', 'id')),
  '{human,team_decomposed}', 'a team that begins'
);

-- Devices and the brief.
select tests.keep('claim', claim_tasks(tests.kept('mac') #>> '{}'));
select report_rate_limit(
  tests.kept('mac') #>> '{}', (tests.kept('claim') #>> '{0,id}')::uuid, (tests.kept('claim') #>> '{0,claim_id}')::uuid, 'claude', now() + interval '1 hour'
);
select set_device_draining(d.id, true) from mesh_devices as d where d.name = 'events-mac';
select is(
  pg_temp.events('cloud-hub/heartbeat'), '{device_online,device_rate_limited,device_draining}', 'a device that is throttled and drained'
);
select hub.morning_brief();
select is(pg_temp.events('cloud-hub/morning-brief'), '{brief}', 'the brief');

select is_empty(
  $$
    select m.sender_type, m.content from hub_channel_messages as m
    where m.sender_type <> 'human' and not exists (select from hub.message_events as e where e.name = m.metadata ->> 'event')
  $$,
  'no message of the system or of an agent is without an event that is registered'
);
select is_empty(
  $$select from hub_channel_messages as m where m.sender_type = 'human' and m.metadata ? 'event'$$,
  'and no person''s message has one'
);

select * from finish();
rollback;
