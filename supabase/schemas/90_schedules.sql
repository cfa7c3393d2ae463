-- The clock: named pg_cron jobs, one function each. Times are UTC.

do $$
begin
  if not exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    create extension pg_cron;
  end if;
end
$$;

-- Scheduling a name again changes the job.
select cron.schedule('hub-decay-threads', '* * * * *', 'select hub.decay_threads()');
select cron.schedule('hub-recover', '* * * * *', 'select hub.recover()');
select cron.schedule('hub-morning-brief', '0 7 * * *', 'select hub.morning_brief()');
select cron.schedule('hub-prune', '30 3 * * *', 'select hub.prune()');
select cron.schedule('hub-prune-channels', '* 2-4 * * *', 'select hub.prune_channels()');
select cron.schedule('hub-repair', '45 3 * * *', 'select hub.repair()');

create or replace view hub.job_runs with (security_invoker = true) as
select j.jobname, j.schedule, j.active, r.start_time, r.end_time, r.status, r.return_message
from cron.job as j
left join lateral (
  select * from cron.job_run_details as d where d.jobid = j.jobid order by d.start_time desc limit 5
) as r on true
where j.jobname like 'hub-%'
order by j.jobname, r.start_time desc;
comment on view hub.job_runs is 'The project''s jobs with their last five runs each.';
revoke all on hub.job_runs from public;
