-- dispatch_task with files: they have arrived, they are the caller's, and they come with the request.
begin;
select plan(27);

select tests.keep('token', tests.device('linux-1'));
select tests.sign_in('operator');
select tests.keep('a', tests.file('a.png'));
select tests.keep('b', tests.file('b.log'));
create function pg_temp.dispatch(content text, variadic files uuid[]) returns jsonb language sql as $$
  select public.dispatch_task(tests.channel('buf-barista/quick'), content, file_ids => files)
$$;
create function pg_temp.refusal(variadic files uuid[]) returns text language sql as $$
  select tests.error_of(format('select pg_temp.dispatch(%L, variadic %L)', 'Look', files))
$$;
create function pg_temp.kept_id(name text) returns uuid language sql as $$ select (tests.kept(name) #>> '{}')::uuid $$;

-- What has not arrived is no attachment: success is never said of it.
select tests.keep('late', public.create_file(tests.channel('buf-barista/quick'), 'late.txt', 'text/plain', 1) #>> '{file,id}');
select is(pg_temp.refusal(pg_temp.kept_id('late')), 'file_not_stored', 'a file that has not arrived is refused');
select is(pg_temp.refusal(pg_temp.kept_id('a'), pg_temp.kept_id('late')), 'file_not_stored', 'also beside one that has');
select is(pg_temp.refusal(gen_random_uuid()), 'file_not_found', 'one that does not exist is refused');
select is(pg_temp.refusal(null::uuid), 'file_not_found', 'and null');
select is(pg_temp.refusal(variadic array_fill(gen_random_uuid(), array[21])), 'too_many_files', '20 are the most');
select is((select count(*) from mac_tasks where created_by = auth.uid()), 0::bigint, 'a refused request makes no task');

-- A picture without text is a request.
select tests.keep('d', pg_temp.dispatch(null, pg_temp.kept_id('a')));
select is(tests.kept('d') #>> '{task,content}', '📎 a.png', 'a picture without text is sent by its name');
select is(tests.kept('d') #>> '{message,content}', '📎 a.png', 'and shown so');
select is(
  (select to_jsonb(f) - array['id', 'created_at', 'path'] from hub_files as f where f.id = pg_temp.kept_id('a'))
    - array['channel_id', 'created_by', 'sha256', 'error'],
  jsonb_build_object('name', 'a.png', 'size', 5, 'state', 'stored', 'task_id', tests.id('d'), 'direction', 'in',
    'media_type', 'text/plain', 'message_id', tests.kept('d') #>> '{message,id}', 'task_thread_id', null),
  'the file belongs to the task and to the message'
);
select is(pg_temp.refusal(pg_temp.kept_id('a')), 'file_in_use', 'and to no other request');
select is(pg_temp.dispatch(E' \n', pg_temp.kept_id('b')) #>> '{task,content}', '📎 b.log', 'blank text is none');
select is(tests.error_of($$ select public.dispatch_task(tests.channel('buf-barista/quick'), null) $$), 'content_empty', 'without files there must be words');
select is(
  tests.error_of($$ select public.dispatch_task(tests.channel('buf-barista/quick'), '', file_ids => '{}') $$), 'content_empty',
  'no files are no files'
);

-- Whose, and where.
select tests.keep('mine', tests.file('mine.txt'));
select tests.keep('elsewhere', tests.file('elsewhere.txt', 'buf-barista/bridge'));
select is(pg_temp.refusal(pg_temp.kept_id('elsewhere')), 'file_not_found', 'a file of another channel is refused');
select tests.sign_in('admin');
select is(pg_temp.refusal(pg_temp.kept_id('mine')), 'file_not_found', 'and somebody else''s');

-- A thread.
select tests.sign_in('operator');
select tests.keep('c', tests.file('c.png', 'cloud-hub/dispatch'));
select tests.keep('e', tests.file('e.png', 'cloud-hub/dispatch'));
select tests.keep('t', public.dispatch_task(
  tests.channel('cloud-hub/dispatch'), '', file_ids => array[pg_temp.kept_id('e'), pg_temp.kept_id('c')]
));
select is(tests.kept('t') #>> '{task,content}', '📎 e.png, c.png', 'several are named in their order');
select is(tests.kept('t') #>> '{thread,name}', left(tests.id('t')::text, 8) || ' — 📎 e.png, c.png', 'a thread is named by them');
select is(
  (select array_agg(f.task_thread_id) from hub_files as f where f.task_id = tests.id('t')),
  array[tests.id('t', 'thread', 'id'), tests.id('t', 'thread', 'id')], 'they belong to the thread'
);

-- The same key is the same request, files and all.
select tests.keep('f', tests.file('f.txt'));
select tests.keep('once', public.dispatch_task(tests.channel('buf-barista/quick'), 'x', idempotency_key => 'k', file_ids => array[pg_temp.kept_id('f')]));
select tests.keep('twice', public.dispatch_task(tests.channel('buf-barista/quick'), 'x', idempotency_key => 'k', file_ids => array[pg_temp.kept_id('f')]));
select is(tests.id('twice'), tests.id('once'), 'sent again with its key, a request with files is the same one');

-- The device.
select tests.sign_out();
select tests.keep('claimed', claim_tasks(tests.kept('token') #>> '{}'));
select is(tests.id('claimed', '0', 'id'), tests.id('d'), 'the device claims the picture');
select is(
  tests.kept('claimed') #> '{0,files}',
  jsonb_build_array(jsonb_build_object('id', tests.kept('a'), 'name', 'a.png', 'media_type', 'text/plain', 'size', 5, 'sha256', null)),
  'and is told of it'
);
select tests.keep('g', tests.file('g.txt'));
select is(
  public.dispatch_task(tests.channel('buf-barista/quick'), 'x', file_ids => array[pg_temp.kept_id('g')]) #>> '{task,content}', 'x',
  'the service key and SQL send files of their own'
);

-- Names in the system's lines.
select tests.sign_in('operator');
select ok(hub.is_one_line(tests.kept('d') #>> '{task,content}'), 'what a file is called begins no line');
select throws_ok($$ insert into hub_files (channel_id, name, size, direction) select id, 'x', 1, 'in' from hub_channels limit 1 $$, '42501');
select throws_ok($$ update hub_files set state = 'stored' $$, '42501');
select throws_ok($$ delete from hub_files $$, '42501');
select tests.sign_out();
select is(
  (select count(*) from hub_channel_messages where content like '📎%' and sender_type = 'human'), 3::bigint,
  'each request without words is one message'
);

select * from finish();
rollback;
