-- Sample data for local use. Never run it against a hosted project: it lets everybody who signs up
-- dispatch work, and it fills the pipeline with invented leads.

update hub.settings set default_role = 'operator' where id;

-- Koji: 23 active leads (8 hot, 12 warm, 3 cold), four accounts, one lost, and orders of $4,200 since the
-- month began, whatever day it is. Only into an empty pipeline.
do $$
declare
  v_month timestamptz := date_trunc('month', now(), 'UTC');
  v_today timestamptz := date_trunc('day', now(), 'UTC');
begin
  if exists (select from koji.prospects) then
    return;
  end if;

  insert into koji.sweeps (city, status, requested_at, claimed_at, finished_at) values
    ('brooklyn', 'complete', v_today - interval '60 days', v_today - interval '60 days', v_today - interval '60 days'),
    ('manhattan', 'complete', v_today - interval '50 days', v_today - interval '50 days', v_today - interval '50 days'),
    ('queens', 'complete', v_today - interval '45 days', v_today - interval '45 days', v_today - interval '45 days'),
    ('jersey city', 'complete', v_today - interval '9 hours', v_today - interval '8 hours', v_today - interval '7 hours');

  -- sampled and due are days from today, due is negative when it has passed.
  insert into koji.prospects (
    name, market, temperature, stage, rating, address, phone, email, website,
    sampled_at, follow_up_at, closed_at, sweep_id, created_at
  )
  select p.name, p.market, p.temperature::koji.temperature, p.stage, p.rating, p.address,
    '+1 555 01' || to_char(p.number, 'FM00'),
    'hello@' || regexp_replace(lower(p.name), '[^a-z]+', '-', 'g') || '.example',
    'https://' || regexp_replace(lower(p.name), '[^a-z]+', '-', 'g') || '.example',
    now() - make_interval(days => p.sampled), now() + make_interval(days => p.due),
    case when p.stage in ('won', 'lost') then now() - interval '40 days' end, s.id, s.finished_at
  from (
    values
      (1, 'Bakeri', 'brooklyn', 'hot', 'sample', 4.8, '12 Juniper Street', 3, 4),
      (2, 'Laurel', 'brooklyn', 'hot', 'outreach', 4.6, '48 Harbor Street', null, 2),
      (3, 'ACRE', 'brooklyn', 'hot', 'follow_up', 4.5, '97 Meadow Street', 9, null),
      (4, 'Alder & Rye', 'manhattan', 'hot', 'sample', 4.7, '5 Orchard Row', 2, 5),
      (5, 'Canal Crumb', 'manhattan', 'hot', 'outreach', 4.4, '210 Canal Passage', null, 1),
      (6, 'Ditmars Dough', 'queens', 'hot', 'follow_up', 4.6, '31 Ferry Road', 10, null),
      (7, 'The "Good" Loaf', 'queens', 'hot', 'new', 4.3, '77 Station Road, Unit 2', null, null),
      (8, 'Harbor Oven', 'jersey city', 'hot', 'outreach', 4.4, '1 Pier Lane', null, 3),
      (9, 'Millstone', 'brooklyn', 'warm', 'outreach', 4.2, '63 Quay Street', null, 2),
      (10, 'Corner Crust', 'brooklyn', 'warm', 'sample', 4.2, '18 Lantern Street', 9, -2),
      (11, 'Fern Cafe', 'brooklyn', 'warm', 'new', 4.1, '140 Willow Street', null, null),
      (12, 'Night Baker', 'brooklyn', 'warm', 'new', 4.0, '9 Foundry Street', null, null),
      (13, 'Upper Crumb', 'manhattan', 'warm', 'outreach', 4.2, '301 Park Passage', null, 6),
      (14, 'Tea & Toast', 'manhattan', 'warm', 'sample', 4.1, '44 Museum Row', 8, -1),
      (15, 'Brass Kettle', 'manhattan', 'warm', 'new', 4.1, '12 Tailor Row', null, null),
      (16, 'Ginger Bakery', 'manhattan', 'warm', 'new', 3.9, '260 River Row', null, null),
      (17, 'Sunny Proof', 'queens', 'warm', 'outreach', 4.2, '15 Garden Road', null, 4),
      (18, 'Rye Society', 'queens', 'warm', 'sample', 4.0, '88 Hill Road', 4, 3),
      (19, 'Olive Branch', 'queens', 'warm', 'new', 3.9, '2 Chapel Road', null, null),
      (20, 'Waterfront Waffles', 'jersey city', 'warm', 'new', 4.1, '20 Pier Lane', null, null),
      (21, 'Grain & Glory', 'queens', 'cold', 'new', 3.8, '51 Depot Road', null, null),
      (22, 'Old Town Coffee', 'jersey city', 'cold', 'new', 3.6, '7 Tower Lane', null, null),
      (23, 'Quick Bun', 'manhattan', 'cold', 'outreach', 3.4, '19 Exchange Row', null, 8),
      (24, 'Hearth House', 'brooklyn', 'hot', 'won', 4.7, '80 Bridge Street', 55, null),
      (25, 'Marble Patisserie', 'manhattan', 'hot', 'won', 4.9, '3 Opera Row', 47, null),
      (26, 'Little Sourdough', 'queens', 'warm', 'won', 4.4, '6 Market Road', 43, null),
      (27, 'Slow Morning', 'brooklyn', 'warm', 'won', 4.3, '25 Canal Street', 54, null),
      (28, 'Sweet Nothing', 'manhattan', 'cold', 'lost', 3.1, '500 Avenue Row', null, null)
  ) as p (number, name, market, temperature, stage, rating, address, sampled, due)
  join koji.sweeps as s on s.city = p.market
  order by p.number;

  update koji.sweeps as s
  set found = n.prospects, added = n.prospects
  from (select sweep_id, count(*) as prospects from koji.prospects group by sweep_id) as n
  where s.id = n.sweep_id;

  insert into koji.shipments (prospect_id, shipped_at)
  select p.id, p.sampled_at from koji.prospects as p where p.sampled_at is not null;

  insert into koji.follow_ups (prospect_id, from_stage, due_at, created_at)
  select p.id, 'sample', p.sampled_at + interval '7 days', p.sampled_at + interval '8 days'
  from koji.prospects as p where p.stage = 'follow_up';

  insert into koji.accounts (prospect_id, opened_at)
  select p.id, p.closed_at from koji.prospects as p where p.stage = 'won';

  -- `elapsed` is the part of the month so far that had passed when the order was placed.
  insert into koji.orders (account_id, total, placed_at, cancelled_at)
  select a.id, o.total, v_month + o.elapsed * (now() - v_month), case when o.cancelled then now() end
  from (
    values
      ('Hearth House', 1200, 0.1, false),
      ('Marble Patisserie', 950, 0.3, false),
      ('Slow Morning', 640, 0.5, false),
      ('Hearth House', 760, 0.7, false),
      ('Little Sourdough', 400, 0.8, true),
      ('Marble Patisserie', 650, 0.9, false)
  ) as o (account, total, elapsed, cancelled)
  join koji.prospects as p on p.name = o.account
  join koji.accounts as a on a.prospect_id = p.id;

  insert into koji.orders (account_id, total, placed_at)
  select a.id, 880, v_month - interval '3 days'
  from koji.accounts as a join koji.prospects as p on p.id = a.prospect_id where p.name = 'Hearth House';
end
$$;
