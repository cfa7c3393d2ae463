-- Tasks of a team that somebody deletes.
begin;
select plan(12);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 50));
create function pg_temp.team() returns text language sql as $$
  select status || coalesce(': ' || (metadata ->> 'error'), '') from hub_teams where id = tests.id('d', 'team', 'id')
$$;
create function pg_temp.dispatch(subtasks jsonb) returns void language sql as $$
  select tests.keep('d', dispatch_team(tests.channel('cloud-hub/dispatch'), 'Goal', subtasks, idempotency_key => md5(random()::text)));
  select claim_tasks(tests.kept('token') #>> '{}', 50)
$$;
create function pg_temp.complete(content text) returns void language sql as $$
  select complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, 'Done')
  from mac_tasks as t where t.content = complete.content and t.status = 'running' and t.team_id = tests.id('d', 'team', 'id')
$$;
create function pg_temp.delete(kind text, content text default '%') returns void language sql as $$
  delete from mac_tasks as t where t.team_id = tests.id('d', 'team', 'id') and t.kind = delete.kind and t.content like delete.content
$$;

select pg_temp.dispatch('["a", "b", "c"]');
select pg_temp.complete('a');
select pg_temp.delete('subtask', 'b');
select is(pg_temp.team(), 'running', 'a team goes on without one of its subtasks');
select pg_temp.delete('subtask', 'c');
select is(pg_temp.team(), 'synthesizing', 'the last one that is deleted ends the step');
select ok((select content like E'%# Part 2: b\n\nDELETED by somebody%# Part 3: c\n\nDELETED%' from mac_tasks where team_id = tests.id('d', 'team', 'id') and kind = 'synthesis'),
  'the synthesis is told of both');
select pg_temp.delete('synthesis');
select is(pg_temp.team(), 'failed: Somebody deleted the synthesis.', 'without a synthesis it has failed');
select is((tests.said(tests.id('d', 'thread', 'id')))[5], 'system [Team Failed]: Somebody deleted the synthesis.', 'as its thread says');

select pg_temp.dispatch('["a", "b"]');
select pg_temp.delete('subtask');
select is(pg_temp.team(), 'failed: Somebody deleted every subtask.', 'without any subtask too');
select is(tests.error_of(format('select public.cancel_task(%L)', tests.id('d', 'team', 'id'))), 'task_finished', 'there is nothing left to cancel');

select pg_temp.dispatch(null);
select pg_temp.delete('plan');
select is(pg_temp.team(), 'failed: Somebody deleted the plan.', 'and without a plan');

-- With triggers off nothing of that happens.
select pg_temp.dispatch('["a", "b"]');
alter table mac_tasks disable trigger _550_advance_team_on_delete;
select pg_temp.delete('subtask');
alter table mac_tasks enable trigger _550_advance_team_on_delete;
select is(pg_temp.team(), 'running', 'a team may have lost its tasks unseen');
select is(cancel_task(tests.id('d', 'team', 'id')) ->> 'status', 'failed', 'it can be cancelled all the same');
select is(pg_temp.team(), 'failed: Cancelled by admin.', 'and has ended');

-- A channel that goes takes its teams along.
select pg_temp.dispatch('["a", "b"]');
delete from hub_channels where id = tests.channel('cloud-hub/dispatch');
select is(pg_temp.team(), null, 'a channel that goes takes its teams along');

select * from finish();
rollback;
