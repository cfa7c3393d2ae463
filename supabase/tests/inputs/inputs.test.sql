-- send_input() and take_input(): what is said to a task that runs is given to it once, or becomes a follow-up.
begin;
select plan(27);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 5));
create function pg_temp.token() returns text language sql as $$ select tests.kept('token') #>> '{}' $$;
create function pg_temp.begin(channel text) returns void language sql as $$
  select tests.keep('d', dispatch_task(tests.channel(begin.channel), 'Deploy'));
  select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
$$;
create function pg_temp.inputs() returns jsonb language sql as $$
  select device_heartbeat(pg_temp.token(), array[tests.id('d')]) -> 'inputs'
$$;
create function pg_temp.take(input uuid, claim uuid default tests.id('c', 'claim_id')) returns text language sql as $$
  select tests.error_of(format('select public.take_input(%L, %L, %L, %L)', pg_temp.token(), tests.id('d'), claim, input))
$$;

select tests.sign_in('operator');
select tests.sign_out();
select pg_temp.begin('buf-barista/bridge');
select tests.sign_in('operator');
select tests.keep('i', send_input(tests.id('d'), 'Use the other branch', idempotency_key => 'k'));
select is(send_input(tests.id('d'), 'Use the other branch', idempotency_key => 'k'), tests.kept('i'), 'said again with the same key, it is the same');
select tests.keep('j', send_input(tests.id('d'), 'Stop, not that one', true));
select is(tests.error_of(format('select public.send_input(%L, '' '')', tests.id('d'))), 'content_empty', 'nothing is no input');
select tests.sign_in('viewer');
select is(tests.error_of(format('select public.send_input(%L, ''x'')', tests.id('d'))), 'role_required', 'a viewer says nothing');
select tests.sign_out();
select is(tests.kept('i') #>> '{message,sender_label}', 'operator', 'it is a person''s message');
select is(tests.kept('i') #> '{message,metadata}', jsonb_build_object('task_id', tests.id('d'), 'input_id', tests.id('i', 'input', 'id')), 'about the task');
select is((tests.said(tests.channel('buf-barista/bridge')))[3:], '{"human: Use the other branch","human: Stop, not that one"}', 'where the task lives');
select is(
  pg_temp.inputs(),
  jsonb_build_array(
    jsonb_build_object('id', tests.id('i', 'input', 'id'), 'task_id', tests.id('d'), 'content', 'Use the other branch', 'interrupt', false),
    jsonb_build_object('id', tests.id('j', 'input', 'id'), 'task_id', tests.id('d'), 'content', 'Stop, not that one', 'interrupt', true)
  ), 'a heartbeat has them in their order'
);

-- Once.
select is(pg_temp.take(tests.id('i', 'input', 'id'), gen_random_uuid()), 'stale_claim', 'another claim takes nothing');
select is(pg_temp.take(tests.id('i', 'input', 'id')), null, 'the run takes it');
select is(jsonb_array_length(pg_temp.inputs()), 1, 'once');
select is(pg_temp.take(tests.id('i', 'input', 'id')), null, 'and again, if the answer was lost');
select is(pg_temp.take(gen_random_uuid()), 'input_not_found', 'an input that is none');
select fail_task(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'It broke');
update mac_tasks set run_at = null where id = tests.id('d');
select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
select is(pg_temp.take(tests.id('i', 'input', 'id')), 'input_taken', 'the next run does not take it again');
select is(tests.kept('c') ->> 'history', 'operator: Use the other branch', 'but without a session it is told what was said');
select is(jsonb_array_length(pg_temp.inputs()), 1, 'and what waits still waits');

-- The end: what no run took becomes one follow-up.
select send_input(tests.id('d'), 'And then deploy');
select report_progress(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), session_id => 's-1');
select complete_task(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'Done');
select is(
  (select array_agg((content, status, kind)::text) from mac_tasks where channel_id = tests.channel('buf-barista/bridge') and id <> tests.id('d')),
  array[E'("Stop, not that one\n\nAnd then deploy",pending,task)'], 'one follow-up, in their order'
);
select is((select array_agg((state, moved_to is not null)::text order by created_at) from hub_task_inputs), '{"(taken,f)","(moved,t)","(moved,t)"}', 'they have moved');
select is(
  (select array_agg(m.sender_type || ' ' || split_part(m.content, ' ', 1) order by m.created_at) from hub_channel_messages as m where m.channel_id = tests.channel('buf-barista/bridge') and m.created_at >= (tests.kept('j') #>> '{message,created_at}')::timestamptz),
  '{"human Stop,","system 🔁","human And","agent ✅","system ⏳"}', 'and nothing is said twice'
);
select is((select created_by_label from mac_tasks, lateral (select metadata ->> 'created_by_label' as created_by_label) as l where content like 'Stop%'), 'operator', 'it is their task who spoke first');
select is(claim_tasks(pg_temp.token()) #>> '{0,session_id}', 's-1', 'and goes on with the session');
select is(tests.error_of(format('select public.send_input(%L, ''more'')', tests.id('d'))), 'task_finished', 'a task that ended hears nothing');

-- In a thread; cancelled, failed.
select pg_temp.begin('cloud-hub/dispatch');
select send_input(tests.id('d'), 'One more thing');
select cancel_task(tests.id('d'));
select is(tests.error_of(format('select public.send_input(%L, ''x'')', tests.id('d'))), 'task_finished', 'nor does one that is told to stop');
select release_task(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'));
select is((select count(*) from mac_tasks where task_thread_id = tests.id('d', 'thread', 'id')), 1::bigint, 'a cancelled task leaves no follow-up');
select retry_task(tests.id('d'));
select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
select is(jsonb_array_length(pg_temp.inputs()), 1, 'its retry has the input');
select fail_task(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'It broke', false);
select is((select content from mac_tasks where task_thread_id = tests.id('d', 'thread', 'id') and id <> tests.id('d')), 'One more thing', 'a failed one leaves it to a follow-up');
select is((select array_agg(m.content order by m.created_at) from hub_channel_messages as m where m.task_thread_id = tests.id('d', 'thread', 'id') and m.sender_type = 'human'), '{Deploy,"One more thing"}', 'said once');
-- A task that waits hears it when it begins.
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Later', run_at => now() + interval '1 hour'));
select is(send_input(tests.id('d'), 'Early') #>> '{input,state}', 'waiting', 'what is said to a task that waits, waits with it');

select * from finish();
rollback;
