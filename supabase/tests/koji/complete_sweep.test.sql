begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
select plan(39);

delete from koji.orders where true;
delete from koji.accounts where true;
delete from koji.prospects where true;
delete from koji.sweeps where true;
create function pg_temp.sweep(prospects jsonb) returns jsonb language plpgsql as $$
declare
  v_sweep uuid := gen_random_uuid();
begin
  insert into koji.sweeps (id, city, status, claimed_at) values (v_sweep, 'queens', 'running', now())
  on conflict (city) where finished_at is null do update set status = excluded.status returning id into v_sweep;
  return public.complete_sweep(v_sweep, sweep.prospects) -> 'sweep';
end
$$;

-- What it stores -------------------------------------------------------------------------------

insert into koji.prospects (name, market, temperature, stage, rating, address, phone) values
  ('Old Friend', 'queens', 'hot', 'outreach', 4.0, 'Old Street', '555 0100'),
  ('Old Friend', 'bronx', 'warm', 'new', 3.0, null, null);
select is(
  s - array['id', 'requested_at', 'claimed_at', 'finished_at'],
  '{"city": "queens", "status": "complete", "found": 3, "added": 2, "error": null}',
  'complete_sweep() returns the sweep with its counts'
)
from pg_temp.sweep('[
  {"name": "New Place", "rating": 4.75, "temperature": "warm", "address": "1 Main Street", "phone": "+1",
    "email": "a@b.example", "website": "https://b.example"},
  {"name": "OLD  friend", "rating": 4.4, "temperature": "cold", "address": "New Street", "phone": null},
  {"name": "Named Twice", "rating": 1},
  {"name": "NAMED twice", "rating": 2}
]') as s;
select results_eq(
  'select name::text, market::text, temperature::text, stage, rating, address::text, phone::text from koji.prospects order by market, koji.fold(name)',
  $$ values
    ('Old Friend', 'bronx', 'warm', 'new', 3.0, null, null),
    ('NAMED twice', 'queens', 'cold', 'new', 2.0, null, null),
    ('New Place', 'queens', 'warm', 'new', 4.8, '1 Main Street', '+1'),
    ('Old Friend', 'queens', 'hot', 'outreach', 4.4, 'New Street', '555 0100') $$,
  'complete_sweep() adds what is new, brings facts of the known up to date and leaves their temperature and stage'
);
select is(count(*), 2::bigint, 'complete_sweep() remembers which prospects a sweep found first')
from koji.prospects as p join koji.sweeps as s on s.id = p.sweep_id;
select is((s ->> 'found') || (s ->> 'added'), '30', 'complete_sweep() adds nothing twice')
from pg_temp.sweep('[{"name": "new place"}, {"name": "old friend"}, {"name": "named twice"}]') as s;
select is(count(*), 4::bigint, 'complete_sweep() leaves no duplicates') from koji.prospects;
select is(count(*), 1::bigint, 'complete_sweep() keeps a fact that a later sweep does not mention')
from koji.prospects as p where p.name = 'New Place' and p.website = 'https://b.example' and p.rating = 4.8;
select is(s ->> 'added', '10000', 'complete_sweep() takes 10000 prospects')
from pg_temp.sweep((select jsonb_agg(jsonb_build_object('name', 'Cafe ' || n)) from generate_series(1, 10000) as n)) as s;

-- What it refuses ------------------------------------------------------------------------------

create temporary table before as select count(*) as prospects from koji.prospects;
insert into koji.sweeps (city, status, claimed_at) values ('boston', 'running', now());
create function pg_temp.problem(prospects jsonb) returns text language plpgsql as $$
declare
  v_detail text;
  v_message text;
begin
  perform public.complete_sweep(s.id, problem.prospects) from koji.sweeps as s where s.city = 'boston';
  return null;
exception when sqlstate 'PT400' then
  get stacked diagnostics v_detail = pg_exception_detail, v_message = message_text;
  return v_detail || ': ' || v_message;
end
$$;
select is(pg_temp.problem(prospects), 'bad_argument: prospects is an array of at most 10000 objects.', format('complete_sweep() refuses %s as prospects', what))
from (values
  (null, 'null'), ('null', 'a JSON null'), ('{}', 'an object'), ('"x"', 'a string'), ('1', 'a number'),
  ((select jsonb_agg('{}'::jsonb) from generate_series(1, 10001)), '10001 items')
) as c (prospects, what);
select is(
  pg_temp.problem(jsonb_build_array('{"name": "Good One"}'::jsonb, item::jsonb, '{"name": 7}'::jsonb)),
  'bad_argument: prospects[1] ' || problem || '.',
  format('complete_sweep() names the item that %s', problem)
)
from (values
  ('null', 'is not an object'),
  ('[]', 'is not an object'),
  ('"Bakeri"', 'is not an object'),
  ('{"name": "a", "stars": 5}', 'has a key other than name, temperature, rating, address, phone, email, website'),
  ('{}', 'has no name: a line of 1 to 200 characters'),
  ('{"name": null}', 'has no name: a line of 1 to 200 characters'),
  ('{"name": ""}', 'has no name: a line of 1 to 200 characters'),
  ('{"name": ["a"]}', 'has no name: a line of 1 to 200 characters'),
  ('{"name": "a\tb"}', 'has no name: a line of 1 to 200 characters'),
  ('{"name": " a"}', 'has no name: a line of 1 to 200 characters'),
  (format('{"name": "%s"}', repeat('a', 201)), 'has no name: a line of 1 to 200 characters'),
  ('{"name": "a", "temperature": "tepid"}', 'has a temperature other than hot, warm, cold'),
  ('{"name": "a", "temperature": {}}', 'has a temperature other than hot, warm, cold'),
  ('{"name": "a", "rating": "4.5"}', 'has a rating that is no number'),
  ('{"name": "a", "rating": true}', 'has a rating that is no number'),
  ('{"name": "a", "rating": 5.01}', 'has a rating outside of 0 to 5'),
  ('{"name": "a", "rating": -1}', 'has a rating outside of 0 to 5'),
  ('{"name": "a", "rating": 1e400}', 'has a rating outside of 0 to 5'),
  ('{"name": "a", "phone": 5550100}', 'has as phone something other than a line of 1 to 200 characters'),
  ('{"name": "a", "address": "1\nMain"}', 'has as address something other than a line of 1 to 200 characters'),
  ('{"name": "a", "email": ""}', 'has as email something other than a line of 1 to 200 characters'),
  ('{"name": "a", "website": {}}', 'has as website something other than a line of 1 to 200 characters')
) as c (item, problem);
select is(count(*), b.prospects, 'complete_sweep() stores nothing of a report it refuses')
from koji.prospects, before as b group by b.prospects;
select is(s.status, 'running', 'complete_sweep() leaves the sweep of a report it refuses running')
from koji.sweeps as s where s.city = 'boston';
select is(pg_temp.problem('[{"name": "Good One"}]'), null, 'complete_sweep() takes the corrected report');
select is(p.sweep_id, s.id, 'complete_sweep() stores the corrected report')
from koji.prospects as p join koji.sweeps as s on s.city = p.market where p.name = 'Good One';

select * from finish();
rollback;
