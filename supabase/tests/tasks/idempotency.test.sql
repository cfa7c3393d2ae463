-- The same idempotency_key from the same user in the same channel returns the first result again.
begin;
select plan(13);

select tests.sign_in('operator');
select tests.keep('a', dispatch_task(tests.channel('buf-barista/bridge'), 'Once', idempotency_key => 'k1'));
select tests.keep('b', dispatch_task(tests.channel('buf-barista/bridge'), 'Twice', idempotency_key => 'k1'));
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
  dispatch_task(tests.channel('buf-barista/bridge'), '', idempotency_key => 'k1') #>> '{task,id}',
  tests.id('a')::text, 'whatever else is sent with it'
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
