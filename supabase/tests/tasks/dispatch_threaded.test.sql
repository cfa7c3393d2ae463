-- dispatch_task on a threaded channel: one message in the channel, all the rest in the task's thread.
begin;
select plan(29);

select tests.keep('token', tests.device('linux-1'));
select tests.sign_in('operator');
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), E'  Rotate the keys of the backup server and tell everybody who had one\nThen rest.'));
select tests.sign_out();
select tests.keep('short', left(tests.id('d')::text, 8));

select is(
  tests.said(tests.channel('cloud-hub/dispatch')),
  array[format('system: 🧵 %s queued: Rotate the keys of the backup server and tell everybody who…', tests.kept('short') #>> '{}')],
  'the channel gets exactly one message, with the title cut to 60 characters'
);
select is(
  (select metadata from hub_channel_messages where channel_id = tests.channel('cloud-hub/dispatch') and task_thread_id is null),
  jsonb_build_object('event', 'thread_opened', 'task_id', tests.id('d'), 'task_thread_id', tests.id('d', 'thread', 'id')),
  'which names the task and the thread'
);
select is(
  tests.kept('d') -> 'thread' ->> 'name',
  format('%s — Rotate the keys of the backup server and tell everybody who…', tests.kept('short') #>> '{}'),
  'the thread is named after the task'
);
select is(length(split_part(tests.kept('d') -> 'thread' ->> 'name', ' — ', 2)), 60, 'its title has 60 characters');
select is(tests.kept('d') -> 'thread' ->> 'status', 'active', 'the thread is active');
select is(tests.id('d', 'thread', 'task_id'), tests.id('d'), 'and knows the task that opened it');
select is(tests.kept('d') -> 'thread' -> 'message_count', '2', 'it has two messages');
select is(
  tests.said(tests.id('d', 'thread', 'id')),
  array[
    E'human:   Rotate the keys of the backup server and tell everybody who had one\nThen rest.',
    'system [Task Queued]: Task Queued'
  ],
  'the request and the embed Task Queued'
);
select is(
  (select embed_data - 'timestamp' from hub_channel_messages where task_thread_id = tests.id('d', 'thread', 'id') and embed_data is not null),
  jsonb_build_object(
    'title', 'Task Queued', 'color', x'5865F2'::integer,
    'description', 'Rotate the keys of the backup server and tell everybody who…',
    'footer', tests.kept('short'),
    'fields', '[{"name": "Model", "value": "claude", "inline": true}, {"name": "Device", "value": "— (pending)", "inline": true}]'::jsonb
  ),
  'which carries Model and Device — (pending)'
);

select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'session_id', null, 'a first task has no session to resume');
select report_progress(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'Rotating');
select complete_task(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'Rotated.', session_id => 'session-7');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[3:],
  array['agent: 📋 Rotating', 'agent [Task Complete]: Rotated.'],
  'progress and the embed Task Complete, whose content is the result'
);
select is(
  (select embed_data -> 'color' from hub_channel_messages where embed_data ->> 'title' = 'Task Complete'),
  to_jsonb(x'57F287'::integer), 'in the colour of success'
);
select is(
  (select array_agg(f ->> 'name' order by n)
    from hub_channel_messages, jsonb_array_elements(embed_data -> 'fields') with ordinality as x (f, n)
    where embed_data ->> 'title' = 'Task Complete'),
  '{Model,Device,Duration}', 'with Model, Device and Duration'
);
select is(
  (select embed_data #>> '{fields,1,value}' from hub_channel_messages where embed_data ->> 'title' = 'Task Complete'),
  'linux-1', 'the device being the one that did it'
);

-- A follow-up, that fails.
select tests.sign_in('operator');
select tests.keep('f', dispatch_task(tests.channel('cloud-hub/dispatch'), 'And the mail server', tests.id('d', 'thread', 'id')));
select tests.sign_out();
select is(tests.id('f', 'thread', 'id'), tests.id('d', 'thread', 'id'), 'a follow-up stays in the thread');
select is(tests.id('f', 'message', 'task_thread_id'), tests.id('d', 'thread', 'id'), 'with its message');
select is(cardinality(tests.said(tests.channel('cloud-hub/dispatch'))), 1, 'the channel gets no second message');
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[5:],
  array['human: And the mail server', 'system [Task Queued]: Task Queued'],
  'the thread gets the request and Task Queued'
);
select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'session_id', 'session-7', 'it resumes the agent session');
select fail_task(tests.kept('token') #>> '{}', tests.id('f'), tests.id('c', 'claim_id'), 'No mail server.', false);
select is(
  (tests.said(tests.id('d', 'thread', 'id')))[7:], array['system [Task Failed]: No mail server.'],
  'a failure is the embed Task Failed, whose content is the error'
);
select is(
  (select embed_data -> 'color' from hub_channel_messages where embed_data ->> 'title' = 'Task Failed'),
  to_jsonb(x'ED4245'::integer), 'in the colour of failure'
);
select is(
  (select message_count from hub_task_threads where id = tests.id('d', 'thread', 'id')),
  7, 'the counter of the thread is exact'
);

-- A request shorter than its title, and one of the length of a title.
select tests.keep('s', dispatch_task(tests.channel('cloud-hub/pulse-control'), 'Ping'));
select is(
  tests.kept('s') -> 'thread' ->> 'name', left(tests.id('s')::text, 8) || ' — Ping', 'a short title is not cut'
);
select is(
  dispatch_task(tests.channel('cloud-hub/pulse-control'), repeat('x', 60)) -> 'thread' ->> 'name' like '% — ' || repeat('x', 60),
  true, 'nor one of 60 characters'
);

-- Requeues and cancellations show in the thread as well.
select cancel_task(tests.id('s'));
select is(
  (tests.said(tests.id('s', 'thread', 'id')))[3:],
  array[format('system: 🚫 %s cancelled by admin', left(tests.id('s')::text, 8))], 'a cancellation shows in the thread'
);

-- What no thread can take.
select tests.sign_in('operator');
select is(
  tests.error_of(format('select public.dispatch_task(%L, ''x'', %L)', tests.channel('cloud-hub/pulse-control'), tests.id('d', 'thread', 'id'))),
  'thread_not_found', 'a thread of another channel is not found'
);
select is(
  tests.error_of(format('select public.dispatch_task(%L, ''x'', %L)', tests.channel('cloud-hub/dispatch'), gen_random_uuid())),
  'thread_not_found', 'nor is one that does not exist'
);
select update_thread_status(tests.id('d', 'thread', 'id'), 'archived');
select is(
  tests.error_of(format('select public.dispatch_task(%L, ''x'', %L)', tests.channel('cloud-hub/dispatch'), tests.id('d', 'thread', 'id'))),
  'thread_archived', 'an archived thread takes no task'
);
select tests.sign_out();
select is(
  (select count(*) from mac_tasks where task_thread_id = tests.id('d', 'thread', 'id')), 2::bigint, 'and nothing was made'
);

select * from finish();
rollback;
