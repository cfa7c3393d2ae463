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
