-- Devices: how one is enrolled and enrolled again, what its calls say of it, and how it is drained.
begin;
select plan(35);

create function pg_temp.models(device text) returns text language sql as $$
  select string_agg(concat_ws(' ', m.model, m.version, case when m.rate_limited_until is not null then 'throttled' end), ', ' order by m.model)
  from mesh_device_models as m join mesh_devices as d on d.id = m.device_id where d.name = device
$$;
create function pg_temp.status(device text) returns text language sql as $$
  select concat_ws(' ', d.status, case when d.draining then 'true' end) from mesh_devices as d where d.name = device
$$;
create function pg_temp.drain(name text, draining boolean) returns jsonb language sql as $$
  select set_device_draining(d.id, drain.draining) from mesh_devices as d where d.name = drain.name
$$;

-- register_device.
select tests.sign_in('operator');
select tests.keep('mac', register_device('Ada''s Mac', 'macos', '["claude", {"model": "codex", "version": "0.9"}]', 2));
select tests.sign_out();
select is((select array_agg(k order by k) from jsonb_object_keys(tests.kept('mac')) as k), '{device,token}', 'register_device answers the device and its token');
select is(
  (tests.kept('mac') -> 'device') - '{id,created_at,models,registered_by}'::text[],
  '{"name": "Ada''s Mac", "platform": "macos", "status": "offline", "draining": false, "max_running": 2, "last_seen_at": null, "agent_version": null, "metadata": {}, "server_ids": null}',
  'a device that is not heard of yet'
);
select is((select array_agg(m ->> 'model') from jsonb_array_elements(tests.kept('mac') #> '{device,models}') as m), '{claude,codex}', 'with its models');
select is(pg_temp.models('Ada''s Mac'), 'claude, codex 0.9', 'and their versions');
select matches(tests.kept('mac') ->> 'token', '^aura_[0-9a-f]{64}$', 'the token is long');
select is(
  (select count(*) from hub.device_tokens as t where t.token_hash = sha256(convert_to(tests.kept('mac') ->> 'token', 'UTF8'))), 1::bigint,
  'of which only the hash is kept'
);
select is((select count(*) from hub.device_tokens as t where t::text like '%' || (tests.kept('mac') ->> 'token') || '%'), 0::bigint, 'and never itself');

select tests.keep('again', register_device('Ada''s Mac', 'macos', '["claude"]'));
select is(tests.kept('again') #> '{device,id}', tests.kept('mac') #> '{device,id}', 'the same name is the same device');
select is(tests.kept('again') #>> '{device,max_running}', '2', 'which keeps what is not said anew');
select is(pg_temp.models('Ada''s Mac'), 'claude', 'and has the models that were');
select isnt(tests.kept('again') ->> 'token', tests.kept('mac') ->> 'token', 'it has a new token');
select is(tests.error_of(format('select public.claim_tasks(%L)', tests.kept('mac') ->> 'token')), 'bad_device_token', 'the old one stops working');
select is(claim_tasks(tests.kept('again') ->> 'token'), '[]', 'the new one works');
select is((register_device('tux', 'linux', '["gemini"]') #>> '{device,max_running}'), '1', 'one task at a time unless more are said');
select is(tests.error_of($$ select public.register_device('x', 'linux', '["claude", "gpt"]') $$), 'bad_argument', 'an unknown model');
select is((select count(*) from mesh_devices where name = 'x'), 0::bigint, 'enrols nothing');

-- Being heard of.
create function pg_temp.token() returns text language sql as $$ select tests.kept('again') ->> 'token' $$;
select is(pg_temp.status('Ada''s Mac'), 'online', 'any call with its token makes a device online');
update mesh_devices set last_seen_at = now() - interval '61 seconds' where name = 'Ada''s Mac';
select is(hub.recover() -> 'devices_offline', '1', 'after a minute of silence it is offline');
select is(pg_temp.status('Ada''s Mac'), 'offline', 'and shown so');
select device_heartbeat(pg_temp.token());
select is(pg_temp.status('Ada''s Mac'), 'online', 'until it is heard of again');
update hub.settings set device_offline_after = '10 minutes';
update mesh_devices set last_seen_at = now() - interval '9 minutes' where name = 'Ada''s Mac';
select is(hub.recover() -> 'devices_offline', '0', 'the silence is a setting');

-- device_heartbeat's models.
select device_heartbeat(pg_temp.token(), '{}', '["gemini", {"model": "claude", "version": "2.1"}]');
select is(pg_temp.models('Ada''s Mac'), 'claude 2.1, gemini', 'a heartbeat may say which models there are now');
select device_heartbeat(pg_temp.token(), '{}', '["gemini", "claude"]');
select is(pg_temp.models('Ada''s Mac'), 'claude 2.1, gemini', 'a version that is not said stays');
update mesh_device_models set rate_limited_until = now() + interval '1 hour' where model = 'gemini';
select device_heartbeat(pg_temp.token(), models => '["gemini"]');
select is(pg_temp.models('Ada''s Mac'), 'gemini throttled', 'so does a throttle');
select device_heartbeat(pg_temp.token());
select is(pg_temp.models('Ada''s Mac'), 'gemini throttled', 'a heartbeat that names none changes none');
select device_heartbeat(pg_temp.token(), models => '[]');
select is(pg_temp.models('Ada''s Mac'), null, 'one that names an empty list has none that works');

-- set_device_draining.
select is(pg_temp.drain('Ada''s Mac', true) ->> 'status', 'draining', 'set_device_draining answers the row');
select device_heartbeat(pg_temp.token());
select is(pg_temp.status('Ada''s Mac'), 'draining true', 'a heartbeat does not end it');
update mesh_devices set last_seen_at = now() - interval '1 day' where name = 'Ada''s Mac';
select hub.recover();
select is(pg_temp.status('Ada''s Mac'), 'offline true', 'a draining device can go offline');
select device_heartbeat(pg_temp.token());
select is(pg_temp.status('Ada''s Mac'), 'draining true', 'and comes back as it went');
select is(pg_temp.drain('Ada''s Mac', false) ->> 'status', 'online', 'until somebody ends it');
select pg_temp.drain('tux', true);
select is(pg_temp.status('tux'), 'offline true', 'one that is offline stays so');
select pg_temp.drain('tux', false);
select is(pg_temp.status('tux'), 'offline', 'either way');

-- A device that goes.
select tests.sign_in('service_role');
delete from mesh_devices where name = 'Ada''s Mac';
select tests.sign_out();
select is(tests.error_of(format('select public.device_heartbeat(%L)', pg_temp.token())), 'bad_device_token', 'a deleted device has no token');
select is(pg_temp.models('Ada''s Mac'), null, 'and no models');

select * from finish();
rollback;
