-- The database's own time: a gap in it, and a clock that is set back.
begin;
select plan(13);

update hub.clock set ticked_at = null, resumed_at = null, resumed_from = null;
select tests.keep('token', tests.device('mac-1', '{claude}', 'macos', 3));
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Work'));
select claim_tasks(tests.kept('token') #>> '{}');
select tests.keep('empty', '{"requeued": 0, "failed": 0, "redelivered": 0, "devices_offline": 0, "timed_out": 0}'::jsonb);

create function pg_temp.pass(span interval) returns void language sql as $$
  -- What an hour's leap of the clock does: everything that was is an hour older.
  update mesh_devices set last_seen_at = last_seen_at - span;
  update mac_tasks set lease_expires_at = lease_expires_at - span where claim_id is not null;
  update hub.clock set ticked_at = ticked_at - span, resumed_at = resumed_at - span, resumed_from = resumed_from - span
$$;

-- Forward, or a database that was down.
select is(hub.recover(), tests.kept('empty'), 'all is well');
select pg_temp.pass('1 hour');
select is(hub.recover(), tests.kept('empty'), 'after a gap nobody is missed at once');
select is((select status from mesh_devices where name = 'mac-1'), 'online', 'the device is still online');
select pg_temp.pass('30 seconds');
select device_heartbeat(tests.kept('token') #>> '{}', array[tests.id('d')]);
select pg_temp.pass('31 seconds');
select is(hub.recover(), tests.kept('empty'), 'who is heard of meanwhile goes on');

select pg_temp.pass('1 hour');
select is(hub.recover(), tests.kept('empty'), 'after the next gap too');
select pg_temp.pass('61 seconds');
select is(hub.recover(), tests.kept('empty') || '{"requeued": 1, "devices_offline": 1}', 'who is not is missed after a minute');
select claim_tasks(tests.kept('token') #>> '{}');
update mesh_devices set last_seen_at = now() - interval '2 hours';
update mac_tasks set lease_expires_at = now() - interval '2 hours' where claim_id is not null;
select pg_temp.pass('1 hour');
select is(hub.recover(), tests.kept('empty') || '{"requeued": 1, "devices_offline": 1}', 'who was gone before the gap is missed at once');

-- Back.
select claim_tasks(tests.kept('token') #>> '{}');
select pg_temp.pass('-1 hour');
select hub.recover();
select ok((select last_seen_at < clock_timestamp() + interval '1 second' from mesh_devices), 'a device is heard of now at the latest');
select ok((select lease_expires_at < clock_timestamp() + interval '91 seconds' from mac_tasks where id = tests.id('d')), 'a lease holds for its length at the most');
select pg_temp.pass('61 seconds');
select is(hub.recover() -> 'devices_offline', '1', 'a dead device is found out in its time');

-- In a thread tasks run in the order they came in, whatever the clock says.
select tests.keep('t', dispatch_task(tests.channel('cloud-hub/dispatch'), 'First'));
update mac_tasks set created_at = created_at + interval '1 hour' where id = tests.id('t');
select tests.keep('u', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Second', tests.id('t', 'thread', 'id')));
select ok((select u.created_at > t.created_at from mac_tasks as t, mac_tasks as u where t.id = tests.id('t') and u.id = tests.id('u')),
  'a follow-up is never older than what it follows');
select is(hub.duration(interval '-1 hour'), '0.0 s', 'no span is shown as negative');
update hub_task_attempts set started_at = started_at - interval '1 day';
select is((select count(*) from jsonb_array_elements(mesh_activity(168) -> 'hours') as h
  where (h ->> 'wait_median_ms')::numeric < 0 or (h ->> 'wait_max_ms')::numeric < 0), 0::bigint, 'nor is a wait');

select * from finish();
rollback;
