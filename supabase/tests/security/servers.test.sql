-- The matrix by server: every role on a server of their own, on another one and on a private one, with every
-- table, function and topic. And whoever a server is hidden from cannot tell it from one that does not exist.
begin;
select no_plan();
set local lock_timeout = '200ms';

create temp table places (place text primary key, server_id uuid, channel_id uuid, task_id uuid, thread_id uuid, question_id uuid, device_id uuid);
grant select on places to public;
create temp table people (person text primary key, on_own text, on_other text, on_private text, id uuid);

-- What there is on a server: one of everything.
create function pg_temp.furnish(place text) returns void language plpgsql as $$
declare
  v_new places;
begin
  v_new.place := furnish.place;
  insert into public.hub_servers (name, display_name, architecture_type)
  values ('matrix-' || furnish.place, 'Matrix', 'threaded_task_isolation') returning id into v_new.server_id;
  insert into public.hub_channels (server_id, name, display_name) values (v_new.server_id, 'room', '#room') returning id into v_new.channel_id;
  v_new.task_id := public.dispatch_task(v_new.channel_id, 'Secret ' || furnish.place) #>> '{task,id}';
  select t.task_thread_id into v_new.thread_id from public.mac_tasks as t where t.id = v_new.task_id;
  perform public.dispatch_team(v_new.channel_id, 'Secret team', '["a", "b"]');
  insert into public.hub_questions (task_id, channel_id, kind, title, allow_text, tool_call_id, claim_id)
  values (v_new.task_id, v_new.channel_id, 'question', 'Which?', true, 'call', gen_random_uuid()) returning id into v_new.question_id;
  perform public.send_input(v_new.task_id, 'Also this');
  perform public.create_file(v_new.channel_id, 'secret.txt', 'text/plain', 1);
  v_new.device_id := public.register_device('matrix-' || furnish.place, 'linux', '["claude"]', 1, array[v_new.server_id]) #>> '{device,id}';
  insert into public.hub_task_attempts (claim_id, task_id, attempt, device, model) values (gen_random_uuid(), v_new.task_id, 1, 'matrix-' || furnish.place, 'claude');
  insert into public.hub_channel_messages (channel_id, sender_type, content) values (v_new.channel_id, 'agent', 'Secret words');
  insert into places values (v_new.*);
end
$$;

do $$
begin
  update hub.settings set default_role = 'viewer' where id;
  perform pg_temp.furnish(p) from unnest(array['own', 'other', 'private']) as p;
  update public.hub_servers set default_role = 'none' where name = 'matrix-private';
  insert into people
  select c.person, c.on_own, c.on_other, c.on_private, md5(c.person || pg_current_xact_id())::uuid
  from (values
    ('stranger', 'viewer', 'viewer', null),
    ('operator', 'operator', 'viewer', null),
    ('admin', 'admin', 'viewer', null),
    ('kept out', null, 'viewer', null),
    ('member', 'viewer', 'viewer', 'viewer'),
    ('global operator', 'operator', 'operator', null),
    ('global admin', 'admin', 'admin', 'admin')
  ) as c (person, on_own, on_other, on_private);
  insert into auth.users (id, email) select p.id, p.id || '@matrix.example' from people as p;
  insert into public.hub_members (user_id, role)
  select p.id, substr(p.person, 8) from people as p where p.person like 'global %';
  perform public.set_server_role(s.server_id, p.id, c.role)
  from (values ('own', 'operator', 'operator'), ('own', 'admin', 'admin'), ('own', 'kept out', 'none'), ('private', 'member', 'viewer'), ('other', 'member', 'viewer'))
    as c (place, person, role)
  join people as p using (person) join places as s using (place);
  insert into public.hub_reads (user_id, channel_id, last_read_at) select p.id, s.channel_id, now() from people as p, places as s;
end
$$;

create function pg_temp.become(person uuid) returns void language sql as $$
  select set_config('request.jwt.claims', jsonb_build_object('sub', become.person, 'role', 'authenticated')::text, true),
    set_config('role', 'authenticated', true)
$$;
create function pg_temp.outcome(statement text) returns text language plpgsql as $$
declare
  v_rows bigint;
  v_state text;
  v_detail text;
begin
  execute statement;
  get diagnostics v_rows = row_count;
  raise exception using errcode = 'UND0X', message = case when v_rows > 0 then 'yes' else 'missing' end;
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_detail = pg_exception_detail;
  return case
    when v_state = 'UND0X' then sqlerrm
    when v_detail like '%\_not\_found' and v_detail <> 'user_not_found' then 'missing'
    when v_state = '42501' or v_detail in ('not_signed_in', 'role_required') then 'no'
    else 'yes'
  end;
