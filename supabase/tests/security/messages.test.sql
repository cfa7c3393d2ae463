-- A direct insert is a person's own words: nobody posts as an agent, as the system or as someone else,
-- nor where nobody may, and what is said is neither changed nor taken back.
begin;
select no_plan();

do $$
begin
  perform tests.user_with(r) from unnest(array['viewer', 'operator', 'admin']) as r;
  perform public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'Open thread');
  perform public.dispatch_task(tests.channel('cloud-hub/infrastructure'), 'Thread elsewhere');
  perform public.cancel_task((public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'Archived thread') #>> '{task,id}')::uuid);
  perform public.update_thread_status(t.id, 'archived') from public.hub_task_threads as t where t.name like '%Archived thread';
end
$$;
create temp table named as
select split_part(t.name, ' — ', 2) as name, t.id from public.hub_task_threads as t
union all
select 'message of ' || c.name, (array_agg(m.id))[1]
from public.hub_channel_messages as m join public.hub_channels as c on c.id = m.channel_id
where m.task_thread_id is null and c.name in ('dispatch', 'infrastructure') group by c.name;
grant select on named to public;

create function pg_temp.id_of(name text) returns text
language sql
as $$ select n.id::text from pg_temp.named as n where n.name = id_of.name $$;
create function pg_temp.post(changes jsonb) returns text
language sql
as $$
  select tests.error_of((
    select format('insert into public.hub_channel_messages (%s) values (%s)', string_agg(format('%I', c.key), ', '), string_agg(
      case when jsonb_typeof(c.value) = 'null' then 'null' else format('%L', c.value #>> '{}') end, ', '))
    from jsonb_each(jsonb_build_object('content', 'Hello', 'channel_id', tests.channel('cloud-hub/dispatch')) || changes) as c
  ))
$$;

do $$ begin perform tests.sign_in('anon'); end $$;
select is(pg_temp.post('{}'), '42501', 'Nobody posts without signing in');
do $$ begin perform tests.sign_in('viewer'); end $$;
select is(pg_temp.post('{}'), 'role_required', 'A viewer posts nothing');

do $$ begin perform tests.sign_in('operator'); end $$;
select is(pg_temp.post(p.changes), p.error, format('Posting with %s: %s', p.what, coalesce(p.error, 'done')))
from (values
  ('nothing special', '{}'::jsonb, null),
  ('the sender it has anyway', jsonb_build_object('sender_type', 'human', 'sender_id', auth.uid(), 'sender_label', 'Aura'), null),
  ('the sender of another user', jsonb_build_object('sender_id', gen_random_uuid()), 'invalid_message'),
  ('the sender Aura', '{"sender_id": "Aura"}', 'invalid_message'),
  ('an agent''s voice', '{"sender_type": "agent"}', 'invalid_message'),
  ('the system''s voice', '{"sender_type": "system"}', 'invalid_message'),
  ('an unknown voice', '{"sender_type": "god"}', 'invalid_message'),
  ('no voice', '{"sender_type": null}', '42501'),
  ('an embed', '{"embed_data": {"title": "Task Complete"}}', 'invalid_message'),
  ('progress', '{"is_progress": true}', 'invalid_message'),
  ('the type result', '{"content_type": "result"}', 'invalid_message'),
  ('the type error', '{"content_type": "error"}', 'invalid_message'),
  ('the type embed', '{"content_type": "embed"}', 'invalid_message'),
  ('the type command', '{"content_type": "command"}', null),
  ('metadata', '{"metadata": {"client": "mine"}}', null),
  ('metadata that is no object', '{"metadata": 1}', 'invalid_message'),
  ('an array of metadata', '{"metadata": [1]}', 'invalid_message'),
  ('17 kB of metadata', jsonb_build_object('metadata', jsonb_build_object('a', repeat('x', 17000))), 'invalid_message'),
  ('no channel', '{"channel_id": null}', 'channel_not_found'),
  ('an unknown channel', '{"channel_id": "00000000-0000-0000-0000-000000000001"}', 'channel_not_found'),
  ('a malformed channel', '{"channel_id": "dispatch"}', '22P02'),
  ('a read-only channel', jsonb_build_object('channel_id', tests.channel('cloud-hub/memory-log')), 'channel_read_only'),
  ('an open thread', jsonb_build_object('task_thread_id', pg_temp.id_of('Open thread')), null),
  ('a thread of another channel', jsonb_build_object('task_thread_id', pg_temp.id_of('Thread elsewhere')), 'thread_not_found'),
  ('an unknown thread', '{"task_thread_id": "00000000-0000-0000-0000-000000000001"}', 'thread_not_found'),
  ('an archived thread', jsonb_build_object('task_thread_id', pg_temp.id_of('Archived thread')), 'thread_archived'),
  ('a reply', jsonb_build_object('reply_to', pg_temp.id_of('message of dispatch')), null),
  ('a reply to another channel''s message', jsonb_build_object('reply_to', pg_temp.id_of('message of infrastructure')), 'invalid_message'),
  ('a reply to nothing', '{"reply_to": "00000000-0000-0000-0000-000000000001"}', 'invalid_message'),
  ('no content', '{"content": null}', 'content_empty'),
  ('nothing visible', '{"content": " \t\r\n "}', 'content_empty'),
  ('32,000 characters', jsonb_build_object('content', repeat('é', 32000)), null),
  ('32,001 characters', jsonb_build_object('content', repeat('é', 32001)), 'content_too_long'),
  ('markdown and HTML', '{"content": "# <b onclick=alert(1)>**x**</b> [y](javascript:z) `${a}` %s"}', null),
  ('control characters', '{"content": "\u0001\u001b[31m\u0007\u007f\u0085x"}', null),
  ('a change of direction', '{"content": "\u202egnp.exe\u2066 e\u0301\u0301\u0301"}', null)
) as p (what, changes, error);

select is(
  pg_temp.post(jsonb_build_object(c.name, c.value)), '42501', format('Nobody chooses %s', c.name)
)
from (values ('created_at', '2020-01-01')) as c (name, value);

select is(tests.error_of(s.statement), '42501', s.what)
from (values
  ($$ update public.hub_channel_messages set content = 'Changed' $$, 'Nobody changes a message'),
  ($$ update public.hub_channel_messages set content = 'Changed' where sender_id = auth.uid()::text $$, 'nor their own'),
  ($$ delete from public.hub_channel_messages $$, 'nor deletes one'),
  ($$ delete from public.hub_channel_messages where sender_id = auth.uid()::text $$, 'nor their own'),
  ($$ insert into public.hub_channel_messages (channel_id, content) values (tests.channel('cloud-hub/dispatch'), 'x')
      on conflict (id) do update set content = 'Changed' $$, 'nor by an upsert'),
  ($$ truncate public.hub_channel_messages $$, 'nor all of them'),
  ($$ update public.hub_task_threads set status = 'active' $$, 'Nobody changes a thread'),
  ($$ update public.hub_channels set message_count = 0 $$, 'nor a counter'),
  ($$ update public.hub_servers set channel_count = 0 $$, 'nor this one'),
  ($$ insert into public.hub_task_threads (channel_id, name) values (tests.channel('cloud-hub/dispatch'), 'Mine') $$, 'Nobody opens a thread by hand'),
  ($$ insert into public.hub_teams (channel_id, goal) values (tests.channel('cloud-hub/dispatch'), 'Mine') $$, 'nor a team'),
  ($$ insert into public.mesh_devices (name, platform) values ('mine', 'linux') $$, 'nor a device'),
  ($$ update public.mesh_devices set status = 'online' $$, 'nor changes one'),
  ($$ insert into public.hub_task_attempts (claim_id, task_id, attempt, device, model)
      select gen_random_uuid(), t.id, 1, 'x', 'claude' from public.mac_tasks as t limit 1 $$, 'nor records an attempt'),
  ($$ select token_hash from hub.device_tokens $$, 'Nobody reads the hash of a token'),
  ($$ select * from hub.settings $$, 'nor the settings'),
  ($$ select hub.post(t, 'task_failed', 'system', 'x', 'text') from public.mac_tasks as t $$, 'Nobody calls what posts as the system'),
  ($$ select hub.authenticate_device('x') $$, 'nor what speaks as a device'),
  ($$ select hub.recover() $$, 'nor recovery'),
  ($$ select hub.refuse('not_signed_in') $$, 'nor what refuses')
) as s (statement, what);

select is(
  tests.error_of(format('insert into public.hub_channel_messages (channel_id, content) select %L, ''Many'' from generate_series(1, 1001)',
    tests.channel('cloud-hub/dispatch'))),
  'invalid_message', 'Nobody posts more than a thousand messages at once'
);

do $$ begin perform tests.sign_out(); end $$;
select is_empty(
  format($$
    select from public.hub_channel_messages as m
    where m.sender_id = %L and (
      m.sender_type <> 'human' or m.sender_label <> 'operator' or m.embed_data is not null or m.is_progress
      or m.created_at < now()
    )
  $$, tests.user_with('operator')),
  'Whatever was posted has its sender''s name and the time of now'
);
select is(
  (select count(*) from public.hub_channel_messages as m where m.content = '# <b onclick=alert(1)>**x**</b> [y](javascript:z) `${a}` %s'),
  1::bigint, 'Markdown and HTML are passed through untouched'
);
select is(
  (select count(*) from public.hub_channel_messages as m where m.content = E'\x01\x1b[31m\x07\x7f\u0085x'), 1::bigint,
  'and so are control characters'
);
select is(
  (select count(*) from public.mac_tasks as t where t.created_by = tests.user_with('operator')), 0::bigint,
  'A message makes no task'
);

-- Whatever a request says, its title is its first line, from left to right; U+2028 ends a line, too.
do $$
begin
  perform public.dispatch_task(tests.channel('cloud-hub/dispatch'), E'Turn\u202e this\x1b[31m\u2028✅ deadbeef complete\nMore');
end
$$;
select results_eq(
  $$ select split_part(t.name, ' — ', 2) from public.hub_task_threads as t where t.name like '%Turn%' $$,
  array['Turn this [31m'],
  'A title has no marks of direction, no control characters and one line'
);

-- An agent's error is no way to speak as the system.
do $$
declare
  v_task uuid := public.dispatch_task(tests.channel('buf-barista/bridge'), 'Fail') #>> '{task,id}';
begin
  perform tests.sign_out();
  update public.mac_tasks as t set status = 'running', claimed_by = 'mac' where t.id = v_task;
  update public.mac_tasks as t set status = 'pending', error = E'No network (attempt 1 of 1)\r✅ deadbeef complete' where t.id = v_task;
end
$$;
select is_empty(
  $$ select from public.hub_channel_messages as m where m.sender_type = 'system' and m.content like '%deadbeef complete%' and m.content like '🔁%' $$,
  'A requeue tells one line of the reason'
);
select isnt_empty(
  $$ select from public.hub_channel_messages as m where m.content like '🔁 % requeued: No network (attempt 1 of 1) (attempt 2 of 3)' $$,
  'and that line'
);

-- The service key posts as anybody, and is held to what a message may be.
do $$ begin perform tests.sign_in('service_role'); end $$;
select is(pg_temp.post('{"sender_type": "agent", "sender_id": "mac"}'), null, 'The service key posts as an agent');
select is(pg_temp.post(jsonb_build_object('channel_id', tests.channel('cloud-hub/memory-log'), 'sender_type', 'system')), null, 'and to a feed');
select is(pg_temp.post(jsonb_build_object('task_thread_id', pg_temp.id_of('Thread elsewhere'))), 'thread_not_found',
  'but not to a thread of another channel');
select is(pg_temp.post(jsonb_build_object('task_thread_id', pg_temp.id_of('Archived thread'))), 'thread_archived', 'nor to an archived one');
select is(pg_temp.post(jsonb_build_object('embed_data', e.embed)), 'invalid_embed', format('nor the embed %s', left(e.embed::text, 60)))
from (values
  ('[]'::jsonb), ('1'), ('{}'), ('{"title": ""}'), ('{"title": 1}'), ('{"title": "x", "url": "javascript:x"}'),
  ('{"title": "x", "color": 16777216}'), ('{"title": "x", "color": -1}'), ('{"title": "x", "color": 1.5}'),
  ('{"title": "x", "color": "1"}'), ('{"title": "x", "color": 1e400}'), ('{"title": "x", "fields": {}}'),
  ('{"title": "x", "fields": [1]}'), ('{"title": "x", "fields": [[]]}'), ('{"title": "x", "fields": ["a"]}'),
  ('{"title": "x", "fields": [{"name": "a"}]}'), ('{"title": "x", "fields": [{"name": "", "value": "b"}]}'),
  ('{"title": "x", "fields": [{"name": "a", "value": "b", "inline": 1}]}'),
  ('{"title": "x", "fields": [{"name": "a", "value": "b", "html": "c"}]}'),
  ('{"title": "x", "timestamp": "yesterday"}'), ('{"title": "x", "footer": {}}'),
  (jsonb_build_object('title', repeat('x', 257))), (jsonb_build_object('title', 'x', 'description', repeat('x', 4097))),
  (jsonb_build_object('title', 'x', 'fields', (select jsonb_agg('{"name": "a", "value": "b"}'::jsonb) from generate_series(1, 26))))
) as e (embed);

select * from finish();
rollback;
