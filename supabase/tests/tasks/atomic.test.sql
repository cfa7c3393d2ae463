-- A dispatch is one: its messages, task, thread and place in the queue exist together or not at all.
begin;
select plan(13);

create function pg_temp.break() returns trigger language plpgsql as $$
begin
  raise exception 'The owner''s trigger is broken';
end
$$;
create function pg_temp.made() returns text language sql as $$
  select concat_ws(' ',
    (select count(*) from hub_channel_messages), (select count(*) from mac_tasks), (select count(*) from hub_task_threads),
    (select count(*) from hub_teams), (select count(*) from hub.queue), (select sum(message_count) from hub_channels)
  )
$$;
create function pg_temp.refusal(call text) returns text language sql as $$
  select left(tests.error_of(format('select public.' || call, tests.channel('buf-barista/quick'), tests.channel('cloud-hub/dispatch'))), 5)
$$;
select tests.keep('nothing', pg_temp.made());

-- Whatever of it cannot be written: the second message, the thread's first, the task itself.
create trigger broken before insert on hub_channel_messages for each row when (new.sender_type = 'system') execute function pg_temp.break();
select is(pg_temp.refusal(call), 'P0001', call) from unnest(array[
  'dispatch_task(%1$L, ''x'', idempotency_key => ''k'')', 'dispatch_task(%2$L, ''x'')',
  'dispatch_team(%1$L, ''x'', ''["a", "b"]'')', 'dispatch_team(%2$L, ''x'', ''["a", "b"]'')',
  'dispatch_team(%2$L, ''x'')'
]) as call;
select is(pg_temp.made(), tests.kept('nothing') #>> '{}', 'without the system''s messages nothing is there');
drop trigger broken on hub_channel_messages;
create trigger broken after insert on mac_tasks for each row execute function pg_temp.break();
select is(pg_temp.refusal(call), 'P0001', call) from unnest(array[
  'dispatch_task(%1$L, ''x'')', 'dispatch_task(%2$L, ''x'')', 'dispatch_team(%2$L, ''x'', ''["a", "b"]'')'
]) as call;
select is(pg_temp.made(), tests.kept('nothing') #>> '{}', 'nor without the task');
drop trigger broken on mac_tasks;

-- A client's own insert of a task is as much of one piece.
create trigger broken before insert on hub_channel_messages for each row execute function pg_temp.break();
select is(
  left(tests.error_of(format('insert into public.mac_tasks (channel_id, content) values (%L, ''x'')', tests.channel('cloud-hub/dispatch'))), 5), 'P0001',
  'a task that is inserted is announced or refused'
);
select is(pg_temp.made(), tests.kept('nothing') #>> '{}', 'and leaves nothing either');
drop trigger broken on hub_channel_messages;

-- Mended, the same key works.
select is(
  dispatch_task(tests.channel('buf-barista/quick'), 'y', idempotency_key => 'k') #>> '{task,content}', 'y', 'a failed dispatch leaves its idempotency key free'
);

select * from finish();
rollback;
