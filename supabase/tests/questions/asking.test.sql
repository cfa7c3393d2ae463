-- ask_question(): what is kept and shown of a question, and how an executor looks at the answer.
begin;
select plan(25);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 3));
create function pg_temp.token() returns text language sql as $$ select tests.kept('token') #>> '{}' $$;
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Deploy'));
select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
create function pg_temp.ask(call text, kind text default 'approval', title text default 'npm publish', options jsonb default null, detail text default E'npm publish\n--tag next')
returns jsonb language sql as $$
  select public.ask_question(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), ask.kind, ask.title, ask.detail, ask.options, tool_call_id => ask.call) -> 'question'
$$;

select tests.keep('q', pg_temp.ask('call-1'));
select is(
  tests.kept('q') - array['id', 'asked_at', 'expires_at', 'claim_id', 'detail'],
  jsonb_build_object(
    'task_id', tests.id('d'), 'channel_id', tests.channel('buf-barista/bridge'), 'task_thread_id', null, 'kind', 'approval',
    'title', 'npm publish', 'allow_text', false, 'tool_call_id', 'call-1', 'state', 'open', 'option_id', null, 'answer', null,
    'answered_by', null, 'answered_by_label', null, 'answered_at', null, 'told_claim_id', null,
    'options', '[{"id": "allow", "kind": "allow_once", "label": "Allow once"}, {"id": "reject", "kind": "reject_once", "label": "No"}]'::jsonb
  ),
  'an approval is asked, to be allowed once or not'
);
select ok((tests.kept('q') ->> 'expires_at')::timestamptz between now() + interval '1 day' and clock_timestamp() + interval '1 day', 'it is refused in a day');
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[3:],
  array[format(E'agent: ❓ %s asks: npm publish\nnpm publish\n--tag next', left(tests.id('d')::text, 8))], 'the channel shows it'
);
select is(
  (select m.metadata - 'task_id' from hub_channel_messages as m where m.metadata ->> 'event' = 'question_asked'),
  jsonb_build_object('event', 'question_asked', 'question_id', tests.id('q', 'id')), 'as what it is'
);
select is(pg_temp.ask('call-1', title => 'other'), tests.kept('q'), 'asked again, it is the same');
select is((select count(*) from hub_questions), 1::bigint, 'and asked once');
select is(cardinality(tests.said(tests.channel('buf-barista/bridge'))), 3, 'and shown once');

select tests.keep('w', pg_temp.ask(null, 'question', 'Which city?', detail => null));
select is(
  (select (allow_text, options, expires_at, tool_call_id = id::text)::text from hub_questions where id = tests.id('w', 'id')),
  '(t,[],,t)', 'a question without options takes words, never expires, and is its own tool call'
);
select is(
  (select (reason, detail ->> 'question_id', detail -> 'questions')::text from jsonb_to_record(explain_task(tests.id('d'))) as e (reason text, detail jsonb)),
  (select ('waiting_for_answer', tests.id('q', 'id'), 2)::text), 'explain_task names the first'
);

-- A waiting task takes up no slot, and none of its time.
select tests.keep('beat', device_heartbeat(pg_temp.token(), array[tests.id('d')]));
select is(hub.busy_slots('linux-1'), 0, 'it takes up no slot');
update mesh_devices set max_running = 1;
select dispatch_task(tests.channel('buf-barista/quick'), 'Another');
select is(jsonb_array_length(claim_tasks(pg_temp.token())), 1, 'so its device claims another');
select is(jsonb_array_length(claim_tasks(pg_temp.token())), 0, 'and no third');
update mac_tasks set started_at = now() - interval '5 hours' where id = tests.id('d');
update hub_questions set asked_at = now() - interval '4 hours' where id = tests.id('q', 'id');
select is(hub.recover() -> 'timed_out', '0', 'five hours of which it waited for four are no long run');
update hub_questions set asked_at = now() - interval '1 hour';
select is(hub.recover() -> 'timed_out', '1', 'of which it waited for one are');
select is((select array_agg(distinct state) from hub_questions), '{withdrawn}', 'and its questions are withdrawn');

-- In a thread: an embed with the options.
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Ship'));
update mesh_devices set max_running = 5;
select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
select pg_temp.ask('t-1', 'question', 'Which?', '[{"id": "a", "label": "The first", "kind": "choice"}]', null);
select is(
  (
    select (content, embed_data ->> 'title', embed_data -> 'color', embed_data #> '{fields,0}')::text
    from hub_channel_messages where task_thread_id = tests.id('d', 'thread', 'id') and metadata ->> 'event' = 'question_asked'
  ),
  (select ('Which?', 'Question', 16705372, '{"name": "a", "value": "The first", "inline": true}'::jsonb)::text), 'a thread shows it as an embed'
);

-- Refusals.
create function pg_temp.refused(options jsonb default null, kind text default 'question', title text default 'Which?') returns text language sql as $$
  select tests.error_of(format('select pg_temp.ask(%L, %L, %L, %L, null)', gen_random_uuid(), kind, title, options))
$$;
select is(pg_temp.refused(kind => 'order'), 'bad_argument', 'a kind that is none');
select is(pg_temp.refused(title => E'two\nlines'), 'bad_argument', 'two lines of title');
select is(pg_temp.refused(title => ' '), 'content_empty', 'no title');
select is(pg_temp.refused('[{"id": "a", "label": "A", "kind": "allow_always"}]'), 'bad_argument', 'an option for ever');
select is(pg_temp.refused('[{"id": "a", "label": "A", "kind": "choice"}, {"id": "a", "label": "B", "kind": "choice"}]'), 'bad_argument', 'an id twice');
select is(tests.error_of(format('select pg_temp.ask(''x'', detail => repeat(''d'', 32001))')), 'content_too_long', 'too long a detail');
update hub.settings set max_open_questions = 1;
select is(pg_temp.refused(), 'too_many_questions', 'more than may be open');
select is(
  tests.error_of(format('select public.ask_question(%L, %L, %L, ''question'', ''Which?'')', pg_temp.token(), tests.id('d'), gen_random_uuid())),
  'stale_claim', 'a claim that is not the task''s'
);
-- Too late.
select cancel_task(tests.id('d'));
select is(pg_temp.ask('late') ->> 'state', 'withdrawn', 'while it is being cancelled, a question is withdrawn at once');

select * from finish();
rollback;
