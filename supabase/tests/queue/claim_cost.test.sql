-- What a claim costs, counted in rows it touches: the same behind a hundred tasks and behind thousands,
-- the device's own or such as it may not run, and whatever the planner knew when the session began.
begin;
select plan(12);

-- What a claim touches. It is undone again: the counts stay.
create function pg_temp.cost(
  device text, most integer default 1,
  -- Without the devices: the one that claims is rewritten once a second.
  tables text[] default '{queue,lanes,mac_tasks,hub_task_attempts,hub_task_threads,mesh_device_models,model_chains,idle_devices}'
) returns bigint language plpgsql as $$
declare
  v_before bigint := tests.touched(variadic tables);
  v_claimed integer;
  v_cost text;
begin
  v_claimed := jsonb_array_length(claim_tasks(tests.kept(device) #>> '{}', most));
  raise 'claimed %', v_claimed using errcode = 'TE000', detail = tests.touched(variadic tables) - v_before;
exception when sqlstate 'TE000' then
  get stacked diagnostics v_cost = pg_exception_detail;
  return case when v_claimed = (case device when 'idle' then 0 else most end) then v_cost::bigint end;
end
$$;
create function pg_temp.scans() returns bigint language sql as $$
  select sum(s.seq_scan) from pg_stat_xact_user_tables as s where s.relname in ('queue', 'mac_tasks')
$$;
-- Tasks of no channel: as many lanes as models and platforms.
create function pg_temp.backlog(platform text, amount integer, run_at timestamptz default null) returns void language sql as $$
  insert into mac_tasks (content, platform, model_preference, run_at)
  select 'Work', backlog.platform, (array['claude', 'codex', 'gemini', 'any'])[1 + n % 4], backlog.run_at
  from generate_series(1, amount) as n
$$;

create function pg_temp.behind_first(amount integer) returns void language sql as $$
  insert into mac_tasks (channel_id, task_thread_id, content, platform)
  select t.channel_id, t.task_thread_id, 'Behind it', 'linux' from mac_tasks as t, generate_series(1, amount) where t.content = 'First'
$$;

select tests.keep('linux', tests.device('linux', max_running => 100));
select tests.keep('mac', tests.device('mac', platform => 'macos', max_running => 100));
select tests.keep('idle', tests.device('idle', platform => 'windows'));
select pg_temp.backlog(p, 200) from unnest(array['linux', 'macos']) as p;
insert into mac_tasks (channel_id, content, platform) values (tests.channel('cloud-hub/dispatch'), 'First', 'macos');
select pg_temp.behind_first(1);
-- The first claim of a session also reads what later ones find in place.
select pg_temp.cost(d) from unnest(array['linux', 'mac', 'idle', 'linux', 'mac', 'idle']) as d;

select tests.keep('one', pg_temp.cost('linux'));
select tests.keep('ten', pg_temp.cost('linux', 10));
select tests.keep('none', pg_temp.cost('idle'));

-- Thousands of its own, in the session whose plans were made for a short queue.
select pg_temp.backlog('linux', 4000);
select is(pg_temp.cost('linux')::text, tests.kept('one')::text, 'one task costs the same before 4,000 more');
select is(pg_temp.cost('linux', 10)::text, tests.kept('ten')::text, 'so do ten');

-- Thousands that others must do.
select pg_temp.backlog('macos', 4000);
select is(pg_temp.cost('linux')::text, tests.kept('one')::text, 'one task costs the same beside 4,000 for other devices');
select is(pg_temp.cost('linux', 10)::text, tests.kept('ten')::text, 'so do ten');
select is(pg_temp.cost('idle')::text, tests.kept('none')::text, 'nothing costs nothing more');

-- Thousands that are not due, in a thread behind each other, or running elsewhere.
select pg_temp.backlog('linux', 1000, now() + interval '1 hour');
select pg_temp.behind_first(200);
select is(pg_temp.cost('linux')::text, tests.kept('one')::text, 'one task costs the same beside what waits for its time or its thread');

-- And with plans of its size.
analyze mac_tasks;
analyze hub.queue;
select pg_temp.cost(d) from unnest(array['linux', 'idle']) as d;
select is(pg_temp.cost('linux')::text, tests.kept('one')::text, 'one task costs the same with fresh statistics');
select is(pg_temp.cost('idle')::text, tests.kept('none')::text, 'so does nothing');
select tests.keep('scans', pg_temp.scans());
select pg_temp.cost('linux', 10);
select is(pg_temp.scans(), tests.kept('scans')::bigint, 'neither the queue nor the tasks are read through');
select cmp_ok(pg_temp.cost('linux', 1, '{queue}'), '<=', 200::bigint, 'of the queue a claim reads the heads of its lanes');
select cmp_ok(pg_temp.cost('linux', 1, '{mac_tasks}'), '<=', 10::bigint, 'of the tasks the one it claims');

create function pg_temp.indexes_of(query text) returns text language plpgsql as $$
declare
  v_plan json;
begin
  execute 'explain (format json) ' || query into v_plan;
  return (select string_agg(distinct m[1], ' ') from regexp_matches(v_plan::text, '"Index Name": "(\w+)"', 'g') as m);
end
$$;
select is(
  pg_temp.indexes_of($$
    select task_id from hub.queue where lane_id = 1 and state = 'ready' order by priority desc, created_at, task_id limit 1
  $$) || ' ' || pg_temp.indexes_of($$
    select task_id from hub.queue where state in ('scheduled', 'backoff') and run_at <= now() order by run_at limit 100
  $$) || ' ' || pg_temp.indexes_of($$
    select count(*) from hub.queue where state = 'running' and device = 'linux'
  $$),
  'idx_queue_order idx_queue_due idx_queue_running', 'each step has an index of its own'
);

select * from finish();
rollback;
