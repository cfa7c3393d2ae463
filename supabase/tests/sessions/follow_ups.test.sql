-- Who gets a follow-up, and what it is given where the session is not.
begin;
select plan(17);

create function pg_temp.claim(device text) returns jsonb language sql as $$
  select tests.keep('c', claim_tasks(tests.kept(device) #>> '{}') -> 0); select tests.kept('c')
$$;
create function pg_temp.complete(device text, result text, session text) returns void language sql as $$
  select complete_task(tests.kept(device) #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), result, session_id => session)
$$;
create function pg_temp.follow(content text, platform text default null) returns void language sql as $$
  select tests.keep('f', dispatch_task(tests.channel('cloud-hub/dispatch'), content, tests.id('d', 'thread', 'id')));
$$;

select tests.keep('tux', tests.device('tux', '{claude}'));
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Count the lines'));
select pg_temp.claim('tux');
select is(tests.kept('c') ->> 'history', null, 'the first task of a thread has no history');
select report_progress(tests.kept('tux') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Counting');
select pg_temp.complete('tux', '42 lines', 's-1');
select pg_temp.follow('And the words');
select is(pg_temp.claim('tux') ->> 'session_id', 's-1', 'a follow-up resumes the session');
select is(tests.kept('c') ->> 'history', E'admin: Count the lines\n\ntux: 42 lines', 'and has what was said, should the session be gone');
select pg_temp.complete('tux', '99 words', 's-2');

-- The holder is busy, another device idle.
select tests.keep('pug', tests.device('pug', '{claude}'));
select dispatch_task(tests.channel('buf-barista/bridge'), 'Something else', model => 'claude', priority => 5);
select claim_tasks(tests.kept('tux') #>> '{}');
select pg_temp.follow('And the files');
select is(pg_temp.claim('pug'), 'null'::jsonb, 'a follow-up waits for its busy device');
select hub.recover();
select is(pg_temp.claim('pug'), 'null'::jsonb, 'for a while');
update hub.queue set since = since - interval '6 minutes' where task_id = tests.id('f');
select hub.recover();
select is(pg_temp.claim('pug') ->> 'id', tests.kept('f') #>> '{task,id}', 'then another may have it');
select is(tests.kept('c') ->> 'session_id', null, 'which has no session');
select is(
  tests.kept('c') ->> 'history',
  E'admin: Count the lines\n\ntux: 42 lines\n\nadmin: And the words\n\ntux: 99 words', 'but what was said'
);
select pg_temp.complete('pug', '7 files', 's-3');
select is(
  (select array_agg(m.content) from hub_channel_messages as m where m.metadata ->> 'event' = 'session_handed_over'),
  array[format('🔀 %s: claude on pug goes on with what was said here; the session of claude on tux stays there', left(tests.id('f')::text, 8))],
  'and the thread is told'
);
select is((select session_device from hub_task_threads where id = tests.id('d', 'thread', 'id')), 'pug', 'its session is the one to go on with');

-- The holder cannot run it at all.
select tests.keep('mac', tests.device('mac', '{claude}', 'macos'));
select pg_temp.follow('Now as a SwiftUI view');
select is((select platform from mac_tasks where id = tests.id('f')), 'macos', 'a follow-up that needs another platform');
select is(explain_task(tests.id('f')) ->> 'reason', 'ready', 'waits for no device that has not got it');
select is(pg_temp.claim('mac') ->> 'id', tests.kept('f') #>> '{task,id}', 'and goes where it can run');
select pg_temp.complete('mac', 'A view', 's-4');

-- The last attempt begins anew.
update hub.settings set retry_backoff = '0';
select pg_temp.follow('Once more');
select pg_temp.claim('mac');
select fail_task(tests.kept('mac') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'HTTP 400');
select is(pg_temp.claim('mac') ->> 'session_id', 's-4', 'the second attempt resumes the session');
select fail_task(tests.kept('mac') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'HTTP 400');
select is(pg_temp.claim('mac') ->> 'session_id', null, 'the last one does not');
select ok(tests.kept('c') ->> 'history' like '%mac: A view', 'it has the history');
select pg_temp.complete('mac', 'Done', 's-5');
select is(
  (select array_agg(m.content) from hub_channel_messages as m where m.metadata ->> 'event' = 'session_begun_anew'),
  array[format('🔀 %s: claude on mac begins anew with what was said here: its session could not be resumed', left(tests.id('f')::text, 8))],
  'and the thread is told'
);

select * from finish();
rollback;
