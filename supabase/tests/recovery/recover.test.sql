-- recover(): devices, leases, due tasks; twice; and who may call it.
begin;
select plan(15);

select tests.keep('a', tests.device('a', '{claude}', max_running => 5));
select tests.keep('b', tests.device('b', '{claude}'));
select is(
  hub.recover(), '{"failed": 0, "requeued": 0, "timed_out": 0, "redelivered": 0, "devices_offline": 0}', 'with nothing to do, nothing is done'
);
update mesh_devices set last_seen_at = now() - interval '59 seconds' where name = 'a';
select is(hub.recover() -> 'devices_offline', '0', 'a device heard of within a minute is online');
update mesh_devices set last_seen_at = now() - interval '61 seconds' where name = 'a';
select is(hub.recover() -> 'devices_offline', '1', 'after a minute it is offline');
select is((select array_agg(status order by name) from mesh_devices), '{offline,online}', 'the other is not');
select is(hub.recover() -> 'devices_offline', '0', 'once');
select device_heartbeat(tests.kept('a') #>> '{}');
select is((select status from mesh_devices where name = 'a'), 'online', 'the next heartbeat makes it online');

-- A draining device that goes away comes back draining.
select set_device_draining((select id from mesh_devices where name = 'a'), true);
update mesh_devices set last_seen_at = now() - interval '61 seconds' where name = 'a';
select hub.recover();
select is((select status from mesh_devices where name = 'a'), 'offline', 'a draining device goes offline too');
select device_heartbeat(tests.kept('a') #>> '{}');
select is((select status from mesh_devices where name = 'a'), 'draining', 'and comes back draining');

-- Everything at once, and then nothing.
select set_device_draining((select id from mesh_devices where name = 'a'), false);
select dispatch_task(tests.channel('buf-barista/bridge'), n) from (values ('requeue'), ('fail'), ('time out')) as t (n);
select claim_tasks(tests.kept('a') #>> '{}', 5);
update mac_tasks set lease_expires_at = now() - interval '1 second' where content in ('requeue', 'fail');
update mac_tasks set losses = 9 where content = 'fail';
update mac_tasks set started_at = now() - interval '3 hours' where content = 'time out';
update mesh_devices set last_seen_at = now() - interval '2 minutes' where name = 'b';
select is(
  hub.recover(), '{"failed": 1, "requeued": 1, "timed_out": 1, "redelivered": 0, "devices_offline": 1}', 'each is counted where it belongs'
);
select is(
  hub.recover(), '{"failed": 0, "requeued": 0, "timed_out": 0, "redelivered": 0, "devices_offline": 0}', 'and done once'
);
select is((select count(*) from hub_task_attempts where ended_at is null), 0::bigint, 'no attempt is left open');

-- Tasks whose time has come become ready without a device that asks.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'due', run_at => now() + interval '1 hour'));
update hub.queue set run_at = now() - interval '1 second' where task_id = tests.id('d');
update mac_tasks set run_at = now() - interval '1 second' where id = tests.id('d');
select hub.recover();
select is((select state from hub.queue where task_id = tests.id('d')), 'ready', 'a due task is ready');

-- Who may call it.
select tests.sign_in('service_role');
select is(recover() -> 'requeued', '0', 'the service key may');
select tests.sign_in('admin');
select is(tests.error_of('select public.recover()'), '42501', 'a person may not');
select tests.sign_in('anon');
select is(tests.error_of('select public.recover()'), '42501', 'nor may nobody');

select * from finish();
rollback;
