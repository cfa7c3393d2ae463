-- hub.settings: the numbers of the product, and that a change of each takes effect at once.
begin;
select plan(42);

create function pg_temp.set(name text, value text) returns text language sql as $$
  select update_settings(jsonb_build_object(name, value)) ->> name
$$;
create function pg_temp.task(name text) returns mac_tasks language sql as $$ select t from mac_tasks as t where t.id = tests.id(name) $$;
create function pg_temp.claim() returns jsonb language sql as $$
  select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
  select tests.kept('c')
$$;
create function pg_temp.fail() returns jsonb language sql as $$
  select fail_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'No');
  select to_jsonb(t) from mac_tasks as t where t.id = tests.id('c', 'id')
$$;
create function pg_temp.wait(task jsonb) returns interval language sql as $$
  select date_trunc('second', (task ->> 'run_at')::timestamptz - (task ->> 'updated_at')::timestamptz + interval '0.5 s')
$$;

-- As installed.
select is(
  (select to_jsonb(s) - '{id,default_role,default_servers_installed_at}'::text[] from hub.settings as s),
  '{"task_lease": "00:01:30", "max_attempts": 3, "max_runtime": "02:00:00", "retry_backoff": "00:00:10", "max_retry_backoff": "00:10:00",
    "max_open_tasks_per_user": 100, "max_subtasks": 20, "progress_limit": 15, "chunk_size": 2000, "approval_timeout": "1 day", "max_open_questions": 20, "session_wait": "00:05:00", "max_losses": 10, "max_releases": 3, "max_file_size": 25000000, "max_files_per_task": 20, "max_content": 32000, "max_result": 1000000, "idle_after": "02:00:00",
    "archive_after": "01:00:00", "device_offline_after": "00:01:00", "history_kept": "90 days", "claims_foreign_tasks": true,
    "max_samples": 25, "follow_up_after": "7 days"}',
  'the numbers of the product'
);
select is((select column_default from information_schema.columns where table_schema = 'hub' and table_name = 'settings' and column_name = 'default_role'), '''viewer''::text', 'a stranger is a viewer');
select is(tests.error_of('insert into hub.settings (id) values (true)'), '23505 Key (id)=(t) already exists.', 'there is one row');
select is((select count(*) from information_schema.columns as c where c.table_schema = 'hub' and c.table_name = 'settings' and c.column_name <> 'id' and col_description('hub.settings'::regclass, c.ordinal_position) is null), 0::bigint, 'and each setting says what it is');

-- update_settings.
select tests.keep('settings', (select count(*) from jsonb_object_keys((select to_jsonb(s) - 'id' from hub.settings as s))));
select tests.sign_in('admin');
select is(update_settings(), (select update_settings('{}')), 'with nothing to change, all of them');
select is((select count(*) from jsonb_object_keys(update_settings()))::integer, current_setting('tests.settings')::integer, 'each by its name');
select is(update_settings('{"max_attempts": 2, "idle_after": "4 hours"}') ->> 'idle_after', '04:00:00', 'an admin changes several at once');
select is(update_settings() ->> 'max_attempts', '2', 'for good');
select is(tests.error_of($$ select public.update_settings('{"max_attempts": 5, "progress_limit": 0}') $$) like '23514%', true, 'a value out of its range is refused');
select is(update_settings() ->> 'max_attempts', '2', 'and all of the change with it');
select tests.sign_in('operator');
select is(tests.error_of('select public.update_settings()'), 'role_required', 'an operator does not even read them');
select tests.sign_out();

-- In effect at once.
select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 5));
select pg_temp.set('task_lease', '10 minutes');
select tests.keep('d', dispatch_task(tests.channel('buf-barista/quick'), 'Work'));
select is((pg_temp.task('d')).max_attempts, 2, 'max_attempts: of a new task');
select pg_temp.claim();
select ok((pg_temp.task('d')).lease_expires_at >= now() + interval '10 minutes', 'task_lease: of a new claim');
select pg_temp.set('task_lease', '20 minutes');
select device_heartbeat(tests.kept('token') #>> '{}', array[tests.id('d')]);
select ok((pg_temp.task('d')).lease_expires_at >= now() + interval '20 minutes', 'and of a renewed one');

-- 10 s * 2^attempt, 10 min at most.
select pg_temp.set('max_attempts', '100');
update mac_tasks set max_attempts = 100;
select ok(tests.is_backoff(pg_temp.wait(pg_temp.fail()), '20 seconds'), 'retry_backoff: 10 s, doubled after the first attempt');
update mac_tasks set run_at = now() - interval '1 second' where id = tests.id('d');
select pg_temp.claim();
select ok(tests.is_backoff(pg_temp.wait(pg_temp.fail()), '40 seconds'), 'and after each other');
select pg_temp.set('retry_backoff', '1 second');
update mac_tasks set run_at = now() - interval '1 second' where id = tests.id('d');
select pg_temp.claim();
select ok(tests.is_backoff(pg_temp.wait(pg_temp.fail()), '8 seconds'), 'as it is set');
update mac_tasks set run_at = now() - interval '1 second', attempt = 98 where id = tests.id('d');
select pg_temp.claim();
select ok(tests.is_backoff(pg_temp.wait(pg_temp.fail()), '10 minutes'), 'max_retry_backoff: the longest');
select pg_temp.set('max_retry_backoff', '1 minute');
update mac_tasks set run_at = now() - interval '1 second', attempt = 98 where id = tests.id('d');
select pg_temp.claim();
select ok(tests.is_backoff(pg_temp.wait(pg_temp.fail()), '1 minute'), 'as it is set');

select pg_temp.set('max_runtime', '5 minutes');
update mac_tasks set run_at = now() - interval '1 second' where id = tests.id('d');
select pg_temp.claim();
update mac_tasks set started_at = now() - interval '6 minutes' where id = tests.id('d');
select is(hub.recover() -> 'timed_out', '1', 'max_runtime');

select pg_temp.set('max_open_tasks_per_user', '2');
select tests.sign_in('operator');
select dispatch_task(tests.channel('buf-barista/quick'), 'One of ' || n) from generate_series(1, 2) as n;
select is(tests.error_of($$ select public.dispatch_task(tests.channel('buf-barista/quick'), 'x') $$), 'too_many_open_tasks', 'max_open_tasks_per_user');
select tests.sign_out();
select pg_temp.set('max_subtasks', '2');
select is(tests.error_of($$ select public.dispatch_team(tests.channel('buf-barista/quick'), 'x', '["a", "b", "c"]') $$), 'too_many_subtasks', 'max_subtasks');

select pg_temp.set('progress_limit', '2');
select pg_temp.claim();
select report_progress(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'p' || n) from generate_series(1, 4) as n;
select is((select count(*) from hub_channel_messages where is_progress), 2::bigint, 'progress_limit');
select pg_temp.set('chunk_size', '100');
select cmp_ok(
  (select max(length(c)) from jsonb_array_elements_text(execute_command(tests.channel('koji-pipeline/leads'), 'help') -> 'chunks') as c), '<=', 100, 'chunk_size'
);

select pg_temp.set('idle_after', '7 hours');
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Thread'));
select ok((tests.kept('d') #>> '{thread,next_transition_at}')::timestamptz > clock_timestamp() + interval '6 hours', 'idle_after');
update mac_tasks set status = 'failed' where id = tests.id('d');
update hub_task_threads set next_transition_at = now() - interval '1 second';
select pg_temp.set('archive_after', '5 hours');
select hub.decay_threads();
select is((select status || (next_transition_at > clock_timestamp() + interval '4 hours') from hub_task_threads), 'idletrue', 'archive_after');
update hub_channels set archive_after = '9 hours', idle_after = '11 hours' where name = 'dispatch';
update hub_task_threads set next_transition_at = now() - interval '1 second', status = 'active';
select hub.decay_threads();
select is((select status || (next_transition_at > clock_timestamp() + interval '8 hours') from hub_task_threads), 'idletrue', 'a channel''s own comes first');
select ok((dispatch_task(tests.channel('cloud-hub/dispatch'), 'x') #>> '{thread,next_transition_at}')::timestamptz > clock_timestamp() + interval '10 hours', 'in both');

select pg_temp.set('history_kept', '1 day');
update hub_task_attempts set started_at = now() - interval '2 days' where ended_at is not null;
select cmp_ok((hub.prune() ->> 'attempts')::integer, '>=', 6, 'history_kept');

-- No value breaks what is done with it.
select is(pg_temp.set('max_retry_backoff', '3600 days'), '3600 days', 'ten years may lie between two attempts');
select is(pg_temp.set('retry_backoff', '3600 days'), '3600 days', 'from the first on');
select update_settings('{"max_attempts": 100}');
select tests.keep('e', dispatch_task(tests.channel('buf-barista/quick'), 'Fails'));
update mac_tasks set priority = 90 where id = tests.id('e');
select pg_temp.claim();
select is(pg_temp.fail() ->> 'status', 'pending', 'however long the back-off is');
select is(tests.error_of(format('update hub.settings set %I = %L', name, '1 mon -29 days')) like '23514%', true, name || ': no span that is less than nothing in February')
from unnest('{task_lease,idle_after,history_kept}'::text[]) as name;
select is(tests.error_of($$ update public.hub_channels set archive_after = '1 day -1 hour' $$) like '23514%', true, 'nor of a channel');
select is(hub.is_span('1 mon 2 days 03:04:05.6'), true, 'a month is a span');

-- Tasks of no channel, and attempts of what is unfinished.
insert into mac_tasks (content) values ('Nobody asked');
select is((select count(*) from hub.queue as q join mac_tasks as t on t.id = q.task_id where t.content = 'Nobody asked'), 1::bigint, 'claims_foreign_tasks: a task of no channel is queued');
update hub.settings set claims_foreign_tasks = false;
select is((select count(*) from hub.queue as q join mac_tasks as t on t.id = q.task_id where t.content = 'Nobody asked'), 0::bigint, 'and no more');
update hub.settings set claims_foreign_tasks = true;
select is((select count(*) from hub.queue as q join mac_tasks as t on t.id = q.task_id where t.content = 'Nobody asked'), 1::bigint, 'and again');
select update_settings('{"max_attempts": 7}');
select is((pg_temp.task('e')).max_attempts, 7, 'max_attempts: of what is unfinished');
select update_settings('{"max_attempts": 1}');
select is((pg_temp.task('e')).max_attempts, 1, 'one at the least');

select * from finish();
rollback;
