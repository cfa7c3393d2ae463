-- The matrix: every role tries every operation on every table and calls every function.
-- Something new without a row here fails; so does a right that is missing, or one too many.
begin;
select no_plan();

-- One row in every table, so that "reads nothing" and "there is nothing" differ.
do $$
begin
  update hub.settings set default_role = 'viewer' where id;
  perform tests.user_with(r) from unnest(array['stranger', 'viewer', 'operator', 'admin']) as r;
  insert into public.mesh_devices (name, platform) values ('matrix', 'linux');
  insert into public.mesh_device_models (device_id, model)
  select d.id, 'claude' from public.mesh_devices as d where d.name = 'matrix';
  perform public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'One task');
  perform public.create_file(tests.channel('cloud-hub/dispatch'), 'one.txt', 'text/plain', 1);
  perform public.dispatch_team(tests.channel('cloud-hub/dispatch'), 'One team', '["a", "b"]');
  insert into public.hub_questions (task_id, channel_id, kind, title, allow_text, tool_call_id, claim_id)
  select t.id, t.channel_id, 'question', 'Which?', true, 'call', gen_random_uuid() from public.mac_tasks as t limit 1;
  perform public.send_input(t.id, 'Also this') from public.mac_tasks as t where t.status = 'pending' limit 1;
  insert into public.hub_task_attempts (claim_id, task_id, attempt, device, model)
  select gen_random_uuid(), t.id, 1, 'matrix', 'claude' from public.mac_tasks as t limit 1;
  insert into public.hub_reads (user_id, channel_id, last_read_at)
  select tests.user_with(r.role), tests.channel('cloud-hub/dispatch'), now()
  from (values ('stranger'), ('viewer'), ('operator'), ('admin')) as r (role);
  perform public.set_server_role(s.id, tests.user_with(r.role), r.there)
  from public.hub_servers as s, (values ('stranger', 'viewer'), ('viewer', 'viewer'), ('operator', 'operator')) as r (role, there)
  where s.name = 'koji-pipeline';
end
$$;

-- What is asked of one server, channel, task or thread is asked of one that everybody knows; how the roles
-- differ from server to server is in servers.test.sql.
create temp table given as
select 'server_id' as name, s.id::text as value from public.hub_servers as s where s.name = 'cloud-hub'
union all select 'channel_id', tests.channel('cloud-hub/dispatch')::text
union all (select 'task_id', t.id::text from public.mac_tasks as t limit 1)
union all (select 'thread_id', t.id::text from public.hub_task_threads as t limit 1)
union all (select 'question_id', q.id::text from public.hub_questions as q limit 1)
union all (select 'device_id', d.id::text from public.mesh_devices as d where d.name = 'matrix')
union all values ('role', 'viewer'), ('paused', 'true'), ('draining', 'true'), ('status', 'archived');
grant select on given to public;

-- What waits for a test that runs beside this one has passed its permissions.
set local lock_timeout = '200ms';

create function pg_temp.outcome(statement text) returns text
language plpgsql
as $$
declare
  v_rows bigint;
  v_state text;
  v_detail text;
begin
  execute statement;
  get diagnostics v_rows = row_count;
  raise exception using errcode = 'UND0X', message = case when v_rows > 0 then 'yes' else 'hidden' end;
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_detail = pg_exception_detail;
  return case
    when v_state = 'UND0X' then sqlerrm
    when v_state = '42501' or v_detail in ('not_signed_in', 'role_required') then 'no'
    when v_state = '55000' then 'no' -- a view that nobody can write
    else 'yes' -- stopped by something else than who asks
  end;
end
$$;

create function pg_temp.sign_in(role text) returns void
language plpgsql
as $$
begin
  if sign_in.role = 'nobody' then
    -- A valid token that names no user.
    perform set_config('request.jwt.claims', '{"role": "authenticated"}', true), set_config('role', 'authenticated', true);
  else
    perform tests.sign_in(sign_in.role);
  end if;
end
$$;

-- Tables -----------------------------------------------------------------------------------------
-- s: select, i: insert, u: update, d: delete.

