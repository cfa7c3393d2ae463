-- publish_changes: a task for the one device that has the branch.
begin;
select plan(35);

create function pg_temp.changed(channel text, device text) returns jsonb language sql as $$
  select tests.keep('changed', dispatch_task(tests.channel(channel), E'Fix it\nat once', model => 'codex'));
  select tests.keep('claim', claim_tasks(tests.kept(device) #>> '{}') -> 0);
  select complete_task(tests.kept(device) #>> '{}', tests.id('claim', 'id'), tests.id('claim', 'claim_id'), 'Done.',
    changes => '{"base": "main", "branch": "aura/1", "additions": 1, "deletions": 0, "files": []}');
  select tests.kept('claim')
$$;

select tests.keep('has', tests.device('has', '{codex}'));
select tests.keep('flat', pg_temp.changed('buf-barista/bridge', 'has'));
select tests.keep('other', tests.device('other', '{claude,codex,gemini}', max_running => 9));

select tests.sign_in('viewer');
select is(tests.error_of(format('select public.publish_changes(%L)', tests.id('flat', 'id'))), 'role_required', 'a viewer may not');
select tests.sign_in('operator');
select tests.keep('p', publish_changes(tests.id('flat', 'id')));
select is(tests.kept('p') ->> 'kind', 'publish', 'it is a task of its own kind');
select is(tests.kept('p') ->> 'status', 'pending', 'that waits');
select is(tests.kept('p') ->> 'content', 'Publish aura/1', 'and says what it does');
select is(publish_changes(tests.id('flat', 'id')) ->> 'id', tests.kept('p') ->> 'id', 'asked again, it is the same');
select is(publish_changes(tests.id('flat', 'id'), false) ->> 'id', tests.kept('p') ->> 'id', 'whatever is asked');
select tests.sign_out();
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[4],
  format(E'system: ⏳ Task %s queued by operator\nPublish: aura/1 | Device: has', left(tests.id('p', 'id')::text, 8)),
  'the channel is told'
);
select is(explain_task(tests.id('p', 'id')) ->> 'reason', 'ready', 'its device can take it');

select is(claim_tasks(tests.kept('other') #>> '{}', 9), '[]', 'no other device is given it');
select tests.keep('busy', dispatch_task(tests.channel('buf-barista/quick'), 'x', model => 'codex', priority => 100));
select tests.keep('busy', claim_tasks(tests.kept('has') #>> '{}') -> 0);
select is(explain_task(tests.id('p', 'id')) ->> 'reason', 'devices_busy', 'it waits while its device is busy');
select complete_task(tests.kept('has') #>> '{}', tests.id('busy', 'id'), tests.id('busy', 'claim_id'), 'x');
select set_device_draining((select id from mesh_devices where name = 'has'), true);
select is(explain_task(tests.id('p', 'id')) ->> 'reason', 'device_draining', 'or drains');
select set_device_draining((select id from mesh_devices where name = 'has'), false);
update mesh_devices set status = 'offline' where name = 'has';
select is(explain_task(tests.id('p', 'id')) ->> 'reason', 'waiting_for_device', 'or is away');
select is(explain_task(tests.id('p', 'id')) #>> '{detail,device}', 'has', 'which is named');
select is(claim_tasks(tests.kept('other') #>> '{}', 9), '[]', 'even then no other one is given it');

-- A throttled model does not matter.
update mesh_device_models set rate_limited_until = now() + interval '1 hour';
select tests.keep('c', claim_tasks(tests.kept('has') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'id', tests.kept('p') ->> 'id', 'its device is');
select is(tests.kept('c') ->> 'model', 'git', 'with git in the place of a model');
select is(
  tests.kept('c') #> '{metadata,publish}', jsonb_build_object(
    'task_id', tests.id('flat', 'id'), 'branch', 'aura/1', 'base', 'main', 'commit', null, 'title', 'Fix it',
    'pull_request', true
  ), 'and with what it needs'
);
select fail_task(tests.kept('has') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'busy', true);
update mac_tasks set run_at = null where id = tests.id('p', 'id');
select tests.keep('c', claim_tasks(tests.kept('has') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'id', tests.kept('p') ->> 'id', 'a new attempt is on the same device');
select complete_task(tests.kept('has') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'https://forge/pull/1', 'git');
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[6],
  format(E'agent: ✅ %s complete [git/has]\nhttps://forge/pull/1', left(tests.id('p', 'id')::text, 8)),
  'the address is posted'
);
select isnt(publish_changes(tests.id('flat', 'id'), false) ->> 'id', tests.kept('p') ->> 'id', 'later it can be published again');
select is(
  (select metadata #>> '{publish,pull_request}' from mac_tasks where kind = 'publish' and status = 'pending'), 'false',
  'also without a pull request'
);
delete from mac_tasks where kind = 'publish';

-- In a thread.
update mesh_device_models set rate_limited_until = null;
select tests.keep('threaded', pg_temp.changed('cloud-hub/dispatch', 'has'));
select tests.keep('p', publish_changes(tests.id('threaded', 'id')));
select is(tests.id('p', 'task_thread_id'), tests.id('threaded', 'task_thread_id'), 'a thread''s branch is published in the thread');
select is(
  (select m.embed_data #>> '{fields,0,value}' from hub_channel_messages as m
    where m.task_thread_id = tests.id('p', 'task_thread_id') order by m.created_at desc, m.id desc limit 1),
  'aura/1', 'which is told'
);
select tests.keep('next', dispatch_task(tests.channel('cloud-hub/dispatch'), 'More', tests.id('threaded', 'task_thread_id')));
select is(explain_task(tests.id('next')) ->> 'reason', 'waiting_for_previous', 'a follow-up waits for it');
select cancel_task(tests.id('p', 'id'));
select is(explain_task(tests.id('next')) ->> 'reason', 'ready', 'and begins when it is cancelled');
select is((select status from hub_task_threads where id = tests.id('threaded', 'task_thread_id')), 'active', 'the thread is active');

-- A device with another name, and one that is gone.
select cancel_task(tests.id('next'));
update mesh_devices set name = 'renamed' where name = 'has';
select tests.keep('p', publish_changes(tests.id('flat', 'id')));
select is(
  (claim_tasks(tests.kept('has') #>> '{}') -> 0) ->> 'id', tests.kept('p') ->> 'id', 'a renamed device still has the branch'
);
delete from mac_tasks where kind = 'publish';
delete from mesh_devices where name = 'renamed';
select is(tests.error_of(format('select public.publish_changes(%L)', tests.id('flat', 'id'))), 'device_not_found', 'a device that is gone has none');

-- What is refused.
select tests.keep('plain', dispatch_task(tests.channel('buf-barista/bridge'), 'x'));
select is(tests.error_of(format('select public.publish_changes(%L)', tests.id('plain'))), 'no_changes', 'a task without changes');
select is(tests.error_of(format('select public.publish_changes(%L)', gen_random_uuid())), 'task_not_found', 'no task');
select tests.sign_out();
update hub_servers set default_role = 'none' where name = 'buf-barista';
select tests.sign_in('operator');
select is(tests.error_of(format('select public.publish_changes(%L)', tests.id('flat', 'id'))), 'task_not_found', 'who does not see the server publishes nothing of it');
select tests.sign_in('anon');
select is(tests.error_of(format('select public.publish_changes(%L)', tests.id('flat', 'id'))), 'not_signed_in', 'nobody');
select tests.sign_out();
select is((select count(*) from mac_tasks where kind = 'publish'), 0::bigint, 'and nothing is queued');
select throws_ok(
  $$insert into mac_tasks (content, kind) values ('x', 'odd')$$, '23514', null, 'there is no other kind'
);
select is((select count(*) from hub.delivery_failures), 0::bigint, 'everything was posted');

select * from finish();
rollback;
