// Koji's commands, each with its bare query: one statement that changes the same rows and returns the
// same text. Who may run it, and what the argument means, is not part of it.

export interface Query {
  command: string;
  sql: string;
}

const line = "format('%s. %s (%s) - %s', place, name, coalesce('★' || rating, 'unrated'), stage)";

const best = (where: string) => `
  select string_agg(${line}, e'\\n' order by place)
  from (
    select row_number() over (order by p.rating desc nulls last, p.id) as place, p.name, p.rating, p.stage
    from koji.prospects as p
    where p.closed_at is null and ${where}
    order by p.rating desc nulls last, p.id
    limit 10
  ) as best`;

const active = (temperature: string) => `
  (select count(*) from koji.prospects as p
    where p.closed_at is null and p.temperature = '${temperature}')`;

const day = (from: string, to: string) => `
  concat_ws(' | ',
    (select count(*) || ' new leads' from koji.prospects as p
      where p.created_at >= ${from} and p.created_at < ${to}),
    (select count(*) || ' sweeps' from koji.sweeps as s
      where s.finished_at >= ${from} and s.finished_at < ${to}),
    (select count(*) || ' samples' from koji.shipments as s
      where s.shipped_at >= ${from} and s.shipped_at < ${to}),
    (select count(*) || ' follow-ups' from koji.follow_ups as f
      where f.created_at >= ${from} and f.created_at < ${to}),
    (select format('%s orders, $%s', count(*), coalesce(sum(o.total), 0)) from koji.orders as o
      where o.cancelled_at is null and o.placed_at >= ${from} and o.placed_at < ${to}))`;

/** As !export writes it: quoted where needed, and nothing that a spreadsheet would run. */
const exported = (where: string) => `
  select string_agg(
    case when r.cells ~ '[",]'
      then '"' || replace(replace(r.cells, '"', '""'), e'\\x1f', '","') || '"'
      else replace(r.cells, e'\\x1f', ',')
    end || e'\\r\\n', '' order by r.id)
  from (
    select p.id, replace(replace(replace(replace(
      concat_ws(e'\\x1f', p.id, p.name, p.market, p.temperature, p.stage, coalesce(p.rating::text, ''),
        coalesce(p.address, ''), coalesce(p.phone, ''), coalesce(p.email, ''), coalesce(p.website, ''),
        coalesce(p.sampled_at::date::text, ''), coalesce(p.follow_up_at::date::text, ''),
        p.created_at::date),
      e'\\x1f=', e'\\x1f''='), e'\\x1f+', e'\\x1f''+'), e'\\x1f-', e'\\x1f''-'), e'\\x1f@', e'\\x1f''@') as cells
    from koji.prospects as p ${where}
    offset 0
  ) as r`;

export const queries: Query[] = [
  {
    command: "!help",
    sql: `
      select string_agg(c.usage || ' - ' || c.description, e'\\n' order by c.name)
      from koji.commands as c`,
  },
  {
    command: "!lead 77",
    sql: `
      select concat_ws(e'\\n', p.id, p.name, p.rating, p.market, p.temperature, p.stage, p.address,
        p.phone, p.email, p.website, p.created_at::date, p.sampled_at::date, p.follow_up_at::date)
      from koji.prospects as p where p.id = 77`,
  },
  { command: "!hot", sql: best("p.temperature = 'hot'") },
  {
    command: "!hot brooklyn",
    sql: best("p.temperature = 'hot' and p.market = 'brooklyn'"),
  },
  { command: "!warm", sql: best("p.temperature = 'warm'") },
  {
    command: "!stats",
    sql: `
      select format('Hot: %s | Warm: %s | Cold: %s | Revenue MTD: $%s',
        ${active("hot")}, ${active("warm")}, ${active("cold")},
        (select sum(o.total) from koji.orders as o where o.cancelled_at is null
          and o.placed_at >= date_trunc('month', now()) and o.placed_at < clock_timestamp()))`,
  },
  {
    command: "!digest",
    sql: `
      select concat_ws(e'\\n', ${day("current_date - 1", "current_date")},
        ${day("current_date", "current_date + 1")},
        (select count(*) from koji.prospects as p
          where p.closed_at is null and p.follow_up_at <= now()))`,
  },
  {
    command: "!sweep-status",
    sql: `
      select string_agg(
        format('%s - %s %s: %s found, %s new', initcap(s.city), s.status, s.at, s.found, s.added),
        e'\\n' order by s.at desc)
      from (
        select a.city, a.status, a.requested_at as at, a.found, a.added from koji.sweeps as a
        where a.finished_at is null
        union all
        (select f.city, f.status, f.finished_at, f.found, f.added from koji.sweeps as f
          where f.finished_at is not null
          order by f.finished_at desc limit 10)
      ) as s`,
  },
  { command: "!export brooklyn", sql: exported("where p.market = 'brooklyn'") },
  { command: "!export", sql: exported("") },
  {
    command: "!sweep utrecht",
    sql: `
      insert into koji.sweeps (city) values ('utrecht')
      on conflict (city) where finished_at is null do update set city = sweeps.city
      returning format('Sweep of %s queued.', initcap(city))`,
  },
  {
    command: "!send-samples 10",
    sql: `
      with moved as (
        update koji.prospects as p
        set stage = 'sample', sampled_at = clock_timestamp(),
          follow_up_at = clock_timestamp() + interval '7 days'
        where p.id = any (array(
          select b.id from koji.prospects as b
          where b.closed_at is null and b.sampled_at is null
          order by b.temperature, b.rating desc nulls last, b.id
          limit 10
          for update skip locked
        ))
        returning p.*
      ), shipped as (
        insert into koji.shipments (prospect_id, shipped_at)
        select m.id, m.sampled_at from moved as m
      )
      select string_agg(${line}, e'\\n' order by place)
      from (
        select row_number() over (order by m.temperature, m.rating desc nulls last, m.id) as place, m.*
        from moved as m
      ) as l`,
  },
  {
    command: "!followup",
    sql: `
      with due as materialized (
        select p.id, p.stage, p.follow_up_at from koji.prospects as p
        where p.closed_at is null and p.follow_up_at <= now()
        order by p.follow_up_at, p.id
        for update skip locked
      ), moved as (
        update koji.prospects as p set stage = 'follow_up', follow_up_at = null from due
        where p.id = due.id
        returning p.id, p.name, p.rating, due.stage, due.follow_up_at as due_at
      ), recorded as (
        insert into koji.follow_ups (prospect_id, from_stage, due_at)
        select m.id, m.stage, m.due_at from moved as m
      )
      select string_agg(${line}, e'\\n' order by place)
      from (select row_number() over (order by m.due_at, m.id) as place, m.* from moved as m) as l`,
  },
];
