-- Which servers a reader sees is found once for a statement, not once for each row that it reads.
begin;
select plan(8);

create function pg_temp.cost(name text, most integer) returns bigint language plpgsql as $$
declare
  v_tables constant text[] := '{hub_members,hub_server_members,hub_servers,hub_channels,settings}';
  v_before bigint := tests.touched(variadic v_tables);
  v_rows integer;
begin
  execute format('select count(*) from (select * from public.%I limit %s) as page', name, most) into v_rows;
  if v_rows <> most then
    raise 'There are % rows in %.', v_rows, name;
  end if;
  return tests.touched(variadic v_tables) - v_before;
end
$$;

-- Something of each kind, on a server where the reader has a role of their own, and on a private one.
insert into hub_servers (name, display_name, architecture_type, default_role)
select 'cost-' || r, 'Cost', 'threaded_task_isolation', r from unnest(array['viewer', 'none']) as r;
insert into hub_channels (server_id, name, display_name) select id, 'room', '#room' from hub_servers where name like 'cost-%';
create temp table places as select c.id, s.default_role from hub_channels as c join hub_servers as s on s.id = c.server_id where s.name like 'cost-%';
insert into hub_channel_messages (channel_id, content) select p.id, 'x' from places as p, generate_series(1, 200);
insert into hub_task_threads (channel_id, name, next_transition_at) select p.id, 'T', now() + interval '1 hour' from places as p, generate_series(1, 200);
insert into hub_teams (channel_id, goal) select p.id, 'x' from places as p, generate_series(1, 200);
insert into mac_tasks (channel_id, content, status) select p.id, 'x', 'complete' from places as p, generate_series(1, 200);
insert into hub_task_attempts (claim_id, task_id, attempt, device, model)
select gen_random_uuid(), t.id, 1, 'mac-1', 'claude' from mac_tasks as t join places as p on p.id = t.channel_id;
insert into hub_questions (task_id, channel_id, kind, title, allow_text, tool_call_id, claim_id)
select t.id, p.id, 'question', 'Which?', true, 'call', gen_random_uuid() from mac_tasks as t join places as p on p.id = t.channel_id;
insert into hub_task_inputs (task_id, channel_id, message_id, content, created_by)
select t.id, p.id, null, 'x', null from mac_tasks as t join places as p on p.id = t.channel_id;
insert into hub_files (channel_id, name, media_type, size, direction)
select p.id, 'x.txt', 'text/plain', 1, 'in' from places as p, generate_series(1, 200);

select tests.sign_in('viewer');
select is(pg_temp.cost(t.name, 150), pg_temp.cost(t.name, 5), format('a page of 150 of %s asks as often as one of 5', t.name))
from unnest(array[
  'hub_channel_messages', 'hub_task_threads', 'hub_teams', 'mac_tasks', 'hub_task_attempts', 'hub_questions', 'hub_task_inputs', 'hub_files'
]) as t (name);
select tests.sign_out();

select * from finish();
rollback;
