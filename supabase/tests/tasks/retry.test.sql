-- retry_task in each state of a task.
begin;
select plan(18);

select tests.keep('token', tests.device('linux-1'));
select tests.sign_in('operator');
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'One'));
select is(tests.error_of(format('select public.retry_task(%L)', tests.id('d'))), 'task_finished', 'a pending task is not retried');
select tests.sign_out();
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.error_of(format('select public.retry_task(%L)', tests.id('d'))), 'task_finished', 'nor a running one');
select fail_task(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'Broken', false);

select tests.sign_in('operator');
select is(retry_task(tests.id('d')) ->> 'status', 'pending', 'a failed task is');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[4:],
  array[format('system: 🔁 %s requeued: retried by operator (attempt 2 of 4)', left(tests.id('d')::text, 8))],
  'with a fresh count of attempts, and says so'
);
select is(
  (select (finished_at, cancelled_at, result, partial_output, delivered_at, claimed_by, run_at)::text from mac_tasks where id = tests.id('d')),
  '(,,,,,,)', 'nothing of its end is left'
);
select is(tests.error_of(format('select public.retry_task(%L)', tests.id('d'))), 'task_finished', 'a second retry finds it waiting');
select tests.sign_out();
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.id('c', 'id'), tests.id('d'), 'a device claims it again');
select is(tests.kept('c') -> 'attempt', '2', 'as its second attempt');
select complete_task(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'Whole');
select is((tests.said(tests.id('d', 'thread', 'id')))[5:], '{"agent [Task Complete]: Whole"}', 'and its result is posted');
select is(
  (select array_agg((attempt, outcome)::text order by started_at) from hub_task_attempts where task_id = tests.id('d')),
  '{"(1,failed)","(2,complete)"}', 'both attempts are on record'
);
select is(tests.error_of(format('select public.retry_task(%L)', tests.id('d'))), 'task_finished', 'a complete task is not retried');

-- A cancelled one, in a thread that went idle: the thread has an unfinished task again.
select tests.sign_in('operator');
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Two'));
select cancel_task(tests.id('d'));
select tests.sign_out();
update hub_task_threads set status = 'idle' where id = tests.id('d', 'thread', 'id');
select tests.sign_in('operator');
select is(retry_task(tests.id('d')) ->> 'cancelled_at', null, 'a cancelled task is retried');
select is((select status from hub_task_threads where id = tests.id('d', 'thread', 'id')), 'active', 'which wakes its thread');
select cancel_task(tests.id('d'));
select update_thread_status(tests.id('d', 'thread', 'id'), 'archived');
select is(tests.error_of(format('select public.retry_task(%L)', tests.id('d'))), 'thread_archived', 'not in an archived thread');
select update_thread_status(tests.id('d', 'thread', 'id'), 'active');
select is(retry_task(tests.id('d')) ->> 'status', 'pending', 'but in a reopened one');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[cardinality(tests.said(tests.id('d', 'thread', 'id')))],
  format('system: 🔁 %s requeued: retried by operator (attempt 1 of 3)', left(tests.id('d')::text, 8)),
  'attempts that were never made do not count'
);
select is(tests.error_of(format('select public.retry_task(%L)', gen_random_uuid())), 'task_not_found', 'no such task');
select tests.sign_in('viewer');
select is(tests.error_of(format('select public.retry_task(%L)', tests.id('d'))), 'role_required', 'a viewer may not');

select * from finish();
rollback;
