-- Takes this project out of a database again, with everything it holds.
select cron.unschedule(jobname) from cron.job where jobname like 'hub-%';
drop schema if exists koji cascade;
drop schema if exists hub cascade;
drop table if exists
  public.hub_channel_messages, public.hub_task_attempts, public.hub_task_threads, public.hub_teams,
  public.mesh_device_models, public.mesh_devices, public.hub_channels, public.hub_servers,
  public.hub_members cascade;
do $$
declare
  v_rpc regprocedure;
begin
  for v_rpc in
    select p.oid from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.prorettype = 'jsonb'::regtype
  loop
    execute format('drop function %s', v_rpc);
  end loop;
end
$$;
drop table if exists public.hub_messages, public.hub_threads, public.mac_tasks cascade;
drop function if exists public.app_touch();
