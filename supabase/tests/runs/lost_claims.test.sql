-- A claim whose answer never reached its device goes back soon, at no cost, and says so.
begin;
select plan(9);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 5));
create function pg_temp.token() returns text language sql as $$ select tests.kept('token') #>> '{}' $$;
create function pg_temp.begin() returns void language sql as $$
  select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Work'));
  select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
$$;
create function pg_temp.age(span interval) returns void language sql as $$
  update mac_tasks set started_at = started_at - span, lease_expires_at = lease_expires_at - span where id = tests.id('d')
$$;
create function pg_temp.state() returns text language sql as $$
  select concat_ws(' ', t.status, t.attempt, t.losses) from mac_tasks as t where t.id = tests.id('d')
$$;

select pg_temp.begin();
select device_heartbeat(pg_temp.token());
select is(pg_temp.state(), 'running 1 0', 'a claim of just now may still be on its way');
select pg_temp.age('50 seconds');
select device_heartbeat(pg_temp.token());
select is(pg_temp.state(), 'pending 0 1', 'an older one that the device does not name goes back, at the cost of no attempt');
select is((select outcome from hub_task_attempts where claim_id = tests.id('c', 'claim_id')), 'lost', 'as lost');
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[3:],
  array[format('system: 🔁 %s requeued: linux-1 has not begun it (attempt 1 of 3)', left(tests.id('d')::text, 8))], 'and says why'
);

-- What the device named once, reported on, or asks, is not lost.
select tests.keep('c', claim_tasks(pg_temp.token()) -> 0);
select device_heartbeat(pg_temp.token(), array[tests.id('d')]);
update mac_tasks set started_at = started_at - interval '50 seconds' where id = tests.id('d');
select device_heartbeat(pg_temp.token());
select is(pg_temp.state(), 'running 1 1', 'what was named once is left to its lease');
select complete_task(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'Done');
select pg_temp.begin();
select report_progress(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'Working');
select pg_temp.age('50 seconds');
select device_heartbeat(pg_temp.token());
select is(pg_temp.state(), 'running 1 0', 'and what was reported on');
select complete_task(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'Done');

-- A limit that is too far ahead is capped.
select pg_temp.begin();
select report_rate_limit(pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'), 'claude', 'infinity');
select is(pg_temp.state(), 'pending 0 0', 'a rate limit for ever is taken');
select ok((select rate_limited_until from mesh_device_models) <= clock_timestamp() + interval '31 days', 'for 31 days at most');
select is(tests.error_of(format('select public.report_rate_limit(%L, %L, %L, ''claude'', null)', pg_temp.token(), tests.id('d'), tests.id('c', 'claim_id'))), 'stale_claim', 'and once');

select * from finish();
rollback;
