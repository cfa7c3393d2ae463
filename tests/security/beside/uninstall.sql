-- Takes this project out of a database again, with everything it holds.
select cron.unschedule(jobname) from cron.job where jobname like 'hub-%';
drop schema if exists koji cascade;
drop schema if exists hub cascade;
do $$
declare
  v_table regclass;
  v_rpc regprocedure;
begin
  for v_table in
    select c.oid from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname ~ '^(hub|mesh)_'
  loop
    execute format('drop table if exists %s cascade', v_table);
  end loop;
  for v_rpc in
    select p.oid from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.prorettype = 'jsonb'::regtype
  loop
    execute format('drop function %s', v_rpc);
  end loop;
end
$$;
drop table if exists public.mac_tasks cascade;
drop function if exists public.app_touch();
