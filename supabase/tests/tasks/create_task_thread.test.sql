-- create_task_thread, for a client that inserts the task itself.
begin;
select plan(25);

select tests.keep('token', tests.device('mac-1', platform => 'macos'));
select tests.sign_in('operator');

-- A task inserted with its channel has its thread already.
insert into mac_tasks (channel_id, content) values (tests.channel('cloud-hub/dispatch'), 'Inserted');
select tests.keep('a', (select id from mac_tasks where content = 'Inserted'));
select tests.keep('t', create_task_thread(tests.channel('cloud-hub/dispatch'), tests.id('a', variadic '{}')));
select is(tests.kept('t') ->> 'name', left(tests.kept('a') #>> '{}', 8) || ' — Inserted', 'the thread is named after the task');
select is(tests.kept('t') -> 'task_id', tests.kept('a'), 'and belongs to it');
select is(
  create_task_thread(tests.channel('cloud-hub/dispatch'), tests.id('a', variadic '{}')), tests.kept('t'),
  'the second call returns the same thread'
);
select is(
  tests.said(tests.channel('cloud-hub/dispatch')),
  array[format('system: 🧵 %s queued: Inserted', left(tests.kept('a') #>> '{}', 8))], 'the channel has one message'
);
select is(
  tests.said(tests.id('t', 'id')), '{"human: Inserted","system [Task Queued]: Task Queued"}', 'the thread has the request and Task Queued'
);
select is((select created_by from mac_tasks where content = 'Inserted'), auth.uid(), 'the task is the user''s');

-- A task inserted without a channel is given one.
insert into mac_tasks (content) values ('Build the SwiftUI view');
select tests.keep('b', (select id from mac_tasks where content = 'Build the SwiftUI view'));
select tests.keep('t', create_task_thread(tests.channel('cloud-hub/infrastructure'), tests.id('b', variadic '{}')));
select is(tests.kept('t') ->> 'name', left(tests.kept('b') #>> '{}', 8) || ' — Build the SwiftUI view', 'a task of no channel gets a thread too');
select is(
  (select (project, platform, task_type, model_preference, max_attempts)::text from mac_tasks where content like 'Build%'),
  '(Desktop/homelab,macos,apple_app,claude,3)', 'and what a dispatched task has'
);
select is(
  tests.said(tests.channel('cloud-hub/infrastructure')),
  array[format('system: 🧵 %s queued: Build the SwiftUI view', left(tests.kept('b') #>> '{}', 8))],
  'the channel has one message'
);
select is(
  tests.said(tests.id('t', 'id')), '{"human: Build the SwiftUI view","system [Task Queued]: Task Queued"}', 'the thread the rest'
);
select tests.sign_out();
select is(jsonb_array_length(claim_tasks(tests.kept('token') #>> '{}')), 1, 'a device can claim one');
select is((select count(*) from hub.queue where thread_id is not null), 2::bigint, 'the queue knows both threads');

-- The client has posted the request itself.
select tests.sign_in('operator');
insert into hub_channel_messages (channel_id, content) values (tests.channel('buf-barista/bridge'), 'My words');
insert into mac_tasks (channel_id, content) values (tests.channel('buf-barista/bridge'), 'My words');
select tests.keep('c', (select id from mac_tasks where content = 'My words'));
select is(
  tests.said(tests.channel('buf-barista/bridge')),
  array[
    'human: My words',
    format(E'system: ⏳ Task %s queued\nModel: claude | Project: Desktop/homelab', left(tests.kept('c') #>> '{}', 8))
  ],
  'on a flat channel an inserted task is announced, and the request left to the client'
);

-- Refusals.
select is(
  tests.error_of(format('select public.create_task_thread(%L, %L)', tests.channel('buf-barista/bridge'), tests.kept('c') #>> '{}')),
  'wrong_architecture', 'no threads on a flat channel'
);
select is(
  tests.error_of(format('select public.create_task_thread(%L, %L)', tests.channel('cloud-hub/dispatch'), tests.kept('c') #>> '{}')),
  'task_not_found', 'no task of another channel'
);
select is(
  tests.error_of(format('select public.create_task_thread(%L, %L)', tests.channel('cloud-hub/dispatch'), gen_random_uuid())),
  'task_not_found', 'no task that does not exist'
);
select tests.sign_out();
insert into mac_tasks (content, status, claimed_by) values ('Somebody else''s', 'running', 'their-mac');
select tests.keep('e', (select id from mac_tasks where claimed_by = 'their-mac'));
select tests.sign_in('operator');
select is(
  tests.error_of(format('select public.create_task_thread(%L, %L)', tests.channel('cloud-hub/dispatch'), tests.kept('e') #>> '{}')),
  'task_not_found', 'no task of no channel that somebody works on'
);
select is(
  tests.error_of('select public.create_task_thread(null, null)'), 'channel_not_found', 'no channel null'
);
select is(
  tests.error_of(format('select public.create_task_thread(%L, %L)', tests.channel('cloud-hub/heartbeat'), tests.kept('c') #>> '{}')),
  'channel_read_only', 'no feed'
);
select tests.sign_in('viewer');
select is(
  tests.error_of(format('select public.create_task_thread(%L, %L)', tests.channel('cloud-hub/dispatch'), tests.kept('a') #>> '{}')),
  'role_required', 'no viewer'
);

-- What an insert cannot do.
select tests.sign_in('operator');
select is(
  tests.error_of(format('insert into public.mac_tasks (channel_id, content) values (%L, ''x'')', tests.channel('koji-pipeline/leads'))),
  'wrong_architecture', 'an insert into a command channel is refused'
);
select is(
  tests.error_of(format('insert into public.mac_tasks (channel_id, content) values (%L, '' '')', tests.channel('buf-barista/bridge'))),
  'content_empty', 'and an empty one'
);
select is(
  tests.error_of(format('insert into public.mac_tasks (channel_id, content) values (%L, ''x'')', gen_random_uuid())),
  'channel_not_found', 'and one into no channel'
);
select is(
  tests.error_of(format('insert into public.mac_tasks (channel_id, content, metadata) values (%L, ''x'', ''{"request": "y"}'')', tests.channel('cloud-hub/pulse-control'))),
  'bad_argument', 'and one that would have other words posted than the content'
);
select tests.sign_in('service_role');
insert into mac_tasks (channel_id, content) values (tests.channel('cloud-hub/dispatch'), 'By service');
select is(
  (select sender_label from hub_channel_messages where content = 'By service'), 'service', 'the service key posts as service'
);

select * from finish();
rollback;
