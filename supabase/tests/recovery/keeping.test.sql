-- keep_for: what a channel forgets, and what stays.
begin;
select no_plan();

update hub_channels set keep_for = '30 days' where id in (tests.channel('buf-barista/quick'), tests.channel('cloud-hub/dispatch'));
delete from hub_channel_messages;
insert into hub_channel_messages (channel_id, sender_type, content, created_at)
select tests.channel(c.channel), 'agent', 'day ' || n, now() - n * interval '1 day'
from (values ('buf-barista/quick'), ('buf-barista/bridge')) as c (channel), generate_series(1, 60) as n;

select tests.keep('open', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Open'));
select tests.keep('over', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Over'));
select tests.keep('young', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Young'));
select cancel_task(tests.id(t)) from unnest(array['over', 'young']) as t;
select update_thread_status(tests.id(t, 'thread', 'id'), 'archived') from unnest(array['over', 'young']) as t;
update hub_task_threads set archived_at = now() - interval '31 days' where id = tests.id('over', 'thread', 'id');
select tests.keep('waits', dispatch_task(tests.channel('buf-barista/quick'), 'Waits'));
update hub_channel_messages set created_at = created_at - interval '40 days' where channel_id = tests.channel('cloud-hub/dispatch') or metadata ->> 'task_id' = tests.id('waits')::text;
insert into hub_files (channel_id, name, size, direction, created_at, message_id)
select m.channel_id, 'old.txt', 1, 'in', m.created_at, m.id from hub_channel_messages as m where m.content in ('day 40', 'day 20') and m.channel_id = tests.channel('buf-barista/quick');

select is((hub.prune_channels(10) ->> 'messages')::integer between 11 and 20, true, 'A step takes no more than it is told, of each channel');
-- A step is short: how many it takes depends on the machine.
do $$ begin for step in 1..10 loop perform hub.prune_channels(); end loop; end $$;
select is(hub.prune() -> 'kept_no_longer', '{"files": 0, "threads": 0, "messages": 0}', 'and then there is nothing');
select is((select count(*) from hub_channel_messages where channel_id = tests.channel('buf-barista/quick') and content like 'day %'), 30::bigint, 'What is younger stays');
select is((select count(*) from hub_channel_messages where channel_id = tests.channel('buf-barista/bridge')), 60::bigint, 'Without keep_for, all');
select ok((select count(*) > 0 from hub_channel_messages where metadata ->> 'task_id' = tests.id('waits')::text), 'What is said of a task that is not over stays');
select is((select array_agg(name order by created_at) from hub_files), array['old.txt'], 'files go with their age');
select is((select array_agg(id order by id) from hub_task_threads where id in (tests.id('open', 'thread', 'id'), tests.id('over', 'thread', 'id'), tests.id('young', 'thread', 'id'))),
  (select array_agg(id order by id) from unnest(array[tests.id('open', 'thread', 'id'), tests.id('young', 'thread', 'id')]) as id), 'An archived thread goes by the time it was archived');
select ok((select count(*) > 0 from hub_channel_messages where task_thread_id = tests.id('open', 'thread', 'id')), 'One with unfinished work stays whole');
select is(
  (select array_agg(c.message_count order by c.name) from hub_channels as c where c.name in ('quick', 'bridge', 'dispatch')),
  (select array_agg((select count(*)::integer from hub_channel_messages as m where m.channel_id = c.id and m.task_thread_id is null) order by c.name) from hub_channels as c where c.name in ('quick', 'bridge', 'dispatch')),
  'The counters follow'
);
do $$ begin perform tests.sign_in('admin'); end $$;
update hub_channels set keep_for = '1 year' where id = tests.channel('buf-barista/bridge');
do $$ begin perform tests.sign_out(); end $$;
select is((select keep_for from hub_channels where id = tests.channel('buf-barista/bridge')), interval '1 year', 'Admins write it');

select * from finish();
rollback;
