-- dispatch_task on a flat channel: the texts of a task's life, in order, word for word.
begin;
select plan(25);

select tests.keep('token', tests.device('linux-1'));
select tests.keep('user', tests.sign_in('operator'));
select tests.keep('dispatched', dispatch_task(tests.channel('buf-barista/bridge'), 'Fix the login page error'));
select tests.sign_out();
select tests.keep('short', left(tests.id('dispatched')::text, 8));

select is(
  (select array_agg(k order by k) from jsonb_object_keys(tests.kept('dispatched')) as k),
  '{message,task,thread}', 'the answer is {message, task, thread}'
);
select is(tests.kept('dispatched') -> 'thread', 'null', 'a flat channel has no thread');
select is(tests.kept('dispatched') -> 'message' ->> 'content', 'Fix the login page error', 'the message is the request');
select is(tests.kept('dispatched') -> 'message' ->> 'sender_type', 'human', 'posted as a person');
select is(tests.kept('dispatched') -> 'message' -> 'sender_id', tests.kept('user'), 'of that user');
select is(tests.kept('dispatched') -> 'message' ->> 'sender_label', 'operator', 'under the user''s name');
select is(tests.kept('dispatched') -> 'message' -> 'metadata', jsonb_build_object('task_id', tests.id('dispatched')), 'about its task');
select is(tests.kept('dispatched') -> 'task' ->> 'status', 'pending', 'the task waits');
select is(tests.kept('dispatched') -> 'task' ->> 'project', 'Desktop/homelab', 'in the channel''s project');
select is(tests.kept('dispatched') -> 'task' ->> 'task_type', 'bugfix', 'with the type the rules give');
select is(tests.kept('dispatched') -> 'task' ->> 'model_preference', 'claude', 'and their model');
select is(tests.kept('dispatched') -> 'task' -> 'created_by', tests.kept('user'), 'asked by the user');
select is(
  tests.said(tests.channel('buf-barista/bridge')),
  array[
    'human: Fix the login page error',
    format(E'system: ⏳ Task %s queued\nModel: claude | Project: Desktop/homelab', tests.kept('short') #>> '{}')
  ],
  'the request, then that it is queued'
);

select tests.keep('claimed', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select is(tests.id('claimed', 'id'), tests.id('dispatched'), 'a device claims the task');
select ok(report_progress(tests.kept('token') #>> '{}', tests.id('claimed', 'id'), tests.id('claimed', 'claim_id'), 'Reading') is not null, 'it reports progress');
select ok(report_progress(tests.kept('token') #>> '{}', tests.id('claimed', 'id'), tests.id('claimed', 'claim_id'), E'Reading\nWriting') is not null, 'twice');
select is(
  complete_task(tests.kept('token') #>> '{}', tests.id('claimed', 'id'), tests.id('claimed', 'claim_id'), E'Fixed.\nIn login.tsx.')
    -> 'task' ->> 'status',
  'complete', 'and completes'
);
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[3:],
  array[
    format('agent: 📋 %s: Reading', tests.kept('short') #>> '{}'),
    format('agent: 📋 %s: Writing', tests.kept('short') #>> '{}'),
    format(E'agent: ✅ %s complete [claude/linux-1]\nFixed.\nIn login.tsx.', tests.kept('short') #>> '{}')
  ],
  'progress and result follow in the channel'
);
select is(
  (select array_agg((sender_id, sender_label, content_type, is_progress)::text order by created_at)
    from hub_channel_messages where channel_id = tests.channel('buf-barista/bridge') and sender_type = 'agent'),
  '{"(linux-1,linux-1,text,t)","(linux-1,linux-1,text,t)","(linux-1,linux-1,result,f)"}',
  'as the device, progress marked as such'
);
select is(
  (select count(*) from hub_channel_messages where metadata - 'event' = jsonb_build_object('task_id', tests.id('dispatched'))),
  5::bigint, 'every message names its task'
);
select isnt((select delivered_at from mac_tasks where id = tests.id('dispatched')), null, 'the outcome is delivered');

-- Failure, requeue and cancellation.
select tests.keep('second', dispatch_task(tests.channel('buf-barista/quick'), 'Fix it', model => 'gemini'));
select tests.keep('claimed', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select tests.keep('short', left(tests.id('second')::text, 8));
select fail_task(tests.kept('token') #>> '{}', tests.id('second'), tests.id('claimed', 'claim_id'), 'The net was down');
update mac_tasks set run_at = now() - interval '1 second' where id = tests.id('second');
select tests.keep('claimed', claim_tasks(tests.kept('token') #>> '{}') -> 0);
select fail_task(tests.kept('token') #>> '{}', tests.id('second'), tests.id('claimed', 'claim_id'), E'No such file\nat all', retryable => false);
select is(
  (tests.said(tests.channel('buf-barista/quick')))[3:],
  array[
    format('system: 🔁 %s requeued: The net was down (attempt 2 of 3)', tests.kept('short') #>> '{}'),
    format(E'system: ❌ %s failed [gemini/linux-1]\nNo such file\nat all', tests.kept('short') #>> '{}')
  ],
  'a requeue and a failure say why'
);
select is(
  (select content_type from hub_channel_messages where channel_id = tests.channel('buf-barista/quick') order by created_at desc limit 1),
  'error', 'a failure has the content type error'
);

select tests.keep('third', dispatch_task(tests.channel('buf-barista/garden'), 'Plant a tree'));
select tests.sign_in('operator');
select is(cancel_task(tests.id('third')) ->> 'status', 'failed', 'a cancelled task is failed');
select tests.sign_out();
select is(
  (tests.said(tests.channel('buf-barista/garden')))[3:],
  array[format('system: 🚫 %s cancelled by operator', left(tests.id('third')::text, 8))],
  'and says who cancelled it'
);

select * from finish();
rollback;
