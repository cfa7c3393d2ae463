-- The views for whoever administers the database with SQL.
begin;
select plan(14);

select tests.keep('mac', tests.device('mac-1', '{claude,codex}', 'macos', 3));
select tests.keep('tux', tests.device('tux', '{gemini}'));
select tests.keep('run', dispatch_task(tests.channel('buf-barista/quick'), 'Runs', model => 'claude', priority => 9));
select tests.keep('c', claim_tasks(tests.kept('mac') #>> '{}') -> 0);
select cancel_task(tests.id('run'));
select tests.keep('wait', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Build the SwiftUI view', priority => 2));
select tests.keep('block', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Behind it', tests.id('wait', 'thread', 'id')));
select tests.keep('later', dispatch_task(tests.channel('buf-barista/quick'), 'Later', run_at => now() + interval '1 day'));
insert into mac_tasks (content) values ('Of no channel');

-- open_tasks
select is(
  (select array_agg(concat_ws(' ', o.state, o.channel, o.title) order by o.title) from hub.open_tasks as o),
  '{"blocked cloud-hub/dispatch Behind it","ready cloud-hub/dispatch Build the SwiftUI view","scheduled buf-barista/quick Later","ready Of no channel","running buf-barista/quick Runs"}',
  'open_tasks has every unfinished task, with its state and place'
);
select is(
  (select concat_ws(' ', o.short_id, o.kind, o.model, o.device, o.priority, o.attempt, o.max_attempts, o.cancelling, o.lease_expires_at is not null, o.age < interval '1 hour')
    from hub.open_tasks as o where o.task_id = tests.id('run')),
  format('%s task claude mac-1 9 1 3 t t t', left(tests.id('run')::text, 8)), 'a running one with where and how long'
);
select is((select o.platform from hub.open_tasks as o where o.task_id = tests.id('wait')), 'macos', 'a waiting one with what it needs');
select is((select o.run_at from hub.open_tasks as o where o.task_id = tests.id('later')), now() + interval '1 day', 'a scheduled one with its time');

-- device_load
update mesh_device_models set rate_limited_until = '2999-01-01 12:00Z' where model = 'codex';
select claim_tasks(tests.kept('tux') #>> '{}');
select claim_tasks(tests.kept('tux') #>> '{}');
select is(
  (select array_agg((l.name, l.platform, l.status, l.running, l.max_running, l.models, l.idle)::text order by l.name) from hub.device_load as l),
  '{"(mac-1,macos,online,1,3,\"claude, codex (throttled until 2999-01-01 12:00 UTC)\",f)","(tux,linux,online,1,1,gemini,f)"}',
  'device_load has every device with what it runs and may run'
);
update mac_tasks set status = 'failed' where claimed_by = 'tux';
select claim_tasks(tests.kept('tux') #>> '{}');
select is((select l.idle from hub.device_load as l where l.name = 'tux'), true, 'one that found nothing is idle');
update mesh_devices set last_seen_at = now() - interval '1 hour' where name = 'tux';
select is((select l.not_heard_for >= interval '1 hour' from hub.device_load as l where l.name = 'tux'), true, 'and how long it is silent shows');

-- effective_models
select is(
  (select string_agg(concat_ws('/', e.platform, e.preference, e.model), ' ' order by e.platform, e.preference) from hub.effective_models as e where e.server_id = '00000000-0000-0000-0000-000000000000' and e.platform in ('linux', 'macos', 'windows')),
  'linux/any/gemini linux/claude/gemini linux/codex/gemini linux/gemini/gemini macos/any/claude macos/claude/claude macos/codex/claude macos/gemini/claude',
  'effective_models has what each preference gets now, by platform'
);
select is((select e.model from hub.effective_models as e where e.server_id = '00000000-0000-0000-0000-000000000000' and e.platform = '' and e.preference = 'codex'), 'claude', 'and on any of them');
update mesh_devices set status = 'offline';
select is((select count(*) from hub.effective_models), 0::bigint, 'without devices nothing');

-- undelivered
insert into hub.delivery_failures (task_id, what, reason, retry_at) values (tests.id('wait'), 'task', 'The disk is full', now());
select is(
  (select (u.short_id, u.channel, u.status, u.reason, u.failures)::text from hub.undelivered as u),
  format('(%s,dispatch,pending,"The disk is full",1)', left(tests.id('wait')::text, 8)), 'undelivered has what could not be posted, and why'
);

-- job_runs
select is((select array_agg(distinct r.jobname::text order by r.jobname::text) from hub.job_runs as r), '{hub-decay-threads,hub-morning-brief,hub-prune,hub-prune-channels,hub-recover,hub-repair}', 'job_runs has the project''s jobs');
select is(
  (select array_agg((j.jobname, j.schedule, j.command)::text order by j.jobname) from cron.job as j where j.jobname like 'hub-%'),
  '{"(hub-decay-threads,\"* * * * *\",\"select hub.decay_threads()\")","(hub-morning-brief,\"0 7 * * *\",\"select hub.morning_brief()\")","(hub-prune,\"30 3 * * *\",\"select hub.prune()\")","(hub-prune-channels,\"* 2-4 * * *\",\"select hub.prune_channels()\")","(hub-recover,\"* * * * *\",\"select hub.recover()\")","(hub-repair,\"45 3 * * *\",\"select hub.repair()\")"}',
  'which run one function each, at their times'
);
select is((select max(n) <= 5 from (select count(*) as n from hub.job_runs as r group by r.jobname) as runs), true, 'with five runs each, at most');

select * from finish();
rollback;
