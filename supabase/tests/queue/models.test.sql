-- Which device gets a task: platform, effective model with its fallbacks, throttles.
begin;
select plan(22);

create function pg_temp.claim(device text) returns text language sql as $$
  select string_agg((t ->> 'content') || '/' || (t ->> 'model'), ',' order by n)
  from jsonb_array_elements(claim_tasks(tests.kept(device) #>> '{}', 10)) with ordinality as c (t, n)
$$;
create function pg_temp.give_back() returns void language sql as $$
  update mac_tasks set claimed_by = null, status = 'failed', result = 'x' where status in ('running', 'pending')
$$;
select tests.keep('mac', tests.device('mac', '{claude}', 'macos', 10));
select tests.keep('tux', tests.device('tux', '{codex,gemini}', 'linux', 10));

-- Platform.
select dispatch_task(tests.channel('buf-barista/bridge'), 'Build the SwiftUI view');
select is(pg_temp.claim('tux'), null, 'a macOS task is not offered to Linux');
select is(pg_temp.claim('mac'), 'Build the SwiftUI view/claude', 'but to a Mac');

-- The preferred model while some online device has it.
select dispatch_task(tests.channel('buf-barista/bridge'), 'c', model => 'claude');
select is(pg_temp.claim('tux'), null, 'no fallback while some device can run the preference');
select is(pg_temp.claim('mac'), 'c/claude', 'which gets it');
select pg_temp.give_back();

-- The device that has it goes away.
update mesh_devices set status = 'offline' where name = 'mac';
select dispatch_task(tests.channel('buf-barista/bridge'), 'c', model => 'claude');
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[cardinality(tests.said(tests.channel('buf-barista/bridge')))] like '%Model: codex | Project%', true,
  'the announcement names the model that will be tried'
);
select is(pg_temp.claim('tux'), 'c/codex', 'the first fallback then');
select pg_temp.give_back();

-- Each chain.
select dispatch_task(tests.channel('buf-barista/bridge'), 'x', model => 'codex');
select is(pg_temp.claim('tux'), 'x/codex', 'codex is codex');
select dispatch_task(tests.channel('buf-barista/bridge'), 'g', model => 'gemini');
select is(pg_temp.claim('tux'), 'g/gemini', 'gemini is gemini');
select pg_temp.give_back();

-- Draining is as good as away.
select device_heartbeat(tests.kept('mac') #>> '{}');
select set_device_draining((select id from mesh_devices where name = 'mac'), true);
select dispatch_task(tests.channel('buf-barista/bridge'), 'c', model => 'claude');
select is(pg_temp.claim('tux'), 'c/codex', 'a draining device does not hold back the fallback');
select set_device_draining((select id from mesh_devices where name = 'mac'), false);
select pg_temp.give_back();

-- A throttle: the task goes back at no attempt, to a fallback; and comes again when the throttle ends.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'c', model => 'claude'));
select tests.keep('c', claim_tasks(tests.kept('mac') #>> '{}') -> 0);
select is(
  report_rate_limit(tests.kept('mac') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'claude', now() + interval '1 hour') #>> '{task,attempt}',
  '0', 'a rate limit costs no attempt'
);
select is((select (status, run_at)::text from mac_tasks where id = tests.id('d')), '(pending,)', 'the task waits for nothing');
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[cardinality(tests.said(tests.channel('buf-barista/bridge')))],
  format('system: 🔁 %s requeued: claude is rate limited on mac until %s UTC (attempt 1 of 3)',
    left(tests.id('d')::text, 8), to_char((now() + interval '1 hour') at time zone 'utc', 'YYYY-MM-DD HH24:MI')),
  'the requeue says why'
);
select is(pg_temp.claim('mac'), null, 'the throttled device does not get it back');
select is(pg_temp.claim('tux'), 'c/codex', 'another model does it');
select is((select outcome from hub_task_attempts where claim_id = tests.id('c', 'claim_id')), 'rate_limited', 'the attempt says what happened');
select pg_temp.give_back();
select dispatch_task(tests.channel('buf-barista/bridge'), 'Fix the Xcode build', model => 'claude');
select is(pg_temp.claim('tux') is null and pg_temp.claim('mac') is null, true, 'no fallback on another platform');
update mesh_device_models set rate_limited_until = now() - interval '1 second' where model = 'claude';
select is(pg_temp.claim('mac'), 'Fix the Xcode build/claude', 'a throttle that ended is none');
select pg_temp.give_back();

-- "any": what this device has.
insert into mac_tasks (content) values ('foreign');
select is(pg_temp.claim('tux'), 'foreign/codex', 'a task of no channel may run on whatever a device has');
select is(pg_temp.claim('mac'), null, 'once');
select pg_temp.give_back();
insert into mac_tasks (content, model_preference) values ('foreign', null);
select is(pg_temp.claim('mac'), 'foreign/claude', 'also with no preference at all');
select pg_temp.give_back();

-- Chains are a table.
update hub.model_chains set position = position + 10 where preference = 'codex' and model = 'codex';
select dispatch_task(tests.channel('buf-barista/bridge'), 'x', model => 'codex');
select is(pg_temp.claim('mac'), 'x/claude', 'a changed chain takes effect at once');
select pg_temp.give_back();

-- Another app's tasks.
update hub.settings set claims_foreign_tasks = false;
insert into mac_tasks (content) values ('owner''s');
select is(pg_temp.claim('tux') is null and pg_temp.claim('mac') is null, true, 'where the app was here first, its tasks are left alone');

select * from finish();
rollback;
