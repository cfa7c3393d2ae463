-- Koji: the sales data behind the commands. Prospects come from sweeps of a city, get a sample and a
-- follow-up, and become accounts that order, or are lost.
--
-- Nothing here is exposed: people reach it through the commands of the next chapters alone. Every
-- day and month is one of UTC.

create schema if not exists koji;
comment on schema koji is
  'Aura Servers, not exposed by the API: the sales data of the Koji Pipeline and its commands.';
grant usage on schema koji to anon, authenticated, service_role;

alter table hub.settings
add column if not exists follow_up_after interval not null default '7 days' check (follow_up_after > '0' and hub.is_span(follow_up_after)),
add column if not exists max_samples integer not null default 25 check (max_samples between 1 and 1000);
comment on column hub.settings.follow_up_after is 'Time from shipping a sample to its follow-up.';
comment on column hub.settings.max_samples is 'Samples that one send-samples may ship.';

-- Words ------------------------------------------------------------------------------------------

-- In plpgsql, though each is one expression: as constraints they run for every row stored, and a SQL
-- function that sets its search_path is planned anew each time.

create or replace function koji.fold(value text) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return lower(btrim(regexp_replace(value, '\s+', ' ', 'g')));
end
$$;
comment on function koji.fold(text) is 'The form in which names and places are compared: one space between words, lower case.';

