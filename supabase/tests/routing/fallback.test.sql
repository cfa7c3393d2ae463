-- Fallback: each chain step by step, throttles that concern one model of one device, and what a
-- platform leaves of a chain.
begin;
select plan(28);

-- Which device claims a task of this preference, and for which model; null: none does.
create function pg_temp.who(preference text, content text default 'x') returns text language plpgsql as $$
declare
  v_task jsonb := dispatch_task(tests.channel('buf-barista/quick'), content, model => preference) -> 'task';
  v_claim jsonb;
begin
  for v_claim in
    select claim_tasks(tests.kept(d.name) #>> '{}') -> 0 from mesh_devices as d where d.status <> 'offline' order by d.name
  loop
    exit when v_claim is not null;
  end loop;
  perform cancel_task((v_task ->> 'id')::uuid);
  if v_claim is not null then
    perform complete_task(tests.kept(v_claim ->> 'claimed_by') #>> '{}', (v_claim ->> 'id')::uuid, (v_claim ->> 'claim_id')::uuid, '');
  end if;
  return (v_claim ->> 'claimed_by') || '/' || (v_claim ->> 'model');
end
$$;
create function pg_temp.throttle(device text, model text) returns text language plpgsql as $$
declare
  v_claim jsonb;
begin
  perform dispatch_task(tests.channel('buf-barista/quick'), 'Throttle ' || model, model => model);
  v_claim := claim_tasks(tests.kept(device) #>> '{}') -> 0;
  perform report_rate_limit(tests.kept(device) #>> '{}', (v_claim ->> 'id')::uuid, (v_claim ->> 'claim_id')::uuid, model, now() + interval '1 hour');
  perform cancel_task((v_claim ->> 'id')::uuid);
  return v_claim ->> 'model';
end
$$;
create function pg_temp.models(variadic models text[]) returns void language sql as $$
  select device_heartbeat(tests.kept('a') #>> '{}', models => to_jsonb(models))
$$;

-- The chains, one link after the other.
select tests.keep('a', tests.device('a'));
select is(pg_temp.who(m), 'a/' || m, m || ' is its own first choice') from unnest(array['claude', 'codex', 'gemini']) as m;
select pg_temp.models('codex', 'gemini');
select is(pg_temp.who('claude'), 'a/codex', 'claude, then codex');
select pg_temp.models('gemini');
select is(pg_temp.who('claude'), 'a/gemini', 'then gemini');
select is(pg_temp.who('codex'), 'a/gemini', 'codex, at last gemini');
select pg_temp.models('claude', 'gemini');
select is(pg_temp.who('codex'), 'a/claude', 'before it claude');
select pg_temp.models('claude', 'codex');
select is(pg_temp.who('gemini'), 'a/claude', 'gemini, then claude');
select pg_temp.models('codex');
select is(pg_temp.who('gemini'), 'a/codex', 'then codex');
select pg_temp.models('claude', 'codex', 'gemini');

-- A throttle is of one model on one device.
select tests.keep('b', tests.device('b', '{claude}'));
select is(pg_temp.throttle('a', 'claude'), 'claude', 'device a reports a limit of claude');
select is(
  (select array_agg(d.name || '/' || m.model order by d.name) from mesh_device_models as m join mesh_devices as d on d.id = m.device_id where m.rate_limited_until is not null),
  '{a/claude}', 'and of nothing else'
);
select is(pg_temp.who('claude'), 'b/claude', 'claude goes on elsewhere');
select is(pg_temp.who('gemini'), 'a/gemini', 'and device a with other models');
select is(pg_temp.throttle('b', 'claude'), 'claude', 'device b reports one too');
select is(pg_temp.who('claude'), 'a/codex', 'with no claude left, the fallback');
select is(pg_temp.throttle('a', 'codex'), 'codex', 'which meets its own limit');
select is(pg_temp.who('claude'), 'a/gemini', 'and so on');
select is(pg_temp.throttle('a', 'gemini'), 'gemini', 'to the end');
select is(pg_temp.who('claude'), null, 'nobody takes what nobody can run');

-- Back to the first choice as each throttle ends.
update mesh_device_models set rate_limited_until = now() - interval '1 second' where model = 'gemini';
select is(pg_temp.who('claude'), 'a/gemini', 'the first throttle ends');
update mesh_device_models set rate_limited_until = now() - interval '1 second' where model = 'codex';
select is(pg_temp.who('claude'), 'a/codex', 'the second');
update mesh_device_models set rate_limited_until = now() - interval '1 second' where model = 'claude';
select is(pg_temp.who('claude'), 'a/claude', 'the first choice is back');

-- A heartbeat with the same models keeps a throttle.
select pg_temp.throttle('a', 'claude');
select pg_temp.models('claude', 'codex', 'gemini');
select is(pg_temp.who('claude'), 'b/claude', 'a heartbeat does not end a throttle');
update mesh_devices set status = 'offline' where name = 'b';
select is(pg_temp.who('claude'), 'a/codex', 'nor does the loss of the other device');
update mesh_device_models set rate_limited_until = null;

-- One UPDATE exchanges two links.
update hub.model_chains set position = case model when 'gemini' then 2 else 3 end where preference = 'claude' and position > 1;
select pg_temp.models('codex', 'gemini');
select is(pg_temp.who('claude'), 'a/gemini', 'claude, then gemini, by an UPDATE');
select pg_temp.models('claude', 'codex', 'gemini');

-- A platform leaves of the chain what its devices run.
select tests.keep('mac', tests.device('mac', '{gemini}', 'macos'));
select is(pg_temp.who('claude', 'Fix the Xcode build'), 'mac/gemini', 'work for a Mac takes the Mac''s model');
select is(pg_temp.who('claude'), 'a/claude', 'other work its first choice');
update mesh_devices set status = 'offline' where name = 'mac';
select is(pg_temp.who('claude', 'Fix the Xcode build'), null, 'and without a Mac it waits, though others are free');

select * from finish();
rollback;
