-- explain_task says the true reason why a task is where it is, in every state that a task can be in.
begin;
select plan(49);

create function pg_temp.dispatch(name text, channel text, content text, variadic options text[] default '{}') returns void language sql as $$
  select tests.keep(name, dispatch_task(tests.channel(channel), content,
    model => options[1], task_thread_id => options[2]::uuid, run_at => options[3]::timestamptz))
$$;
create function pg_temp.why(name text) returns jsonb language sql as $$ select explain_task(tests.id(name)) $$;
create function pg_temp.detail(name text, key text) returns text language sql as $$ select pg_temp.why(name) -> 'detail' ->> key $$;
create function pg_temp.reason(name text) returns text language sql as $$
  select concat_ws(' ', pg_temp.why(name) ->> 'state', pg_temp.why(name) ->> 'reason')
$$;
create function pg_temp.since(name text) returns timestamptz language sql as $$ select (pg_temp.why(name) ->> 'since')::timestamptz $$;
create function pg_temp.task(name text) returns mac_tasks language sql as $$ select t from mac_tasks as t where t.id = tests.id(name) $$;
create function pg_temp.drain(name text, draining boolean) returns void language sql as $$
  select set_device_draining(d.id, drain.draining) from mesh_devices as d where d.name = drain.name
$$;

-- No device.
select pg_temp.dispatch('t', 'buf-barista/quick', 'Look', 'claude');
select is((select array_agg(k order by k) from jsonb_object_keys(pg_temp.why('t')) as k), '{detail,reason,since,state}', 'the answer has four parts');
select is(pg_temp.reason('t'), 'pending waiting_for_device', 'no device at all');
select is(pg_temp.since('t'), (pg_temp.task('t')).created_at, 'since it was made');
select is(pg_temp.why('t') -> 'detail', '{"attempt": 0, "max_attempts": 3}', 'with its attempts');
select tests.keep('mac', tests.device('mac', '{gemini}', 'macos'));
update mesh_devices set status = 'offline';
select is(pg_temp.reason('t'), 'pending waiting_for_device', 'none that is online');

