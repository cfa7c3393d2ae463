-- The same idempotency_key from the same user in the same channel returns the first result again.
begin;
select plan(20);

select tests.sign_in('operator');
select tests.keep('a', dispatch_task(tests.channel('buf-barista/bridge'), 'Once', idempotency_key => 'k1'));
select tests.keep('b', dispatch_task(tests.channel('buf-barista/bridge'), 'Once', priority => 5, idempotency_key => 'k1'));
select is(tests.kept('b'), tests.kept('a'), 'the first result comes again');
select is(cardinality(tests.said(tests.channel('buf-barista/bridge'))), 2, 'and nothing is created');
select isnt(
  dispatch_task(tests.channel('buf-barista/quick'), 'Once', idempotency_key => 'k1') #>> '{task,id}',
  tests.id('a')::text, 'in another channel the key is another'
);
select isnt(
  dispatch_task(tests.channel('buf-barista/bridge'), 'Once', idempotency_key => 'k2') #>> '{task,id}',
  tests.id('a')::text, 'and so is another key'
);
select tests.sign_in('admin');
select tests.keep('c', dispatch_task(tests.channel('buf-barista/bridge'), 'Mine', idempotency_key => 'k1'));
select isnt(tests.id('c'), tests.id('a'), 'the key of another user is another');
select tests.sign_in('service_role');
select tests.keep('s', dispatch_task(tests.channel('buf-barista/bridge'), 'Service', idempotency_key => 'k1'));
select is(
  dispatch_task(tests.channel('buf-barista/bridge'), 'Service', idempotency_key => 'k1') #>> '{task,id}',
  tests.id('s')::text, 'the service key is a user of its own'
);

select tests.sign_in('operator');
select tests.keep('t', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Thread', idempotency_key => 'k1'));
select is(
  dispatch_task(tests.channel('cloud-hub/dispatch'), 'Thread', idempotency_key => 'k1'), tests.kept('t'),
  'a threaded dispatch returns the same thread and message'
);
select cancel_task(tests.id('a'));
select is(
  dispatch_task(tests.channel('buf-barista/bridge'), 'Once', idempotency_key => 'k1') #>> '{task,status}',
  'failed', 'also once the task has ended'
);
select is(
  tests.error_of(format('select public.dispatch_task(%L, %L, idempotency_key => ''k1'')', tests.channel('buf-barista/bridge'), content)),
  'key_used', 'but not with another content: ' || coalesce(content, 'null')
) from (values ('Once more'), ('once'), (''), (null)) as c (content);
select tests.keep('g', dispatch_team(tests.channel('buf-barista/bridge'), 'Goal', '["a"]', idempotency_key => 'k1'));
select is(
  dispatch_team(tests.channel('buf-barista/bridge'), 'Goal', '["a"]', idempotency_key => 'k1') #>> '{team,id}', tests.id('g', 'team', 'id')::text,
  'a team comes again too'
);
select is(
  tests.error_of(format('select public.dispatch_team(%L, ''Other'', idempotency_key => ''k1'')', tests.channel('buf-barista/bridge'))),
  'key_used', 'with its own goal'
);
select tests.keep('i', send_input(tests.id('t'), 'Faster', idempotency_key => 'k1'));
select is(send_input(tests.id('t'), 'Faster', idempotency_key => 'k1') #>> '{input,id}', tests.id('i', 'input', 'id')::text, 'and an input');
select is(
  tests.error_of(format('select public.send_input(%L, ''Slower'', idempotency_key => ''k1'')', tests.id('t'))), 'key_used', 'with its own words'
);
select is(
  tests.error_of(format('select public.dispatch_task(%L, ''x'', idempotency_key => '''')', tests.channel('buf-barista/bridge'))),
  'bad_argument', 'an empty key is refused'
);
select is(
  tests.error_of(format('select public.dispatch_task(%L, ''x'', idempotency_key => repeat(''k'', 201))', tests.channel('buf-barista/bridge'))),
  'bad_argument', 'a key over 200 characters is refused'
);

-- A refusal keeps nothing: the key is free again.
select is(
  tests.error_of(format('select public.dispatch_task(%L, '' '', idempotency_key => ''k3'')', tests.channel('buf-barista/bridge'))),
  'content_empty', 'a refused dispatch'
);
select is(
  dispatch_task(tests.channel('buf-barista/bridge'), 'Now', idempotency_key => 'k3') #>> '{task,content}',
  'Now', 'leaves its key free'
);

select * from finish();
rollback;
