-- A feed that cannot post stops nothing, and says later what it could not say then.
begin;
select plan(15);

create function pg_temp.said(feed text) returns text[] language sql as $$
  select tests.said(tests.channel('cloud-hub/' || feed))
$$;

select tests.keep('token', tests.device('mac-1', '{claude}', 'macos', 3));
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Work'));
select claim_tasks(tests.kept('token') #>> '{}');

-- An app tells people of messages, and thinks that each has a sender with an account.
create table public.app_notifications (user_id uuid not null);
create function public.app_notify() returns trigger language plpgsql as $$
begin
  insert into public.app_notifications values (new.sender_id::uuid);
  return null;
end
$$;
create trigger app_notify after insert on public.hub_channel_messages
for each row when (new.sender_type = 'system') execute function public.app_notify();

update mesh_devices set last_seen_at = now() - interval '2 minutes';
update mac_tasks set lease_expires_at = now() - interval '1 second' where id = tests.id('d');
select is(hub.recover() - 'timed_out',
  '{"requeued": 1, "failed": 0, "redelivered": 0, "devices_offline": 1}', 'recovery does its work');
select is((select status from mesh_devices where name = 'mac-1'), 'offline', 'a silent device is offline');
select is(tests.error_of($$select public.device_heartbeat(tests.kept('token') #>> '{}')$$), null, 'one that is back may say so');
select is(jsonb_array_length(claim_tasks(tests.kept('token') #>> '{}')), 1, 'and claim');
select is(
  set_device_draining((select id from mesh_devices where name = 'mac-1'), true) ->> 'status', 'draining', 'and drain');
update mesh_device_models set rate_limited_until = now() + interval '1 hour';
select is(hub.morning_brief() like '☀️%', true, 'the brief is made');
select is(cardinality(pg_temp.said('heartbeat')), 1, 'none of it could be said');
select is((select count(*) from hub.feed_lines where reason is not null and retry_at > now()), 5::bigint, 'each line is kept, with the reason');

-- One that fails for ever keeps no other back.
drop trigger app_notify on public.hub_channel_messages;
create trigger app_notify after insert on public.hub_channel_messages
for each row when (new.content like '🔴%') execute function public.app_notify();
update hub.feed_lines set retry_at = now();
update hub.feed_lines set said_at = '2026-01-02 03:04:05Z' where content like '🟡%';
select hub.recover();
select is((pg_temp.said('heartbeat'))[2], 'system: 🟢 mac-1 is online', 'what can be said now is said');
select is((pg_temp.said('heartbeat'))[3], 'system: 🟠 mac-1 is draining', 'in its order');
select is(right((pg_temp.said('heartbeat'))[4], 22), E'(2026-01-02 03:04 UTC)', 'and with its time, where that was long ago');
select is(cardinality(pg_temp.said('morning-brief')), 1, 'in each feed');
select results_eq(
  'select content, failures from hub.feed_lines', $$values ('🔴 mac-1 is offline', 2)$$, 'what cannot waits longer');
drop trigger app_notify on public.hub_channel_messages;
select hub.recover();
select is(cardinality(pg_temp.said('heartbeat')), 4, 'until its time');
update hub.feed_lines set retry_at = now();
select hub.recover();
select is(cardinality(pg_temp.said('heartbeat')), 5, 'and is said once');

select * from finish();
rollback;
