-- Files that no request names go after a day; those of a request stay with it.
begin;
select plan(5);

select tests.sign_in('operator');
select tests.keep('used', tests.file('used.txt'));
select tests.keep('unused', tests.file('unused.txt'));
select public.dispatch_task(tests.channel('buf-barista/quick'), 'x', file_ids => array[(tests.kept('used') #>> '{}')::uuid]);
select tests.sign_out();
select is(hub.prune() ->> 'files', '0', 'a file of today stays');
update hub_files set created_at = now() - interval '25 hours';
select is(hub.prune() ->> 'files', '1', 'one that no request has named for a day goes');
select is((select array_agg(f.name) from hub_files as f), '{used.txt}', 'and no other');
select is(
  public.files_to_remove(), jsonb_build_array(tests.channel('buf-barista/quick') || '/' || (tests.kept('unused') #>> '{}')),
  'its object is to follow'
);

select tests.sign_in('operator');
select lives_ok($$ select public.create_file(tests.channel('buf-barista/quick'), 'f' || n, null, 1) from generate_series(1, 200) as n $$, 'so many may wait');
select tests.sign_out();

select * from finish();
rollback;
