-- What is broadcast: topic, event, payload, and nothing besides.
begin;
select plan(33);

create temp table seen (id uuid);
-- What was sent since the last look, with names for the ids in topics.
create function pg_temp.sent() returns table (topic text, event text, private boolean, payload jsonb) language sql volatile as $$
  with fresh as (
    select * from realtime.messages as m where m.id not in (select s.id from seen as s)
  ), noted as (
    insert into seen select f.id from fresh as f
  )
  select coalesce('channel:' || c.name, case when t.id is not null then 'its thread' end, f.topic), f.event, f.private, f.payload
  from fresh as f
  left join hub_channels as c on f.topic = 'channel:' || c.id
  left join hub_task_threads as t on f.topic = 'thread:' || t.id
  where f.extension = 'broadcast'
$$;
-- As 'topic event', counted; what is not private is marked.
create function pg_temp.events() returns text language sql volatile as $$
  select string_agg(what || case when n > 1 then ' x' || n else '' end, ', ' order by what)
  from (
    select format('%s %s%s', s.topic, s.event, case when s.private then '' else ' (public)' end), count(*)
    from pg_temp.sent() as s group by 1
  ) as e (what, n)
$$;
create function pg_temp.message(content text) returns hub_channel_messages language sql as $$
  select m from hub_channel_messages as m where m.content = message.content
$$;
insert into seen select id from realtime.messages;

-- Messages of a channel.
insert into hub_channel_messages (channel_id, content, metadata) values (tests.channel('buf-barista/quick'), 'Hello', '{"a": 1}');
create temp table last as select * from pg_temp.sent();
select is((select count(*) from last), 1::bigint, 'a message is one broadcast');
select is((select (topic, event, private)::text from last), '(channel:quick,message,t)', 'to its channel, privately');
select is((select payload from last), to_jsonb(pg_temp.message('Hello')), 'which carries the row');
insert into hub_channel_messages (channel_id, content)
select c, 'x' from unnest(array[tests.channel('buf-barista/quick'), tests.channel('buf-barista/bridge'), tests.channel('buf-barista/quick')]) as c;
select is(pg_temp.events(), 'channel:bridge message, channel:quick message x2', 'many at once go each to their own channel');
update hub_channel_messages set content = 'Hello again' where content = 'Hello';
delete from last;
insert into last select * from pg_temp.sent();
select is((select payload from last), to_jsonb(pg_temp.message('Hello again')), 'a rewritten one is sent again, under its id');
delete from hub_channel_messages where content = 'Hello again';
select is(pg_temp.events(), null, 'a deleted one is not');
insert into hub_channel_messages (channel_id, content) values (tests.channel('buf-barista/quick'), repeat('ä', 32001));
delete from last;
insert into last select * from pg_temp.sent();
select is((select length(payload ->> 'content') || (payload ->> 'truncated') from last), '32000true', 'a very long one is cut, and says so');
insert into hub_channel_messages (channel_id, content) values (tests.channel('buf-barista/quick'), repeat('ä', 32000));
select is((select payload ? 'truncated' from pg_temp.sent()), false, 'one that a person may post never');

-- Threads and the messages in them.
insert into hub_task_threads (id, channel_id, name, next_transition_at)
values ('00000000-0000-4000-8000-000000000001', tests.channel('cloud-hub/dispatch'), 'T', now() + interval '1 hour');
delete from last;
insert into last select * from pg_temp.sent();
select is((select (topic, event, private)::text from last), '(channel:dispatch,thread,t)', 'a new thread is told to its channel');
select is((select payload from last), (select to_jsonb(t) from hub_task_threads as t where t.name = 'T'), 'with its row');
insert into hub_channel_messages (channel_id, task_thread_id, content)
values (tests.channel('cloud-hub/dispatch'), '00000000-0000-4000-8000-000000000001', 'In the thread');
delete from last;
insert into last select * from pg_temp.sent();
select is(
  (select array_agg(topic || ' ' || event order by topic) from last), '{"channel:dispatch thread","its thread message"}',
  'a message of a thread goes to the thread, its new counters to the channel'
);
select is((select payload from last where event = 'message'), to_jsonb(pg_temp.message('In the thread')), 'the message as its row');
select is((select payload ->> 'message_count' from last where event = 'thread'), '1', 'the thread as it now is');
update hub_task_threads set name = name where name = 'T';
select is(pg_temp.events(), null, 'a thread that stays as it is is no news');
update hub_task_threads set next_transition_at = now() - interval '1 second' where name = 'T';
select pg_temp.events();
select hub.decay_threads();
select is(pg_temp.events(), 'channel:dispatch thread x2, its thread message', 'an idle thread says so, and its status changes');

