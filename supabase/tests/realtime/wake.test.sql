-- Who is woken: a device with a free slot that nobody fills, whatever its last claim brought.
begin;
select plan(6);

create temp table token as
select register_device('mac', 'macos', '["claude"]', 2) ->> 'token' as token;
create function pg_temp.wakes() returns bigint language sql volatile as $$
  with gone as (delete from realtime.messages where topic = 'mesh:wake' returning 1) select count(*) from gone
$$;
create function pg_temp.queue(content text) returns void language sql as $$
  insert into mac_tasks (content, model_preference) values (content, 'claude')
$$;
select device_heartbeat(token) from token;
select pg_temp.queue('first');
select is(pg_temp.wakes(), 1::bigint, 'a device that only says that it is there');
select is(jsonb_array_length(claim_tasks(token, 2)), 1, 'it takes what there is') from token;
select pg_temp.queue('second');
select is(pg_temp.wakes(), 1::bigint, 'a device that asked for two and got one');
select is(jsonb_array_length(claim_tasks(token, 2)), 1, 'its last slot') from token;
select device_heartbeat(token, array(select id from mac_tasks)) from token;
select pg_temp.queue('third');
select is(pg_temp.wakes(), 0::bigint, 'a device that is full is left alone');
select complete_task(token, t.id, t.claim_id, 'done') from token, mac_tasks as t where t.content = 'first';
select device_heartbeat(token, array(select id from mac_tasks where status = 'running')) from token;
select pg_temp.queue('fourth');
select is(pg_temp.wakes(), 1::bigint, 'a device that ended a task and did not claim again');

select * from finish();
rollback;