-- The wrong platform, the wrong model.
select tests.keep('tux', tests.device('tux', '{codex}'));
select pg_temp.dispatch('apple', 'buf-barista/quick', 'Fix the Xcode build', 'claude');
select is(pg_temp.reason('apple'), 'pending no_matching_platform', 'no device of the platform');
select is(pg_temp.detail('apple', 'platform'), 'macos', 'which it names');
delete from hub.model_chains where preference = 'claude' and model = 'gemini';
select device_heartbeat(tests.kept('mac') #>> '{}');
select is(pg_temp.reason('apple'), 'pending no_matching_model', 'one of the platform, without a model of the chain');
select is(pg_temp.detail('apple', 'model'), 'claude', 'whose preference it names');
insert into hub.model_chains values ('claude', 3, 'gemini');
select is(pg_temp.reason('apple'), 'pending ready', 'a device that will take it with its next claim');

-- Draining, and better than draining.
select pg_temp.drain('mac', true);
select is(pg_temp.reason('apple'), 'pending device_draining', 'the only one that could is draining');
select is(pg_temp.detail('apple', 'devices'), '["mac"]', 'and is named');
select is(pg_temp.reason('t'), 'pending ready', 'which concerns no task that another can do');
select pg_temp.drain('mac', false);

-- Rate limits.
update mesh_device_models set rate_limited_until = now() + case model when 'codex' then interval '1 hour' else interval '2 hours' end;
select is(pg_temp.reason('t'), 'pending rate_limited', 'all that could are throttled');
select is(pg_temp.detail('t', 'until')::timestamptz, now() + interval '1 hour', 'until the first of them is not');
select is(pg_temp.detail('apple', 'until')::timestamptz, now() + interval '2 hours', 'of those of the platform');
select pg_temp.drain('tux', true);
select is(pg_temp.detail('t', 'until')::timestamptz, now() + interval '2 hours', 'a throttled device comes back by itself, a draining one does not');
select pg_temp.drain('tux', false);
update mesh_device_models set rate_limited_until = now() - interval '1 second';
select is(pg_temp.reason('t'), 'pending ready', 'a throttle that is over is none');

-- Running.
select tests.keep('claim', claim_tasks(tests.kept('tux') #>> '{}') -> 0);
select is(pg_temp.reason('t'), 'running running', 'a running task');
select is(pg_temp.since('t'), (pg_temp.task('t')).started_at, 'since its start');
select is(
  (pg_temp.why('t') -> 'detail') - 'lease_expires_at', '{"model": "codex", "device": "tux", "attempt": 1, "max_attempts": 3}',
  'where, and with which model'
);
select is(pg_temp.detail('t', 'lease_expires_at')::timestamptz, (pg_temp.task('t')).lease_expires_at, 'and how long its lease lasts');

-- Busy.
select pg_temp.dispatch('next', 'buf-barista/quick', 'Look', 'claude');
select is(pg_temp.reason('next'), 'pending devices_busy', 'every device that is offered it has its hands full');
select is(pg_temp.detail('next', 'devices'), '["tux"]', 'a device with another model of the chain is not offered it');
select is(pg_temp.reason('apple'), 'pending ready', 'though it is free');
select cancel_task(tests.id('t'));
select isnt(pg_temp.detail('t', 'cancel_requested_at'), null, 'a running task that was asked to stop');
select complete_task(tests.kept('tux') #>> '{}', tests.id('t'), tests.id('claim', 'claim_id'), 'too late');
select is(pg_temp.reason('t'), 'failed finished', 'and has stopped');
select is(pg_temp.detail('t', 'error'), 'Cancelled by admin.', 'why');
select is(pg_temp.since('t'), (pg_temp.task('t')).finished_at, 'since its end');
select isnt(pg_temp.detail('t', 'cancelled_at'), null, 'by a cancellation');

-- The device that holds the session.
select tests.keep('pug', tests.device('pug', '{codex}'));
select pg_temp.dispatch('first', 'cloud-hub/dispatch', 'Look', 'codex');
insert into hub.sessions (task_thread_id, device_id, model, session_id)
select tests.id('first', 'thread', 'id'), d.id, 'codex', 's' from mesh_devices as d where d.name = 'tux';
update hub_task_threads set session_id = 's', session_device = 'tux' where id = tests.id('first', 'thread', 'id');
update mac_tasks set status = 'complete', result = 'Done' where id = tests.id('first');
select tests.keep('claim', claim_tasks(tests.kept('tux') #>> '{}') -> 0);
select pg_temp.dispatch('follow', 'cloud-hub/dispatch', 'More', null, tests.id('first', 'thread', 'id')::text);
select is(pg_temp.reason('follow') || pg_temp.detail('follow', 'devices'), 'pending devices_busy["tux"]', 'a follow-up waits for the device that holds its session');
select is(claim_tasks(tests.kept('pug') #>> '{}'), '[]', 'and is not offered to a free one');
update mesh_devices set status = 'offline' where name = 'tux';
select is(pg_temp.reason('follow'), 'pending ready', 'until that device is gone');

-- In a thread.
select pg_temp.dispatch('last', 'cloud-hub/dispatch', 'And more', null, tests.id('first', 'thread', 'id')::text);
select is(pg_temp.reason('last'), 'pending waiting_for_previous', 'a task behind another of its thread');
select is(pg_temp.detail('last', 'task_id')::uuid, tests.id('follow'), 'which it names');

-- Not yet.
select pg_temp.dispatch('later', 'buf-barista/quick', 'Later', null, null, (now() + interval '1 hour')::text);
select is(pg_temp.reason('later'), 'pending scheduled', 'a task of a later time');
select is(pg_temp.detail('later', 'until')::timestamptz, now() + interval '1 hour', 'and of which');
select tests.keep('claim', claim_tasks(tests.kept('pug') #>> '{}') -> 0);
select fail_task(tests.kept('pug') #>> '{}', tests.id('claim', 'id'), tests.id('claim', 'claim_id'), 'The disk is full');
select tests.keep('failed', jsonb_build_object('task', tests.kept('claim')));
select is(pg_temp.reason('failed'), 'pending backoff', 'a task after a failed attempt');
select is(
  (pg_temp.why('failed') -> 'detail') - 'until', '{"error": "The disk is full", "attempt": 1, "max_attempts": 3}',
  'and of what it failed'
);
select is(pg_temp.detail('failed', 'until')::timestamptz, (pg_temp.task('failed')).run_at, 'until its next attempt');

-- A paused server is why nothing of it moves.
select set_server_paused((select id from hub_servers where name = 'buf-barista'), true);
select is(pg_temp.reason('later'), 'pending server_paused', 'a paused server');
select is(pg_temp.detail('later', 'server'), 'buf-barista', 'which it names');
select is(pg_temp.since('later'), (select paused_at from hub_servers where name = 'buf-barista'), 'since when');

-- The end.
update mac_tasks set status = 'failed', error = 'No' where id = tests.id('last');
select is(pg_temp.reason('last'), 'failed finished', 'a failed task is over, whatever its server');
select is(pg_temp.detail('last', 'error'), 'No', 'why');
select is(pg_temp.detail('last', 'delivered_at')::timestamptz, (pg_temp.task('last')).delivered_at, 'and when that was posted');
select is(pg_temp.reason('first'), 'complete finished', 'so is a complete one');

-- A task of no channel.
with made as (insert into mac_tasks (content) values ('x') returning id)
select tests.keep('foreign', jsonb_build_object('task', made)) from made;
select is(pg_temp.reason('foreign'), 'pending ready', 'a task of no channel is run and explained');
update hub.settings set claims_foreign_tasks = false;
select is(tests.error_of(format('select public.explain_task(%L)', tests.id('foreign'))), 'task_not_found', 'where an app was here first, it is not');

select * from finish();
rollback;
