-- An executor from before: it claims, reports and finishes by updating mac_tasks with a service key.
begin;
select plan(24);

select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Fix it'));
select tests.keep('t', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Fix that'));
select tests.keep('short', left(tests.id('d')::text, 8));
select tests.sign_in('service_role');

update mac_tasks set status = 'running', claimed_by = 'old-mac' where id = tests.id('d') and status = 'pending';
select is(
  (select (status, claimed_by, claim_id, lease_expires_at, attempt)::text from mac_tasks where id = tests.id('d')),
  '(running,old-mac,,,1)', 'a claim by UPDATE has no claim_id and no lease'
);
select isnt((select started_at from mac_tasks where id = tests.id('d')), null, 'but a start');
update mac_tasks set partial_output = 'Half' where id = tests.id('d');
update mac_tasks set partial_output = 'Half done' where id = tests.id('d');
update mac_tasks set status = 'complete', result = 'All done' where id = tests.id('d');
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[3:],
  array[
    format('agent: 📋 %s: Half', tests.kept('short') #>> '{}'),
    format('agent: 📋 %s: done', tests.kept('short') #>> '{}'),
    format(E'agent: ✅ %s complete [claude/old-mac]\nAll done', tests.kept('short') #>> '{}')
  ],
  'its progress and result are delivered like any other''s'
);
select isnt((select finished_at from mac_tasks where id = tests.id('d')), null, 'the task has an end');
select isnt((select delivered_at from mac_tasks where id = tests.id('d')), null, 'and is delivered');

-- Twice.
update mac_tasks set status = 'complete', result = 'All done' where id = tests.id('d');
select is(cardinality(tests.said(tests.channel('buf-barista/bridge'))), 5, 'the same completion again posts nothing');
select is(
  tests.error_of(format('update public.mac_tasks set result = ''Other'' where id = %L', tests.id('d'))),
  'task_finished', 'another result for a finished task is refused'
);
select is(
  tests.error_of(format('update public.mac_tasks set status = ''running'' where id = %L', tests.id('d'))),
  'task_finished', 'and so is another claim'
);
select is(cardinality(tests.said(tests.channel('buf-barista/bridge'))), 5, 'which leaves the channel as it was');

-- In a thread, failing; the reason in result, as old executors write it.
update mac_tasks set status = 'running', claimed_by = 'old-mac' where id = tests.id('t');
update mac_tasks set status = 'failed', result = 'It broke' where id = tests.id('t');
select is(
  (tests.said(tests.id('t', 'thread', 'id')))[3:], '{"system [Task Failed]: It broke"}', 'a failure is delivered in the thread'
);
select is((select error from mac_tasks where id = tests.id('t')), 'It broke', 'and kept as the error');

-- Progress and result in one UPDATE, straight from pending.
select tests.sign_out();
select tests.keep('d', dispatch_task(tests.channel('buf-barista/quick'), 'At once'));
select tests.sign_in('service_role');
update mac_tasks set status = 'complete', claimed_by = 'old-mac', partial_output = 'p', result = 'r' where id = tests.id('d');
select is(
  (tests.said(tests.channel('buf-barista/quick')))[3:],
  array[
    format('agent: 📋 %s: p', left(tests.id('d')::text, 8)),
    format(E'agent: ✅ %s complete [claude/old-mac]\nr', left(tests.id('d')::text, 8))
  ],
  'progress and result in one UPDATE are both posted, in order'
);
select tests.sign_out();
select is((select count(*) from hub.queue), 0::bigint, 'nothing of it waits any more');

-- A failure without a reason, after an earlier one.
select tests.keep('token', tests.device('linux-1'));
select tests.keep('d', dispatch_task(tests.channel('buf-barista/garden'), 'Try'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select release_task(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'));
update mac_tasks set status = 'running', claimed_by = 'old-mac' where id = tests.id('d');
select is((select error from mac_tasks where id = tests.id('d')), null, 'a claim clears what the last attempt left');
update mac_tasks set status = 'failed' where id = tests.id('d');
select is((select error from mac_tasks where id = tests.id('d')), 'The executor gave no reason.', 'a failure without a reason says so');

-- Recovery leaves it alone.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/garden'), 'Take your time'));
update mac_tasks set status = 'running', claimed_by = 'old-mac', started_at = now() - interval '3 days' where id = tests.id('d');
update mac_tasks set started_at = now() - interval '3 days' where id = tests.id('d');
select hub.recover();
select is((select status from mac_tasks where id = tests.id('d')), 'running', 'a claim by UPDATE is never requeued or timed out');

-- Taking a task out of another device's hands.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/garden'), 'Mine'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.id('c', 'id'), tests.id('d'), 'a device claims');
update mac_tasks set claimed_by = 'old-mac' where id = tests.id('d');
select is((select claim_id from mac_tasks where id = tests.id('d')), null, 'an UPDATE that takes the task over ends the claim');
select is(
  tests.error_of(format('select public.complete_task(%L, %L, %L, ''x'')', tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'))),
  'stale_claim', 'which is stale from then on'
);
select hub.recover();
select is((select status from mac_tasks where id = tests.id('d')), 'running', 'and recovery leaves the task to its new owner');
select is(
  (select outcome from hub_task_attempts where claim_id = tests.id('c', 'claim_id')), 'released', 'the attempt is closed'
);

-- A cancelled task ends at once, since there is no heartbeat to tell; what comes later is refused.
select cancel_task(tests.id('d'));
select is((select (status, cancelled_at is not null)::text from mac_tasks where id = tests.id('d')), '(failed,t)', 'a cancelled task of an old executor ends at once');
select is(
  tests.error_of(format('update public.mac_tasks set status = ''complete'', result = ''late'' where id = %L', tests.id('d'))),
  'task_finished', 'its late result is refused'
);

-- A task of no channel is somebody else's.
insert into mac_tasks (id, content) values ('77777777-0000-0000-0000-000000000000', 'foreign');
update mac_tasks set status = 'running', claimed_by = 'x', partial_output = 'y' where content = 'foreign';
update mac_tasks set status = 'complete', result = 'z' where content = 'foreign';
update mac_tasks set status = 'pending', result = null where content = 'foreign';
select is(
  (select count(*) from hub_channel_messages where metadata ->> 'task_id' like '77777777%'), 0::bigint,
  'nothing is posted about a task of no channel, and it may do what it likes'
);

select * from finish();
rollback;
