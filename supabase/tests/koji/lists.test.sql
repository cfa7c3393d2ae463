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
select is(pg_temp.says('hot'), 'There are no hot leads.', 'hot answers with nothing there');
select is(pg_temp.says('warm São Paulo'), 'There are no warm leads in São Paulo.', 'warm answers for a market it does not know');
select is(pg_temp.says('hot 東京'), 'There are no hot leads in 東京.', 'hot takes a market of any script');

insert into koji.prospects (name, market, temperature, stage, rating, sampled_at, closed_at) values
  ('Bakeri', 'brooklyn', 'hot', 'sample', 4.8, now(), null),
  ('ACRE', 'brooklyn', 'hot', 'follow_up', 4.5, null, null),
  ('Laurel', 'brooklyn', 'hot', 'outreach', 4.6, null, null),
  ('Twin B', 'brooklyn', 'hot', 'new', 4.5, null, null),
  ('Nobody Rated', 'brooklyn', 'hot', 'new', null, null, null),
  ('Won Over', 'brooklyn', 'hot', 'won', 5.0, null, now()),
  ('Given Up', 'brooklyn', 'hot', 'lost', 5.0, null, now()),
  ('Lukewarm', 'brooklyn', 'warm', 'new', 5.0, null, null),
  ('Elsewhere', 'queens', 'hot', 'new', 4.7, null, null);
select is(pg_temp.says('!hot brooklyn'), E'1. Bakeri (★4.8) - sample\n2. Laurel (★4.6) - outreach\n3. ACRE (★4.5) - follow_up\n'
  '4. Twin B (★4.5) - new\n5. Nobody Rated (unrated) - new', 'hot lists a market''s open hot leads, best first');
select matches(pg_temp.says('hot'), '^1. Bakeri .*\n2. Elsewhere ', 'hot lists all markets together');
select is(pg_temp.says('warm'), '1. Lukewarm (★5.0) - new', 'warm lists the warm ones');
insert into koji.prospects (name, market, temperature, rating)
select 'Cafe ' || n, 'bronx', 'hot', 1 from generate_series(1, 12) as n;
select is(array_length(string_to_array(pg_temp.says(c), E'\n'), 1), 10, format('%s lists ten at most', c))
from unnest(array['hot', 'hot bronx']) as c;
select is(pg_temp.refusal('hot ' || market), 'bad_argument', format('hot refuses %s as a market', to_json(left(market, 20))))
from unnest(array['12345', '...', '<b>', 'a"b', 'a;b', 'a\b', 'a%', 'x' || chr(8232) || 'y', repeat('long ', 40)]) as market;

-- One lead -------------------------------------------------------------------------------------

update koji.prospects
set address = '1 Main Street', phone = '+1 555 0100', email = 'a@b.example', website = 'https://b.example',
  follow_up_at = '2026-03-04T23:30:00Z', sampled_at = '2026-02-28T00:00:00Z', created_at = '2026-01-02T12:00:00Z'
where name = 'Bakeri';
select is(pg_temp.says('lead ' || p.id), format(E'Lead %s: Bakeri (★4.8)\nBrooklyn | hot | sample\nAddress: 1 Main Street\n'
  'Phone: +1 555 0100\nEmail: a@b.example\nWebsite: https://b.example\nAdded: 2026-01-02\nSample sent: 2026-02-28\n'
  'Follow-up due: 2026-03-04', p.id), 'lead shows what is known of one')
from koji.prospects as p where p.name = 'Bakeri';
select is(pg_temp.refusal('lead ' || id), 'bad_argument', format('lead refuses the id %L', left(id, 20)))
from unnest(array['0', '-1', '1.5', 'Bakeri', '999999999999999999', repeat('9', 300)]) as id;

select * from finish();
rollback;
