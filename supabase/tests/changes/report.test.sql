-- complete_task(changes): checked, kept, shown; and no reason to lose a result.
begin;
select plan(34);

create function pg_temp.changes(more jsonb default '{}') returns jsonb language sql as $$
  select jsonb_build_object(
    'base', 'main', 'branch', 'aura/1f56ce40', 'commit', repeat('a', 40), 'additions', 40, 'deletions', 12,
    'file_count', 3, 'files', jsonb_build_array(
      jsonb_build_object('path', 'a.ts', 'status', 'modified', 'additions', 40, 'deletions', 2),
      jsonb_build_object('path', 'b.ts', 'old_path', 'c.ts', 'status', 'renamed', 'additions', 0, 'deletions', 10),
      jsonb_build_object('path', 'p.png', 'status', 'added', 'additions', null, 'deletions', null)
    )
  ) || more
$$;
create function pg_temp.claimed(channel text) returns jsonb language sql as $$
  select dispatch_task(tests.channel(channel), 'Fix it');
  select claim_tasks(tests.kept('d') #>> '{}') -> 0
$$;
create function pg_temp.refusal(changes jsonb) returns text language sql as $$
  select tests.error_of(format('select public.complete_task(%L, %L, %L, ''x'', changes => %L)',
    tests.kept('d') #>> '{}', tests.id('flat', 'id'), tests.id('flat', 'claim_id'), changes))
$$;

select tests.keep('d', tests.device('d', '{claude,codex,gemini}', max_running => 9));
select tests.keep('flat', pg_temp.claimed('buf-barista/bridge'));
select is(pg_temp.refusal(pg_temp.changes(c.more)), 'bad_argument', 'refused: ' || left(c.more::text, 60))
from (values
  ('{"branch": null}'::jsonb), ('{"branch": ""}'), ('{"branch": 1}'), ('{"branch": "a\nb"}'), ('{"base": null}'),
  (jsonb_build_object('branch', repeat('b', 256))), (jsonb_build_object('branch', E'a\u202eb')),
  ('{"commit": "main"}'), ('{"additions": -1}'), ('{"additions": 1.5}'), ('{"additions": "1"}'), ('{"deletions": null}'),
  ('{"additions": 12345678901}'), ('{"file_count": null}'), ('{"file_count": [1]}'),
  ('{"files": null}'), ('{"files": {}}'), ('{"files": [1]}'), ('{"files": [{}]}'),
  ('{"files": [{"path": "a", "status": "odd", "additions": 1, "deletions": 0}]}'),
  ('{"files": [{"path": "", "status": "added", "additions": 1, "deletions": 0}]}'),
  ('{"files": [{"path": "a", "status": "added", "additions": "1", "deletions": 0}]}'),
  (jsonb_build_object('files', (select jsonb_agg('{"path": "a", "status": "added"}'::jsonb) from generate_series(1, 1001)))),
  (jsonb_build_object('files', (
    select jsonb_agg(jsonb_build_object('path', repeat('a', 900), 'status', 'added')) from generate_series(1, 400))))
) as c (more);
select is(pg_temp.refusal('[]'), 'bad_argument', 'an array is no changes');
select is((select status from mac_tasks where id = tests.id('flat', 'id')), 'running', 'the task still runs');

select complete_task(tests.kept('d') #>> '{}', tests.id('flat', 'id'), tests.id('flat', 'claim_id'), 'Done.',
  changes => pg_temp.changes('{"more": "of what nobody asked for"}'));
select is(
  (select changes from mac_tasks where id = tests.id('flat', 'id')),
  pg_temp.changes() || jsonb_build_object('device_id', (select id from mesh_devices where name = 'd')),
  'what was reported is kept, with the device'
);
select is(
  (tests.said(tests.channel('buf-barista/bridge')))[3],
  format(E'agent: ✅ %s complete [claude/d]\nDone.\n\nChanges: 3 files +40 −12 on aura/1f56ce40', left(tests.id('flat', 'id')::text, 8)),
  'and a line of it is posted'
);

select tests.keep('threaded', pg_temp.claimed('cloud-hub/dispatch'));
select complete_task(tests.kept('d') #>> '{}', tests.id('threaded', 'id'), tests.id('threaded', 'claim_id'), 'Done.',
  changes => pg_temp.changes('{"file_count": 1, "files": []}'));
select is(
  (
    select array_agg(f.field ->> 'name' order by f.position)
    from hub_channel_messages as m, jsonb_array_elements(m.embed_data -> 'fields') with ordinality as f (field, position)
    where m.task_thread_id = tests.id('threaded', 'task_thread_id') and m.embed_data ->> 'title' = 'Task Complete'
  ),
  '{Model,Device,Duration,Changes}', 'in a thread it is a field'
);
select is(
  (
    select m.embed_data #>> '{fields,3,value}' from hub_channel_messages as m
    where m.task_thread_id = tests.id('threaded', 'task_thread_id') and m.embed_data ->> 'title' = 'Task Complete'
  ),
  '1 file +40 −12 on aura/1f56ce40', 'one file is no files'
);

select tests.keep('none', pg_temp.claimed('buf-barista/quick'));
select complete_task(tests.kept('d') #>> '{}', tests.id('none', 'id'), tests.id('none', 'claim_id'), 'Done.', changes => 'null');
select is((select changes from mac_tasks where id = tests.id('none', 'id')), null, 'no changes are none');
select ok(
  (tests.said(tests.channel('buf-barista/quick')))[3] like E'%\nDone.', 'and nothing is said of them'
);

select tests.sign_in('operator');
select is(
  tests.error_of(format($$insert into public.mac_tasks (channel_id, content, metadata) values (%L, 'x', %L)$$,
    tests.channel('buf-barista/quick'), jsonb_build_object(k, 'x'))),
  'bad_argument', 'nobody writes ' || k
)
from unnest(array['device_id', 'branch_of', 'publish', 'review']) as k limit 2;

select * from finish();
rollback;
