-- search_messages: what is found, by whom, in which order, and at what cost.
begin;
select no_plan();

do $$ begin perform tests.user_with(r) from unnest(array['viewer', 'admin']) as r; end $$;
delete from hub_channel_messages;
insert into hub_channel_messages (channel_id, sender_type, content, created_at)
select tests.channel(c.channel), 'agent', c.content, now() - c.age * interval '1 minute'
from (values
  ('buf-barista/quick', 'The deploy of the build failed at noon', 50),
  ('buf-barista/bridge', 'Deploy the build again, please', 40),
  ('cloud-hub/dispatch', 'Nothing to deploy; the tests are red', 30),
  ('buf-barista/quick', 'Die Häuser der Straße wurden gezählt', 25),
  ('buf-barista/quick', '東京都の天気を調べてください', 20),
  ('buf-barista/quick', '北京的天气很好', 15),
  ('buf-barista/quick', '서울의 날씨를 알려줘', 10),
  ('buf-barista/quick', 'See re-run of task 42 in /var/log/nginx/error.log', 5)
) as c (channel, content, age);
create function pg_temp.found(query text, server text default null, channel text default null, before interval default null, max_rows integer default 50)
returns text[] language sql as $$
  select array(
    select m ->> 'content' from jsonb_array_elements(public.search_messages(
      found.query, (select s.id from public.hub_servers as s where s.name = found.server), tests.channel(found.channel),
      now() - found.before, found.max_rows
    )) with ordinality as a (m, n) order by n
  )
$$;

do $$ begin perform tests.sign_in('viewer'); end $$;
select is(pg_temp.found(c.query), c.found, c.query)
from (values
  ('deploy', array['Nothing to deploy; the tests are red', 'Deploy the build again, please', 'The deploy of the build failed at noon']),
  ('DEPLOY build', array['Deploy the build again, please', 'The deploy of the build failed at noon']),
  ('"deploy the build"', array['Deploy the build again, please']),
  ('deploy -build', array['Nothing to deploy; the tests are red']),
  ('noon or red', array['Nothing to deploy; the tests are red', 'The deploy of the build failed at noon']),
  ('deploy noon OR tests', array['Nothing to deploy; the tests are red', 'The deploy of the build failed at noon']),
  ('deploys', '{}'),
  ('häuser', array['Die Häuser der Straße wurden gezählt']),
  ('der', array['Die Häuser der Straße wurden gezählt']),
  ('天気', array['東京都の天気を調べてください']),
  ('京都', array['東京都の天気を調べてください']),
  ('京', array['北京的天气很好', '東京都の天気を調べてください']),
  ('東京都の天気', array['東京都の天気を調べてください']),
  ('"北京的"', array['北京的天气很好']),
  ('天気 -東京', '{}'),
  ('날씨', array['서울의 날씨를 알려줘']),
  ('re-run', array['See re-run of task 42 in /var/log/nginx/error.log']),
  ('42', array['See re-run of task 42 in /var/log/nginx/error.log']),
  ('''; drop table x --', '{}'),
  ('\ :* & | ! ( ) <-> deploy noon', array['The deploy of the build failed at noon'])
) as c (query, found);

select is(pg_temp.found('deploy', server => 'cloud-hub'), array['Nothing to deploy; the tests are red'], 'in one server');
select is(pg_temp.found('deploy', channel => 'buf-barista/bridge'), array['Deploy the build again, please'], 'in one channel');
select is(pg_temp.found('deploy', before => '35 minutes'), array['Deploy the build again, please', 'The deploy of the build failed at noon'], 'before a time');
select is(pg_temp.found('deploy', max_rows => 1), array['Nothing to deploy; the tests are red'], 'no more than asked for, the newest first');
select is(public.search_messages('"of the build" noon') #>> '{0,highlight}', 'The deploy ⟦of the build⟧ failed at ⟦noon⟧', 'The words are marked');
select is(public.search_messages('天気') #>> '{0,highlight}', '東京都の⟦天気⟧を調べてください', 'in any script');
select is(tests.error_of(format('select public.search_messages(%L)', q)), 'bad_argument', format('%L finds nothing to look for', q))
from unnest(array[null, '', '  ', '-deploy', '...', 'or', 'deploy or -noon', '""']) as q;
select is(tests.error_of('select public.search_messages(''x'', max_rows => 0)'), 'bad_argument', 'max_rows has bounds');
select is(tests.error_of(format('select public.search_messages(%L)', repeat('x', 501))), 'content_too_long', 'so has the query');
do $$ begin perform tests.sign_out(); end $$;

-- By the reader's own rights.
do $$ begin update public.hub_servers set default_role = 'none' where name = 'cloud-hub'; perform tests.sign_in('viewer'); end $$;
select is(pg_temp.found('tests'), '{}', 'Nothing is found in a server that is hidden');
select is(tests.error_of(format('select public.search_messages(''x'', channel_id => %L)', tests.channel('cloud-hub/dispatch'))), 'channel_not_found', 'which does not exist');
select is(tests.error_of(format('select public.search_messages(''x'', server_id => %L)', gen_random_uuid())), 'server_not_found', 'as others do not');
do $$ begin perform tests.sign_in('admin'); end $$;
select is(pg_temp.found('tests'), array['Nothing to deploy; the tests are red'], 'Admins find all');
do $$ begin perform tests.sign_out(); end $$;

-- Any text can be written: nothing of the index stands in its way.
select lives_ok(format('insert into hub_channel_messages (channel_id, content) values (%L, %L)', tests.channel('buf-barista/quick'), t), 'a long text is kept')
from unnest(array[
  repeat('東京都', 100000), (select string_agg(md5(n::text), ' ') from generate_series(1, 20000) as n), repeat('x', 300000),
  (select string_agg(chr(19968 + n % 20000) || chr(19968 + (n * 7) % 20000), '') from generate_series(1, 60000) as n)
]) as t;

-- The role of the reader is looked for once, not for each message that is found.
insert into hub_channel_messages (channel_id, sender_type, content)
select tests.channel('buf-barista/bridge'), 'agent', 'needle ' || n from generate_series(1, 500) as n;
create function pg_temp.cost(query text, variadic tables text[]) returns bigint language plpgsql as $$
declare
  v_before bigint := tests.touched(variadic tables);
begin
  perform public.search_messages(query);
  return tests.touched(variadic tables) - v_before;
end
$$;
do $$ begin perform tests.sign_in('viewer'); end $$;
select cmp_ok(pg_temp.cost('needle', 'hub_members', 'hub_server_members', 'settings'), '<=', 40::bigint, 'The role of the reader is asked for a few times, not for each message');
do $$ begin perform tests.sign_out(); end $$;

select * from finish();
rollback;
