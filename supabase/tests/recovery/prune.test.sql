-- hub.prune: what is old goes, what is in use stays.
begin;
select plan(12);

create function pg_temp.lanes() returns bigint language sql as $$ select count(*) from hub.lanes $$;
delete from hub.lanes as l where not exists (select from hub.queue as q where q.lane_id = l.id);
select tests.keep('before', pg_temp.lanes());

-- Lanes.
select tests.keep('a', dispatch_task(tests.channel('buf-barista/quick'), 'a', model => 'claude'));
select tests.keep('b', dispatch_task(tests.channel('buf-barista/quick'), 'b', model => 'gemini'));
select is(pg_temp.lanes() - tests.kept('before')::bigint, 2::bigint, 'two classes of tasks have two lanes');
select hub.prune();
select is(pg_temp.lanes() - tests.kept('before')::bigint, 2::bigint, 'which stay while tasks wait there');
select cancel_task(tests.id('a'));
select hub.prune();
select is(pg_temp.lanes() - tests.kept('before')::bigint, 1::bigint, 'an empty one goes');
select tests.keep('c', dispatch_task(tests.channel('buf-barista/quick'), 'c', model => 'claude', priority => 9));
select tests.keep('token', tests.device('linux-1', '{claude}'));
select is(claim_tasks(tests.kept('token') #>> '{}') #>> '{0,content}', 'c', 'and comes again with the next task');

-- Attempts: 90 days, but for one that is not over.
insert into hub_task_attempts (claim_id, task_id, attempt, device, model, started_at, ended_at, outcome)
select gen_random_uuid(), tests.id('b'), n, 'd', 'claude', now() - days * interval '1 day', now(), 'released'
from (values (1, 91), (2, 89)) as a (n, days);
insert into hub_task_attempts (claim_id, task_id, attempt, device, model, started_at)
values (gen_random_uuid(), tests.id('b'), 3, 'd', 'claude', now() - interval '91 days');
select is(hub.prune() ->> 'attempts', '1', 'an attempt of 91 days ago goes');
select is((select array_agg(attempt order by attempt) from hub_task_attempts where task_id = tests.id('b')), '{2,3}', 'not a later one, nor one that is not over');

-- Delivery failures.
insert into hub.delivery_failures (task_id, what, reason, failed_at, retry_at)
select tests.id(task), 'task', 'x', now() - days * interval '1 day', now() + interval '1 hour' from (values ('a', 91), ('b', 89)) as f (task, days);
select is(hub.prune() ->> 'delivery_failures', '1', 'what could not be delivered for 90 days is given up');
select is((select array_agg(task_id) from hub.delivery_failures), array[tests.id('b')], 'and nothing sooner');

-- Runs of the clock: a week of the project's own.
insert into cron.job_run_details (jobid, runid, command, status, start_time)
select j.jobid, 1000000 + row_number() over (), j.command, 'succeeded', now() - days * interval '1 day'
from cron.job as j, (values (8), (6)) as ago (days) where j.jobname = 'hub-recover';
insert into cron.job_run_details (jobid, runid, command, status, start_time) values (-1, 2000000, 'x', 'succeeded', now() - interval '1 year');
insert into cron.job_run_details (jobid, runid, command, status, start_time) values (-2, 2000001, 'select hub.recover()', 'succeeded', now() - interval '8 days');
select is((hub.prune() ->> 'cron_runs')::integer >= 1, true, 'a run of 8 days ago goes');
select is(
  (select array_agg(now() - d.start_time) from cron.job_run_details as d where d.runid between 1000001 and 1000002), '{6 days}', 'one of 6 days ago stays'
);
select is((select count(*) from cron.job_run_details as d where d.runid = 2000000), 1::bigint, 'those of other jobs are their owner''s');
select is((select count(*) from cron.job_run_details as d where d.runid = 2000001), 0::bigint, 'that of a job of the project that is gone goes too');

select * from finish();
rollback;
