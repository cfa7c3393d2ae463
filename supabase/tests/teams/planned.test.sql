-- Subtasks from a list in the goal, or from a plan; plans that are none.
begin;
select plan(44);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 100));
create function pg_temp.plan(result text) returns void language sql as $$
  select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), E'Tidy the house\nfrom attic to cellar', idempotency_key => md5(random()::text)));
  -- The first plan, and the second that is asked for where the first is none.
  select claim_tasks(tests.kept('token') #>> '{}', 100);
  select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, plan.result)
  from mac_tasks as t where t.team_id = tests.id('d', 'team', 'id') and t.kind = 'plan' and t.status = 'running';
  select claim_tasks(tests.kept('token') #>> '{}', 100);
  select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, plan.result)
  from mac_tasks as t where t.team_id = tests.id('d', 'team', 'id') and t.kind = 'plan' and t.status = 'running'
$$;
create function pg_temp.subtasks() returns text[] language sql as $$
  select coalesce(array_agg(t.content order by (t.metadata ->> 'position')::integer), '{}')
  from mac_tasks as t where t.team_id = tests.id('d', 'team', 'id') and t.kind = 'subtask'
$$;
create function pg_temp.listed(goal text) returns text[] language sql as $$
  select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), goal));
  select pg_temp.subtasks();
$$;
create function pg_temp.team() returns text language sql as $$
  select status || coalesce(': ' || (metadata ->> 'error'), '') from hub_teams where id = tests.id('d', 'team', 'id')
$$;
create function pg_temp.planned(result text) returns text language sql as $$
  select pg_temp.plan(planned.result);
  select pg_temp.team();
$$;

-- A list in the goal needs no plan.
select is(pg_temp.listed(goal), array['wash up', 'dry off'], translate(goal, E'\r\n', ' |'))
from (values
  (E'Clean:\n- wash up\n- dry off'), (E'* wash up\n* dry off'), (E'  • wash up  \n  • dry off'),
  (E'Please\n\n1. wash up\n2. dry off\n\nThank you'), (E'1) wash up\r\n2) dry off')
) as goals (goal);
select is((select count(*) from mac_tasks where kind = 'plan'), 0::bigint, 'a bullet or numbered list needs no plan');

