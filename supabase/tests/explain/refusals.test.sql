-- Who explain_task answers, and what it refuses.
begin;
select plan(6);

select tests.keep('d', dispatch_task(tests.channel('buf-barista/quick'), 'Look'));
create function pg_temp.asked(role text) returns text language plpgsql as $$
begin
  perform tests.sign_in(role);
  return tests.error_of(format('select public.explain_task(%L)', tests.id('d')));
end
$$;

select is(pg_temp.asked('anon'), 'not_signed_in', 'nobody who is not signed in');
select is(pg_temp.asked('viewer'), null, 'a viewer');
select is(pg_temp.asked('operator'), null, 'an operator');
select is(pg_temp.asked('service_role'), null, 'the service key');
select is(tests.error_of('select public.explain_task(gen_random_uuid())'), 'task_not_found', 'a task that there is not');
select is(tests.error_of('select public.explain_task(null)'), 'task_not_found', 'none');

select * from finish();
rollback;
