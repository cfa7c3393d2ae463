-- A direct insert is a person's own words, and nothing else.
begin;
select plan(37);

select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Open a thread'));
create function pg_temp.refusal(columns text, given text) returns text language sql as $$
  select tests.error_of(format('insert into public.hub_channel_messages (channel_id, %s) values (%L, %s)', columns, tests.channel('cloud-hub/dispatch'), given))
$$;

select tests.keep('me', tests.sign_in('operator'));
insert into hub_channel_messages (channel_id, content) values (tests.channel('buf-barista/bridge'), '  Hello  ');
select is(
  (select (sender_type, sender_id, sender_label, content, content_type, embed_data, reply_to, is_progress, metadata)::text from hub_channel_messages where content like '%Hello%'),
  format('(human,%s,operator,"  Hello  ",text,,,f,{})', tests.kept('me') #>> '{}'), 'the sender is filled in, the words are kept'
);
select is((select count(*) from mac_tasks where channel_id = tests.channel('buf-barista/bridge')), 0::bigint, 'and no task is made');
insert into hub_channel_messages (channel_id, content, sender_type, sender_id, sender_label, content_type, metadata, reply_to)
select channel_id, 'Said', 'human', tests.kept('me') #>> '{}', 'The Pope', 'command', '{"a": 1}', id from hub_channel_messages where content like '%Hello%';
select is((select sender_label from hub_channel_messages where content = 'Said'), 'operator', 'under no other name');
select isnt((select reply_to from hub_channel_messages where content = 'Said'), null, 'a reply is one');
insert into hub_channel_messages (channel_id, task_thread_id, content) values (tests.channel('cloud-hub/dispatch'), tests.id('d', 'thread', 'id'), 'In a thread');
select is((tests.said(tests.id('d', 'thread', 'id')))[3], 'human: In a thread', 'also in a thread');
insert into hub_channel_messages (channel_id, content) values (tests.channel('cloud-hub/dispatch'), repeat('é', 32000));
select is((select max(length(content)) from hub_channel_messages), 32000, '32,000 characters of any kind');

select is(pg_temp.refusal('content', r), e, n) from (values
  ('''''', 'content_empty', 'nothing'), (E'E''\\n ''', 'content_empty', 'only blanks'), ('repeat(''x'', 32001)', 'content_too_long', 'too much')
) as v (r, e, n);
select is(pg_temp.refusal('content, ' || c, '''x'', ' || r), 'invalid_message', c || ' ' || r) from (values
  ('sender_type', '''agent'''), ('sender_type', '''system'''), ('sender_id', '''11111111-1111-1111-1111-111111111111'''),
  ('is_progress', 'true'), ('content_type', '''result'''), ('content_type', '''error'''), ('content_type', '''embed'''),
  ('embed_data', '''{"title": "x"}'''), ('metadata', '''[]'''), ('metadata', 'to_jsonb(array[repeat(md5(random()::text), 1)]) || jsonb_build_array(1)'),
  ('reply_to', quote_literal((select id from hub_channel_messages where content like '%Hello%')))
) as v (c, r);
select is(pg_temp.refusal('task_thread_id, content', format('%L, ''x''', gen_random_uuid())), 'thread_not_found', 'a thread that does not exist');
select is(
  tests.error_of(format('insert into public.hub_channel_messages (channel_id, task_thread_id, content) values (%L, %L, ''x'')', tests.channel('cloud-hub/pulse-control'), tests.id('d', 'thread', 'id'))),
  'thread_not_found', 'a thread of another channel'
);
select is(
  tests.error_of(format('insert into public.hub_channel_messages (channel_id, content) values (%L, ''x'')', tests.channel('cloud-hub/memory-log'))), 'channel_read_only', 'a feed'
);
select is(
  tests.error_of(format('insert into public.hub_channel_messages (channel_id, content) values (%L, ''x'')', gen_random_uuid())), 'channel_not_found', 'no channel'
);
select is(pg_temp.refusal('content, created_at', '''x'', now()'), '42501', 'its time is not the caller''s to say');
select is(tests.error_of('update public.hub_channel_messages set content = ''x'''), '42501', 'nobody changes a message');
select is(tests.error_of('delete from public.hub_channel_messages'), '42501', 'or deletes one');

select tests.sign_in('viewer');
select is(pg_temp.refusal('content', '''x'''), 'role_required', 'a viewer');
select tests.sign_in('anon');
select is(pg_temp.refusal('content', '''x'''), '42501', 'nobody');

-- The service key may post as anybody, within the table's rules.
select tests.sign_in('service_role');
select is(pg_temp.refusal('sender_type, content', '''agent'', ''x'''), null, 'the service key posts as an agent');
select is(pg_temp.refusal('content, embed_data', format('''x'', %L', e)), 'invalid_embed', left(e, 40)) from (values
  ('[]'), ('{}'), ('{"title": 1}'), ('{"title": "x", "colour": 1}'), ('{"title": "x", "color": -1}'), ('{"title": "x", "color": 1.5}'),
  ('{"title": "x", "fields": [{"name": "a"}]}')
) as v (e);

select * from finish();
rollback;
