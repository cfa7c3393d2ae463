-- mesh_activity: what the mesh started and finished in each of the last hours, and what waits.
begin;
select plan(16);

create function pg_temp.hour(ago integer, hours integer default 3) returns jsonb language sql as $$
  select (mesh_activity(hours) -> 'hours' -> (hours - 1 - ago)) - 'hour'
$$;
create function pg_temp.since(ago integer) returns timestamptz language sql as $$
  select date_trunc('hour', now(), 'UTC') - ago * interval '1 hour'
$$;

select is(
  pg_temp.hour(0), '{"started": 0, "complete": 0, "failed": 0, "wait_median_ms": 0, "wait_max_ms": 0}', 'an hour in which nothing happened'
);
select is((select array_agg(k order by k) from jsonb_object_keys(mesh_activity()) as k), '{hours,oldest_waiting_since,waiting}', 'the answer has three parts');
select is(jsonb_array_length(mesh_activity() -> 'hours'), 24, 'a day, unless asked otherwise');
select is(jsonb_array_length(mesh_activity(168) -> 'hours'), 168, 'a week at most');
select is((mesh_activity(1) #>> '{hours,0,hour}')::timestamptz, pg_temp.since(0), 'the present hour is the last');
select is((mesh_activity(3) #>> '{hours,0,hour}')::timestamptz, pg_temp.since(2), 'the oldest the first');
select is(mesh_activity(1) - 'hours', '{"waiting": 0, "oldest_waiting_since": null}', 'nothing waits');

-- Two hours ago three tasks were made and claimed after 1, 3 and 10 s; they ended in different ways.
insert into mac_tasks (content) select 'Task ' || n from generate_series(1, 3) as n;
update mac_tasks set created_at = pg_temp.since(2) where content like 'Task _';
insert into hub_task_attempts (claim_id, task_id, attempt, device, model, started_at, ended_at, outcome)
select gen_random_uuid(), t.id, 1, 'd', 'claude', pg_temp.since(2) + waited, pg_temp.since(ended), outcome
from (values
  ('Task 1', interval '1 s', 2, 'complete'), ('Task 2', interval '3 s', 1, 'failed'), ('Task 3', interval '10 s', 1, 'rate_limited')
) as a (content, waited, ended, outcome)
join mac_tasks as t using (content);
select is(
  pg_temp.hour(2), '{"started": 3, "complete": 1, "failed": 0, "wait_median_ms": 3000, "wait_max_ms": 10000}',
  'starts and waits count in the hour of the start'
);
select is(
  pg_temp.hour(1), '{"started": 0, "complete": 0, "failed": 1, "wait_median_ms": 0, "wait_max_ms": 0}',
  'ends in the hour of the end; a rate limit is none'
);
select is(pg_temp.hour(1, 2), pg_temp.hour(1), 'what ended in the span may have begun before it');

-- A second attempt waited for its retry, as did one after a claim that cost none; a scheduled task for its time.
insert into hub_task_attempts (claim_id, task_id, attempt, device, model, started_at)
select gen_random_uuid(), t.id, 1, 'd', 'claude', pg_temp.since(1) from mac_tasks as t where t.content = 'Task 3';
insert into hub_task_attempts (claim_id, task_id, attempt, device, model, started_at)
select gen_random_uuid(), t.id, 2, 'd', 'claude', pg_temp.since(1) from mac_tasks as t where t.content = 'Task 2';
insert into mac_tasks (content, run_at) values ('Later', pg_temp.since(1));
update mac_tasks set created_at = pg_temp.since(3) where content = 'Later';
insert into hub_task_attempts (claim_id, task_id, attempt, device, model, started_at)
select gen_random_uuid(), t.id, 1, 'd', 'claude', pg_temp.since(1) + interval '2 s' from mac_tasks as t where t.content = 'Later';
select is(pg_temp.hour(1) - 'failed', '{"started": 3, "complete": 0, "wait_median_ms": 2000, "wait_max_ms": 2000}', 'only waiting for a device is waiting');

-- As it comes about: a task that was scheduled for an hour ago and is claimed now has waited that hour, and no longer.
select tests.keep('token', tests.device('linux-1'));
select tests.keep('d', dispatch_task(tests.channel('buf-barista/quick'), 'Soon', run_at => now() + interval '1 hour', priority => 9));
update mac_tasks set run_at = now() - interval '1 hour', created_at = now() - interval '1 day' where id = tests.id('d');
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select complete_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Done');
select is(
  round((pg_temp.hour(0) ->> 'wait_max_ms')::numeric / 60000)::text || ' ' || (pg_temp.hour(0) ->> 'complete'), '60 1',
  'a scheduled task waits from its time on, also once it is complete'
);

-- What waits now.
insert into mac_tasks (content, run_at) values ('Tomorrow', now() + interval '1 day');
select is(
  mesh_activity(1) - 'hours', jsonb_build_object('waiting', 4, 'oldest_waiting_since', (select min(created_at) from hub.queue)),
  'what is ready waits, what is scheduled does not'
);

select is(tests.error_of('select public.mesh_activity(0)'), 'bad_argument', 'no hour');
select tests.sign_in('viewer');
select is(jsonb_array_length(mesh_activity(2) -> 'hours'), 2, 'a viewer may ask');
select tests.sign_in('anon');
select is(tests.error_of('select public.mesh_activity()'), 'not_signed_in', 'nobody who is not signed in');

select * from finish();
rollback;
