-- Failures: back-off, the last attempt, and what costs none.
begin;
select plan(23);

select tests.keep('token', tests.device('linux-1', '{claude}'));
create function pg_temp.claim() returns void language sql as $$
  update mac_tasks set run_at = now() - interval '1 second' where run_at is not null and status = 'pending';
  select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
$$;
create function pg_temp.fail(retryable boolean default true) returns jsonb language sql as $$
  select fail_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'oops', retryable) -> 'task'
$$;
create function pg_temp.wait() returns interval language sql as $$
  select date_trunc('second', run_at - updated_at + interval '0.5 seconds') from mac_tasks where id = tests.id('d')
$$;

select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Try'));
select pg_temp.claim();
select is(pg_temp.fail() ->> 'status', 'pending', 'a retryable failure goes back');
select ok(tests.is_backoff(pg_temp.wait(), '20 seconds'), 'and waits 10 s · 2^1');
select is(claim_tasks(tests.kept('token') #>> '{}'), '[]', 'during which it is not offered');
select is(explain_task(tests.id('d')) ->> 'reason', 'backoff', 'as explain_task says');
select pg_temp.claim();
select is(pg_temp.fail() ->> 'attempt', '2', 'the second attempt');
select ok(tests.is_backoff(pg_temp.wait(), '40 seconds'), 'waits 10 s · 2^2');
select pg_temp.claim();
select is(pg_temp.fail() ->> 'status', 'failed', 'the third is the last');
select is((select error from mac_tasks where id = tests.id('d')), 'oops', 'with its reason');
select is(
  (select array_agg((attempt, outcome, error)::text order by started_at) from hub_task_attempts where task_id = tests.id('d')),
  '{"(1,failed,oops)","(2,failed,oops)","(3,failed,oops)"}', 'each attempt is on record'
);
select is(
  (select array_agg(content order by created_at) from hub_channel_messages
    where metadata ->> 'task_id' = tests.id('d')::text and content ~ '^(🔁|❌)'),
  array[
    format('🔁 %s requeued: oops (attempt 2 of 3)', left(tests.id('d')::text, 8)),
    format('🔁 %s requeued: oops (attempt 3 of 3)', left(tests.id('d')::text, 8)),
    format(E'❌ %s failed [claude/linux-1]\noops', left(tests.id('d')::text, 8))
  ],
  'the channel was told each time'
);

-- The longest back-off.
update hub.settings set max_attempts = 20;
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Try'));
select pg_temp.claim(), pg_temp.fail() from generate_series(1, 8);
select ok(tests.is_backoff(pg_temp.wait(), '10 minutes'), 'no back-off is longer than 10 minutes');
update hub.settings set max_attempts = 3;

-- Not retryable.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Never'));
update mac_tasks set run_at = now() + interval '1 day' where content = 'Try' and status = 'pending';
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(pg_temp.fail(false) ->> 'status', 'failed', 'a failure that is not retryable is final at once');

-- What costs no attempt.
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Free'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(
  release_task(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id')) #>> '{task,attempt}', '0',
  'a release costs no attempt'
);
select is((select (status, run_at, claimed_by, claim_id, started_at, model_used)::text from mac_tasks where id = tests.id('d')), '(pending,,,,,)', 'and leaves no trace of the claim');
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.kept('c') -> 'attempt', '1', 'the next is the first again');
select report_rate_limit(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'claude', now() + interval '1 hour');
select is((select attempt from mac_tasks where id = tests.id('d')), 0, 'a rate limit costs none either');
select is(
  (select array_agg((attempt, outcome)::text order by started_at) from hub_task_attempts where task_id = tests.id('d')),
  '{"(1,released)","(1,rate_limited)"}', 'both are on record'
);
select is(
  (select rate_limited_until > now() from mesh_device_models where model = 'claude'), true, 'the model is throttled on the device'
);
select is(explain_task(tests.id('d')) ->> 'reason', 'rate_limited', 'and the task waits for it');

-- A device whose clock is slow.
update mesh_device_models set rate_limited_until = null;
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select report_rate_limit(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'claude', now() - interval '1 hour');
select ok(
  (select rate_limited_until between now() + interval '10 seconds' and clock_timestamp() + interval '10 seconds' from mesh_device_models where model = 'claude'),
  'a limit that is past when it is reported holds for the time of a back-off'
);
select is(claim_tasks(tests.kept('token') #>> '{}'), '[]', 'so that the task does not come back at once');

-- What is refused.
update mesh_device_models set rate_limited_until = null;
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(
  tests.error_of(format('select public.report_rate_limit(%L, %L, %L, %s)', tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), a)),
  'bad_argument', a
) from (values ($$'gpt', now()$$), ($$'claude', null$$)) as r (a);

select * from finish();
rollback;
