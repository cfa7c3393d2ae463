-- Views for whoever administers the database with SQL. docs/operations.md shows them at work.

create or replace view hub.open_tasks with (security_invoker = true) as
select hub.short_id(t.id) as short_id, q.state, s.name || '/' || c.name as channel, t.kind,
  t.model_preference as model, t.platform, t.priority, clock_timestamp() - t.created_at as age,
  q.run_at, q.device, t.lease_expires_at, t.attempt, t.max_attempts, t.cancel_requested_at is not null as cancelling,
  hub.title(t.content) as title, t.id as task_id
from hub.queue as q
join public.mac_tasks as t on t.id = q.task_id
left join public.hub_channels as c on c.id = t.channel_id
left join public.hub_servers as s on s.id = c.server_id
order by q.state, q.priority desc, q.created_at;
comment on view hub.open_tasks is 'Every unfinished task, in the order of claims within each state. Why one waits: select hub.explain_task(task_id).';

create or replace view hub.device_load with (security_invoker = true) as
select d.name, d.platform, d.status, clock_timestamp() - d.last_seen_at as not_heard_for,
  (select count(*) from hub.queue as q where q.state = 'running' and q.device = d.name) as running,
  d.max_running,
  (
    select string_agg(
      m.model || case
        when m.rate_limited_until > clock_timestamp()
          then ' (throttled until ' || to_char(m.rate_limited_until at time zone 'utc', 'YYYY-MM-DD HH24:MI') || ' UTC)'
        else ''
      end, ', ' order by m.model)
    from public.mesh_device_models as m where m.device_id = d.id
  ) as models,
  exists (select from hub.idle_devices as i where i.device_id = d.id) as idle
from public.mesh_devices as d
order by d.name;
comment on view hub.device_load is 'Every device with what it runs, what it could run, and its throttles.';

create or replace view hub.undelivered with (security_invoker = true) as
select hub.short_id(t.id) as short_id, c.name as channel, t.status, f.reason, f.failures, f.failed_at, f.retry_at, t.id as task_id
from hub.delivery_failures as f
join public.mac_tasks as t on t.id = f.task_id
left join public.hub_channels as c on c.id = t.channel_id
order by f.failed_at;
comment on view hub.undelivered is 'Outcomes that could not be posted, why, and when hub.recover() tries again.';

revoke all on hub.open_tasks, hub.device_load, hub.undelivered from public;
