-- cancel_task in each state of a task.
begin;
select plan(22);

select tests.keep('token', tests.device('linux-1', max_running => 3));
select tests.sign_in('operator');
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'One'));
select tests.keep('f', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Two', tests.id('d', 'thread', 'id')));
select is(cancel_task(tests.id('d')) ->> 'id', tests.id('d')::text, 'a pending task');
select is((select (status, cancelled_at is not null, error)::text from mac_tasks where id = tests.id('d')), '(failed,t,"Cancelled by operator.")', 'is cancelled at once');
select is(tests.error_of(format('select public.cancel_task(%L)', tests.id('d'))), 'task_finished', 'but not twice');
select tests.sign_out();
select is(claim_tasks(tests.kept('token') #>> '{}', 5) #>> '{0,id}', tests.id('f')::text, 'the next task of the thread may go');
select is((select claim_id from mac_tasks where id = tests.id('d')), null, 'the cancelled one was never claimed');

-- Running: asked to stop, ended by its executor, by whichever call.
select tests.keep('c', (select to_jsonb(t) from mac_tasks as t where id = tests.id('f')));
select tests.sign_in('operator');
select is(cancel_task(tests.id('f')) ->> 'status', 'running', 'a running task goes on');
select is((select cancel_requested_at is not null from mac_tasks where id = tests.id('f')), true, 'but is asked to stop');
select is(cancel_task(tests.id('f')) ->> 'status', 'running', 'asking again is no error');
select tests.sign_out();
select is(
  device_heartbeat(tests.kept('token') #>> '{}', array[tests.id('f')]) -> 'cancel', jsonb_build_array(tests.id('f')),
  'the heartbeat tells its device'
);
select is(
  release_task(tests.kept('token') #>> '{}', tests.id('f'), tests.id('c', 'claim_id')) #>> '{task,status}', 'failed',
  'a release ends it'
);
select is((select (cancelled_at is not null, error, attempt)::text from mac_tasks where id = tests.id('f')), '(t,"Cancelled by operator.",0)', 'as cancelled');
select is((select outcome from hub_task_attempts where task_id = tests.id('f')), 'cancelled', 'and so the attempt');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[5:],
  array[
    format('system: 🚫 %s cancelled by operator', left(tests.id('d')::text, 8)),
    format('system: 🚫 %s cancelled by operator', left(tests.id('f')::text, 8))
  ],
  'each says so once'
);

-- A completion or a failure after the request ends the task as cancelled too.
select tests.keep('a', dispatch_task(tests.channel('buf-barista/bridge'), 'A'));
select tests.keep('b', dispatch_task(tests.channel('buf-barista/bridge'), 'B'));
select claim_tasks(tests.kept('token') #>> '{}', 2);
select cancel_task(tests.id('a'));
select cancel_task(tests.id('b'));
select complete_task(tests.kept('token') #>> '{}', tests.id('a'), (select claim_id from mac_tasks where id = tests.id('a')), 'Done');
select fail_task(tests.kept('token') #>> '{}', tests.id('b'), (select claim_id from mac_tasks where id = tests.id('b')), 'Killed');
select is(
  (select array_agg((status, cancelled_at is not null)::text) from mac_tasks where id in (tests.id('a'), tests.id('b'))),
  '{"(failed,t)","(failed,t)"}', 'complete_task and fail_task end it as cancelled'
);
select is(
  (select array_agg(outcome) from hub_task_attempts where task_id in (tests.id('a'), tests.id('b'))), '{cancelled,cancelled}',
  'and the attempts'
);
select is(
  (select count(*) from hub_channel_messages where content like '🚫%' and channel_id = tests.channel('buf-barista/bridge')),
  2::bigint, 'each says so once'
);
select is(
  (select count(*) from hub_channel_messages where (content like '✅%' or content like '❌%' or content like '🔁%') and channel_id = tests.channel('buf-barista/bridge')),
  0::bigint, 'and nothing else'
);

-- An expired lease after the request.
select tests.keep('a', dispatch_task(tests.channel('buf-barista/bridge'), 'A'));
select claim_tasks(tests.kept('token') #>> '{}');
select cancel_task(tests.id('a'));
update mac_tasks set lease_expires_at = now() - interval '1 second' where id = tests.id('a');
select hub.recover();
select is((select (status, cancelled_at is not null)::text from mac_tasks where id = tests.id('a')), '(failed,t)', 'an expired lease ends it as cancelled');

-- Finished, unknown, foreign.
select tests.keep('a', dispatch_task(tests.channel('buf-barista/bridge'), 'A'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select complete_task(tests.kept('token') #>> '{}', tests.id('a'), tests.id('c', 'claim_id'), 'Done');
select is(tests.error_of(format('select public.cancel_task(%L)', tests.id('a'))), 'task_finished', 'a complete task is finished');
select is(tests.error_of(format('select public.cancel_task(%L)', gen_random_uuid())), 'task_not_found', 'no such task');
insert into mac_tasks (id, content) values ('77777777-0000-0000-0000-000000000000', 'foreign');
select is(tests.error_of('select public.cancel_task(''77777777-0000-0000-0000-000000000000'')'), 'task_not_found', 'somebody else''s task');
select tests.sign_in('viewer');
select is(tests.error_of(format('select public.cancel_task(%L)', tests.id('a'))), 'role_required', 'a viewer may not');

select * from finish();
rollback;
