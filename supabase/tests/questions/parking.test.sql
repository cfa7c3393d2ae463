-- park_task(), and what becomes of a task while it waits for an answer.
begin;
select plan(27);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 5));
create function pg_temp.token() returns text language sql as $$ select tests.kept('token') #>> '{}' $$;
create function pg_temp.begin(channel text default 'cloud-hub/dispatch') returns void language sql as $$
  select tests.keep('d', dispatch_task(tests.channel(begin.channel), 'Deploy'));
  select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
$$;
create function pg_temp.ask(call text) returns void language sql as $$
  select tests.keep('q', ask_question(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'approval', 'Go on?', tool_call_id => ask.call) -> 'question')
$$;
create function pg_temp.park(session text default 'session-1') returns void language sql as $$
  select tests.keep('p', park_task(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), session))
$$;
create function pg_temp.state() returns text language sql as $$
  select concat_ws(' ', t.status, q.state, t.attempt) from mac_tasks as t left join hub.queue as q on q.task_id = t.id where t.id = tests.id('d')
$$;

select pg_temp.begin();
select pg_temp.ask('1');
select pg_temp.park();
select is(tests.kept('p') #>> '{task,status}', 'pending', 'a parked task is pending');
select is(pg_temp.state(), 'pending parked 0', 'and costs no attempt');
select is((select (outcome, error)::text from hub_task_attempts where claim_id = tests.id('c', 'claim_id')), '(parked,)', 'its attempt ended as parked');
select is((select array_agg(m.metadata ->> 'event') filter (where m.content like '🔁%') from hub_channel_messages as m), null, 'nothing is said of it but the question');
select is(explain_task(tests.id('d')) ->> 'reason', 'waiting_for_answer', 'explain_task says what it waits for');
select is(claim_tasks(pg_temp.token()), '[]', 'nobody may claim it');
select is(tests.error_of(format('select public.park_task(%L, %L, %L)', pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'))), 'stale_claim', 'the claim is over');

-- The thread waits with it.
select tests.keep('next', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Then this', tests.id('d', 'thread', 'id')));
select is(explain_task(tests.id('next')) ->> 'reason', 'waiting_for_previous', 'a follow-up waits behind it');

-- The answer, and who gets it.
select tests.keep('other', tests.device('mac-1', '{claude}', 'macos', max_running => 5));
select answer_question(tests.id('q', 'id'), 'allow');
select is(pg_temp.state(), 'pending ready 0', 'the answer makes it ready');
select is(claim_tasks(tests.kept('other') #>> '{}', 5), '[]', 'another device has not its session');
update mesh_devices set status = 'offline', last_seen_at = now() - interval '1 day' where name = 'linux-1';
select is(claim_tasks(tests.kept('other') #>> '{}', 5), '[]', 'not even while the one that has it is away');
select is(
  (select (reason, detail -> 'devices')::text from jsonb_to_record(explain_task(tests.id('d'))) as e (reason text, detail jsonb)),
  (select ('waiting_for_device', '["linux-1"]'::jsonb)::text), 'as explain_task says'
);
select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
select is((tests.kept('c') ->> 'id')::uuid, tests.id('d'), 'its own device gets it');
select is(tests.kept('c') ->> 'session_id', 'session-1', 'with the session');
select is(
  (select jsonb_agg(jsonb_build_array(a -> 'tool_call_id', a -> 'option_id', a -> 'told')) from jsonb_array_elements(tests.kept('c') -> 'answers') as a),
  '[["1", "allow", false]]', 'and the answer'
);
select is(device_heartbeat(pg_temp.token(), array[tests.id('d')]) -> 'answered', '[]', 'which needs no heartbeat');

-- Two questions, answered one by one; parked again, the first is known.
select pg_temp.ask('2');
select tests.keep('q2', tests.kept('q'));
select pg_temp.ask('3');
select pg_temp.park();
select answer_question(tests.id('q2', 'id'), 'allow');
select is(pg_temp.state(), 'pending parked 0', 'one answer of two is not enough');
select answer_question(tests.id('q', 'id'), 'reject');
select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
select is(
  (select jsonb_agg(a -> 'tool_call_id') from jsonb_array_elements(tests.kept('c') -> 'answers') as a), '["2", "3"]',
  'only what is new is told'
);

-- Parked when everything is answered already: ready at once.
select pg_temp.park('session-2');
select is(pg_temp.state(), 'pending ready 0', 'with nothing open it is ready at once');
select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
select is(tests.kept('c') ->> 'session_id', 'session-2', 'the session is the newest');

-- Its device dies while a person thinks.
select pg_temp.ask('4');
update mac_tasks set lease_expires_at = now() - interval '1 second' where id = tests.id('d');
select hub.recover();
select is(pg_temp.state(), 'pending parked 0', 'a task whose device died while it asked is parked');
select is((select (outcome, error)::text from hub_task_attempts where claim_id = tests.id('c', 'claim_id')), '(parked,"linux-1 was not heard of")', 'and says why');
select is((select count(*) from hub_channel_messages as m where m.content like '🔁%'), 0::bigint, 'without a word');
update hub_questions set expires_at = now() - interval '1 second' where state = 'open';
select hub.recover();
select is(pg_temp.state(), 'pending ready 0', 'nobody answers: it goes on without leave');
select is(claim_tasks(pg_temp.token()) -> 0 #>> '{answers,0,state}', 'expired', 'and is told so');

-- Cancelled while it is parked.
select pg_temp.begin('buf-barista/bridge');
select pg_temp.ask('5');
select pg_temp.park();
select cancel_task(tests.id('d'));
select is((select (status, cancelled_at is not null)::text from mac_tasks where id = tests.id('d')), '(failed,t)', 'a parked task is cancelled at once');
select is(tests.error_of(format('select public.answer_question(%L, ''allow'')', tests.id('q', 'id'))), 'question_closed', 'with its questions');

select * from finish();
rollback;
