-- message_count and last_message_at of channels, message_count of threads: exact, whatever a statement does.
begin;
select plan(16);

create temp table places as
  select tests.channel('cloud-hub/dispatch') as channel, gen_random_uuid() as thread
  union all select tests.channel('cloud-hub/dispatch'), gen_random_uuid()
  union all select tests.channel('cloud-hub/pulse-control'), gen_random_uuid();
insert into hub_task_threads (id, channel_id, name, next_transition_at) select thread, channel, 'x', now() + interval '1 hour' from places;
-- Whatever differs from what a count says.
create function pg_temp.wrong() returns bigint language sql as $$
  select count(*) from (
    select 1 from hub_channels as c
    left join hub_channel_messages as m on m.channel_id = c.id and m.task_thread_id is null
    group by c.id
    having c.message_count <> count(m.id) or c.last_message_at is distinct from max(m.created_at)
    union all
    select 1 from hub_task_threads as t
    left join hub_channel_messages as m on m.task_thread_id = t.id
    group by t.id
    having t.message_count <> count(m.id)
  ) as w
$$;

insert into hub_channel_messages (channel_id, content) values (tests.channel('cloud-hub/dispatch'), 'one');
select is((select message_count from hub_channels where id = tests.channel('cloud-hub/dispatch')), 1, 'a message is counted');
select is(
  (select last_message_at from hub_channels where id = tests.channel('cloud-hub/dispatch')),
  (select created_at from hub_channel_messages where content = 'one'), 'and is the last one'
);
insert into hub_channel_messages (channel_id, task_thread_id, content) select channel, thread, 'in thread' from places;
select is((select message_count from hub_channels where id = tests.channel('cloud-hub/dispatch')), 1, 'a channel does not count what is in its threads');
select is((select array_agg(message_count) from hub_task_threads where id in (select thread from places)), '{1,1,1}', 'the threads do');
insert into hub_channel_messages (channel_id, task_thread_id, content)
select channel, case when n % 3 > 0 then thread end, 'bulk' from places, generate_series(1, 300) as n;
select is(pg_temp.wrong(), 0::bigint, 'exact after a bulk insert over channels and threads');
delete from hub_channel_messages where id in (select id from hub_channel_messages where content = 'bulk' order by random() limit 100);
select is(pg_temp.wrong(), 0::bigint, 'after deletions');
delete from hub_channel_messages where id = (
  select id from hub_channel_messages where channel_id = tests.channel('cloud-hub/dispatch') and task_thread_id is null order by created_at desc limit 1
);
select is(pg_temp.wrong(), 0::bigint, 'after the newest goes');
update hub_channel_messages set task_thread_id = null where id in (select id from hub_channel_messages where task_thread_id is not null order by random() limit 50);
select is(pg_temp.wrong(), 0::bigint, 'after a move out of threads');
update hub_channel_messages as m set task_thread_id = p.thread from (select distinct on (channel) * from places) as p
where m.channel_id = p.channel and m.task_thread_id is null and m.content = 'bulk' and m.id::text < '8';
select is(pg_temp.wrong(), 0::bigint, 'after a move into threads');
update hub_channel_messages set channel_id = tests.channel('buf-barista/bridge') where task_thread_id is null and channel_id = tests.channel('cloud-hub/pulse-control');
select is(pg_temp.wrong(), 0::bigint, 'after a move to another channel');
update hub_channel_messages set created_at = created_at + interval '1 hour' where content = 'one';
select is(pg_temp.wrong(), 0::bigint, 'after a change of time');
update hub_channel_messages set content = 'changed' where content = 'bulk';
select is(pg_temp.wrong(), 0::bigint, 'after a change that is none to counters');
delete from hub_task_threads where id = (select thread from places limit 1);
select is(pg_temp.wrong(), 0::bigint, 'after a thread goes with its messages');
delete from hub_channel_messages;
select is(pg_temp.wrong(), 0::bigint, 'after everything goes');
select is((select max(message_count) from hub_channels), 0, 'when all is nothing');
select is((select count(*) from hub_channels where last_message_at is not null), 0::bigint, 'and nothing was last');

select * from finish();
rollback;
