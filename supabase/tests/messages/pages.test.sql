-- A page, as clients ask for it, costs the rows it returns: whatever the table holds, and however far back.
begin;
select plan(12);

create function pg_temp.cost(query text, variadic tables text[]) returns bigint language plpgsql as $$
declare
  v_before bigint := tests.touched(variadic tables);
  v_rows bigint;
begin
  execute 'select count(*) from (' || query || ') as page' into v_rows;
  if v_rows <> 50 then
    raise 'The page has % rows.', v_rows;
  end if;
  return tests.touched(variadic tables) - v_before;
end
$$;
create function pg_temp.page(place text, older interval default '0') returns bigint language sql as $$
  select pg_temp.cost(format(
    'select * from hub_channel_messages where %s and created_at < %L order by created_at desc, id desc limit 50',
    place, now() - older
  ), 'hub_channel_messages')
$$;
create function pg_temp.in_channel(name text) returns text language sql as $$
  select format('channel_id = %L and task_thread_id is null', tests.channel(name))
$$;

-- A message a second, in channels and threads of two sizes; threads and tasks of other channels.
insert into hub_task_threads (id, channel_id, name, next_transition_at)
select ('00000000-0000-4000-8000-00000000000' || n)::uuid, tests.channel('cloud-hub/dispatch'), 'T', now() + interval '1 hour'
from generate_series(1, 2) as n;
insert into hub_channel_messages (channel_id, task_thread_id, content, created_at)
select tests.channel(channel), thread, 'x', now() - n * interval '1 s'
from (values
  ('buf-barista/quick', null::uuid, 60), ('buf-barista/bridge', null, 6000),
  ('cloud-hub/dispatch', '00000000-0000-4000-8000-000000000001', 60), ('cloud-hub/dispatch', '00000000-0000-4000-8000-000000000002', 6000)
) as places (channel, thread, amount), generate_series(1, amount) as n;
insert into hub_task_threads (channel_id, name, next_transition_at, created_at)
select tests.channel('cloud-hub/pulse-control'), 'T', now() + interval '1 hour', now() - n * interval '1 s' from generate_series(1, 2000) as n;
insert into mac_tasks (channel_id, content, status)
select tests.channel('buf-barista/garden'), 'x', 'complete' from generate_series(1, 2000);
analyze hub_channel_messages;
analyze hub_task_threads;
analyze mac_tasks;

select tests.sign_in('viewer');
select is(pg_temp.page(pg_temp.in_channel('buf-barista/bridge')), 50::bigint, 'the newest page of a channel');
select is(pg_temp.page(pg_temp.in_channel('buf-barista/bridge'), '5000 s'), 50::bigint, 'its hundredth page');
select is(pg_temp.page($$task_thread_id = '00000000-0000-4000-8000-000000000002'$$), 50::bigint, 'the newest page of a thread');
select is(pg_temp.page($$task_thread_id = '00000000-0000-4000-8000-000000000002'$$, '5000 s'), 50::bigint, 'its hundredth page');
select is(
  pg_temp.cost(format('select * from hub_task_threads where channel_id = %L order by created_at desc, id desc limit 50', tests.channel('cloud-hub/pulse-control')), 'hub_task_threads'),
  50::bigint, 'the newest threads of a channel'
);
select is(
  pg_temp.cost(format('select * from mac_tasks where channel_id = %L order by created_at desc, id desc limit 50', tests.channel('buf-barista/garden')), 'mac_tasks'),
  50::bigint, 'its newest tasks'
);
select tests.sign_out();

-- The ticks.
create function pg_temp.tick(tick text, variadic tables text[]) returns bigint language plpgsql as $$
declare
  v_before bigint := tests.touched(variadic tables);
begin
  execute tick;
  return tests.touched(variadic tables) - v_before;
end
$$;
select cmp_ok(pg_temp.tick('select hub.decay_threads()', 'hub_task_threads'), '<=', 10::bigint, 'a tick with nothing due passes by two thousand threads');
update hub_task_threads set next_transition_at = now() - interval '1 second' where name = 'T' and channel_id = tests.channel('cloud-hub/dispatch');
select cmp_ok(pg_temp.tick('select hub.decay_threads()', 'hub_task_threads'), '<=', 20::bigint, 'with two due, at those');
select is((select count(*) from hub_task_threads where status = 'idle'), 2::bigint, 'which are idle now');
insert into mac_tasks (content, run_at) select 'Later', now() + interval '1 hour' from generate_series(1, 1000);
insert into mac_tasks (content) select 'Now' from generate_series(1, 1000);
select cmp_ok(pg_temp.tick('select hub.recover()', 'mac_tasks', 'queue', 'hub_channel_messages', 'hub_task_threads'), '<=', 10::bigint, 'a recovery with nothing lost by two thousand tasks');
select tests.keep('token', tests.device('linux-1'));
select claim_tasks(tests.kept('token') #>> '{}');
update mac_tasks set lease_expires_at = now() - interval '1 second' where claim_id is not null;
select cmp_ok(pg_temp.tick('select hub.recover()', 'mac_tasks', 'queue', 'hub_channel_messages', 'hub_task_threads'), '<=', 20::bigint, 'with one lost, at that');
select is((select count(*) from mac_tasks where error like '%was not heard of'), 1::bigint, 'which waits again');

select * from finish();
rollback;