end
$$;

-- What is tried at each place, what it needs, and what it says to whom the server is hidden from.
create temp table tries (name text primary key, statement text, needs text, hidden text);
insert into tries values
  ('hub_servers', 'select from public.hub_servers where id = %server_id%', 'viewer', 'missing'),
  ('hub_server_members', 'select from public.hub_server_members where server_id = %server_id% and user_id <> auth.uid()', 'admin', 'missing'),
  ('hub_channels', 'select from public.hub_channels where server_id = %server_id%', 'viewer', 'missing'),
  ('hub_channel_messages', 'select from public.hub_channel_messages where channel_id = %channel_id%', 'viewer', 'missing'),
  ('hub_task_threads', 'select from public.hub_task_threads where channel_id = %channel_id%', 'viewer', 'missing'),
  ('hub_teams', 'select from public.hub_teams where channel_id = %channel_id%', 'viewer', 'missing'),
  ('hub_reads', 'select from public.hub_reads where channel_id = %channel_id%', 'viewer', 'missing'),
  ('hub_questions', 'select from public.hub_questions where channel_id = %channel_id%', 'viewer', 'missing'),
  ('hub_task_inputs', 'select from public.hub_task_inputs where channel_id = %channel_id%', 'viewer', 'missing'),
  ('hub_files', 'select from public.hub_files where channel_id = %channel_id%', 'viewer', 'missing'),
  ('mac_tasks', 'select from public.mac_tasks where channel_id = %channel_id%', 'viewer', 'missing'),
  ('hub_task_attempts', 'select from public.hub_task_attempts where task_id = %task_id%', 'viewer', 'missing'),
  ('mesh_devices', 'select from public.mesh_devices where id = %device_id%', 'viewer', 'missing'),
  ('mesh_device_models', 'select from public.mesh_device_models where device_id = %device_id%', 'viewer', 'missing'),
  ('insert into hub_channels', 'insert into public.hub_channels (server_id, name, display_name) values (%server_id%, ''new'', ''#new'')', 'admin', 'no'),
  ('update hub_channels', 'update public.hub_channels set description = ''x'' where id = %channel_id%', 'admin', null),
  ('delete from hub_channels', 'delete from public.hub_channels where id = %channel_id%', 'admin', null),
  ('insert into hub_channel_messages', 'insert into public.hub_channel_messages (channel_id, content) values (%channel_id%, ''x'')', 'operator', 'missing'),
  ('insert into mac_tasks', 'insert into public.mac_tasks (channel_id, content) values (%channel_id%, ''x'')', 'operator', 'missing'),
  ('join channel', 'select where hub.may_listen(''channel:'' || %channel_id%)', 'viewer', 'missing'),
  ('join thread', 'select where hub.may_listen(''thread:'' || %thread_id%)', 'viewer', 'missing'),
  ('cancel_task', 'select public.cancel_task(%task_id%)', 'operator', 'missing'),
  ('create_file', 'select public.create_file(%channel_id%, ''x'', null, 1)', 'operator', 'missing'),
  ('create_task_thread', 'select public.create_task_thread(%channel_id%, %task_id%)', 'operator', 'missing'),
  ('answer_question', 'select public.answer_question(%question_id%, null, ''x'')', 'operator', 'missing'),
  ('dispatch_task', 'select public.dispatch_task(%channel_id%, ''x'')', 'operator', 'missing'),
  ('dispatch_task in a thread', 'select public.dispatch_task(%channel_id%, ''x'', %thread_id%)', 'operator', 'missing'),
  ('dispatch_team', 'select public.dispatch_team(%channel_id%, ''x'')', 'operator', 'missing'),
  ('execute_command', 'select public.execute_command(%channel_id%, ''!stats'')', 'viewer', 'missing'),
  ('explain_route', 'select public.explain_route(''x'', %channel_id%)', 'viewer', 'missing'),
  ('explain_task', 'select public.explain_task(%task_id%)', 'viewer', 'missing'),
  ('list_people', 'select public.list_people(%server_id%)', 'admin', 'missing'),
  ('mark_read', 'select public.mark_read(%channel_id%)', 'viewer', 'missing'),
  ('mark_read of a thread', 'select public.mark_read(task_thread_id => %thread_id%)', 'viewer', 'missing'),
  ('order_channels', 'select public.order_channels(%server_id%, array[%channel_id%::uuid])', 'admin', 'missing'),
  ('publish_changes', 'select public.publish_changes(%task_id%)', 'operator', 'missing'),
  ('register_device', 'select public.register_device(''matrix-new'', ''linux'', ''["claude"]'', 1, array[%server_id%::uuid])', 'operator', 'missing'),
  ('review_changes', 'select public.review_changes(%task_id%, ''[{"path": "a", "line": 1, "side": "new", "body": "x"}]'')', 'operator', 'missing'),
  ('retry_task', 'select public.retry_task(%task_id%)', 'operator', 'missing'),
  ('search_messages', 'select public.search_messages(''x'', %server_id%)', 'viewer', 'missing'),
  ('search_messages in a channel', 'select public.search_messages(''x'', null, %channel_id%)', 'viewer', 'missing'),
  ('send_input', 'select public.send_input(%task_id%, ''x'')', 'operator', 'missing'),
  ('set_device_servers', 'select public.set_device_servers(%device_id%, array[%server_id%::uuid])', 'admin', 'missing'),
  ('set_server_paused', 'select public.set_server_paused(%server_id%, true)', 'operator', 'missing'),
  ('set_server_role', 'select public.set_server_role(%server_id%, auth.uid(), ''viewer'')', 'admin', 'missing'),
  ('usage_report', 'select public.usage_report(7, %server_id%)', 'viewer', 'missing'),
  ('update_thread_status', 'select public.update_thread_status(%thread_id%, ''active'')', 'operator', 'missing');

