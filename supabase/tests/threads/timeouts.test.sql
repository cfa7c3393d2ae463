-- A changed timeout concerns the threads that wait already.
begin;
select plan(7);

insert into hub_task_threads (id, channel_id, name, status, next_transition_at)
select md5(t.name)::uuid, tests.channel(t.channel), t.name, t.status, now() + interval '1 hour'
from (values
  ('quiet', 'cloud-hub/dispatch', 'active'), ('warned', 'cloud-hub/dispatch', 'idle'),
  ('last', 'cloud-hub/dispatch', 'decaying'), ('own', 'cloud-hub/pulse-control', 'active')
) as t (name, channel, status);
update hub_channels set idle_after = '3 hours' where id = tests.channel('cloud-hub/pulse-control');
create function pg_temp.due(name text) returns interval language sql as $$
  select t.next_transition_at - now() from hub_task_threads as t where t.id = md5(due.name)::uuid
$$;
select is(pg_temp.due('own'), interval '2 hours', 'a channel''s new idle_after moves its active threads by the difference');

update hub.settings set idle_after = '30 minutes', archive_after = '3 hours';
select is(pg_temp.due('quiet'), interval '-30 minutes', 'a shorter idle_after brings the warning forward');
select is(pg_temp.due('warned'), interval '3 hours', 'a longer archive_after puts the end off');
select is(pg_temp.due('last'), interval '1 hour', 'what decays is not concerned');
select is(pg_temp.due('own'), interval '2 hours', 'nor is a channel with a timeout of its own');
select is(hub.decay_threads() -> 'idle', '1', 'the next tick goes by it');

update hub_channels set idle_after = null where id = tests.channel('cloud-hub/pulse-control');
select is(pg_temp.due('own'), interval '-30 minutes', 'without one the channel goes by the settings again');

select * from finish();
rollback;
