-- Many tasks in one statement: each comes into the queue as if it had come alone.
begin;
select plan(9);

update hub.settings set claims_foreign_tasks = true where id;
select tests.keep('token', tests.device('many-mac', max_running => 100));
insert into mac_tasks (content, model_preference, platform, run_at, status, claimed_by, attempt, created_at)
select
  'many ' || n, case n % 3 when 0 then null when 1 then 'claude' else 'codex' end, case n % 2 when 0 then 'linux' end,
  case when n > 90 then now() + interval '1 hour' end, case n when 1 then 'running' when 2 then 'complete' else 'pending' end,
  case n when 1 then 'somebody' end, case when n > 95 then 1 else 0 end, now() + n * interval '1 millisecond'
from generate_series(1, 100) as n;

create temp view many as
select t.content, q.state, q.device, l.model, l.platform, l.server_id, l.device as lane_device, q.priority, t.priority as own_priority
from mac_tasks as t left join hub.queue as q on q.task_id = t.id left join hub.lanes as l on l.id = q.lane_id
where t.content like 'many %';
select results_eq(
  $$ select coalesce(state, 'none'), count(*) from many group by 1 order by 1 $$,
  $$ values ('backoff', 5::bigint), ('none', 1), ('ready', 88), ('running', 1), ('scheduled', 5) $$,
  'All that are unfinished are there, each in its state'
);
select is((select device from many where content = 'many 1'), 'somebody', 'with who runs it');
select is_empty(
  $$
    select m.content, m.model, m.platform from many as m join mac_tasks as t using (content)
    where m.state is not null
      and (m.model, m.platform, m.lane_device, m.server_id) is distinct from
        (coalesce(t.model_preference, 'any'), coalesce(t.platform, ''), '', '00000000-0000-0000-0000-000000000000'::uuid)
  $$, 'and in its lane'
);
select is_empty($$ select * from hub.check() $$, 'The queue agrees with the tables');
select is(
  (select array_agg(t ->> 'content' order by n) from jsonb_array_elements(claim_tasks(tests.kept('token') #>> '{}', 3)) with ordinality as c (t, n)),
  array['many 3', 'many 4', 'many 5'], 'They are claimed in their order'
);

-- Of a thread: the second one waits for the first, in one statement too.
select tests.keep('t', dispatch_task(tests.channel('cloud-hub/dispatch'), 'first'));
insert into mac_tasks (content, channel_id, task_thread_id)
select 'follow ' || n, tests.channel('cloud-hub/dispatch'), tests.id('t', 'thread', 'id') from generate_series(1, 3) as n;
select results_eq(
  $$ select q.state, count(*) from hub.queue as q where q.thread_id = tests.id('t', 'thread', 'id') group by 1 order by 1 $$,
  $$ values ('blocked', 3::bigint), ('ready', 1) $$, 'Tasks of a thread wait for each other'
);

-- What an app's own trigger has done to a task meanwhile is not undone.
create function pg_temp.end_at_once() returns trigger language plpgsql as $$
begin
  update public.mac_tasks set priority = 7 where id = new.id;
  return null;
end
$$;
create trigger app_ends after insert on mac_tasks for each row when (new.content like 'app %') execute function pg_temp.end_at_once();
insert into mac_tasks (content) select 'app ' || n from generate_series(1, 3) as n;
select is(
  (select array_agg(distinct q.priority) from hub.queue as q join mac_tasks as t on t.id = q.task_id where t.content like 'app %'),
  array[7], 'A trigger of the app''s that changes a task is followed'
);

update hub.settings set claims_foreign_tasks = false where id;
insert into mac_tasks (content) select 'foreign ' || n from generate_series(1, 3) as n;
select is((select count(*) from hub.queue as q join mac_tasks as t on t.id = q.task_id where t.content like 'foreign %'), 0::bigint, 'Where tasks of no channel are not claimed, none is queued');
select is_empty($$ select * from hub.check() $$, 'and that is as it should be');

select * from finish();
rollback;
