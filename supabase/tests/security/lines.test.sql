-- What the system says holds nothing that begins a line or turns the reading direction, whatever anybody sends:
-- no control, separator or direction character.
begin;
select plan(4);

create function pg_temp.bad(word text) returns text language sql as $$
  select word || E'\x1b[2J\x07\r\u0085\u2028\u202e\u2066\u061c' || reverse(word)
$$;
update auth.users set raw_user_meta_data = jsonb_build_object('name', pg_temp.bad('name')) where id = tests.user_with('operator');
select tests.keep('token', register_device('mac-1', 'macos',
  jsonb_build_array(jsonb_build_object('model', 'claude', 'version', pg_temp.bad('1.2'))), 9) ->> 'token');
select device_heartbeat(tests.kept('token') #>> '{}');
create function pg_temp.claim() returns jsonb language sql as $$
  select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
  select tests.kept('c')
$$;
create function pg_temp.write(call text, variadic args text[]) returns void language plpgsql as $$
declare
  v_claim jsonb := pg_temp.claim();
begin
  execute format('select public.%s(%L, %L, %L, %s)', call, tests.kept('token') #>> '{}', v_claim ->> 'id', v_claim ->> 'claim_id',
    (select string_agg(quote_literal(a), ', ') from unnest(args) as a));
end
$$;

select tests.sign_in('operator');
select dispatch_task(tests.channel(place), pg_temp.bad('request') || E'\nmore')
from unnest('{buf-barista/bridge,cloud-hub/dispatch}'::text[]) as place;
select dispatch_task(tests.channel(place), pg_temp.bad('other')) from unnest('{buf-barista/bridge,cloud-hub/dispatch}'::text[]) as place;
select cancel_task((dispatch_task(tests.channel('buf-barista/bridge'), pg_temp.bad('cancelled')) #>> '{task,id}')::uuid);
select dispatch_team(tests.channel('buf-barista/bridge'), pg_temp.bad('goal'), jsonb_build_array(pg_temp.bad('one'), pg_temp.bad('two')));
select tests.sign_out();
select pg_temp.write('fail_task', pg_temp.bad('error'));
select pg_temp.write('fail_task', pg_temp.bad('error'), 'false');
update mac_tasks set run_at = now() where status = 'pending';
select pg_temp.write('complete_task', pg_temp.bad('result'), pg_temp.bad('model'));
select pg_temp.write('complete_task', pg_temp.bad('result'), pg_temp.bad('model'));
select pg_temp.write('report_rate_limit', 'claude', (now() + interval '1 hour')::text);
update mesh_device_models set rate_limited_until = null;
select pg_temp.write('complete_task', pg_temp.bad('result'));
select pg_temp.write('complete_task', pg_temp.bad('result'));
update hub_task_threads set status = 'decaying', next_transition_at = now()
where id not in (select thread_id from hub.queue where thread_id is not null);
select hub.decay_threads();

select cmp_ok((select count(*) from hub_channel_messages where sender_type = 'system'), '>', 15::bigint, 'much is said');
select is_empty(
  $$
    select m.content from hub_channel_messages as m
    cross join lateral regexp_split_to_table(m.content, '\n') with ordinality as l (line, position)
    -- How a task failed is told in the words of its agent, below the system's line.
    where m.sender_type = 'system' and not hub.is_one_line(l.line)
      and not (m.metadata ->> 'event' in ('task_failed', 'team_failed') and (l.position > 1 or m.embed_data is not null))
  $$,
  'in lines that are lines'
);
select is_empty(
  $$
    select said.value from hub_channel_messages as m
    cross join lateral jsonb_path_query(m.embed_data, '$.** ? (@.type() == "string")') as said (value)
    where not hub.is_one_line(said.value #>> '{}')
  $$,
  'and embeds, those of agents too'
);
select is_empty(
  $$
    select t.name from hub_task_threads as t where not hub.is_one_line(t.name)
    union all
    select m.version from mesh_device_models as m where not hub.is_one_line(m.version)
    union all
    select t.model_used from mac_tasks as t where not hub.is_one_line(t.model_used)
  $$,
  'and names of threads, models and their versions'
);

select * from finish();
rollback;
