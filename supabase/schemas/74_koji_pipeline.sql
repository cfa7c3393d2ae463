-- Koji's commands over the pipeline: figures, lists, samples, follow-ups and the export.
--
-- execute_command calls a handler with the time zone UTC and ISO dates.

-- How things are written -------------------------------------------------------------------------

create or replace function koji.dollars(amount numeric) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return '$' || to_char(amount, case when amount % 1 = 0 then 'FM999,999,999,990' else 'FM999,999,999,990.00' end);
end
$$;
comment on function koji.dollars(numeric) is '$4,200, and $4,200.50 where there are cents.';

create or replace function koji.counted(number bigint, noun text) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return number || ' ' || noun || case when number = 1 then '' else 's' end;
end
$$;
comment on function koji.counted(bigint, text) is '1 order, 2 orders.';

create or replace function koji.require_place(command text, argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  if not koji.is_place(argument) then
    perform koji.bad_argument(command, 'A city is 1 to 80 letters, digits and spaces, as "new york".');
  end if;
  return koji.fold(argument);
end
$$;
comment on function koji.require_place(text, text) is 'The city or market that an argument names, folded, or raises bad_argument.';

-- Figures ----------------------------------------------------------------------------------------

create or replace function koji.revenue(since timestamptz, until timestamptz) returns numeric
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select coalesce(sum(o.total), 0) from koji.orders as o
    where o.cancelled_at is null and o.placed_at >= since and o.placed_at < until
  );
end
$$;
comment on function koji.revenue(timestamptz, timestamptz) is 'US dollars of the orders from since to before until.';

