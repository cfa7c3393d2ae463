-- answer_question(), and what ends a question without one.
begin;
select plan(27);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 5));
create function pg_temp.token() returns text language sql as $$ select tests.kept('token') #>> '{}' $$;
create function pg_temp.begin(channel text default 'buf-barista/bridge') returns void language sql as $$
  select tests.keep('d', dispatch_task(tests.channel(begin.channel), 'Deploy'));
  select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
$$;
create function pg_temp.ask(call text, kind text default 'approval', options jsonb default null, allow_text boolean default null) returns jsonb language sql as $$
  select ask_question(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), ask.kind, 'Go on?', null, ask.options, ask.allow_text, ask.call) -> 'question'
$$;
create function pg_temp.answer(option_id text default null, answer text default null) returns text language sql as $$
  select tests.error_of(format('select public.answer_question(%L, %L, %L)', tests.kept('q') ->> 'id', option_id, answer))
$$;

select pg_temp.begin();
select tests.keep('q', pg_temp.ask('1'));
select tests.sign_in('viewer');
select is(pg_temp.answer('allow'), 'role_required', 'a viewer answers nothing');
select tests.sign_in('anon');
select is(pg_temp.answer('allow'), 'not_signed_in', 'nor does a device');
select tests.keep('operator', tests.sign_in('operator'));
select is(pg_temp.answer(), 'bad_argument', 'an answer says something');
select is(pg_temp.answer('maybe'), 'bad_argument', 'with an option of the question''s');
select is(pg_temp.answer('allow', 'but carefully'), 'bad_argument', 'and words only where they are asked for');
select is(pg_temp.answer('allow'), null, 'an operator answers');
select is(
  (select (state, option_id, answered_by, answered_by_label)::text from hub_questions),
  (select ('answered', 'allow', tests.kept('operator') #>> '{}', 'operator')::text), 'and who did is kept'
);
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[4:], array[format('system: 🙋 %s answered by operator: Allow once', left(tests.id('d')::text, 8))], 'and shown'
);
select is(pg_temp.answer('allow'), null, 'the same answer again is taken');
select is(pg_temp.answer('reject'), 'question_closed', 'another one is not');
select is(cardinality(tests.said(tests.channel('buf-barista/bridge'))), 4, 'and nothing more is shown');
select is(tests.error_of(format('select public.answer_question(%L, ''allow'')', gen_random_uuid())), 'question_not_found', 'a question that is none');
select tests.sign_out();

-- The run hears of it, until it has looked.
select is(device_heartbeat(pg_temp.token(), array[tests.id('d')]) -> 'answered', jsonb_build_array(tests.id('q', 'id')), 'a heartbeat names it');
select is(pg_temp.ask('1') ->> 'option_id', 'allow', 'asking again shows the answer');
select is(device_heartbeat(pg_temp.token(), array[tests.id('d')]) -> 'answered', '[]', 'which is then known');

-- In words.
select tests.keep('q', pg_temp.ask('2', 'question', '[{"id": "b", "label": "Berlin", "kind": "choice"}]', true));
select tests.sign_in('operator');
select is(pg_temp.answer(null, E' \n'), 'bad_argument', 'nothing is no answer');
select is(pg_temp.answer('b', E'near the\nriver'), null, 'an option and words');
select tests.sign_out();
select is((tests.said(tests.channel('buf-barista/bridge')))[6], format('system: 🙋 %s answered by operator: Berlin: near the river', left(tests.id('d')::text, 8)), 'are one line');

-- Nobody answers.
select tests.keep('q', pg_temp.ask('3', options => '[{"id": "yes", "label": "Yes", "kind": "allow_once"}, {"id": "no", "label": "No", "kind": "reject_once"}]'));
update hub_questions set expires_at = now() - interval '1 second' where id = tests.id('q', 'id');
select hub.recover();
select is((select (state, option_id)::text from hub_questions where id = tests.id('q', 'id')), '(expired,no)', 'an approval expires as refused');
select is((tests.said(tests.channel('buf-barista/bridge')))[8], format('system: ⌛ %s: nobody answered, refused', left(tests.id('d')::text, 8)), 'and says so');
select is(pg_temp.answer('yes'), 'question_closed', 'and is over');
select is(jsonb_array_length(device_heartbeat(pg_temp.token(), array[tests.id('d')]) -> 'answered'), 2, 'the run hears of both');

-- What ends a task ends its questions.
select pg_temp.ask('4');
select complete_task(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'Done');
select is((select state from hub_questions where tool_call_id = '4'), 'withdrawn', 'a task that ends withdraws its questions');
select pg_temp.begin();
select tests.keep('q', pg_temp.ask('5'));
select cancel_task(tests.id('d'));
select is((select state from hub_questions where tool_call_id = '5'), 'withdrawn', 'and one that is told to stop');
select is(pg_temp.answer('allow'), 'question_closed', 'nobody answers it any more');
select pg_temp.begin();
select pg_temp.ask('6');
select fail_task(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'It broke');
select is((select state from hub_questions where tool_call_id = '6'), 'withdrawn', 'and one that begins anew');
select is((select state from hub.queue where task_id = tests.id('d')), 'backoff', 'which is not parked');

select * from finish();
rollback;