create temp table expected_tables (name text primary key, anon text, viewer text, operator text, admin text, service_role text);
insert into expected_tables values
  ('public.hub_channel_messages', '', 's', 'si', 'si', 'siud'),
  ('public.hub_channels', '', 's', 's', 'siud', 'siud'),
  ('public.hub_files', '', 's', 's', 's', 'siud'),
  ('public.hub_members', '', 's', 's', 's', 'siud'),
  ('public.hub_models', '', 's', 's', 'siud', 'siud'),
  ('public.hub_questions', '', 's', 's', 's', 'siud'),
  ('public.hub_server_members', '', 's', 's', 's', 'siud'),
  ('public.hub_servers', '', 's', 's', 'siud', 'siud'),
  ('public.hub_task_attempts', '', 's', 's', 's', 'siud'),
  ('public.hub_reads', '', 's', 's', 's', 'siud'),
  ('public.hub_task_inputs', '', 's', 's', 's', 'siud'),
  ('public.hub_task_threads', '', 's', 's', 's', 'siud'),
  ('public.hub_teams', '', 's', 's', 's', 'siud'),
  ('public.mac_tasks', '', 's', 'si', 'si', 'siud'),
  ('public.mesh_device_models', '', 's', 's', 's', 'siud'),
  ('public.mesh_devices', '', 's', 's', 's', 'siud');
-- Nobody but the database's owner reads or writes the two unexposed schemas.
insert into expected_tables
select t.name, '', '', '', '', '' from unnest(array[
  'hub.clock',
  'hub.barred_servers', 'hub.delivery_failures', 'hub.device_load', 'hub.device_tokens', 'hub.effective_models', 'hub.errors', 'hub.feed_lines',
  'hub.idle_devices', 'hub.job_runs', 'hub.lanes', 'hub.message_events', 'hub.model_chains', 'hub.open_tasks', 'hub.queue',
  'hub.removed_files', 'hub.routing_rules', 'hub.sessions', 'hub.settings', 'hub.undelivered',
  'koji.accounts', 'koji.commands', 'koji.follow_ups', 'koji.orders', 'koji.prospects', 'koji.shipments',
  'koji.sweeps'
]) as t (name);

create temp view tables as
select c.oid, format('%s.%s', n.nspname, c.relname) as name, n.nspname in ('hub', 'koji') as is_closed
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname in ('public', 'hub', 'koji') and c.relkind in ('r', 'p', 'v', 'm', 'f');

select set_eq('select name from tables', 'select name from expected_tables',
  'Every table and view has a row in the matrix');

create temp table attempts (role text, name text, operation text, outcome text);

create function pg_temp.try_tables(role text) returns void
language plpgsql
as $$
declare
  v_table record;
  v_column text;
begin
  for v_table in select * from tables loop
    perform pg_temp.sign_in(try_tables.role);
    -- A column that this role may write, if there is one.
    select a.attname into v_column from pg_catalog.pg_attribute as a
    where a.attrelid = v_table.oid and a.attnum > 0 and not a.attisdropped and a.attidentity <> 'a'
    order by has_column_privilege(v_table.oid, a.attnum, 'update') desc, a.attnum limit 1;
    create temp table tried on commit drop as
    select o.operation, pg_temp.outcome(o.statement) as outcome
    from (values
      ('s', format('select from %s', v_table.name)),
      ('i', case
        when exists (select from pg_catalog.pg_attribute as a where a.attrelid = v_table.oid and a.attname = 'channel_id') then
          format('insert into %s (channel_id) select g.value::uuid from given as g where g.name = ''channel_id''', v_table.name)
        when v_table.name = 'public.hub_channels' then
          'insert into public.hub_channels (server_id) select g.value::uuid from given as g where g.name = ''server_id'''
        else format('insert into %s default values', v_table.name)
      end),
      ('u', format('update %s set %I = %2$I', v_table.name, v_column)),
      ('d', format('delete from %s', v_table.name))
    ) as o (operation, statement);
    perform tests.sign_out();
    insert into attempts select try_tables.role, v_table.name, t.operation, t.outcome from tried as t;
    drop table tried;
  end loop;
end
$$;
do $$
begin
  perform pg_temp.try_tables(r)
  from unnest(array['anon', 'nobody', 'stranger', 'viewer', 'operator', 'admin', 'service_role']) as r;
end
$$;