create function pg_temp.filled(statement text, place places) returns text language sql as $$
  select string_agg(
    case when n % 2 = 0 then coalesce(quote_literal(to_jsonb(place) ->> part), part) else part end, '' order by n
  ) from regexp_split_to_table(statement, '%') with ordinality as s (part, n)
$$;

create temp table outcomes (person text, place text, name text, outcome text);
do $$
declare
  v_case record;
  v_outcome text;
begin
  for v_case in
    select p.person, p.id, s.place, t.name, pg_temp.filled(t.statement, s) as statement
    from people as p cross join places as s cross join tries as t
  loop
    perform pg_temp.become(v_case.id);
    v_outcome := pg_temp.outcome(v_case.statement);
    perform tests.sign_out();
    insert into outcomes values (v_case.person, v_case.place, v_case.name, v_outcome);
  end loop;
end
$$;

select is(o.outcome, case
    -- What finds no row that may be written answers with none; who writes on no server is refused.
    when t.hidden is null and not exists (select where 'admin' in (p.on_own, p.on_other, p.on_private)) then 'no'
    when t.name = 'register_device' and not exists (select where 'operator' in (p.on_own, p.on_other) or 'admin' in (p.on_own, p.on_other)) then 'no'
    when r.role is null then coalesce(t.hidden, 'missing')
    -- A device that somebody else has registered is only the global admins' to change.
    when t.name = 'set_device_servers' and p.person <> 'global admin' then 'no'
    when array_position(array['viewer', 'operator', 'admin'], r.role) >= array_position(array['viewer', 'operator', 'admin'], t.needs) then 'yes'
    when t.statement like 'select from%' or t.hidden is null then 'missing'
    else 'no'
  end, format('%s, %s on the %s server, %s', o.person, coalesce(r.role, 'nobody'), o.place, o.name))
from outcomes as o
join people as p using (person)
join tries as t using (name)
cross join lateral (select case o.place when 'own' then p.on_own when 'other' then p.on_other else p.on_private end as role) as r
order by o.name, o.person, o.place;

-- Nothing of a server is missing above.
select is_empty(
  $$
    select c.relname from pg_catalog.pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and c.relname not in (select name from tries) and c.relname not in ('hub_members', 'hub_models')
  $$, 'Every table that says something of a server is tried'
);
select is_empty(
  $$
    select p.proname from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace and not ('token' = any (coalesce(p.proargnames, '{}')))
      and p.proargnames && array['server_id', 'channel_id', 'task_id', 'thread_id', 'question_id', 'servers']
      and p.proname not in (select name from tries)
  $$, 'and every function that is asked about one'
);

-- Somebody it is hidden from gets the same words about it as about what does not exist.
insert into places values ('nowhere', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), gen_random_uuid());
create function pg_temp.words(statement text) returns text language plpgsql as $$
declare
  v_state text;
  v_detail text;
  v_hint text;
begin
  execute statement;
  return 'done';
exception when others then
  get stacked diagnostics v_state = returned_sqlstate, v_detail = pg_exception_detail, v_hint = pg_exception_hint;
  return concat_ws(' | ', v_state, v_detail, v_hint, regexp_replace(sqlerrm, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'ID', 'g'));