create or replace function koji.command_stats(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
-- Takes no argument. @plpgsql_check_options: extra_warnings = false
declare
  v_hot bigint;
  v_warm bigint;
  v_cold bigint;
begin
  -- Three counts of one stretch of the index each: faster than one statement that groups it all.
  select count(*) into v_hot from koji.prospects as p where p.closed_at is null and p.temperature = 'hot';
  select count(*) into v_warm from koji.prospects as p where p.closed_at is null and p.temperature = 'warm';
  select count(*) into v_cold from koji.prospects as p where p.closed_at is null and p.temperature = 'cold';
  return concat_ws(E'\n',
    'Pipeline: ' || koji.counted(v_hot + v_warm + v_cold, 'active lead'),
    format('Hot: %s | Warm: %s | Cold: %s', v_hot, v_warm, v_cold),
    'Revenue MTD: ' || koji.dollars(koji.revenue(date_trunc('month', now()), clock_timestamp()))
  );
end
$$;

create or replace function koji.day_figures(since timestamptz, until timestamptz) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return concat_ws(' | ',
    koji.counted(
      (select count(*) from koji.prospects as p where p.created_at >= since and p.created_at < until),
      'new lead'
    ),
    koji.counted(
      (select count(*) from koji.sweeps as s where s.finished_at >= since and s.finished_at < until),
      'sweep'
    ),
    koji.counted(
      (select count(*) from koji.shipments as s where s.shipped_at >= since and s.shipped_at < until),
      'sample'
    ),
    koji.counted(
      (select count(*) from koji.follow_ups as f where f.created_at >= since and f.created_at < until),
      'follow-up'
    ),
    koji.counted(
      (
        select count(*) from koji.orders as o
        where o.cancelled_at is null and o.placed_at >= since and o.placed_at < until
      ),
      'order'
    ) || ', ' || koji.dollars(koji.revenue(since, until))
  );
end
$$;
comment on function koji.day_figures(timestamptz, timestamptz) is 'What was done from since to before until, in one line.';

create or replace function koji.command_digest(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
-- Takes no argument. @plpgsql_check_options: extra_warnings = false
declare
  v_today timestamptz := date_trunc('day', now());
begin
  return concat_ws(E'\n',
    format('Digest of %s (UTC)', v_today::date),
    'Yesterday: ' || koji.day_figures(v_today - interval '1 day', v_today),
    'Today: ' || koji.day_figures(v_today, v_today + interval '1 day'),
    'Due now: ' || koji.counted(
      (select count(*) from koji.prospects as p where p.closed_at is null and p.follow_up_at <= now()),
      'follow-up'
    )
  );
end
$$;

-- Lists ------------------------------------------------------------------------------------------

create or replace function koji.best_leads(temperature koji.temperature, argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_market text;
  v_leads text;
begin
  -- Two statements: one that served both cases could use neither index.
  if argument = '' then
    select string_agg(format('%s. %s (%s) - %s', best.place, best.name, best.stars, best.stage),
      E'\n' order by best.place)
    into v_leads
    from (
      select row_number() over (order by p.rating desc nulls last, p.id) as place,
        p.name, coalesce('★' || p.rating, 'unrated') as stars, p.stage
      from koji.prospects as p
      where p.closed_at is null and p.temperature = best_leads.temperature
      order by p.rating desc nulls last, p.id
      limit 10
    ) as best;
    return coalesce(v_leads, format('There are no %s leads.', temperature));
  end if;

  v_market := koji.require_place(temperature::text, argument);
  select string_agg(format('%s. %s (%s) - %s', best.place, best.name, best.stars, best.stage),
    E'\n' order by best.place)
  into v_leads
  from (
    select row_number() over (order by p.rating desc nulls last, p.id) as place,
      p.name, coalesce('★' || p.rating, 'unrated') as stars, p.stage
    from koji.prospects as p
    where p.closed_at is null and p.temperature = best_leads.temperature and p.market = v_market
    order by p.rating desc nulls last, p.id
    limit 10
  ) as best;
  return coalesce(v_leads, format('There are no %s leads in %s.', temperature, initcap(v_market)));
end
$$;
comment on function koji.best_leads(koji.temperature, text) is 'The ten best leads of a temperature, of one market or of all.';

create or replace function koji.command_hot(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return koji.best_leads('hot', argument);
end
$$;

create or replace function koji.command_warm(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return koji.best_leads('warm', argument);
end
$$;

create or replace function koji.command_lead(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lead koji.prospects;
begin
  if argument !~ '^#?[0-9]{1,18}$' then
    perform koji.bad_argument('lead', 'The id of a lead is a whole number of at most 18 digits.');
  end if;
  select * into v_lead from koji.prospects as p where p.id = ltrim(argument, '#')::bigint;
  if not found then
    perform koji.bad_argument('lead', format('There is no lead %s.', argument));
  end if;
  return concat_ws(E'\n',
    format('Lead %s: %s (%s)', v_lead.id, v_lead.name, coalesce('★' || v_lead.rating, 'unrated')),
    concat_ws(' | ', initcap(v_lead.market), v_lead.temperature, v_lead.stage),
    'Address: ' || v_lead.address,
    'Phone: ' || v_lead.phone,
    'Email: ' || v_lead.email,
    'Website: ' || v_lead.website,
    'Added: ' || v_lead.created_at::date,
    'Sample sent: ' || v_lead.sampled_at::date,
    'Follow-up due: ' || v_lead.follow_up_at::date,
    'Closed: ' || v_lead.closed_at::date
  );
end
$$;

-- Export -----------------------------------------------------------------------------------------

create or replace function koji.command_export(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_market text := case when argument <> '' then koji.require_place('export', argument) end;
  v_rows text;
begin
  -- A cell has no control characters (see koji.line), so one of them parts the cells until they are quoted.
  -- A spreadsheet would run what begins with = + - or @, of either width, as a formula, and one that takes
  -- the semicolon for the separator, what follows a semicolon: the apostrophe makes it text. And every cell
  -- is quoted, so that none is cut up.
  select string_agg(
    '"' || replace(replace(r.cells, '"', '""'), E'\x1f', '","') || E'"\r\n', '' order by r.id
  ) into v_rows
  from (
    select e.id, case
      when octet_length(e.cells) = length(e.cells) and strpos(e.cells, ';') = 0 then e.cells
      else regexp_replace(e.cells, E'([\x1f;] *"? *)([=+@＝＋－＠-])', E'\\1''\\2', 'g')
    end as cells
    from (
      select p.id, replace(replace(replace(replace(
        concat(
          p.id, E'\x1f', p.name, E'\x1f', p.market, E'\x1f', p.temperature, E'\x1f', p.stage, E'\x1f',
          p.rating, E'\x1f', p.address, E'\x1f', p.phone, E'\x1f', p.email, E'\x1f', p.website, E'\x1f',
          p.sampled_at::date, E'\x1f', p.follow_up_at::date, E'\x1f', p.created_at::date
        ),
        E'\x1f=', E'\x1f''='), E'\x1f+', E'\x1f''+'), E'\x1f-', E'\x1f''-'), E'\x1f@', E'\x1f''@') as cells
      from koji.prospects as p
      where v_market is null or p.market = v_market
      offset 0 -- keeps the planner from building cells once for each time they are named
    ) as e
    offset 0
  ) as r;
  return E'id,name,market,temperature,stage,rating,address,phone,email,website,sampled_at,follow_up_at,created_at\r\n'
    || coalesce(v_rows, '');
end
$$;

-- Actions ----------------------------------------------------------------------------------------
-- Two at once pass each other's rows by: none waits, and nobody gets two samples.

create or replace function koji.command_send_samples(argument text) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_settings hub.settings;
  v_best bigint[];
  v_sent bigint;
  v_list text;
begin
  select * into v_settings from hub.settings;
  if argument !~ '^[0-9]{1,4}$' or argument::integer not between 1 and v_settings.max_samples then
    perform koji.bad_argument('send-samples', format('n is a number from 1 to %s.', v_settings.max_samples));
  end if;
  -- By themselves first: joined to a limit not known when planned, the update would scan the table.
  v_best := array(
    select p.id from koji.prospects as p
    where p.closed_at is null and p.sampled_at is null
    order by p.temperature, p.rating desc nulls last, p.id
    limit argument::integer
    for update skip locked
  );
  with moved as (
    update koji.prospects as p
    set stage = 'sample', sampled_at = clock_timestamp(),
      follow_up_at = clock_timestamp() + v_settings.follow_up_after
    where p.id = any (v_best)
    returning p.*
  ), shipped as (
    insert into koji.shipments (prospect_id, shipped_at) select m.id, m.sampled_at from moved as m
  )
  select count(*), string_agg(
    format('%s. %s (%s) - %s', l.place, l.name, coalesce('★' || l.rating, 'unrated'), initcap(l.market)),
    E'\n' order by l.place
  )
  into v_sent, v_list
  from (
    select row_number() over (order by m.temperature, m.rating desc nulls last, m.id) as place, m.*
    from moved as m
  ) as l;
  return concat_ws(E'\n', koji.counted(v_sent, 'sample') || ' sent', v_list);
end
$$;

create or replace function koji.command_followup(argument text) returns text
language plpgsql
set search_path = ''
as $$
-- Takes no argument. @plpgsql_check_options: extra_warnings = false
declare
  v_moved bigint;
  v_list text;
begin
  with due as materialized (
    select p.id, p.stage, p.follow_up_at from koji.prospects as p
    where p.closed_at is null and p.follow_up_at <= now()
    order by p.follow_up_at, p.id
    for update skip locked
  ), moved as (
    update koji.prospects as p
    set stage = 'follow_up', follow_up_at = null
    from due
    where p.id = due.id
    returning p.id, p.name, p.rating, due.stage as from_stage, due.follow_up_at as due_at
  ), recorded as (
    insert into koji.follow_ups (prospect_id, from_stage, due_at)
    select m.id, m.from_stage, m.due_at from moved as m
  )
  select count(*), string_agg(
    format('%s. %s (%s) - due %s', l.place, l.name, coalesce('★' || l.rating, 'unrated'), l.due_at::date),
    E'\n' order by l.place
  )
  into v_moved, v_list
  from (select row_number() over (order by m.due_at, m.id) as place, m.* from moved as m) as l;
  return concat_ws(E'\n', koji.counted(v_moved, 'lead') || ' moved to follow_up', v_list);
end
$$;

insert into koji.commands (name, usage, description, handler, changes_data) values
  ('stats', '!stats', 'The pipeline in figures', 'command_stats', false),
  ('digest', '!digest', 'Yesterday and today in figures', 'command_digest', false),
  ('hot', '!hot [market]', 'The ten best hot leads', 'command_hot', false),
  ('warm', '!warm [market]', 'The ten best warm leads', 'command_warm', false),
  ('lead', '!lead <id>', 'Everything about one lead', 'command_lead', false),
  ('export', '!export [market]', 'All prospects as CSV', 'command_export', false),
  ('send-samples', '!send-samples <n>', 'Ship samples to the best n leads without one', 'command_send_samples', true),
  ('followup', '!followup', 'Move every lead that is due to follow_up', 'command_followup', true)
on conflict (name) do update
  set usage = excluded.usage, description = excluded.description,
    handler = excluded.handler, changes_data = excluded.changes_data;

revoke execute on all functions in schema koji from public;
