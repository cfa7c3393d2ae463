begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
select plan(24);

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

-- Asking ---------------------------------------------------------------------------------------

select is(pg_temp.says('sweep-status'), 'No sweep was requested yet.', 'sweep-status answers with nothing there');
select is(pg_temp.says('sweep New  York'), 'Sweep of New York queued.', 'sweep queues one');
select is(pg_temp.says('SWEEP new york'), format('A sweep of New York is already queued, since %s.', to_char(s.requested_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
  'sweep says so when one is active') from koji.sweeps as s;
select is(count(*), 1::bigint, 'sweep leaves one active for a city') from koji.sweeps;
select is(pg_temp.refusal('sweep' || c), 'bad_argument', format('sweep refuses %s', to_json(left(c, 20))))
from unnest(array['', ' 42', ' ''; drop table koji.sweeps; --', ' ' || repeat('a', 81), ' {}']) as c;

-- Claiming -------------------------------------------------------------------------------------

select pg_temp.says('sweep boston');
update koji.sweeps set requested_at = requested_at - interval '1 hour' where city = 'boston';
select tests.sign_in('service_role');
select is(claim_sweep() -> 'sweep' ->> 'city', 'boston', 'claim_sweep() gives the one that waits longest');
select is(claim_sweep() -> 'sweep' ->> 'city', 'new york', 'claim_sweep() gives another the next time');
select is(claim_sweep(), '{"sweep": null}', 'claim_sweep() gives none when none waits');
select tests.sign_out();
select matches(pg_temp.says('sweep boston'), '^A sweep of Boston is already running, since 20', 'sweep says so when one runs');
select matches(pg_temp.says('sweep-status'), '^Boston - running since .* UTC\nNew York - running since .* UTC$', 'sweep-status lists what runs');
update koji.sweeps set claimed_at = now() - interval '2 hours 1 second' where city = 'boston';
select is(claim_sweep() -> 'sweep' ->> 'city', 'boston', 'claim_sweep() offers again what ran longer than max_runtime');
select is(claim_sweep() -> 'sweep', 'null'::jsonb, 'claim_sweep() does not offer what was just claimed');

-- Ending ---------------------------------------------------------------------------------------

create function pg_temp.complete(city text, prospects jsonb, error text default null) returns jsonb language sql as $$
  select public.complete_sweep(s.id, complete.prospects, complete.error) -> 'sweep'
  from koji.sweeps as s where s.city = complete.city and s.finished_at is null
$$;
select matches(pg_temp.complete('boston', '[]')::text, '"status": "complete"', 'complete_sweep() takes a sweep that found nothing');
select is(s ->> 'status' || ': ' || (s ->> 'error') || ', ' || (s ->> 'added'), 'failed: the map is down, 1', 'complete_sweep() keeps what a failed sweep found')
from pg_temp.complete('new york', '[{"name": "Half Found"}]', E' the map\nis\x01down ') as s;
select matches(pg_temp.says('sweep-status'), '^New York - failed 20.* UTC: 1 found, 1 new; the map is down\nBoston - complete 20.* UTC: 0 found, 0 new$',
  'sweep-status lists what ended, the latest first');
select is(pg_temp.says('sweep boston'), 'Sweep of Boston queued.', 'sweep queues a city again once the last sweep ended');
select is(tests.error_of(format('select public.complete_sweep(%L)', s.id)), 'sweep_not_found', format('complete_sweep() refuses a sweep that is %s', s.status))
from koji.sweeps as s where s.status <> 'failed' order by s.status;
select is(tests.error_of('select public.complete_sweep(null)'), 'sweep_not_found', 'complete_sweep() refuses no sweep');

insert into koji.sweeps (city, status, finished_at)
select 'town ' || n, 'complete', now() - n * interval '1 day' from generate_series(1, 30) as n;
select is(array_length(string_to_array(pg_temp.says('sweep-status'), E'\n'), 1), 11, 'sweep-status lists the active ones and ten that ended');

select * from finish();
rollback;
