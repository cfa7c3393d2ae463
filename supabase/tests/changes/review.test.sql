-- review_changes: comments on lines become one follow-up that goes on with the branch.
begin;
select plan(29);

create function pg_temp.changed(channel text) returns jsonb language sql as $$
  select dispatch_task(tests.channel(channel), 'Fix it', model => 'claude');
  select tests.keep('claim', claim_tasks(tests.kept('has') #>> '{}') -> 0);
  select complete_task(tests.kept('has') #>> '{}', tests.id('claim', 'id'), tests.id('claim', 'claim_id'), 'Done.',
    session_id => 's-1',
    changes => '{"base": "main", "branch": "aura/1", "additions": 1, "deletions": 0, "files": []}');
  select tests.kept('claim')
$$;
create function pg_temp.refusal(comments jsonb, content text default null) returns text language sql as $$
  select tests.error_of(format('select public.review_changes(%L, %L, %L)', tests.id('flat', 'id'), comments, content))
$$;

select tests.keep('has', tests.device('has', '{claude,codex}'));
select tests.keep('flat', pg_temp.changed('buf-barista/bridge'));
select tests.keep('threaded', pg_temp.changed('cloud-hub/dispatch'));
select tests.keep('other', tests.device('other', '{claude,codex,gemini}', max_running => 9));

select is(pg_temp.refusal(c.comments::jsonb), 'bad_argument', 'refused: ' || left(c.comments, 60))
from (values
  ('null'), ('{}'), ('[]'), ('[1]'), ('[{}]'), ('[{"path": "a", "line": 1}]'), ('[{"path": "a", "line": 1, "body": " "}]'),
  ('[{"path": "", "line": 1, "body": "x"}]'), ('[{"path": "a\nb", "line": 1, "body": "x"}]'),
  ('[{"path": "a", "line": "1", "body": "x"}]'), ('[{"path": "a", "line": -1, "body": "x"}]'),
  ('[{"path": "a", "line": 1, "side": "left", "body": "x"}]')
) as c (comments);
select is(
  pg_temp.refusal((select jsonb_agg(jsonb_build_object('path', 'a', 'body', repeat('x', 8000))) from generate_series(1, 5))),
  'content_too_long', 'no more than a request may have'
);
select tests.sign_in('viewer');
select is(pg_temp.refusal('[{"path": "a", "body": "x"}]'), 'role_required', 'a viewer may not');
select tests.sign_in('operator');

select tests.keep('r', review_changes(tests.id('flat', 'id'), '[
  {"path": "src/a.ts", "line": 12, "side": "new", "body": "Why?\nSay it."},
  {"path": "src/b.ts", "line": 3, "side": "old", "body": "Keep this."},
  {"path": "README.md", "body": "Too long."}
]', 'Nearly there.', idempotency_key => 'k'));
select is(
  tests.kept('r') #>> '{message,content}',
  format(E'Nearly there.\n\nReview of %s, on aura/1:\n\nsrc/a.ts:12\n> Why?\n> Say it.\n\nsrc/b.ts:3 (as it was)\n> Keep this.\n\nREADME.md\n> Too long.',
    left(tests.id('flat', 'id')::text, 8)),
  'people read the comments under their places'
);
select is(tests.kept('r') #>> '{task,content}', tests.kept('r') #>> '{message,content}', 'and so does the agent');
select is(tests.kept('r') #>> '{message,sender_type}', 'human', 'they are a person''s words');
select is(jsonb_array_length(tests.kept('r') #> '{task,metadata,review}'), 3, 'they are kept as they were given');
select is(
  review_changes(tests.id('flat', 'id'), '[{"path": "a", "body": "x"}]', idempotency_key => 'k') -> 'task', tests.kept('r') -> 'task',
  'the same key is the same review'
);
select is(tests.id('r', 'task', 'metadata', 'branch_of'), tests.id('flat', 'id'), 'it goes on with the branch');
select tests.sign_out();
select is(claim_tasks(tests.kept('other') #>> '{}', 9), '[]', 'on the device that has it');
select tests.keep('c', claim_tasks(tests.kept('has') #>> '{}') -> 0);
select is(tests.id('c', 'id'), tests.id('r'), 'which is given it');
select complete_task(tests.kept('has') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Done.',
  changes => '{"base": "main", "branch": "aura/1", "additions": 1, "deletions": 0, "files": []}');
select tests.keep('again', review_changes(tests.id('r'), '[{"path": "a", "body": "x"}]'));
select is(
  tests.id('again', 'task', 'metadata', 'branch_of'), tests.id('flat', 'id'), 'a review of its result goes on with the same branch'
);
select matches(
  tests.kept('again') #>> '{task,content}', '^Please work in these comments\.', 'words are not needed'
);
select cancel_task(tests.id('again'));

select tests.keep('t', review_changes(tests.id('threaded', 'id'), '[{"path": "a", "line": 1, "body": "x"}]'));
select is(tests.id('t', 'thread', 'id'), tests.id('threaded', 'task_thread_id'), 'in a thread it is a follow-up');
select tests.keep('c', claim_tasks(tests.kept('has') #>> '{}') -> 0);
select is(tests.kept('c') ->> 'session_id', 's-1', 'that resumes the session');

select tests.keep('plain', dispatch_task(tests.channel('buf-barista/bridge'), 'x'));
select is(
  tests.error_of(format('select public.review_changes(%L, ''[{"path": "a", "body": "x"}]'')', tests.id('plain'))),
  'no_changes', 'a task without changes has nothing to review'
);
select is((select count(*) from hub.delivery_failures), 0::bigint, 'everything was posted');
select is((select count(*) from mac_tasks where metadata ? 'review'), 3::bigint, 'nothing else was queued');

select * from finish();
rollback;