-- No list: a plan.
select tests.sign_in('operator');
select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), E'Tidy the house\nfrom attic to cellar'));
select tests.sign_out();
select is(tests.kept('d') #>> '{team,status}', 'planning', 'without a list the team is planning');
select is(tests.kept('d') #>> '{tasks,0,kind}', 'plan', 'its only task is the plan');
select ok(position(E'Tidy the house\nfrom attic to cellar' in tests.kept('d') #>> '{tasks,0,content}') > 0, 'which is given the goal');
select is(
  tests.kept('d') #>> '{thread,name}', left(tests.kept('d') #>> '{tasks,0,id}', 8) || ' — Tidy the house', 'the thread is named after the goal'
);
select is(
  tests.said(tests.id('d', 'thread', 'id')),
  array[E'human: Tidy the house\nfrom attic to cellar', 'system [Task Queued]: Task Queued'], 'and shows the goal, not the plan''s prompt'
);
select is(tests.id('d', 'message', 'id'), (select id from hub_channel_messages where task_thread_id = tests.id('d', 'thread', 'id') and sender_type = 'human'), 'the message is that one');
select is((select count(*) from hub_channel_messages where content = format('🧵 %s queued: Tidy the house', left(tests.kept('d') #>> '{tasks,0,id}', 8))), 1::bigint, 'the channel gets one message');
select claim_tasks(tests.kept('token') #>> '{}', 100);
select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, '["attic", "cellar"]') from mac_tasks as t where t.kind = 'plan';
select is(pg_temp.subtasks(), '{attic,cellar}', 'its result becomes the subtasks');
select is(pg_temp.team(), 'running', 'and the team runs');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[3:], '{"system [Decomposed into 2 subtasks]: Decomposed into 2 subtasks"}', 'the thread shows the list, not the plan''s result'
);

-- Plans as agents write them.
select pg_temp.plan(E'Here you are:\n```json\n["a", "b"]\n```');
select is(pg_temp.subtasks(), '{a,b}', 'a plan in a code block');
select pg_temp.plan('[' || string_agg(format('"t%s"', n), ',') || ']') from generate_series(1, 20) as n;
select is(cardinality(pg_temp.subtasks()), 20, 'twenty subtasks pass');
select is(pg_temp.subtasks(), '{a,b}', left(result, 40))
from (values
  ('I will use [3 of 20 slots used], see [docs](http://x): ["a", "b"]'), (E'- [ ] a box\n- [x] another\n["a", "b"] [done]'),
  ('First I thought ["x"], but ["a", "b"] is better'), ('[["a", "b"]]'), ('["a", 1] is none, ["a","b"] is'),
  (E'["a",\n "b"]\nHope this [helps]!'), ('["" ] ["a", "b"] ["⠀"]')
) as plans (result)
cross join lateral (select pg_temp.plan(result)) as planned;
select is(pg_temp.planned('["say \"[1]\"", "b, [c]"]'), 'running', 'brackets and quotes within a subtask');
select is(pg_temp.subtasks(), array['say "[1]"', 'b, [c]'], 'are its own');

-- Where the first plan is none, one more is asked for.
select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Tidy again'));
select claim_tasks(tests.kept('token') #>> '{}', 100);
select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, 'I would begin with the attic.')
from mac_tasks as t where t.team_id = tests.id('d', 'team', 'id');
select is(pg_temp.team(), 'planning', 'the team goes on planning');
select is(
  (select count(*) from mac_tasks as t where t.team_id = tests.id('d', 'team', 'id') and t.status = 'pending' and t.task_thread_id = tests.id('d', 'thread', 'id')
    and t.content like '%The last answer to this could not be used: The plan is not a JSON array of strings.%Tidy again'),
  1::bigint, 'with a second plan, which is told what was wrong with the first');
select claim_tasks(tests.kept('token') #>> '{}', 100);
select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, '["attic"]')
from mac_tasks as t where t.team_id = tests.id('d', 'team', 'id') and t.status = 'running';
select is(pg_temp.team(), 'running', 'and runs by that one');
select is((select count(*) from hub_channel_messages where task_thread_id = tests.id('d', 'thread', 'id') and sender_type = 'human'), 1::bigint, 'the request is posted once');

-- Plans that are none fail the team, never the completion.
select pg_temp.plan('[' || string_agg(format('"t%s"', n), ',') || ']') from generate_series(1, 21) as n;
select is(pg_temp.team(), 'failed: The plan has 21 subtasks; 20 are allowed.', 'twenty-one do not');
select is(pg_temp.planned(plan), 'failed: The plan is not a JSON array of strings.', left(coalesce(plan, 'null'), 20))
from (values
  (''), ('I could not.'), ('[]'), ('["a", 1]'), ('["a'), ('["a", " "]'), ('[1e999999]'),
  (E'["\\u0000"]'), (repeat('[', 100000) || repeat(']', 100000))
) as plans (plan);
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[4:], '{"system [Team Failed]: The plan is not a JSON array of strings."}', 'the thread says so'
);

-- A plan that fails.
select tests.keep('d', dispatch_team(tests.channel('buf-barista/bridge'), 'Flat'));
select claim_tasks(tests.kept('token') #>> '{}', 100);
select fail_task(tests.kept('token') #>> '{}', t.id, t.claim_id, 'No idea', false) from mac_tasks as t where t.team_id = tests.id('d', 'team', 'id');
select is(pg_temp.team(), 'failed: No idea', 'a plan that fails fails the team');
select is(
  tests.said(tests.channel('buf-barista/bridge')),
  array[
    'human: Flat', format(E'system: ⏳ Task %s queued\nModel: claude | Project: Desktop/homelab', left(tests.kept('d') #>> '{tasks,0,id}', 8)),
    'system [Team Failed]: No idea'
  ],
  'once, on a flat channel too'
);

select * from finish();
rollback;
