-- A write with a claim that is no longer the task's changes nothing.
begin;
select plan(27);

select tests.keep('a', tests.device('a', '{claude}'));
select tests.keep('b', tests.device('b', '{claude}'));
select tests.keep('d', dispatch_task(tests.channel('buf-barista/bridge'), 'Fix it'));
select tests.keep('old', claim_tasks(tests.kept('a') #>> '{}') -> 0);
update mac_tasks set lease_expires_at = now() - interval '1 second' where id = tests.id('d');
select hub.recover();
select tests.keep('new', claim_tasks(tests.kept('b') #>> '{}') -> 0);
select is(tests.id('new', 'id'), tests.id('d'), 'an expired task is claimed by another device');
select isnt(tests.id('new', 'claim_id'), tests.id('old', 'claim_id'), 'under a new claim');
select tests.keep('before', (select to_jsonb(t) from mac_tasks as t where id = tests.id('d')));
select tests.keep('said', tests.said(tests.channel('buf-barista/bridge')));

-- Every call, with the old claim of its own device, the new claim of another device, and no claim.
create function pg_temp.refusal(call text, device text, claim uuid, rest text) returns text language sql as $$
  select tests.error_of(format('select public.%s(%L, %L, %L %s)', call, tests.kept(device) #>> '{}', tests.id('d'), claim, rest))
$$;
select is(pg_temp.refusal(c.call, 'a', tests.id('old', 'claim_id'), c.rest), 'stale_claim', c.call || '() with an old claim')
from (values
  ('report_progress', ', ''x'''), ('complete_task', ', ''x'''), ('fail_task', ', ''x'''),
  ('report_rate_limit', ', ''claude'', now() + interval ''1 hour'''), ('release_task', '')
) as c (call, rest);
select is(pg_temp.refusal(c.call, 'a', tests.id('new', 'claim_id'), c.rest), 'stale_claim', c.call || '() with another device''s claim')
from (values
  ('report_progress', ', ''x'''), ('complete_task', ', ''x'''), ('fail_task', ', ''x'''),
  ('report_rate_limit', ', ''claude'', now() + interval ''1 hour'''), ('release_task', '')
) as c (call, rest);
select is(pg_temp.refusal(c.call, 'b', null, c.rest), 'stale_claim', c.call || '() with no claim')
from (values
  ('report_progress', ', ''x'''), ('complete_task', ', ''x'''), ('fail_task', ', ''x'''),
  ('report_rate_limit', ', ''claude'', now() + interval ''1 hour'''), ('release_task', '')
) as c (call, rest);
select is((select to_jsonb(t) from mac_tasks as t where id = tests.id('d')), tests.kept('before'), 'the task is what it was');
select is(to_jsonb(tests.said(tests.channel('buf-barista/bridge'))), tests.kept('said'), 'nothing was posted');
select is((select count(*) from mesh_device_models where rate_limited_until is not null), 0::bigint, 'no model was throttled');
select is(
  device_heartbeat(tests.kept('a') #>> '{}', array[tests.id('d')]) -> 'lost', jsonb_build_array(tests.id('d')),
  'the heartbeat names the task that the old device lost'
);
select is(
  (select lease_expires_at from mac_tasks where id = tests.id('d')), (tests.kept('before') ->> 'lease_expires_at')::timestamptz,
  'and does not renew its lease'
);
select is(device_heartbeat(tests.kept('b') #>> '{}', array[tests.id('d')]) -> 'lost', '[]', 'the new device has lost nothing');

-- A completion twice.
select complete_task(tests.kept('b') #>> '{}', tests.id('d'), tests.id('new', 'claim_id'), 'Done');
select is(pg_temp.refusal('complete_task', 'b', tests.id('new', 'claim_id'), ', ''Done'''), 'stale_claim', 'a claim that was used is stale');
select is(
  (select count(*) from hub_channel_messages where content like '✅%'), 1::bigint, 'the result is there once'
);

-- No such task, no such token.
select is(
  tests.error_of(format('select public.complete_task(%L, %L, %L, ''x'')', tests.kept('b') #>> '{}', gen_random_uuid(), gen_random_uuid())),
  'task_not_found', 'a task that does not exist is not found'
);
select is(
  tests.error_of(format('select public.complete_task(''aura_x'', %L, %L, ''x'')', tests.id('d'), tests.id('new', 'claim_id'))),
  'bad_device_token', 'a token of no device is no token'
);

select * from finish();
rollback;