-- Tasks.
select dispatch_task(tests.channel('buf-barista/quick'), 'Work');
select is(pg_temp.events(), 'channel:quick message x2', 'a flat task: the request and that it is queued');
select dispatch_task(tests.channel('cloud-hub/dispatch'), 'Work');
select is(
  pg_temp.events(), 'channel:dispatch message, channel:dispatch thread x2, its thread message x2',
  'a threaded one: its line and its thread to the channel, the rest to the thread'
);

-- Devices.
select tests.keep('mac', register_device('mac', 'macos', '["claude"]', 5));
delete from last;
insert into last select * from pg_temp.sent();
select is((select distinct (topic, event, private)::text from last), '(mesh,device,t)', 'a new device is told to mesh');
select is(
  (select array_agg(k order by k) from (select distinct jsonb_object_keys(payload) as k from last) as keys),
  '{agent_version,created_at,draining,id,last_seen_at,max_running,metadata,models,name,platform,registered_by,server_ids,status}', 'with its row and models, without its token'
);
select is(
  (select payload from last where payload -> 'models' <> '[]' limit 1),
  (select to_jsonb(d) || jsonb_build_object('models', jsonb_build_array(to_jsonb(m))) from mesh_devices as d join mesh_device_models as m on m.device_id = d.id where d.name = 'mac'),
  'each model as its row'
);
select tests.keep('token', tests.kept('mac') ->> 'token');
create function pg_temp.token() returns text language sql as $$ select tests.kept('token') #>> '{}' $$;
select device_heartbeat(pg_temp.token());
select is((select payload ->> 'status' from pg_temp.sent() where event = 'device'), 'online', 'that it is there now');
update mesh_devices set last_seen_at = now() - interval '30 seconds';
select device_heartbeat(pg_temp.token(), models => '["claude"]');
select is(pg_temp.events(), null, 'that it is still there is no news');
select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
select pg_temp.events();
select report_rate_limit(pg_temp.token(), tests.id('c', 'id'), tests.id('c', 'claim_id'), 'claude', now() + interval '1 hour');
delete from last;
insert into last select * from pg_temp.sent();
select is(
  (select (payload #>> '{models,0,rate_limited_until}')::timestamptz from last where topic = 'mesh'), now() + interval '1 hour',
  'a throttle is'
);
update mesh_device_models set rate_limited_until = null;
select pg_temp.events();
select set_device_draining(tests.id('mac', 'device', 'id'), true);
select is((select payload ->> 'status' from pg_temp.sent() where event = 'device'), 'draining', 'so is draining');
select set_device_draining(tests.id('mac', 'device', 'id'), false);

-- The bell: only while some device waits, and never for what cannot run yet.
select claim_tasks(pg_temp.token(), 1);
select pg_temp.events();
select dispatch_task(tests.channel('buf-barista/quick'), 'Busy', model => 'claude');
select is(pg_temp.events(), 'channel:quick message x2', 'nobody is woken while nobody waits');
select claim_tasks(pg_temp.token(), 5);
select claim_tasks(pg_temp.token(), 5);
select pg_temp.events();
select dispatch_task(tests.channel('buf-barista/quick'), 'Later', run_at => now() + interval '1 hour');
select is(pg_temp.events(), 'channel:quick message x2', 'nor for a task of a later time');
insert into mac_tasks (content) values ('Wake');
delete from last;
insert into last select * from pg_temp.sent();
select is((select (topic, event, private, payload)::text from last), '(mesh:wake,task_queued,f,{})', 'a device that found nothing is woken, in public, with no word of the task');
update mesh_devices set status = 'offline';
select pg_temp.events();
insert into mac_tasks (content) values ('Do not wake');
select is(pg_temp.events(), null, 'one that is gone is not');
select device_heartbeat(pg_temp.token());
select set_server_paused((select id from hub_servers where name = 'buf-barista'), true);
select pg_temp.events();
select set_server_paused((select id from hub_servers where name = 'buf-barista'), false);
select is(pg_temp.events(), 'mesh:wake task_queued (public)', 'a server that goes on wakes it');
select tests.device('tux');
select pg_temp.events();
update mesh_devices set status = 'offline' where name = 'tux';
select is(pg_temp.events(), 'channel:heartbeat message, mesh device, mesh:wake task_queued (public)', 'and so does another device that goes');
select claim_tasks(pg_temp.token(), 5);
select pg_temp.events();
insert into mac_tasks (content) values ('It is busy now');
select is(pg_temp.events(), null, 'one that has found something waits no more');

-- postgres_changes.
select set_eq(
  $$ select tablename::text from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public' $$,
  $$
    select c.relname::text from pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname !~ '_members$'
      and has_table_privilege('authenticated', c.oid, 'select')
  $$,
  'every table that clients read is published, but for the members'
);
select is(
  (select array_agg(c.relname::text order by c.relname) from pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and not c.relrowsecurity),
  null, 'and none without row security'
);

select * from finish();
rollback;
