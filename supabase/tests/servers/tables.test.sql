-- What the tables of servers and channels accept, and the counter of channels.
begin;
select plan(26);

insert into hub_servers (name, display_name, architecture_type) values ('a', 'A', 'flat_task_pipeline'), ('b', 'B', 'command_dispatch');
create function pg_temp.counts() returns integer[] language sql as $$
  select array_agg(channel_count order by name) from hub_servers where name in ('a', 'b')
$$;
create function pg_temp.server(name text) returns uuid language sql as $$
  select id from hub_servers where hub_servers.name = server.name
$$;

select is((select (icon, is_default, channel_count, metadata, paused_at)::text from hub_servers where name = 'a'), '(server.rack,f,0,{},)', 'the defaults of a server');
select throws_ok($$insert into hub_servers (name, display_name, architecture_type) values ('a', 'x', 'command_dispatch')$$, '23505', null, 'names of servers are unique');
select throws_ok($$insert into hub_servers (name, display_name, architecture_type) values ('c', 'x', 'other')$$, '23514', null, 'three architectures');
select throws_ok($$insert into hub_servers (name, display_name, architecture_type) values ('Has Blanks', 'x', 'command_dispatch')$$, '23514', null, 'names are lower-case');

insert into hub_channels (server_id, name, display_name) values (pg_temp.server('a'), 'one', '#one');
select is(
  (select (model_preference, is_read_only, message_count, last_message_at, metadata, idle_after, archive_after)::text from hub_channels where name = 'one'),
  '(any,f,0,,{},,)', 'the defaults of a channel'
);
select throws_ok(format($$insert into hub_channels (server_id, name, display_name) values (%L, %L, 'x')$$, pg_temp.server('a'), n), s, null, 'name ' || left(translate(n, E'\n', '|'), 10))
from (values ('one', '23505'), ('', '23514'), ('One', '23514'), ('o_ne', '23514'), ('o ne', '23514'), (repeat('x', 65), '23514'), (E'one\n', '23514')) as v (n, s);
select lives_ok(format($$insert into hub_channels (server_id, name, display_name) values (%L, 'one', 'x'), (%L, repeat('x', 64), 'x')$$, pg_temp.server('b'), pg_temp.server('b')), 'the same name on another server, and 64 characters');
select throws_ok($$update hub_channels set model_preference = 'gpt' where name = 'one'$$, 'PT400', null, 'a model that there is, or any');
select throws_ok($$update hub_channels set idle_after = '0' where name = 'one'$$, '23514', null, 'a positive idle_after');
select throws_ok(format($$insert into hub_channels (server_id, name, display_name) values (%L, 'x', 'x')$$, gen_random_uuid()), '23503', null, 'a channel has a server');

select is(pg_temp.counts(), '{1,2}', 'channels are counted');
insert into hub_channels (server_id, name, display_name) select pg_temp.server('a'), 'c-' || n, 'x' from generate_series(1, 50) as n;
select is(pg_temp.counts(), '{51,2}', 'in bulk');
update hub_channels set server_id = pg_temp.server('b') where name ~ '^c-[1-5]$';
select is(pg_temp.counts(), '{46,7}', 'after a move');
delete from hub_channels where name like 'c-%' and server_id = pg_temp.server('a');
select is(pg_temp.counts(), '{1,7}', 'after deletions');
delete from hub_servers where name = 'a';
select is(pg_temp.counts(), '{7}', 'and when a server goes');
select is((select count(*) from hub_channels where name = 'one'), 1::bigint, 'which takes its channels along');
update hub_servers set display_name = 'New' where name = 'b';
select ok((select updated_at > created_at from hub_servers where name = 'b'), 'updated_at is kept');

-- A deleted channel's tasks.
select tests.keep('token', tests.device('linux-1', '{claude}'));
select tests.keep('running', dispatch_task(tests.channel('buf-barista/bridge'), 'runs'));
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select tests.keep('waiting', dispatch_task(tests.channel('buf-barista/bridge'), 'waits'));
delete from hub_channels where id = tests.channel('buf-barista/bridge');
select is((select (status, cancelled_at is not null, channel_id)::text from mac_tasks where id = tests.id('waiting')), '(failed,t,)', 'a waiting task of a deleted channel is cancelled');
select is(
  device_heartbeat(tests.kept('token') #>> '{}', array[tests.id('running')]) -> 'cancel', jsonb_build_array(tests.id('running')), 'a running one is told to stop'
);
select release_task(tests.kept('token') #>> '{}', tests.id('running'), tests.id('c', 'claim_id'));
select is((select (status, cancelled_at is not null)::text from mac_tasks where id = tests.id('running')), '(failed,t)', 'and ends as cancelled');

select * from finish();
rollback;
