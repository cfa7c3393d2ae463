-- What dispatch_team refuses, its idempotency, and cancelling a team.
begin;
select plan(31);

create function pg_temp.refusal(arguments text) returns text language sql as $$
  select tests.error_of(format('select public.dispatch_team(%s)', arguments))
$$;
select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 2));
select tests.sign_in('viewer');
select is(pg_temp.refusal(format($$%L, 'x'$$, tests.channel('buf-barista/bridge'))), 'role_required', 'a viewer');
select tests.sign_in('operator');
select is(pg_temp.refusal($$null, 'x'$$), 'channel_not_found', 'no channel');
select is(pg_temp.refusal(format($$%L, 'x', '["a"]'$$, tests.channel('koji-pipeline/leads'))), 'wrong_architecture', 'a command channel');
select is(pg_temp.refusal(format($$%L, 'x'$$, tests.channel('koji-pipeline/leads'))), 'wrong_architecture', 'also without subtasks');
select is(pg_temp.refusal(format($$%L, 'x', '["a"]'$$, tests.channel('cloud-hub/heartbeat'))), 'channel_read_only', 'a feed');
select is(pg_temp.refusal(format($$%L, ' ', '["a"]'$$, tests.channel('buf-barista/bridge'))), 'content_empty', 'no goal');
select is(pg_temp.refusal(format($$%L, repeat('x', 32001)$$, tests.channel('buf-barista/bridge'))), 'content_too_long', 'too long a goal');
select is(pg_temp.refusal(format($$%L, 'x', %L$$, tests.channel('buf-barista/bridge'), s)), 'bad_argument', 'subtasks ' || left(s, 20))
from (values ('[]'), ('"a"'), ('{}'), ('[1]'), ('[""]'), ('["a", null]'), (to_jsonb(array[repeat('x', 32001)])::text)) as v (s);
select is(pg_temp.refusal(format($$%L, 'x', %L$$, tests.channel('buf-barista/bridge'), to_jsonb(array_fill('t'::text, array[21])))), 'too_many_subtasks', '21 subtasks');
select is(pg_temp.refusal(format($$%L, %L$$, tests.channel('buf-barista/bridge'), repeat(E'- x\n', 21))), 'too_many_subtasks', 'or a list of 21');
select is(pg_temp.refusal(format($$%L, 'x', '["a"]', 'gpt'$$, tests.channel('buf-barista/bridge'))), 'bad_argument', 'an unknown model');
select tests.sign_out();
select is((select count(*) from hub_teams) + (select count(*) from mac_tasks) + (select count(*) from hub_task_threads), 0::bigint, 'no refusal leaves anything');

-- Idempotency.
select tests.sign_in('operator');
select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Once', '["a", "b", "c"]', idempotency_key => 'k'));
select is(
  dispatch_team(tests.channel('cloud-hub/dispatch'), 'Once', '["z"]', idempotency_key => 'k'), tests.kept('d'), 'the same key returns the same team'
);
select is((select count(*) from hub_teams), 1::bigint, 'and makes no other');

-- Cancelling by the thread: waiting subtasks at once, running ones by their device.
select tests.sign_out();
select claim_tasks(tests.kept('token') #>> '{}', 2);
select complete_task(tests.kept('token') #>> '{}', id, claim_id, 'A') from mac_tasks where content = 'a';
select tests.sign_in('operator');
select is(cancel_task(tests.id('d', 'thread', 'id')) ->> 'team_id', tests.kept('d') #>> '{team,id}', 'a team''s thread cancels the team');
select is(
  (select array_agg((content, status, cancel_requested_at is not null)::text order by content) from mac_tasks),
  '{"(a,complete,f)","(b,running,t)","(c,failed,t)"}', 'all of its tasks'
);
select is((select status from hub_teams), 'running', 'the team waits for the running one');
select is(tests.error_of(format('select public.retry_task(%L)', (select id from mac_tasks where content = 'c'))), 'task_finished', 'and takes none back');
select tests.sign_out();
select release_task(tests.kept('token') #>> '{}', id, claim_id) from mac_tasks where content = 'b';
select is((select (status, metadata ->> 'error')::text from hub_teams), '(failed,"Cancelled by operator.")', 'then it has failed');
select is((select count(*) from mac_tasks where kind = 'synthesis'), 0::bigint, 'without a synthesis, though one succeeded');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[cardinality(tests.said(tests.id('d', 'thread', 'id')))], 'system [Team Failed]: Cancelled by operator.', 'and says so'
);
select is(tests.error_of(format('select public.cancel_task(%L)', tests.id('d', 'thread', 'id'))), 'task_finished', 'a team that ended cannot be cancelled');

-- By the plan; and one subtask alone.
select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Plan'));
select cancel_task((tests.kept('d') #>> '{tasks,0,id}')::uuid);
select is((select (status, metadata ->> 'error')::text from hub_teams where goal = 'Plan'), '(failed,"Cancelled by admin.")', 'a plan cancels its team');
select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), 'One', '["left", "right"]'));
select claim_tasks(tests.kept('token') #>> '{}', 2);
select complete_task(tests.kept('token') #>> '{}', id, claim_id, 'L') from mac_tasks where content = 'left';
select cancel_task(id) from mac_tasks where content = 'right';
select release_task(tests.kept('token') #>> '{}', id, claim_id) from mac_tasks where content = 'right';
select is((select status from hub_teams where goal = 'One'), 'synthesizing', 'a single cancelled subtask leaves the team at work');
select ok((select position('Cancelled by admin.' in content) > 0 from mac_tasks where kind = 'synthesis'), 'and is named in the synthesis');

select * from finish();
rollback;
