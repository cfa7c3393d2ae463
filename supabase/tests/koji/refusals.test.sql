begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
select plan(22);

create function pg_temp.refusal(channel uuid, command text) returns text language sql as $$
  select tests.error_of(format('select public.execute_command(%L, %L)', channel, command))
$$;
delete from koji.orders where true;
delete from koji.accounts where true;
delete from koji.prospects where true;
delete from koji.sweeps where true;

-- Channels -------------------------------------------------------------------------------------

select tests.sign_in('operator');
select is(pg_temp.refusal(null, 'stats'), 'channel_not_found', 'execute_command() refuses a null channel');
select is(pg_temp.refusal(gen_random_uuid(), 'stats'), 'channel_not_found', 'execute_command() refuses an unknown channel');
select is(pg_temp.refusal(tests.channel('buf-barista/quick'), 'stats'), 'wrong_architecture', 'execute_command() refuses a flat task channel');
select is(pg_temp.refusal(tests.channel('cloud-hub/dispatch'), 'stats'), 'wrong_architecture', 'execute_command() refuses a threaded task channel');

select tests.sign_out();
update hub_channels set is_read_only = true where id = tests.channel('koji-pipeline/digest');
update hub_servers set paused_at = now() where name = 'koji-pipeline';
select tests.sign_in('operator');
select is(pg_temp.refusal(tests.channel('koji-pipeline/digest'), 'stats'), 'channel_read_only', 'execute_command() refuses a read-only channel');
select is(pg_temp.refusal(tests.channel('koji-pipeline/leads'), 'stats'), 'server_paused', 'execute_command() refuses to read while the server is paused');
select is(pg_temp.refusal(tests.channel('koji-pipeline/leads'), 'sweep hoboken'), 'server_paused', 'execute_command() refuses to act while the server is paused');
select tests.sign_out();
update hub_servers set paused_at = null where name = 'koji-pipeline';

-- Roles ----------------------------------------------------------------------------------------

create temporary table expected (role text, reads text, acts text);
insert into expected values
  ('anon', 'not_signed_in', 'not_signed_in'),
  ('viewer', null, 'role_required'),
  ('operator', null, null),
  ('admin', null, null),
  ('service_role', null, null);
grant select on expected to public;
create function pg_temp.refusal_as(role text, command text) returns text language plpgsql as $$
declare
  v_error text;
begin
  perform tests.sign_in(refusal_as.role);
  v_error := pg_temp.refusal(tests.channel('koji-pipeline/leads'), refusal_as.command);
  perform tests.sign_out();
  return v_error;
end
$$;
select is(pg_temp.refusal_as(e.role, 'stats'), e.reads,
  format('execute_command() answers %s that reads with %s', e.role, coalesce(e.reads, 'text'))) from expected as e;
select is(pg_temp.refusal_as(e.role, 'followup'), e.acts,
  format('execute_command() answers %s that acts with %s', e.role, coalesce(e.acts, 'text'))) from expected as e;

select is(pg_temp.refusal_as('viewer', 'sweep'), 'role_required', 'execute_command() looks at the role before the argument');
update hub.settings set default_role = 'viewer' where id;
select is(pg_temp.refusal_as('stranger', 'send-samples 1'), 'role_required', 'execute_command() lets a stranger not act by default');
update hub.settings set default_role = 'operator' where id;
select is(pg_temp.refusal_as('stranger', 'send-samples 1'), null, 'execute_command() lets a stranger act where the default role is operator');

select tests.sign_in('anon');
select is(tests.error_of('select public.list_commands()'), 'not_signed_in', 'list_commands() refuses a caller who is not signed in');
select tests.sign_in('viewer');
select is(jsonb_array_length(list_commands()), (select 11), 'list_commands() answers a viewer');

select * from finish();
rollback;
