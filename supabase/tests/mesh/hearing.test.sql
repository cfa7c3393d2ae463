-- Any call with a device's token counts as having heard of it.
begin;
select plan(11);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 10));
select dispatch_task(tests.channel('buf-barista/quick'), format('Task %s', n)) from generate_series(1, 7) as n;
select claim_tasks(tests.kept('token') #>> '{}', 6);

-- What a call of the device makes of its status and silence.
create function pg_temp.heard(call text, content text default null) returns text language plpgsql as $$
begin
  update mesh_devices set status = 'offline', last_seen_at = now() - interval '1 hour';
  execute format('select public.' || call, tests.kept('token') #>> '{}', t.id, t.claim_id)
  from (select) as any_row left join mac_tasks as t on t.content = heard.content;
  return (select status || (last_seen_at > now() - interval '1 minute') from mesh_devices);
end
$$;
select is(pg_temp.heard(call, content), 'onlinetrue', call)
from (values
  ('claim_tasks(%1$L)', null),
  ('device_heartbeat(%1$L)', null),
  ('report_progress(%1$L, %2$L, %3$L, ''x'')', 'Task 1'),
  ('complete_task(%1$L, %2$L, %3$L, ''x'')', 'Task 2'),
  ('fail_task(%1$L, %2$L, %3$L, ''x'')', 'Task 3'),
  ('release_task(%1$L, %2$L, %3$L)', 'Task 4'),
  ('report_rate_limit(%1$L, %2$L, %3$L, ''claude'', now() + interval ''1 hour'')', 'Task 5')
) as calls (call, content);

-- One a second, at most, is written.
update mesh_devices set last_seen_at = clock_timestamp() + interval '0.9 seconds';
select tests.keep('row', (select d.xmin::text || d.ctid::text from mesh_devices as d));
select device_heartbeat(tests.kept('token') #>> '{}');
select is((select d.xmin::text || d.ctid::text from mesh_devices as d), tests.kept('row') #>> '{}', 'a device that was just heard of is not written again');
update mesh_devices set last_seen_at = now() + interval '1 hour';
select device_heartbeat(tests.kept('token') #>> '{}');
select ok((select last_seen_at < now() + interval '1 minute' from mesh_devices), 'one heard of an hour ahead is, by a clock that was set back');

select is(device_heartbeat(tests.kept('token') #>> '{}', agent_version => E'0.1.0\n\x1b[2J') ->> 'version', hub.version(), 'a heartbeat tells the version of the hub');
select is((select agent_version from mesh_devices), '0.1.0 [2J', 'and is told the executor''s, as one line');

select * from finish();
rollback;
