-- The feeds of Cloud Hub: memory-log, heartbeat, morning-brief; renamed or deleted, they are silent.
begin;
select plan(21);

create function pg_temp.said(feed text) returns text[] language sql as $$
  select tests.said(tests.channel('cloud-hub/' || feed))
$$;

-- heartbeat
select tests.keep('token', tests.device('mac-1', '{claude}', 'macos', 3));
select is(pg_temp.said('heartbeat'), '{"system: 🟢 mac-1 is online"}', 'a device that comes online is in heartbeat');
select device_heartbeat(tests.kept('token') #>> '{}');
select is(cardinality(pg_temp.said('heartbeat')), 1, 'once');
update mesh_devices set last_seen_at = now() - interval '2 minutes';
select hub.recover();
select is((pg_temp.said('heartbeat'))[2], 'system: 🔴 mac-1 is offline', 'so is one that goes offline');
select device_heartbeat(tests.kept('token') #>> '{}');
select dispatch_task(tests.channel('buf-barista/bridge'), 'Work');
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select report_rate_limit(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'claude', date_trunc('day', now()) + interval '2 days');
select is(
  (pg_temp.said('heartbeat'))[4],
  format('system: 🟡 claude is rate limited on mac-1 until %s UTC', to_char((date_trunc('day', now()) + interval '2 days') at time zone 'utc', 'YYYY-MM-DD HH24:MI')),
  'and one that is throttled'
);
select is(cardinality(pg_temp.said('heartbeat')), 4, 'each once');

-- memory-log
update mesh_device_models set rate_limited_until = null;
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Remember'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}', 3));
select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, 'Noted') from mac_tasks as t where t.status = 'running';
select update_thread_status(tests.id('d', 'thread', 'id'), 'archived');
select is(
  array(select regexp_replace(line, 'after [\d.]+ s', 'after 0.0 s') from unnest(pg_temp.said('memory-log')) as line),
  array[format(E'system: %s — Remember\n🗄 Archived after 0.0 s of silence · 3 messages · tasks: 1 complete, 0 failed · last: Noted', left(tests.id('d')::text, 8))],
  'the summary of an archived thread is in memory-log'
);
select is(
  (select metadata from hub_channel_messages where channel_id = tests.channel('cloud-hub/memory-log')),
  jsonb_build_object('event', 'thread_archived', 'task_thread_id', tests.id('d', 'thread', 'id')), 'which names the thread'
);

-- morning-brief
select cancel_task((dispatch_task(tests.channel('buf-barista/quick'), 'No') #>> '{task,id}')::uuid);
select dispatch_task(tests.channel('buf-barista/quick'), 'Later');
update mac_tasks set created_at = now() - interval '3 days' where content = 'Remember';
select tests.keep('brief', hub.morning_brief());
select is(pg_temp.said('morning-brief'), array['system: ' || (tests.kept('brief') #>> '{}')], 'the brief is in morning-brief');
select ok(tests.kept('brief') #>> '{}' like E'%\nTasks: 2 complete, 0 failed, 1 cancelled, 1 waiting or running\n%', 'with the tasks of the day, also those asked before it');
select ok(tests.kept('brief') #>> '{}' like E'%\nChannels: #quick 2, #bridge 1\n%', 'the busy channels');
select ok(tests.kept('brief') #>> '{}' like E'%\nDevices: mac-1 online\n%', 'the devices');
select ok(tests.kept('brief') #>> '{}' like E'%\nThreads: 1 opened, 1 archived\n%', 'the threads');
select is((select schedule from cron.job where jobname = 'hub-morning-brief'), '0 7 * * *', 'every day at 07:00 UTC');

-- Nobody else posts in a feed.
select tests.sign_in('admin');
select is(
  tests.error_of(format('insert into public.hub_channel_messages (channel_id, content) values (%L, ''x'')', tests.channel('cloud-hub/heartbeat'))),
  'channel_read_only', 'nobody else posts there'
);
select tests.sign_out();

-- Renamed and deleted.
update hub_channels set name = 'pulse' where id = tests.channel('cloud-hub/heartbeat');
select tests.keep('before', (select count(*) from hub_channel_messages));
select set_device_draining((select id from mesh_devices where name = 'mac-1'), true);
select is((select status from mesh_devices where name = 'mac-1'), 'draining', 'a device changes though the feed was renamed');
select is((select count(*)::text from hub_channel_messages), tests.kept('before')::text, 'which is silent');
delete from hub_channels where name in ('memory-log', 'morning-brief');
select update_thread_status(tests.id('d', 'thread', 'id'), 'active');
select is(update_thread_status(tests.id('d', 'thread', 'id'), 'archived') ->> 'status', 'archived', 'a thread is archived though the feed was deleted');
select ok(hub.morning_brief() like '☀️%', 'the brief is made for nobody');
select is((select count(*) from hub_channel_messages where content like '☀️%'), 0::bigint, 'and posted nowhere');
update hub_servers set name = 'cloud' where name = 'cloud-hub';
update hub_channels set name = 'heartbeat' where name = 'pulse';
select set_device_draining((select id from mesh_devices where name = 'mac-1'), false);
select is((select count(*) from hub_channel_messages where content = '🟠 mac-1 is draining'), 0::bigint, 'a renamed server silences its feeds');
select is(hub.recover() -> 'failed', '0', 'and recovery goes on');

select * from finish();
rollback;
