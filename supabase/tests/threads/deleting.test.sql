-- A thread that is deleted takes what is unfinished along.
begin;
select plan(11);

select tests.keep('token', tests.device('mac-1', '{claude}', 'macos', 2));
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Runs'));
select tests.keep('f', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Waits', tests.id('d', 'thread', 'id')));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}', 2));
select tests.keep('said', tests.said(tests.channel('cloud-hub/dispatch')));
delete from hub_task_threads where id = tests.id('d', 'thread', 'id');
select is((select (status, channel_id, cancelled_at is not null)::text from mac_tasks where id = tests.id('f')), '(failed,,t)', 'what waits is cancelled');
select is(device_heartbeat(tests.kept('token') #>> '{}', array[tests.id('d')]) -> 'cancel', jsonb_build_array(tests.id('d')), 'what runs is told to stop');
select complete_task(tests.kept('token') #>> '{}', tests.id('c', '0', 'id'), tests.id('c', '0', 'claim_id'), 'Done all the same');
select is((select cancelled_at is not null from mac_tasks where id = tests.id('d')), true, 'whatever it ends in');
select is(to_jsonb(tests.said(tests.channel('cloud-hub/dispatch'))), tests.kept('said'), 'and nothing of it is posted');
select is((select count(*) from hub.queue), 0::bigint, 'nothing is left in the queue');

-- What has ended cannot begin again without a place to say so.
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Fails'));
select cancel_task(tests.id('d'));
update mac_tasks set delivered_at = null where id = tests.id('d');
select hub.record_delivery_failure(tests.id('d'), 'task', 'x');
delete from hub_task_threads where id = tests.id('d', 'thread', 'id');
select is((select channel_id from mac_tasks where id = tests.id('d')), tests.channel('cloud-hub/dispatch'), 'what has ended stays in its channel');
select is(tests.error_of(format('select public.retry_task(%L)', tests.id('d'))), 'thread_not_found', 'and is not retried');
update hub.delivery_failures set retry_at = now();
select is(hub.recover() -> 'redelivered', '0', 'nor delivered');

-- Teams.
select tests.keep('team', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Goal', '["a", "b"]'));
delete from hub_task_threads where id = tests.id('team', 'thread', 'id');
select is((select status || ': ' || (metadata ->> 'error') from hub_teams where id = tests.id('team', 'team', 'id')), 'failed: Its thread was deleted.', 'a team ends with its thread');
select is((select count(*) from mac_tasks where content in ('a', 'b') and status = 'failed'), 2::bigint, 'with all of its tasks');

-- Who asked for a team has asked for all of it.
select tests.sign_in('operator');
select tests.keep('team', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Goal', '["a"]'));
select tests.sign_out();
update auth.users set raw_user_meta_data = '{"name": "somebody else"}' where raw_user_meta_data ->> 'name' = 'operator';
update mac_tasks set status = 'complete', result = 'x' where team_id = tests.id('team', 'team', 'id') and status = 'pending' and kind = 'subtask';
select is((select metadata ->> 'created_by_label' from mac_tasks where team_id = tests.id('team', 'team', 'id') and kind = 'synthesis'), 'operator', 'the synthesis is theirs, under the name they had');

select * from finish();
rollback;
