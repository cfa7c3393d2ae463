-- A team with given subtasks: all in one thread, side by side, one synthesis, one outcome.
begin;
select plan(36);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 10));
create function pg_temp.claim() returns void language sql as $$
  select claim_tasks(tests.kept('token') #>> '{}', 10)
$$;
create function pg_temp.complete(content text, result text) returns void language sql as $$
  select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, complete.result)
  from mac_tasks as t where t.content like complete.content and t.status = 'running'
$$;
create function pg_temp.fail(content text, error text) returns void language sql as $$
  select fail_task(tests.kept('token') #>> '{}', t.id, t.claim_id, fail.error, false)
  from mac_tasks as t where t.content like fail.content and t.status = 'running'
$$;
create function pg_temp.embed(title text) returns jsonb language sql as $$
  select m.embed_data from hub_channel_messages as m
  where m.embed_data ->> 'title' = title and (m.metadata ->> 'team_id')::uuid = tests.id('d', 'team', 'id')
$$;

select tests.sign_in('operator');
select tests.keep('d', dispatch_team(
  tests.channel('cloud-hub/dispatch'), E'Audit the fleet\nall of it', '["Audit disks", "Audit nets", "Audit keys"]', 'claude'
));
select tests.sign_out();
select is((select array_agg(k order by k) from jsonb_object_keys(tests.kept('d')) as k), '{message,tasks,team,thread}', 'the answer is {message, team, tasks, thread}');
select is(tests.kept('d') #>> '{team,status}', 'running', 'the team runs');
select is(
  (select array_agg(t ->> 'content' || '/' || (t ->> 'kind') || '/' || (t ->> 'model_preference') order by n) from jsonb_array_elements(tests.kept('d') -> 'tasks') with ordinality as x (t, n)),
  '{"Audit disks/subtask/claude","Audit nets/subtask/claude","Audit keys/subtask/claude"}', 'a task for each subtask, in order'
);
select is(tests.id('d', 'thread', 'team_id'), tests.id('d', 'team', 'id'), 'the thread is the team''s');
select is(tests.id('d', 'team', 'task_thread_id'), tests.id('d', 'thread', 'id'), 'and the team''s the thread');
select is(tests.kept('d') #>> '{message,content}', E'Audit the fleet\nall of it', 'the message is the goal');
select is(
  tests.said(tests.channel('cloud-hub/dispatch')),
  array[format('system: 🧵 %s queued: Audit the fleet', left(tests.kept('d') #>> '{thread,task_id}', 8))],
  'the channel gets one message'
);
select is(
  tests.said(tests.id('d', 'thread', 'id')),
  array[E'human: Audit the fleet\nall of it', 'system [Decomposed into 3 subtasks]: Decomposed into 3 subtasks'],
  'the thread gets the goal and the list'
);
select is(
  (select array_agg(f ->> 'value' order by n) from jsonb_array_elements(pg_temp.embed('Decomposed into 3 subtasks') -> 'fields') with ordinality as x (f, n)),
  '{"Audit disks","Audit nets","Audit keys"}', 'whose fields are the subtasks'
);
select is(pg_temp.embed('Decomposed into 3 subtasks') -> 'color', to_jsonb(x'5865F2'::integer), 'in the colour of queued');

select pg_temp.claim();
select is((select count(*) from mac_tasks where status = 'running'), 3::bigint, 'all run side by side');
select report_progress(tests.kept('token') #>> '{}', id, claim_id, 'Looking') from mac_tasks where content = 'Audit nets';
select pg_temp.complete('Audit nets', 'Nets are fine');
select pg_temp.fail('Audit keys', 'No keys');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[3:],
  '{"agent: 📋 Looking","agent [Task Complete]: Nets are fine","system [Task Failed]: No keys"}', 'every subtask reports like a task'
);
select is((select status from hub_teams), 'running', 'the team waits for the last');
select pg_temp.complete('Audit disks', 'Disks are full');
select is((select status from hub_teams), 'synthesizing', 'then it is synthesizing');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[6:], '{"agent [Task Complete]: Disks are full","system [Synthesizing]: Synthesizing"}',
  'as the thread shows, after the last result'
);
select is(pg_temp.embed('Synthesizing') -> 'color', to_jsonb(x'FEE75C'::integer), 'in its colour');
select is((select count(*) from mac_tasks where kind = 'synthesis'), 1::bigint, 'there is one synthesis');
select ok(
  (select bool_and(position(part in content) > 0) from mac_tasks, unnest(array[
    E'Audit the fleet\nall of it', 'Audit disks', 'Disks are full', 'Audit nets', 'Nets are fine', 'Audit keys', 'FAILED', 'No keys'
  ]) as part where kind = 'synthesis'),
  'which is given the goal, every result and every failure'
);
select is((select created_by from mac_tasks where kind = 'synthesis'), tests.user_with('operator'), 'for the same user');
select pg_temp.claim();
select pg_temp.complete('Several agents%', 'All in all: full disks.');
select is((select (status, finished_at is not null)::text from hub_teams), '(complete,t)', 'its result ends the team');
select is((tests.said(tests.id('d', 'thread', 'id')))[8:], '{"agent [Team Complete]: All in all: full disks."}', 'as the embed Team Complete');
select is(pg_temp.embed('Team Complete') -> 'color', to_jsonb(x'57F287'::integer), 'in the colour of success');
select isnt((select delivered_at from mac_tasks where kind = 'synthesis'), null, 'the synthesis is delivered');
select is((select count(*) from hub.queue), 0::bigint, 'nothing is left to do');

-- Nothing succeeded.
select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Fail', '["f1", "f2"]'));
select pg_temp.claim();
select pg_temp.fail('f1', 'one');
select pg_temp.fail('f2', 'two');
select is((select (status, finished_at is not null)::text from hub_teams where goal = 'Fail'), '(failed,t)', 'a team of which nothing succeeded has failed');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[5:], '{"system [Team Failed]: Every subtask failed."}', 'as the embed Team Failed'
);
select is(pg_temp.embed('Team Failed') -> 'color', to_jsonb(x'ED4245'::integer), 'in the colour of failure');
select is((select count(*) from mac_tasks where kind = 'synthesis'), 1::bigint, 'and needs no synthesis');

-- The synthesis fails.
select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Half', '["h1"]'));
select pg_temp.claim();
select pg_temp.complete('h1', 'ok');
select pg_temp.claim();
select pg_temp.fail('Several agents%', 'Could not');
select is((select status from hub_teams where goal = 'Half'), 'failed', 'a failed synthesis fails the team');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[5:], '{"system [Team Failed]: Could not"}', 'with its error'
);
select is(tests.error_of(format('select public.retry_task(%L)', (select id from mac_tasks where content = 'h1'))), 'task_finished', 'what a team went on from is not retried');

-- A flat channel: the same in the channel.
select tests.keep('d', dispatch_team(tests.channel('buf-barista/bridge'), 'Flat', '["p", "q"]'));
select pg_temp.claim();
select pg_temp.complete('p', 'P');
select pg_temp.complete('q', 'Q');
select pg_temp.claim();
select pg_temp.complete('Several agents%', 'PQ');
select is(tests.kept('d') -> 'thread', 'null', 'a flat channel has no thread');
select is(
  tests.said(tests.channel('buf-barista/bridge')),
  array[
    'human: Flat', 'system [Decomposed into 2 subtasks]: Decomposed into 2 subtasks',
    format(E'agent: ✅ %s complete [claude/linux-1]\nP', left(tests.kept('d') #>> '{tasks,0,id}', 8)),
    format(E'agent: ✅ %s complete [claude/linux-1]\nQ', left(tests.kept('d') #>> '{tasks,1,id}', 8)),
    'system [Synthesizing]: Synthesizing', 'agent [Team Complete]: PQ'
  ],
  'and shows all of it in order'
);

-- More subtasks than an embed has fields, where the settings allow them.
update hub.settings set max_subtasks = 100;
create function pg_temp.fields(subtasks integer) returns text[] language sql as $$
  select tests.keep('d', dispatch_team(
    tests.channel('buf-barista/quick'), 'Many ' || subtasks, (select jsonb_agg('Part ' || n) from generate_series(1, subtasks) as n)
  ));
  select array_agg(f ->> 'value' order by n)
  from jsonb_array_elements(pg_temp.embed(format('Decomposed into %s subtasks', subtasks)) -> 'fields') with ordinality as x (f, n)
$$;
select is((pg_temp.fields(25))[24:], '{"Part 24","Part 25"}', 'twenty-five subtasks are all listed');
select is((pg_temp.fields(26))[24:], '{"Part 24","and 2 more"}', 'of twenty-six twenty-four, and how many more');
select is(cardinality(pg_temp.fields(100)), 25, 'of a hundred no more');

select * from finish();
rollback;