end
$$;
create temp table said (person text, place text, name text, words text);
do $$
declare
  v_case record;
  v_words text;
begin
  for v_case in
    select p.person, p.id, s.place, t.name, pg_temp.filled(t.statement, s) as statement
    from people as p cross join places as s cross join tries as t
    where p.person in ('stranger', 'admin', 'global operator') and s.place in ('private', 'nowhere') and t.statement not like 'select from%'
  loop
    perform pg_temp.become(v_case.id);
    v_words := pg_temp.words(v_case.statement);
    perform tests.sign_out();
    insert into said values (v_case.person, v_case.place, v_case.name, v_words);
  end loop;
end
$$;
select is(s.words, n.words, format('%s hears of a private server what they hear of none: %s', s.person, s.name))
from said as s join said as n on n.person = s.person and n.name = s.name and s.place = 'private' and n.place = 'nowhere';

-- And nothing that counts, lists or tells changes by it.
create function pg_temp.view_of(person uuid) returns jsonb language plpgsql as $$
declare
  v_view jsonb := '{}';
  v_table text;
  v_rows jsonb;
begin
  perform pg_temp.become(view_of.person);
  for v_table in select c.relname from pg_catalog.pg_class as c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') loop
    execute format('select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)::text), ''[]'') from public.%I as t', v_table) into v_rows;
    v_view := v_view || jsonb_build_object(v_table, v_rows);
  end loop;
  v_view := v_view || jsonb_build_object('whoami', public.whoami(), 'activity', public.mesh_activity(2), 'usage', public.usage_report(), 'commands', public.list_commands());
  perform tests.sign_out();
  return v_view;
end
$$;
select tests.keep('before', pg_temp.view_of(p.id)) from people as p where p.person = 'stranger';
delete from realtime.messages;
do $$
declare
  v_place places;
begin
  insert into public.hub_servers (name, display_name, architecture_type, default_role) values ('another-one', 'Another', 'threaded_task_isolation', 'none');
  perform pg_temp.furnish('later');
  select * into v_place from places where place = 'later';
end
$$;
select isnt(pg_temp.view_of(p.id), tests.kept('before'), 'Of an open server they see something') from people as p where p.person = 'stranger';
do $$
begin
  delete from public.hub_servers where name = 'matrix-later';
  delete from public.mesh_devices where name = 'matrix-later';
end
$$;
select is(pg_temp.view_of(p.id), tests.kept('before'), 'of a private one nothing') from people as p where p.person = 'stranger';
do $$
declare
  v_server uuid := (select s.id from public.hub_servers as s where s.name = 'another-one');
  v_channel uuid;
  v_task uuid;
  v_device jsonb;
begin
  insert into public.hub_channels (server_id, name, display_name) values (v_server, 'room', '#room') returning id into v_channel;
  v_task := public.dispatch_task(v_channel, 'Secret') #>> '{task,id}';
  v_device := public.register_device('another-mac', 'macos', '["claude"]', 1, array[v_server]);
  perform public.device_heartbeat(v_device ->> 'token', '{}');
  perform public.complete_task(v_device ->> 'token', (t ->> 'id')::uuid, (t ->> 'claim_id')::uuid, 'Secret result')
  from jsonb_array_elements(public.claim_tasks(v_device ->> 'token')) as t;
  perform public.update_thread_status(t.task_thread_id, 'archived') from public.mac_tasks as t where t.id = v_task;
  perform public.register_device('another-mac', 'macos', '["claude"]', 1, array[v_server]);
  perform hub.morning_brief();
end
$$;
create temp view morning as
select m.content from public.hub_channel_messages as m where m.metadata ->> 'event' = 'brief';
select is_empty($$ select from morning where content ~ 'another|[1-9] complete' $$, 'The brief says nothing of it');
delete from public.hub_channel_messages where metadata ->> 'event' = 'brief';
update public.hub_channels as c set last_message_at = b.last, message_count = b.count
from (
  select (r ->> 'id')::uuid as id, (r ->> 'last_message_at')::timestamptz as last, (r ->> 'message_count')::integer as count
  from jsonb_array_elements(tests.kept('before') -> 'hub_channels') as r
) as b
where c.id = b.id and c.name = 'morning-brief';
select is(pg_temp.view_of(p.id), tests.kept('before'), 'nor what is done there, by whatever device') from people as p where p.person = 'stranger';
select is_empty(
  $$ select from realtime.messages as m where m.topic = 'mesh' and m.payload ->> 'name' = 'another-mac' $$,
  'and its device is on no topic that others hear'
);

select * from finish();
rollback;
