begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
set local timezone = 'Pacific/Kiritimati'; -- 14 hours ahead: a day of the session is not a day of UTC
select plan(12);

create function pg_temp.says(command text) returns text language sql as $$
  select string_agg(c, '' order by p)
  from jsonb_array_elements_text(
    public.execute_command(tests.channel('koji-pipeline/leads'), command) -> 'chunks'
  ) with ordinality as t (c, p)
$$;
delete from koji.orders where true;
delete from koji.accounts where true;
delete from koji.prospects where true;
delete from koji.sweeps where true;
create temporary table clock as
select date_trunc('month', now(), 'UTC') as month, date_trunc('day', now(), 'UTC') as today;

select is(pg_temp.says('stats'), E'Pipeline: 0 active leads\nHot: 0 | Warm: 0 | Cold: 0\nRevenue MTD: $0', 'stats answers with nothing there');

insert into koji.prospects (name, market, temperature, stage, closed_at, created_at)
select 'Cafe ' || n, 'queens', t::koji.temperature, stage, case when stage in ('won', 'lost') then now() end, c.today - days * interval '1 day'
from clock as c, (values
  (1, 'hot', 'new', 0), (2, 'warm', 'outreach', 1), (3, 'warm', 'follow_up', 1), (4, 'cold', 'new', 2),
  (5, 'hot', 'won', 40), (6, 'hot', 'lost', 40)
) as p (n, t, stage, days);
insert into koji.accounts (prospect_id) select p.id from koji.prospects as p where p.stage = 'won';
select is(pg_temp.says('stats'), E'Pipeline: 4 active leads\nHot: 1 | Warm: 2 | Cold: 1\nRevenue MTD: $0', 'stats counts the leads that are not closed');

create function pg_temp.order(total numeric, placed_at timestamptz, cancelled_at timestamptz default null) returns void
language sql as $$
  insert into koji.orders (account_id, total, placed_at, cancelled_at) select a.id, total, placed_at, cancelled_at from koji.accounts as a
$$;
create function pg_temp.revenue() returns text language sql as $$ select split_part(pg_temp.says('stats'), E'\n', 3) $$;
select pg_temp.order(1000, month) from clock;
select is(pg_temp.revenue(), 'Revenue MTD: $1,000', 'stats counts an order of the month''s first moment, in UTC');
select pg_temp.order(500, month - interval '1 microsecond') from clock;
select is(pg_temp.revenue(), 'Revenue MTD: $1,000', 'stats leaves out an order of the month before, in UTC');
select pg_temp.order(500, now() + interval '1 hour');
select is(pg_temp.revenue(), 'Revenue MTD: $1,000', 'stats leaves out an order still to come');
select pg_temp.order(500, month, now()) from clock;
select is(pg_temp.revenue(), 'Revenue MTD: $1,000', 'stats leaves out a cancelled order');
select pg_temp.order(1234567.5, month) from clock;
select is(pg_temp.revenue(), 'Revenue MTD: $1,235,567.50', 'stats groups thousands and shows cents where there are some');

-- Digest ---------------------------------------------------------------------------------------

create function pg_temp.line(number integer) returns text language sql as $$ select split_part(pg_temp.says('digest'), E'\n', number) $$;
delete from koji.orders where true;
select is(pg_temp.line(1), 'Digest of ' || to_char(now() at time zone 'UTC', 'YYYY-MM-DD') || ' (UTC)', 'digest names the day of UTC');
select is(pg_temp.line(2), 'Yesterday: 2 new leads | 0 sweeps | 0 samples | 0 follow-ups | 0 orders, $0', 'digest counts yesterday''s leads');
insert into koji.sweeps (city, status, finished_at) select 'queens', 'complete', today from clock;
insert into koji.shipments (prospect_id, shipped_at) select p.id, c.today - interval '1 second' from koji.prospects as p, clock as c;
insert into koji.follow_ups (prospect_id, from_stage, due_at, created_at) select min(p.id), 'new', now(), now() from koji.prospects as p;
select pg_temp.order(70, today - interval '1 day'), pg_temp.order(80, today), pg_temp.order(90, today - interval '25 hours') from clock;
update koji.prospects set follow_up_at = now() where closed_at is null;
select is(pg_temp.line(2), 'Yesterday: 2 new leads | 0 sweeps | 6 samples | 0 follow-ups | 1 order, $70', 'digest counts what was done yesterday');
select is(pg_temp.line(3), 'Today: 1 new lead | 1 sweep | 0 samples | 1 follow-up | 1 order, $80', 'digest counts what was done today');
select is(pg_temp.line(4), 'Due now: 4 follow-ups', 'digest counts what is due');

select * from finish();
rollback;