select is(
  (
    select string_agg(a.operation, '' order by array_position(array['s', 'i', 'u', 'd'], a.operation))
    from attempts as a
    where a.name = e.name and a.role = r.role
      -- Only the owner's rows exist in a closed table: it is closed by rights, not by being empty.
      and a.outcome in ('yes', 'hidden')
  ),
  nullif(to_jsonb(e) ->> r.role, ''),
  format('%s may do to %s: %s', r.role, e.name, coalesce(nullif(to_jsonb(e) ->> r.role, ''), 'nothing'))
)
from expected_tables as e
cross join unnest(array['anon', 'viewer', 'operator', 'admin', 'service_role']) as r (role)
order by e.name, r.role;

select is_empty(
  $$ select role, name from attempts where outcome = 'hidden' and operation = 's' and role not in ('nobody', 'stranger') $$,
  'What may be read has rows to be seen'
);
select set_eq(
  $$ select name, operation, outcome from attempts where role = 'stranger' and name <> 'public.hub_members' $$,
  $$ select name, operation, outcome from attempts where role = 'viewer' and name <> 'public.hub_members' $$,
  'Who has signed up and no role is a viewer, with no row of their own to see'
);
select is_empty(
  $$ select name, operation, outcome from attempts where role = 'nobody' and (outcome = 'yes' or outcome = 'hidden' and operation <> 's') $$,
  'Who is nobody sees no row and writes none'
);
select is_empty(
  $$
    select c.oid::regclass, a.attname, p.privilege from pg_catalog.pg_class as c
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    cross join unnest(array['select', 'insert', 'update', 'references']) as p (privilege)
    where c.oid in (select oid from tables) and has_column_privilege('anon', c.oid, a.attnum, p.privilege)
  $$,
  'anon has no right to any column'
);

select is_empty(
  $$
    select c.oid::regclass, r.role from pg_catalog.pg_class as c
    cross join unnest(array['anon', 'authenticated', 'service_role']) as r (role)
    where c.relkind = 'S' and c.relnamespace::regnamespace::text in ('public', 'hub', 'koji')
      and has_sequence_privilege(r.role, c.oid, 'usage, select, update')
  $$,
  'No API role may use a sequence'
);

select is_empty(
  $$
    select c.oid::regclass, r.role, p.privilege from pg_catalog.pg_class as c
    cross join unnest(array['anon', 'authenticated', 'service_role']) as r (role)
    cross join unnest(array['truncate', 'references', 'trigger']) as p (privilege)
    where c.oid in (select oid from tables) and has_table_privilege(r.role, c.oid, p.privilege)
  $$,
  'No API role may truncate a table, refer to it or put a trigger on it'
);

select is_empty(
  $$
    select c.oid::regclass from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  $$,
  'Every table of the API has row security'
);

select is_empty(
  $$
    select p.tablename, p.policyname from pg_catalog.pg_policies as p
    where p.schemaname = 'public' and p.roles <> '{authenticated}'
  $$,
  'Every policy is for signed-in users alone'
);

-- Functions --------------------------------------------------------------------------------------