create or replace function koji.is_line(value text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return length(value) <= 200 and value ~ '^\S(.*\S)?$' and hub.is_one_line(value);
end
$$;
comment on function koji.is_line(text) is
  'Whether a text is one line of 1 to 200 characters that neither begins nor ends with a space; null of null.';

create or replace function koji.is_place(value text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return length(value) <= 80 and koji.is_line(value)
    and value ~ '^([A-Za-z0-9 .,''()-]|[^\x01-\x7f])+$' and value ~ '[A-Za-z]|[^\x01-\x7f]';
end
$$;
comment on function koji.is_place(text) is 'Whether a text may name a city: letters, digits, spaces and .,''()-; null of null.';

do $$
begin
  if to_regtype('koji.line') is null then
    create domain koji.line as text check (koji.is_line(value));
  end if;
  if to_regtype('koji.place') is null then
    create domain koji.place as text check (koji.is_place(value) and value = koji.fold(value));
  end if;
  if to_regtype('koji.temperature') is null then
    create type koji.temperature as enum ('hot', 'warm', 'cold');
  end if;
end
$$;
comment on domain koji.line is 'See koji.is_line.';
comment on domain koji.place is 'A city or market, folded. See koji.is_place.';
comment on type koji.temperature is 'How likely a prospect is to buy; in the order in which prospects are served.';

-- Tables -----------------------------------------------------------------------------------------

create table if not exists koji.sweeps (
  id uuid primary key default gen_random_uuid(),
  city koji.place not null,
  status text not null default 'queued' check (status in ('queued', 'running', 'complete', 'failed')),
  requested_at timestamptz not null default clock_timestamp(),
  claimed_at timestamptz,
  finished_at timestamptz,
  found integer not null default 0,
  added integer not null default 0,
  error koji.line,
  constraint sweeps_terminal check ((status in ('complete', 'failed')) = (finished_at is not null)),
  constraint sweeps_failed check ((status = 'failed') = (error is not null))
);
comment on table koji.sweeps is
  'Searches of a city for prospects: asked for with !sweep, run by a consumer through claim_sweep and complete_sweep.';
comment on column koji.sweeps.found is 'Different prospects in the consumer''s report.';
comment on column koji.sweeps.added is 'Those of them that were not known before.';

create unique index if not exists sweeps_one_active_per_city on koji.sweeps (city)
where finished_at is null;
create index if not exists sweeps_active on koji.sweeps (requested_at, id) where finished_at is null;
create index if not exists sweeps_finished on koji.sweeps (finished_at desc) where finished_at is not null;

create table if not exists koji.prospects (
  id bigint primary key generated always as identity,
  name koji.line not null,
  market koji.place not null,
  temperature koji.temperature not null default 'cold',
  stage text not null default 'new'
    check (stage in ('new', 'outreach', 'sample', 'follow_up', 'won', 'lost')),
  rating numeric(2, 1) check (rating between 0 and 5),
  address koji.line,
  phone koji.line,
  email koji.line,
  website koji.line,
  sampled_at timestamptz,
  follow_up_at timestamptz,
  closed_at timestamptz,
  sweep_id uuid references koji.sweeps on delete set null,
  created_at timestamptz not null default clock_timestamp(),
  constraint prospects_sampled check (stage <> 'sample' or sampled_at is not null),
  constraint prospects_terminal check ((stage in ('won', 'lost')) = (closed_at is not null))
);
comment on table koji.prospects is
  'Places that may buy. One that is not won or lost is an active lead. A name stands once in a market.';
comment on column koji.prospects.rating is 'Stars, 0 to 5; null: nobody rated it.';
comment on column koji.prospects.sampled_at is 'When its sample was shipped; null: not yet.';
comment on column koji.prospects.follow_up_at is 'When somebody should get in touch again; null: no such plan.';
comment on column koji.prospects.sweep_id is 'The sweep that found it first.';

-- One index per command: each reads the rows that it shows.
create unique index if not exists prospects_name_in_market on koji.prospects (market, koji.fold(name));
create index if not exists prospects_best_in_market
on koji.prospects (market, temperature, rating desc nulls last, id) where closed_at is null;
create index if not exists prospects_best
on koji.prospects (temperature, rating desc nulls last, id) where closed_at is null;
create index if not exists prospects_unsampled
on koji.prospects (temperature, rating desc nulls last, id) where closed_at is null and sampled_at is null;
create index if not exists prospects_due on koji.prospects (follow_up_at)
where closed_at is null and follow_up_at is not null;
create index if not exists prospects_active on koji.prospects (temperature) where closed_at is null;
create index if not exists prospects_created on koji.prospects (created_at);
create index if not exists prospects_sweep on koji.prospects (sweep_id) where sweep_id is not null;

create table if not exists koji.shipments (
  id bigint primary key generated always as identity,
  -- Unique: nobody gets a second sample, whoever asks for it at the same time.
  prospect_id bigint not null unique references koji.prospects on delete cascade,
  shipped_at timestamptz not null default clock_timestamp()
);
comment on table koji.shipments is 'Samples sent, recorded by !send-samples.';
create index if not exists shipments_shipped on koji.shipments (shipped_at);

create table if not exists koji.follow_ups (
  id bigint primary key generated always as identity,
  prospect_id bigint not null references koji.prospects on delete cascade,
  from_stage text not null,
  due_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp()
);
comment on table koji.follow_ups is 'Prospects moved to stage follow_up when they were due, recorded by !followup.';
create index if not exists follow_ups_prospect on koji.follow_ups (prospect_id);
create index if not exists follow_ups_created on koji.follow_ups (created_at);

create table if not exists koji.accounts (
  id bigint primary key generated always as identity,
  prospect_id bigint not null unique references koji.prospects on delete restrict,
  opened_at timestamptz not null default clock_timestamp()
);
comment on table koji.accounts is 'Prospects that were won.';

create table if not exists koji.orders (
  id bigint primary key generated always as identity,
  account_id bigint not null references koji.accounts on delete restrict,
  total numeric(10, 2) not null check (total >= 0),
  placed_at timestamptz not null default clock_timestamp(),
  cancelled_at timestamptz
);
comment on table koji.orders is 'What accounts ordered. Revenue is the total of orders that were not cancelled.';
comment on column koji.orders.total is 'US dollars.';
create index if not exists orders_account on koji.orders (account_id);
create index if not exists orders_placed on koji.orders (placed_at) include (total)
where cancelled_at is null;

revoke execute on all functions in schema koji from public;
