-- Leases: what a heartbeat renews, what happens to a lease that ran out, and to a task that runs too long.
begin;
select plan(25);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 5));
create function pg_temp.claim() returns void language sql as $$
  select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0)
$$;
create function pg_temp.expire() returns void language sql as $$
  update mac_tasks set lease_expires_at = now() - interval '1 second' where id = tests.id('d')
$$;

select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Work'));
select pg_temp.claim();
select pg_temp.expire();
select tests.keep('beat', device_heartbeat(tests.kept('token') #>> '{}', array[tests.id('d')]));
select is(
  (select lease_expires_at from mac_tasks where id = tests.id('d')), (tests.kept('beat') ->> 'lease_expires_at')::timestamptz,
  'a heartbeat renews the lease, even one that ran out but was not taken back'
);
select ok((tests.kept('beat') ->> 'lease_expires_at')::timestamptz between now() + interval '90 seconds' and clock_timestamp() + interval '90 seconds', 'for 90 s');
select is(tests.kept('beat') - array['lease_expires_at', 'now', 'version'], '{"cancel": [], "lost": [], "answered": [], "inputs": []}', 'with nothing to stop, nothing lost and no news');
select is(hub.recover(), '{"failed": 0, "requeued": 0, "timed_out": 0, "redelivered": 0, "devices_offline": 0}', 'a renewed lease is left alone');

-- Expired: a device that is not heard of is no failure of the task, and has a bound of its own.
update hub.settings set max_losses = 3;
select pg_temp.expire();
select is(hub.recover() -> 'requeued', '1', 'an expired lease is taken back');
select is((select (status, attempt, losses, run_at, claim_id, claimed_by)::text from mac_tasks where id = tests.id('d')), '(pending,0,1,,,)', 'the task waits again, at once, at the cost of no attempt');
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[3:],
  array[format('system: 🔁 %s requeued: linux-1 was not heard of (attempt 1 of 3)', left(tests.id('d')::text, 8))],
  'and says why'
);
select is((select outcome from hub_task_attempts where claim_id = tests.id('c', 'claim_id')), 'expired', 'the attempt is closed');
select is(hub.recover() -> 'requeued', '0', 'a second recovery finds nothing');
select pg_temp.claim();
select report_progress(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'Working', 'session-1');
select pg_temp.expire();
select hub.recover();
select pg_temp.claim();
select is(tests.kept('c') ->> 'session_id', 'session-1', 'the next run resumes the session');
select is(tests.kept('c') -> 'attempt', '1', 'it is still the first attempt');
select pg_temp.expire();
select is(hub.recover() -> 'failed', '1', 'the third loss is the last');
select is(
  (select (status, error)::text from mac_tasks where id = tests.id('d')), '(failed,"linux-1 was not heard of, 3 times in all.")', 'the task fails'
);
select is((select array_agg(outcome) from hub_task_attempts where task_id = tests.id('d')), '{expired,expired,expired}', 'three runs expired');
select retry_task(tests.id('d'));
select is((select losses from mac_tasks where id = tests.id('d')), 0, 'a retry begins with none lost');
select cancel_task(tests.id('d'));

-- Too long a run, however well the lease is kept.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Long'));
select pg_temp.claim();
update mac_tasks set started_at = now() - interval '119 minutes' where id = tests.id('d');
select is(hub.recover() -> 'timed_out', '0', 'a run of less than two hours goes on');
update mac_tasks set started_at = now() - interval '121 minutes' where id = tests.id('d');
select is(hub.recover() -> 'timed_out', '1', 'a longer one is timed out');
select is((select status from mac_tasks where id = tests.id('d')), 'failed', 'the task has failed');
select ok((select error like 'timed_out%' from mac_tasks where id = tests.id('d')), 'as timed_out');
select is((select outcome from hub_task_attempts where claim_id = tests.id('c', 'claim_id')), 'timed_out', 'and so the attempt');
select is(
  device_heartbeat(tests.kept('token') #>> '{}', array[tests.id('d')]) -> 'lost', jsonb_build_array(tests.id('d')),
  'its device learns that it no longer holds it'
);

-- Settings take effect at once.
update hub.settings set task_lease = '5 minutes', max_runtime = '1 minute';
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Short'));
select pg_temp.claim();
select ok((tests.kept('c') ->> 'lease_expires_at')::timestamptz > now() + interval '4 minutes', 'a changed lease is used at once');
update mac_tasks set started_at = now() - interval '2 minutes' where id = tests.id('d');
select is(hub.recover() -> 'timed_out', '1', 'and a changed max_runtime');

-- A heartbeat replaces the models, and does not remember what is not said.
select device_heartbeat(tests.kept('token') #>> '{}', models => '["codex", {"model": "gemini", "version": "3"}]');
select is(
  (select array_agg((model, version)::text order by model) from mesh_device_models), '{"(codex,)","(gemini,3)"}', 'models are those of the heartbeat'
);
select is(
  tests.error_of(format('select public.device_heartbeat(%L, models => ''["gpt"]'')', tests.kept('token') #>> '{}')), 'bad_argument',
  'an unknown model is refused'
);

select * from finish();
rollback;
