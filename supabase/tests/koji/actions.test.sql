begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
select plan(30);

create function pg_temp.says(command text) returns text language sql as $$
  select string_agg(c, '' order by p)
  from jsonb_array_elements_text(
    public.execute_command(tests.channel('koji-pipeline/leads'), command) -> 'chunks'
  ) with ordinality as t (c, p)
$$;
create function pg_temp.refusal(command text) returns text language sql as $$
  select tests.error_of(format('select pg_temp.says(%L)', command))
$$;
delete from koji.orders where true;
delete from koji.accounts where true;
delete from koji.prospects where true;
delete from koji.sweeps where true;
insert into koji.prospects (name, market, temperature, stage, rating, sampled_at, closed_at) values
  ('Cold Star', 'queens', 'cold', 'new', 5.0, null, null),
  ('Warm Star', 'queens', 'warm', 'outreach', 4.9, null, null),
  ('Hot One', 'queens', 'hot', 'new', 4.0, null, null),
  ('Hot Two', 'brooklyn', 'hot', 'follow_up', 4.2, null, null),
  ('Has One', 'queens', 'hot', 'sample', 5.0, now(), null),
  ('Won Over', 'queens', 'hot', 'won', 5.0, null, now());

-- send-samples ---------------------------------------------------------------------------------

select is(pg_temp.refusal('send-samples ' || n), 'bad_argument', format('send-samples refuses %s', to_json(left(n, 10))))
from unnest(array['0', '-1', '1.5', '26', '99999999999999999999', 'three', '1 2', '٣', '']) as n;
select is(pg_temp.says('send-samples 2'), E'2 samples sent\n1. Hot Two (★4.2) - Brooklyn\n2. Hot One (★4.0) - Queens',
  'send-samples lists the best leads without a sample');
select is(count(*), 2::bigint, 'send-samples moves them to stage sample, with a date for the follow-up')
from koji.prospects as p where p.name in ('Hot Two', 'Hot One') and p.stage = 'sample'
  and p.sampled_at > now() and p.follow_up_at between p.sampled_at + interval '7 days' and clock_timestamp() + interval '7 days';
select results_eq(
  'select p.name::text, s.shipped_at from koji.shipments as s join koji.prospects as p on p.id = s.prospect_id order by p.name',
  $$ select p.name::text, p.sampled_at from koji.prospects as p where p.name in ('Hot Two', 'Hot One') order by p.name $$,
  'send-samples records the shipments'
);
update hub.settings set follow_up_after = '2 days', max_samples = 40 where id;
select is(pg_temp.says('send-samples 40'), E'2 samples sent\n1. Warm Star (★4.9) - Queens\n2. Cold Star (★5.0) - Queens',
  'send-samples sends what there is, up to the limit of the settings');
select is(count(*), 2::bigint, 'send-samples heeds a change of follow_up_after')
from koji.prospects as p where p.follow_up_at <= clock_timestamp() + interval '2 days';
select is(pg_temp.says('send-samples 5'), '0 samples sent', 'send-samples says so when nobody is left');
select is(p.stage, 'won', 'send-samples passes by who is closed') from koji.prospects as p where p.name = 'Won Over';
select throws_ok('insert into koji.shipments (prospect_id) select s.prospect_id from koji.shipments as s', '23505', null,
  'a prospect never has two shipments');

-- followup -------------------------------------------------------------------------------------

select is(pg_temp.says('followup'), '0 leads moved to follow_up', 'followup leaves alone what is not due');
update koji.prospects set follow_up_at = '2026-01-02T00:00:00Z' where name = 'Hot One';
update koji.prospects set follow_up_at = '2026-01-01T00:00:00Z' where name = 'Warm Star';
update koji.prospects set follow_up_at = now() - interval '1 day' where name = 'Won Over';
select is(pg_temp.says('followup'), E'2 leads moved to follow_up\n1. Warm Star (★4.9) - due 2026-01-01\n2. Hot One (★4.0) - due 2026-01-02',
  'followup lists what is due, the longest due first');
select is(count(*), 2::bigint, 'followup moves them to stage follow_up, due no more')
from koji.prospects as p where p.name in ('Hot One', 'Warm Star') and p.stage = 'follow_up' and p.follow_up_at is null;
select results_eq(
  'select p.name::text, f.from_stage, f.due_at from koji.follow_ups as f join koji.prospects as p on p.id = f.prospect_id order by f.due_at',
  $$ values ('Warm Star', 'sample', '2026-01-01T00:00:00Z'::timestamptz), ('Hot One', 'sample', '2026-01-02T00:00:00Z') $$,
  'followup records the move'
);
select is(pg_temp.says('followup'), '0 leads moved to follow_up', 'followup moves each once');
select is(p.stage, 'won', 'followup passes by who is closed') from koji.prospects as p where p.name = 'Won Over';

-- What the tables themselves refuse ------------------------------------------------------------

select throws_ok(format('insert into koji.prospects (name, market) values (%L, %L)', name, market), '23514', null, format('prospects take no %s', what))
from (values
  (E'a\tb', 'queens', 'name with a control character'),
  (' a', 'queens', 'name that begins with a space'),
  ('', 'queens', 'name with nothing in it'),
  (repeat('a', 201), 'queens', 'name of 201 characters'),
  ('a', 'Queens', 'market that is not folded'),
  ('a', 'q;', 'market that is no place')
) as c (name, market, what);
select throws_ok($$ insert into koji.prospects (name, market) values ('HOT  one', 'queens') $$, '23505', null, 'prospects have a name once in a market');

select * from finish();
rollback;
