-- What a change of partial_output posts: what is new, at once, and at most 15 messages for a task.
begin;
select plan(19);

select tests.keep('token', tests.device('linux-1'));
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Count'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
create function pg_temp.report(content text) returns jsonb language sql as $$
  select report_progress(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), content) -> 'task'
$$;
create function pg_temp.progress() returns text[] language sql as $$
  select coalesce(array_agg(m.content order by m.created_at, m.id), '{}')
  from hub_channel_messages as m where m.task_thread_id = tests.id('d', 'thread', 'id') and m.is_progress
$$;

select pg_temp.report('Counting');
select is(pg_temp.progress(), '{"📋 Counting"}', 'the first output is posted whole');
select pg_temp.report('Counting');
select is(pg_temp.progress(), '{"📋 Counting"}', 'an unchanged output posts nothing');
select pg_temp.report(null);
select pg_temp.report('');
select pg_temp.report(E' \n ');
select is(pg_temp.progress(), '{"📋 Counting"}', 'an empty output posts nothing');
select pg_temp.report('Counting');
select pg_temp.report(E'Counting\n\n');
select is(cardinality(pg_temp.progress()), 2, 'a line end is nothing new');
select pg_temp.report(E'Counting\n\nOne');
select is((pg_temp.progress())[3:], '{"📋 One"}', 'only the appended part is posted');
select pg_temp.report('Something else');
select is((pg_temp.progress())[4:], '{"📋 Something else"}', 'a text that does not go on is posted whole');
select pg_temp.report('Something else, still');
select is((select progress_count from mac_tasks where id = tests.id('d')), 5, 'the task counts what was posted');
select is(
  (select distinct (sender_type, sender_id, content_type)::text from hub_channel_messages where is_progress),
  '(agent,linux-1,text)', 'progress is the agent''s text'
);

-- The limit.
select pg_temp.report(format('Step %s', n)) from generate_series(6, 15) as n;
select is(cardinality(pg_temp.progress()), 15, 'fifteen messages are posted');
select is((pg_temp.progress())[15], '📋 Step 15', 'the fifteenth is the fifteenth');
select pg_temp.report(format('Step %s', n)) from generate_series(16, 40) as n;
select is(cardinality(pg_temp.progress()), 15, 'later changes post no more');
select is((pg_temp.progress())[14:], '{"📋 Step 14","📋 Step 40"}', 'but rewrite the fifteenth');
select is(
  (select message_count from hub_task_threads where id = tests.id('d', 'thread', 'id')),
  17, 'the counter knows that a rewritten message is no new one'
);

-- The rule is for the task, whatever becomes of it.
select fail_task(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'x', false);
select retry_task(tests.id('d'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'partial_output', null, 'a new attempt begins with no output');
select pg_temp.report('Once more');
select is((pg_temp.progress())[14:], '{"📋 Step 14","📋 Once more"}', 'a retried task rewrites its last one');

-- The limit is a setting.
update hub.settings set progress_limit = 1;
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Count on'));
select complete_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'done');
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select pg_temp.report('a');
select pg_temp.report('b');
select is(pg_temp.progress(), '{"📋 b"}', 'a changed limit takes effect at once');

-- Longer output than a message holds.
select is(
  tests.error_of(format('select public.report_progress(%L, %L, %L, repeat(''x'', 1000001))',
    tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'))),
  'content_too_long', 'too long an output is refused'
);

-- The id of a progress message is no secret, and people choose the ids of theirs.
select tests.keep('e', dispatch_task(tests.channel('cloud-hub/pulse-control'), 'Count'));
select tests.keep('c', claim_tasks(tests.device('linux-2')) -> 0);
select tests.sign_in('operator');
insert into hub_channel_messages (id, channel_id, content)
values (md5(format('%s:1', tests.id('e')))::uuid, tests.channel('cloud-hub/pulse-control'), 'Mine');
select tests.sign_out();
update mac_tasks set partial_output = 'Counting' where id = tests.id('e');
select is(
  (select content from hub_channel_messages where id = md5(format('%s:1', tests.id('e')))::uuid), 'Mine',
  'a person''s message is not taken for progress'
);
select is(
  (select array_agg(content) from hub_channel_messages where task_thread_id = tests.id('e', 'thread', 'id') and is_progress),
  '{"📋 Counting"}', 'which is posted all the same'
);

select * from finish();
rollback;
