-- What a person may do to mac_tasks directly: insert a task within the limits of dispatch_task, and
-- nothing else.
begin;
select no_plan();

do $$
begin
  perform tests.user_with(r) from unnest(array['viewer', 'operator', 'admin']) as r;
  perform public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'Somebody else''s');
end
$$;
create function pg_temp.insert_task(changes jsonb) returns text
language sql
as $$
  select tests.error_of((
    select format('insert into public.mac_tasks (%s) values (%s)', string_agg(format('%I', c.key), ', '), string_agg(
      case when jsonb_typeof(c.value) = 'null' then 'null' else format('%L', c.value #>> '{}') end, ', '))
    from jsonb_each(jsonb_build_object('content', 'Hello', 'channel_id', tests.channel('buf-barista/bridge')) || changes) as c
  ))
$$;
create function pg_temp.other_thread() returns uuid
language sql security definer
as $$ select id from public.hub_task_threads where name like '%Somebody else''s' $$;
create function pg_temp.message_of_another() returns uuid
language sql security definer
as $$ select id from public.hub_channel_messages where content = 'Somebody else''s' $$;

do $$ begin perform tests.sign_in('viewer'); end $$;
select is(pg_temp.insert_task('{}'), 'role_required', 'A viewer inserts no task');
select is(pg_temp.insert_task('{"channel_id": null}'), 'role_required', 'nor one of no channel');
do $$ begin perform tests.sign_in('anon'); end $$;
select is(pg_temp.insert_task('{}'), '42501', 'Nobody inserts one without signing in');

do $$ begin perform tests.sign_in('operator'); end $$;
select is(pg_temp.insert_task(t.changes), t.error, format('An operator''s insert with %s: %s', t.what, coalesce(t.error, 'done')))
from (values
  ('nothing special', '{}'::jsonb, null),
  ('no channel', '{"channel_id": null}', null),
  ('metadata of the client', '{"metadata": {"mine": [1, 2]}}', null),
  ('an unknown channel', '{"channel_id": "00000000-0000-0000-0000-000000000001"}', 'channel_not_found'),
  ('a command channel', jsonb_build_object('channel_id', tests.channel('koji-pipeline/leads')), 'wrong_architecture'),
  ('a read-only channel', jsonb_build_object('channel_id', tests.channel('cloud-hub/heartbeat')), 'channel_read_only'),
  ('a thread of another channel', jsonb_build_object('task_thread_id', pg_temp.other_thread()), 'thread_not_found'),
  ('a thread and no channel', jsonb_build_object('channel_id', null, 'task_thread_id', pg_temp.other_thread()), 'bad_argument'),
  ('no content', '{"content": null}', 'content_empty'),
  ('empty content', '{"content": " \n\t "}', 'content_empty'),
  ('empty content and no channel', '{"channel_id": null, "content": " "}', 'content_empty'),
  ('32,000 characters', jsonb_build_object('content', repeat('x', 32000)), null),
  ('32,001 characters', jsonb_build_object('content', repeat('x', 32001)), 'content_too_long'),
  ('32,001 characters and no channel', jsonb_build_object('channel_id', null, 'content', repeat('x', 32001)), 'content_too_long'),
  ('priority 101', '{"priority": 101}', 'bad_argument'),
  ('priority 101 and no channel', '{"channel_id": null, "priority": 101}', 'bad_argument'),
  ('a run_at in two years', jsonb_build_object('run_at', now() + interval '2 years'), 'bad_argument'),
  ('run_at infinity', '{"run_at": "infinity"}', 'bad_argument'),
  ('run_at -infinity', '{"run_at": "-infinity"}', 'bad_argument'),
  ('an unknown model', '{"model_preference": "gpt"}', 'bad_argument'),
  ('an unknown platform', '{"platform": "amiga"}', '23514'),
  ('a project in two lines', '{"project": "a\n✅ deadbeef complete [claude/mac]"}', 'bad_argument'),
  ('a project that turns the reading direction', '{"project": "a\u202eb"}', 'bad_argument'),
  ('a project of 1,001 characters', jsonb_build_object('project', repeat('x', 1001)), 'bad_argument'),
  ('a key of 200 characters', jsonb_build_object('idempotency_key', repeat('k', 200)), null),
  ('a key of 201 characters', jsonb_build_object('idempotency_key', repeat('k', 201)), 'bad_argument'),
  ('an empty key', '{"idempotency_key": ""}', 'bad_argument'),
  ('another text to show', '{"metadata": {"request": "Something harmless"}}', 'bad_argument'),
  ('a label of its own', '{"metadata": {"created_by_label": "admin"}}', 'bad_argument'),
  ('a canceller', '{"metadata": {"cancelled_by": "admin"}}', 'bad_argument'),
  ('metadata that is no object', '{"metadata": [1]}', 'bad_argument'),
  ('17 kB of metadata', jsonb_build_object('metadata', jsonb_build_object('a', repeat('x', 17000))), 'bad_argument'),
  ('another person''s message', jsonb_build_object('channel_id', tests.channel('cloud-hub/dispatch'),
    'metadata', jsonb_build_object('message_id', pg_temp.message_of_another())), 'bad_argument'),
  ('a message that is none', '{"metadata": {"message_id": "x"}}', '22P02')
) as t (what, changes, error);

select is(pg_temp.insert_task(jsonb_build_object(c.name, c.value)), '42501', format('An operator cannot write %s', c.name))
from (values
  ('id', gen_random_uuid()::text), ('status', 'complete'), ('result', 'Done'), ('partial_output', 'Half'),
  ('claimed_by', 'mac'), ('claim_id', gen_random_uuid()::text), ('lease_expires_at', now()::text), ('attempt', '1'),
  ('max_attempts', '100'), ('kind', 'plan'), ('team_id', gen_random_uuid()::text), ('created_by', gen_random_uuid()::text),
  ('created_at', now()::text), ('session_id', 's'), ('progress_count', '-5'), ('task_type', 'x'), ('error', 'x'),
  ('delivered_at', now()::text), ('cancelled_at', now()::text), ('usage', '{}'), ('changes', '{}'), ('model_used', 'x')
) as c (name, value);

select is(tests.error_of($$ update public.mac_tasks set priority = 100 $$), '42501', 'An operator updates no task');
select is(tests.error_of($$ update public.mac_tasks set result = 'Done', status = 'complete' $$), '42501', 'and completes none');
select is(tests.error_of($$ delete from public.mac_tasks $$), '42501', 'and deletes none');

select is(
  (select array_agg(distinct t.created_by) from public.mac_tasks as t where t.content = 'Hello'),
  array[auth.uid()], 'Whoever inserts a task is its creator'
);

-- The limit of open tasks holds for every way in.
do $$
begin
  perform tests.sign_out();
  update hub.settings set max_open_tasks_per_user = (
    select count(*) from hub.queue as q where q.created_by = tests.user_with('operator')
  ) where id;
  perform tests.sign_in('operator');
end
$$;
select is(pg_temp.insert_task('{}'), 'too_many_open_tasks', 'The limit holds for an insert');
select is(pg_temp.insert_task('{"channel_id": null}'), 'too_many_open_tasks', 'for one of no channel');
select is(tests.error_of($$ select public.dispatch_task(tests.channel('buf-barista/bridge'), 'One more') $$),
  'too_many_open_tasks', 'for dispatch_task');
select is(tests.error_of($$ select public.dispatch_team(tests.channel('buf-barista/bridge'), 'One more') $$),
  'too_many_open_tasks', 'for dispatch_team');

-- Nor do many rows in one statement pass it together.
create function pg_temp.insert_tasks(number integer, channel uuid) returns text
language sql
as $$
  select tests.error_of(format(
    'insert into public.mac_tasks (channel_id, content) select %L::uuid, ''Many'' from generate_series(1, %s)', channel, number
  ))
$$;
do $$
begin
  perform tests.sign_out();
  update hub.settings as s set max_open_tasks_per_user = s.max_open_tasks_per_user + 10 where s.id;
  perform tests.sign_in('operator');
end
$$;
select is(pg_temp.insert_tasks(11, tests.channel('buf-barista/bridge')), 'too_many_open_tasks', 'for eleven rows at once where ten may come');
select is(pg_temp.insert_tasks(11, null), 'too_many_open_tasks', 'for eleven of no channel');
select is(pg_temp.insert_tasks(4, null), null, 'Four may come,');
select is(pg_temp.insert_tasks(7, null), 'too_many_open_tasks', 'then not seven,');
select is(pg_temp.insert_tasks(6, tests.channel('cloud-hub/dispatch')), null, 'but six,');
select is(pg_temp.insert_tasks(1, null), 'too_many_open_tasks', 'and then none');

do $$ begin perform tests.sign_in('service_role'); end $$;
select is(pg_temp.insert_task('{}'), null, 'and not for the service key');

select * from finish();
rollback;
