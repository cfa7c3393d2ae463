begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
select plan(4);

create function pg_temp.says(command text) returns text language sql as $$
  select execute_command(tests.channel('koji-pipeline/leads'), command) -> 'chunks' ->> 0
$$;

select is(pg_temp.says('stats'), E'Pipeline: 23 active leads\nHot: 8 | Warm: 12 | Cold: 3\nRevenue MTD: $4,200', 'seed.sql gives stats its figures');
select is(
  pg_temp.says('!hot brooklyn'),
  E'1. Bakeri (★4.8) - sample\n2. Laurel (★4.6) - outreach\n3. ACRE (★4.5) - follow_up',
  'seed.sql gives hot brooklyn its three leads'
);
select matches(pg_temp.says('followup'), '^2 leads moved', 'seed.sql has follow-ups that are due');
select matches(pg_temp.says('send-samples 2'), E'^2 samples sent\n1. Laurel ', 'seed.sql has leads to sample, Laurel first');

select * from finish();
rollback;