create temp table expected_functions (name text primary key, anon text, viewer text, operator text, admin text, service_role text);
insert into expected_functions values
  ('public.answer_question(uuid,text,text)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.cancel_task(uuid)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.claim_sweep()', 'no', 'no', 'no', 'no', 'yes'),
  ('public.complete_sweep(uuid,jsonb,text)', 'no', 'no', 'no', 'no', 'yes'),
  ('public.create_file(uuid,text,text,bigint,text)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.create_task_thread(uuid,uuid)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.dispatch_task(uuid,text,uuid,text,integer,timestamp with time zone,text,uuid[])', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.dispatch_team(uuid,text,jsonb,text,text)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.execute_command(uuid,text)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('public.explain_route(text,uuid)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('public.list_routing_rules()', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('public.save_routing_rule(integer,text,text,text,text)', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.remove_routing_rule(integer)', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.explain_task(uuid)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('public.files_to_remove(jsonb)', 'no', 'no', 'no', 'no', 'yes'),
  ('public.list_commands()', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('public.list_people(uuid,text)', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.mark_read(uuid,uuid,timestamp with time zone)', 'no', 'yes', 'yes', 'yes', 'no'),
  ('public.mesh_activity(integer)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('public.order_channels(uuid,uuid[])', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.order_servers(uuid[])', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.publish_changes(uuid,boolean)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.recover()', 'no', 'no', 'no', 'no', 'yes'),
  ('public.register_device(text,text,jsonb,integer,uuid[])', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.remove_device(uuid)', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.retry_task(uuid)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.review_changes(uuid,jsonb,text,text)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.send_input(uuid,text,boolean,text)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.search_messages(text,uuid,uuid,timestamp with time zone,integer)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('public.set_device_draining(uuid,boolean)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.set_device_servers(uuid,uuid[])', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.set_member_role(uuid,text)', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.set_server_paused(uuid,boolean)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.set_server_role(uuid,uuid,text)', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.update_settings(jsonb)', 'no', 'no', 'no', 'yes', 'yes'),
  ('public.update_thread_status(uuid,text)', 'no', 'no', 'yes', 'yes', 'yes'),
  ('public.usage_report(integer,uuid)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('public.whoami()', 'no', 'yes', 'yes', 'yes', 'yes'),
  -- Called by executors, who need a device's token and no user.
  ('public.ask_question(text,uuid,uuid,text,text,text,jsonb,boolean,text)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.claim_tasks(text,integer)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.complete_task(text,uuid,uuid,text,text,text,jsonb,jsonb,jsonb)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.device_heartbeat(text,uuid[],jsonb,text)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.fail_task(text,uuid,uuid,text,boolean,boolean)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.park_task(text,uuid,uuid,text)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.offer_file(text,uuid,uuid,text,text,bigint,text,text)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.read_file(text,uuid,uuid,uuid)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.release_task(text,uuid,uuid)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.report_progress(text,uuid,uuid,text,text)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.report_rate_limit(text,uuid,uuid,text,timestamp with time zone)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('public.take_input(text,uuid,uuid,uuid)', 'yes', 'yes', 'yes', 'yes', 'no');
-- A function behind an RPC is open to whom its RPC is open; it asks for the role itself.
insert into expected_functions
select replace(e.name, 'public.', case when replace(e.name, 'public.', 'koji.') in (
  'koji.claim_sweep()', 'koji.complete_sweep(uuid,jsonb,text)', 'koji.execute_command(uuid,text)', 'koji.list_commands()'
) then 'koji.' else 'hub.' end), anon, viewer, operator, admin, service_role
from expected_functions as e;
-- Asked by policies and triggers, as whoever writes; they tell callers about themselves alone.
insert into expected_functions values
  ('hub.api_role()', 'yes', 'yes', 'yes', 'yes', 'yes'),
  ('hub.caller_role()', 'yes', 'yes', 'yes', 'yes', 'yes'),
  ('hub.has_role(text)', 'yes', 'yes', 'yes', 'yes', 'yes'),
  ('hub.search_vector(text)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('hub.runs_of(text)', 'no', 'hidden', 'hidden', 'hidden', 'hidden'),
  ('hub.pairs_of(text)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('hub.is_at_least(text,text)', 'yes', 'yes', 'yes', 'yes', 'yes'),
  ('hub.role_on(uuid)', 'yes', 'yes', 'yes', 'yes', 'yes'),
  ('hub.servers_with(text)', 'hidden', 'yes', 'yes', 'yes', 'yes'),
  ('hub.channels_with(text)', 'hidden', 'yes', 'yes', 'yes', 'yes'),
  ('hub.require_server_role(uuid,text)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('hub.require_channel_role(uuid,text,text,uuid)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('hub.channel_of_task(uuid)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('hub.may_listen(text)', 'no', 'yes', 'yes', 'yes', 'no'),
  ('hub.require_role(text)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('hub.busy()', 'yes', 'yes', 'yes', 'yes', 'yes'),
  ('hub.check_embed(jsonb)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('hub.is_span(interval)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('hub.is_one_line(text)', 'no', 'yes', 'yes', 'yes', 'yes'),
  ('hub.is_topic(text)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('hub.is_file_name(text)', 'no', 'no', 'no', 'no', 'yes'),
  ('hub.sees_file(text)', 'yes', 'yes', 'yes', 'yes', 'no'),
  ('hub.sends_file(text)', 'yes', 'yes', 'yes', 'yes', 'no');

create temp view functions as
select p.oid, p.oid::regprocedure as signature,
  format('%s.%s', n.nspname, replace(p.oid::regprocedure::text, n.nspname || '.', '')) as name,
  has_function_privilege('anon', p.oid, 'execute') or has_function_privilege('authenticated', p.oid, 'execute')
    or has_function_privilege('service_role', p.oid, 'execute') as is_open,
  format('select %s.%I(%s)', n.nspname, p.proname, (
    select string_agg(
      coalesce(quote_literal(g.value), format('null::%s', format_type(a.t, null))), ', ' order by a.position
    )
    from unnest(p.proargtypes) with ordinality as a (t, position)
    left join given as g on g.name = p.proargnames[a.position]
  )) as call
from pg_catalog.pg_proc as p
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname in ('public', 'hub', 'koji') and p.prokind = 'f';

select set_eq(
  $$ select name from functions where is_open $$, 'select name from expected_functions',
  'Exactly the functions of the matrix are open to an API role'
);

create temp table calls (role text, name text, outcome text);

create function pg_temp.try_functions(role text) returns void
language plpgsql
as $$
declare
  v_function record;
  v_outcome text;
begin
  for v_function in select * from functions where is_open loop
    perform pg_temp.sign_in(try_functions.role);
    v_outcome := pg_temp.outcome(v_function.call);
    perform tests.sign_out();
    insert into calls values (try_functions.role, v_function.name, v_outcome);
  end loop;
end
$$;
do $$
begin
  perform pg_temp.try_functions(r)
  from unnest(array['anon', 'nobody', 'stranger', 'viewer', 'operator', 'admin', 'service_role']) as r;
end
$$;

select is(c.outcome, to_jsonb(e) ->> c.role, format('%s calling %s: %s', c.role, c.name, to_jsonb(e) ->> c.role))
from calls as c
join expected_functions as e using (name)
where c.role not in ('nobody', 'stranger')
order by c.name, c.role;

select set_eq(
  $$ select name, outcome from calls where role = 'stranger' $$, $$ select name, outcome from calls where role = 'viewer' $$,
  'Who has signed up and no role calls what a viewer calls'
);
select is_empty(
  $$
    select c.name, c.outcome from calls as c join calls as a on a.name = c.name and a.role = 'anon'
    where c.role = 'nobody' and c.outcome = 'yes' and a.outcome <> 'yes' and c.name not in ('hub.check_embed(jsonb)', 'hub.is_one_line(text)', 'hub.is_span(interval)', 'hub.channel_of_task(uuid)', 'hub.may_listen(text)', 'hub.search_vector(text)', 'hub.pairs_of(text)')
  $$,
  'Who is nobody calls what anon calls'
);

select is_empty(
  $$
    select f.signature from functions as f
    join pg_catalog.pg_proc as p on p.oid = f.oid
    cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
    where a.grantee = 0
  $$,
  'No function is open to public'
);

select is_empty(
  $$
    select f.signature from functions as f join pg_catalog.pg_proc as p on p.oid = f.oid
    where not 'search_path=""' = any (coalesce(p.proconfig, '{}'))
  $$,
  'Every function, definer or not, is pinned to an empty search_path'
);

select is_empty(
  $$
    select f.signature from functions as f join pg_catalog.pg_proc as p on p.oid = f.oid
    where p.prosecdef and p.pronamespace = 'public'::regnamespace
  $$,
  'No function of the API is a definer itself'
);

select set_eq(
  $$
    select n.nspname::text from pg_catalog.pg_namespace as n
    where n.nspowner = 'postgres'::regrole and n.nspname !~ '^pg_' and n.nspname not in ('tests', 'supabase_migrations')
  $$,
  array['hub', 'koji'],
  'Nothing is created in any other schema'
);
select is_empty(
  $$
    select s.name, r.role from unnest(array['public', 'hub', 'koji']) as s (name)
    cross join unnest(array['anon', 'authenticated', 'service_role']) as r (role)
    where has_schema_privilege(r.role, s.name, 'create')
  $$,
  'No API role may create anything in the schemas'
);

select * from finish();
rollback;
