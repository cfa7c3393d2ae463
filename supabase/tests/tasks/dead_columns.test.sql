-- An app adds columns of its own to the tables, and drops them again.
begin;
select plan(14);

do $$
declare
  v_table text;
begin
  foreach v_table in array array[
    'public.mac_tasks', 'public.hub_channel_messages', 'public.hub_task_threads', 'public.hub_channels', 'public.hub_teams',
    'public.mesh_devices', 'public.hub_task_attempts', 'hub.queue', 'hub.settings', 'hub.feed_lines'
  ] loop
    execute format('alter table %s add column app_note text default ''x'', add column app_dead numeric default 1', v_table);
    execute format('alter table %s drop column app_dead', v_table);
  end loop;
end
$$;

select tests.keep('token', tests.device('mac-1', '{claude}', 'macos', 9));
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Work'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'app_note', 'x', 'a task with a column of the app''s is claimed');
select report_progress(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Half');
select is(device_heartbeat(tests.kept('token') #>> '{}', array[tests.id('d')]) -> 'lost', '[]', 'kept');
select fail_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Oops');
select is((select status from mac_tasks where id = tests.id('d')), 'pending', 'put back');
select cancel_task(tests.id('d'));
select retry_task(tests.id('d'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
update mac_tasks set lease_expires_at = now() - interval '1 second' where id = tests.id('d');
select is(hub.recover() -> 'requeued', '1', 'taken back');
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select complete_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Done');
select is((select delivered_at is not null from mac_tasks where id = tests.id('d')), true, 'and delivered');
select hub.record_delivery_failure(tests.id('d'), 'task', 'x');
update hub.delivery_failures set retry_at = now();
select is(hub.recover() -> 'redelivered', '1', 'again, too');

select tests.keep('t', dispatch_team(tests.channel('buf-barista/bridge'), 'Goal', '["a", "b"]'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}', 9));
select complete_task(tests.kept('token') #>> '{}', (c ->> 'id')::uuid, (c ->> 'claim_id')::uuid, 'Done') from jsonb_array_elements(tests.kept('c')) as c;
select is((select status from hub_teams where id = tests.id('t', 'team', 'id')), 'synthesizing', 'a team goes on');
delete from mac_tasks where kind = 'synthesis';
select is((select status from hub_teams where id = tests.id('t', 'team', 'id')), 'failed', 'and ends');

update mesh_devices set last_seen_at = now() - interval '1 hour';
select is(hub.recover() -> 'devices_offline', '1', 'a device goes offline');
update mesh_devices set name = 'mac-2';
select is((select count(*) from hub.feed_lines), 0::bigint, 'as the feed says');
select update_thread_status(tests.id('d', 'thread', 'id'), 'archived');
select is((select status from hub_task_threads where id = tests.id('d', 'thread', 'id')), 'archived', 'a thread is archived');
update hub_task_threads set channel_id = tests.channel('cloud-hub/infrastructure') where id = tests.id('d', 'thread', 'id');
select is(update_settings('{"max_attempts": 4}') ->> 'max_attempts', '4', 'settings are set');
select is(explain_task(tests.id('d')) ->> 'reason', 'finished', 'a task explains itself');
select is((select count(*) from hub.check()), 0::bigint, 'and all is well');

select * from finish();
rollback;
