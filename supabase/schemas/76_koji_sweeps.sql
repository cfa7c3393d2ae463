-- Koji's sweeps: asked for by command, run by a consumer that holds the service key.

create or replace function koji.command_sweep(argument text) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_id uuid := gen_random_uuid();
  v_sweep koji.sweeps;
begin
  -- Updating nothing returns the active sweep of the city, even one that a caller beside makes just now.
  insert into koji.sweeps as s (id, city) values (v_id, koji.require_place('sweep', argument))
  on conflict (city) where finished_at is null do update set city = s.city
  returning s.* into v_sweep;
  if v_sweep.id = v_id then
    return format('Sweep of %s queued.', initcap(v_sweep.city));
  end if;
  return format('A sweep of %s is already %s, since %s.', initcap(v_sweep.city), v_sweep.status,
    to_char(coalesce(v_sweep.claimed_at, v_sweep.requested_at), 'YYYY-MM-DD HH24:MI "UTC"'));
end
$$;

create or replace function koji.command_sweep_status(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
-- Takes no argument. @plpgsql_check_options: extra_warnings = false
begin
  return (
    select coalesce(
      string_agg(s.line, E'\n' order by s.finished_at desc nulls first, s.requested_at, s.id),
      'No sweep was requested yet.'
    )
    from (
      select a.id, a.requested_at, a.finished_at, format('%s - %s since %s',
        initcap(a.city), a.status, to_char(coalesce(a.claimed_at, a.requested_at), 'YYYY-MM-DD HH24:MI "UTC"')) as line
      from koji.sweeps as a
      where a.finished_at is null
      union all
      (
        select f.id, f.requested_at, f.finished_at, format('%s - %s %s: %s found, %s new',
          initcap(f.city), f.status, to_char(f.finished_at, 'YYYY-MM-DD HH24:MI "UTC"'), f.found, f.added) || coalesce('; ' || f.error, '')
        from koji.sweeps as f
        where f.finished_at is not null
        order by f.finished_at desc
        limit 10
      )
    ) as s
  );
end
$$;

insert into koji.commands (name, usage, description, handler, changes_data) values
  ('sweep', '!sweep <city>', 'Search a city for new prospects', 'command_sweep', true),
  ('sweep-status', '!sweep-status', 'Active sweeps and the last ten finished', 'command_sweep_status', false)
on conflict (name) do update
  set usage = excluded.usage, description = excluded.description,
    handler = excluded.handler, changes_data = excluded.changes_data;

-- The consumer's side ----------------------------------------------------------------------------

create or replace function koji.claim_sweep() returns jsonb
language plpgsql
security definer -- the sales data is closed to API roles
set search_path = ''
as $$
declare
  v_sweep koji.sweeps;
begin
  -- A sweep whose consumer was never heard of again is offered once more.
  update koji.sweeps as s
  set status = 'running', claimed_at = clock_timestamp()
  where s.id = (
    select waiting.id from koji.sweeps as waiting
    where waiting.finished_at is null and (
      waiting.status = 'queued'
      or waiting.claimed_at < clock_timestamp() - (select c.max_runtime from hub.settings as c)
    )
    order by waiting.requested_at, waiting.id
    limit 1
    for update skip locked
  )
  returning s.* into v_sweep;
  return jsonb_build_object('sweep', case when found then to_jsonb(v_sweep) end);
end
$$;

create or replace function public.claim_sweep() returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return koji.claim_sweep();
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.claim_sweep() is
  'Claims the sweep that waits longest; returns {sweep: {id, city, …}}, or {sweep: null} when none waits. Consumers that claim at once get different sweeps; one not completed within max_runtime is offered again. Service key.';

create or replace function koji.prospect_problem(item jsonb) returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when jsonb_typeof(item) <> 'object' then 'is not an object'
    when item - array['name', 'temperature', 'rating', 'address', 'phone', 'email', 'website'] <> '{}'
      then 'has a key other than name, temperature, rating, address, phone, email, website'
    when jsonb_typeof(item -> 'name') is distinct from 'string' or not koji.is_line(item ->> 'name')
      then 'has no name: a line of 1 to 200 characters'
    when coalesce(item ->> 'temperature', 'cold') not in ('hot', 'warm', 'cold')
      then 'has a temperature other than hot, warm, cold'
    when coalesce(jsonb_typeof(item -> 'rating'), 'null') not in ('number', 'null')
      then 'has a rating that is no number'
    when (item ->> 'rating')::numeric not between 0 and 5 then 'has a rating outside of 0 to 5'
    else (
      select format('has as %s something other than a line of 1 to 200 characters', f.key)
      from jsonb_each(item) as f
      where f.key in ('address', 'phone', 'email', 'website') and jsonb_typeof(f.value) <> 'null'
        and (jsonb_typeof(f.value) <> 'string' or not koji.is_line(f.value #>> '{}'))
      limit 1
    )
  end
$$;
comment on function koji.prospect_problem(jsonb) is 'What is wrong with one prospect of a sweep''s report, in words; null if nothing is.';

create or replace function koji.check_prospects(prospects jsonb) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_problem text;
begin
  if jsonb_typeof(prospects) is distinct from 'array' or jsonb_array_length(prospects) > 10000 then
    v_problem := 'prospects is an array of at most 10000 objects.';
  else
    select format('prospects[%s] %s.', i.position - 1, koji.prospect_problem(i.item)) into v_problem
    from jsonb_array_elements(prospects) with ordinality as i (item, position)
    where koji.prospect_problem(i.item) is not null
    order by i.position
    limit 1;
  end if;
  if v_problem is not null then
    perform hub.refuse('bad_argument', array[v_problem],
      hint => 'Nothing was stored and the sweep is still running: correct the report and send all of it again.');
  end if;
end
$$;
comment on function koji.check_prospects(jsonb) is 'Raises bad_argument, naming the first malformed item, unless the report is in order.';

create or replace function koji.complete_sweep(sweep_id uuid, prospects jsonb, error text) returns jsonb
language plpgsql
security definer -- the sales data is closed to API roles
set search_path = ''
as $$
declare
  v_sweep koji.sweeps;
  v_error text := left(nullif(btrim(regexp_replace(
    complete_sweep.error, '[\x01-\x1f\x7f-\x9f\u2028\u2029\s]+', ' ', 'g'
  )), ''), 200);
begin
  select * into v_sweep from koji.sweeps as s
  where s.id = complete_sweep.sweep_id and s.status = 'running'
  for update;
  if not found then
    perform hub.refuse('sweep_not_found', array[coalesce(complete_sweep.sweep_id::text, 'null')]);
  end if;
  perform koji.check_prospects(complete_sweep.prospects);

  with listed as (
    -- In the order of the key, so that two reports that meet in one market cannot cross; of a place
    -- that is named twice, the last mention counts.
    select distinct on (koji.fold(i.item ->> 'name')) i.item
    from jsonb_array_elements(complete_sweep.prospects) with ordinality as i (item, position)
    order by koji.fold(i.item ->> 'name'), i.position desc
  ), stored as (
    insert into koji.prospects as p (
      name, market, temperature, rating, address, phone, email, website, sweep_id
    )
    select btrim(l.item ->> 'name'), v_sweep.city,
      coalesce((l.item ->> 'temperature')::koji.temperature, 'cold'), (l.item ->> 'rating')::numeric,
      l.item ->> 'address', l.item ->> 'phone', l.item ->> 'email', l.item ->> 'website', v_sweep.id
    from listed as l
    -- Of a known prospect a sweep brings its facts up to date; temperature and stage are the sellers'.
    on conflict (market, koji.fold(name)) do update
      set rating = coalesce(excluded.rating, p.rating), address = coalesce(excluded.address, p.address),
        phone = coalesce(excluded.phone, p.phone), email = coalesce(excluded.email, p.email),
        website = coalesce(excluded.website, p.website)
    returning p.sweep_id
  )
  update koji.sweeps as s
  set status = case when v_error is null then 'complete' else 'failed' end,
    error = v_error, finished_at = clock_timestamp(), found = n.found, added = n.added
  from (
    select count(*) as found, count(*) filter (where stored.sweep_id = v_sweep.id) as added from stored
  ) as n
  where s.id = v_sweep.id
  returning s.* into v_sweep;
  return jsonb_build_object('sweep', to_jsonb(v_sweep));
end
$$;

create or replace function public.complete_sweep(
  sweep_id uuid, prospects jsonb default '[]', error text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return koji.complete_sweep(complete_sweep.sweep_id, complete_sweep.prospects, complete_sweep.error);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.complete_sweep(uuid, jsonb, text) is
  'Ends a running sweep with what it found, or as failed with an error (of which 200 characters are kept); returns {sweep}. prospects: [{name, temperature?, rating?, address?, phone?, email?, website?}], 10000 at most. New ones are added to the city''s market, known ones (the same name there) brought up to date. Service key. Errors: sweep_not_found, bad_argument.';

revoke execute on all functions in schema koji from public;
revoke execute on function public.claim_sweep(), public.complete_sweep(uuid, jsonb, text)
from public, anon, authenticated;
grant execute on function
  public.claim_sweep(), koji.claim_sweep(),
  public.complete_sweep(uuid, jsonb, text), koji.complete_sweep(uuid, jsonb, text)
to service_role;
