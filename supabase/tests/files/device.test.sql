-- read_file and offer_file: a device reads and leaves files of the task that it holds, and of no other.
begin;
select plan(36);

select tests.keep('token', tests.device('linux-1', max_running => 3));
select tests.keep('other', tests.device('linux-2'));
select tests.keep('file', tests.file('in.txt'));
select tests.keep('d', public.dispatch_task(tests.channel('buf-barista/quick'), 'Look', file_ids => array[(tests.kept('file') #>> '{}')::uuid]));
select tests.keep('claim', claim_tasks(tests.kept('token') #>> '{}') -> 0);

create function pg_temp.token() returns text language sql as $$ select tests.kept('token') #>> '{}' $$;
create function pg_temp.read(file uuid, token text default pg_temp.token(), claim uuid default tests.id('claim', 'claim_id'))
returns jsonb language sql as $$ select public.read_file(token, tests.id('d'), claim, file) -> 'file' $$;
create function pg_temp.offer(name text, size bigint default 5, sha256 text default null, error text default null)
returns jsonb language sql as $$
  select public.offer_file(pg_temp.token(), tests.id('claim', 'id'), tests.id('claim', 'claim_id'), name, 'text/plain', size, sha256, error) -> 'file'
$$;
create function pg_temp.said() returns text language sql as $$
  select (tests.said(tests.channel('buf-barista/quick')))[cardinality(tests.said(tests.channel('buf-barista/quick')))]
$$;
create function pg_temp.short() returns text language sql as $$ select left(tests.id('claim', 'id')::text, 8) $$;

-- Reading.
select is(pg_temp.read((tests.kept('file') #>> '{}')::uuid) ->> 'name', 'in.txt', 'a device reads the file of its task');
select is(tests.error_of(format('select pg_temp.read(%L)', gen_random_uuid())), 'file_not_found', 'and none that is not its task''s');
select tests.keep('stranger', tests.file('stranger.txt'));
select is(tests.error_of(format('select pg_temp.read(%L)', tests.kept('stranger') #>> '{}')), 'file_not_found', 'though it exists');
select is(
  tests.error_of(format('select pg_temp.read(%L, claim => %L)', tests.kept('file') #>> '{}', gen_random_uuid())), 'stale_claim',
  'nor with another claim'
);
select is(
  tests.error_of(format('select pg_temp.read(%L, %L)', tests.kept('file') #>> '{}', tests.kept('other') #>> '{}')), 'stale_claim',
  'nor does another device'
);
select is(
  tests.error_of(format('select pg_temp.read(%L, %L)', tests.kept('file') #>> '{}', 'nonsense')), 'bad_device_token', 'nor anybody else'
);

-- Leaving.
select tests.keep('out', pg_temp.offer('out.txt', 5, repeat('ab', 32)));
select is(tests.kept('out') ->> 'state', 'pending', 'a file that an agent leaves is announced');
select is(tests.kept('out') ->> 'direction', 'out', 'on its way out');
select is(tests.error_of(format('select pg_temp.read(%L)', tests.kept('out') ->> 'id')), 'file_not_stored', 'it is not there yet');
select is(pg_temp.offer('out.txt', 6) ->> 'id', tests.kept('out') ->> 'id', 'offered again, it is the same file');
select throws_ok(format('select tests.arrive(%L, 5)', tests.kept('out') ->> 'path'), '42501', 'The file has 5 bytes; 6 were announced.');
select is((select f.state from hub_files as f where f.id = tests.id('out', 'id')), 'pending', 'an object of another size is refused');
select tests.arrive(tests.kept('out') ->> 'path', 6);
select is((select f.state from hub_files as f where f.id = tests.id('out', 'id')), 'stored', 'its object makes it stored');
select is(pg_temp.said(), format('agent: 📎 %s: out.txt (6 bytes)', pg_temp.short()), 'which is posted');
select is(
  (select m.metadata - 'task_id' from hub_channel_messages as m join hub_files as f on f.message_id = m.id where f.id = tests.id('out', 'id')),
  '{"event": "file_stored"}', 'as an event, and the file names its message'
);
select isnt(pg_temp.offer('out.txt', 6) ->> 'id', tests.kept('out') ->> 'id', 'another file of the same name is another file');
select tests.keep('same', pg_temp.offer('same.txt', 6, repeat('cd', 32)));
select tests.arrive(tests.kept('same') ->> 'path', 6);
select is(
  pg_temp.offer('same.txt', 6, repeat('cd', 32)) - array['message_id'],
  tests.kept('same') - array['message_id'] || '{"state": "stored"}',
  'the same file offered again has arrived already'
);

-- What cannot be delivered is said, and tried again.
select is(pg_temp.offer('big.bin', 25000001) ->> 'state', 'failed', 'a file that is too large has failed');
select is(
  pg_temp.said(), format('agent: 📎 %s: big.bin could not be delivered: it has 25000001 bytes; 25000000 are allowed', pg_temp.short()),
  'and the channel is told why'
);
select tests.keep('gone', pg_temp.offer('gone.txt', 5, null, E'the device''s disk\nis broken'));
select is(tests.kept('gone') ->> 'error', E'the device''s disk\nis broken', 'a device gives its own reason');
select is(pg_temp.offer('gone.txt') ->> 'state', 'pending', 'and may try again');
select tests.arrive(tests.kept('gone') ->> 'path', 5);
select is(
  (select m.content from hub_channel_messages as m where m.id = tests.id('gone', 'message_id')),
  format('📎 %s: gone.txt (5 bytes)', pg_temp.short()), 'whereupon its message is rewritten'
);
select is(tests.error_of(format('select pg_temp.offer(%L)', n.name)), 'bad_argument', format('no name: %s', to_json(n.name)))
from unnest(array['../x', 'a/b', E'a\u202Eb']) as n (name);
select lives_ok(format('select pg_temp.offer(%L)', 'file ' || n), 'one more file') from generate_series(1, 1) as n;
select count(pg_temp.offer('many ' || n)) from generate_series(1, 14) as n;
select is(tests.error_of($$ select pg_temp.offer('one too many') $$), 'too_many_files', '20 are the most of one attempt');

-- The end of the task.
select tests.keep('missing', pg_temp.offer('many 1'));
select complete_task(pg_temp.token(), tests.id('claim', 'id'), tests.id('claim', 'claim_id'), 'Done');
select is(tests.error_of($$ select pg_temp.offer('late.txt') $$), 'stale_claim', 'a task that has ended takes no more files');
select hub.recover();
select is((select f.state from hub_files as f where f.id = tests.id('missing', 'id')), 'pending', 'what is on its way may still come');
update mac_tasks set finished_at = now() - interval '6 minutes' where id = tests.id('claim', 'id');
select hub.recover();
select is(
  (select array_agg(distinct f.state || ': ' || f.error) from hub_files as f where f.task_id = tests.id('claim', 'id') and f.name like 'many%'),
  array['failed: its device has not uploaded it'], 'what never came has failed'
);
select is(
  (select count(*) from hub_channel_messages where content like '%many%could not be delivered: its device has not uploaded it'), 14::bigint,
  'and each is said to have'
);
select tests.arrive(tests.kept('missing') ->> 'path', 5);
select is((select f.state from hub_files as f where f.id = tests.id('missing', 'id')), 'stored', 'one that comes later is stored all the same');

-- In a thread.
select tests.keep('t', public.dispatch_task(tests.channel('cloud-hub/dispatch'), 'Build', model => 'claude'));
select tests.keep('claim', claim_tasks(pg_temp.token()) -> 0);
select tests.keep('report', pg_temp.offer('report.pdf'));
select tests.arrive(tests.kept('report') ->> 'path', 5);
select ok(
  'agent: 📎 report.pdf (5 bytes)' = any (tests.said(tests.id('t', 'thread', 'id'))), 'a thread shows its files without the task''s id'
);
update hub_task_threads set status = 'archived', archived_at = now(), next_transition_at = null where id = tests.id('t', 'thread', 'id');
select tests.keep('closed', pg_temp.offer('closed.pdf'));
select lives_ok(format('select tests.arrive(%L, 5)', tests.kept('closed') ->> 'path'), 'a thread that is closed takes the file');
select is((select f.state from hub_files as f where f.id = tests.id('closed', 'id')), 'stored', 'which is stored');
select is((select f.message_id from hub_files as f where f.id = tests.id('closed', 'id')), null, 'and says nothing');

select * from finish();
rollback;
