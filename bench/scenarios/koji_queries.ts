// Koji's commands, each with its bare query: what somebody who knows the tables would send instead.
// What a command writes is part of the query; who may run it, and how the answer reads, is not.

export interface Query {
  command: string;
  sql: string;
}

const best = (where: string) => `
  select p.name, p.rating, p.stage from koji.prospects as p
  where p.closed_at is null and ${where}
  order by p.rating desc nulls last, p.id limit 10`;

const day = (from: string, to: string) => `
  (select count(*) from koji.prospects as p where p.created_at >= ${from} and p.created_at < ${to}),
  (select count(*) from koji.sweeps as s where s.finished_at >= ${from} and s.finished_at < ${to}),
  (select count(*) from koji.shipments as s where s.shipped_at >= ${from} and s.shipped_at < ${to}),
  (select count(*) from koji.follow_ups as f where f.created_at >= ${from} and f.created_at < ${to}),
  (select count(*) from koji.orders as o
    where o.cancelled_at is null and o.placed_at >= ${from} and o.placed_at < ${to}),
  (select sum(o.total) from koji.orders as o
    where o.cancelled_at is null and o.placed_at >= ${from} and o.placed_at < ${to})`;

const exported = (where: string) => `
  select p.id, p.name, p.market, p.temperature, p.stage, p.rating, p.address, p.phone, p.email,
    p.website, p.sampled_at::date, p.follow_up_at::date, p.created_at::date
  from koji.prospects as p ${where} order by p.id`;

export const queries: Query[] = [
  {
    command: "!help",
    sql: "select c.usage, c.description from koji.commands as c order by c.name",
  },
  { command: "!lead 77", sql: "select * from koji.prospects as p where p.id = 77" },
  { command: "!hot", sql: best("p.temperature = 'hot'") },
  { command: "!hot brooklyn", sql: best("p.temperature = 'hot' and p.market = 'brooklyn'") },
  { command: "!warm", sql: best("p.temperature = 'warm'") },
  {
    command: "!stats",
    sql: `
      select
        (select count(*) from koji.prospects as p where p.closed_at is null and p.temperature = 'hot'),
        (select count(*) from koji.prospects as p where p.closed_at is null and p.temperature = 'warm'),
        (select count(*) from koji.prospects as p where p.closed_at is null and p.temperature = 'cold'),
        (select sum(o.total) from koji.orders as o where o.cancelled_at is null
          and o.placed_at >= date_trunc('month', now()) and o.placed_at < clock_timestamp())`,
  },
  {
    command: "!digest",
    sql: `
      select ${day("current_date - 1", "current_date")}, ${day("current_date", "current_date + 1")},
        (select count(*) from koji.prospects as p
          where p.closed_at is null and p.follow_up_at <= now())`,
  },
  {
    command: "!sweep-status",
    sql: `
      select * from koji.sweeps as s where s.finished_at is null
      union all
      (select * from koji.sweeps as s where s.finished_at is not null
        order by s.finished_at desc limit 10)`,
  },
  { command: "!export brooklyn", sql: exported("where p.market = 'brooklyn'") },
  { command: "!export", sql: exported("") },
  {
    command: "!sweep utrecht",
    sql: `
      insert into koji.sweeps (city) values ('utrecht')
      on conflict (city) where finished_at is null do update set city = sweeps.city
      returning *`,
  },
  {
    command: "!send-samples 10",
    sql: `
      with best as (
        select p.id from koji.prospects as p
        where p.closed_at is null and p.sampled_at is null
        order by p.temperature, p.rating desc nulls last, p.id
        limit 10
        for update skip locked
      ), moved as (
        update koji.prospects as p
        set stage = 'sample', sampled_at = clock_timestamp(),
          follow_up_at = clock_timestamp() + interval '7 days'
        where p.id = any (array(select b.id from best as b))
        returning p.id, p.name, p.rating, p.market, p.sampled_at
      ), shipped as (
        insert into koji.shipments (prospect_id, shipped_at)
        select m.id, m.sampled_at from moved as m
      )
      select * from moved`,
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
        returning p.id, p.name, p.rating, due.stage as from_stage, due.follow_up_at as due_at
      ), recorded as (
        insert into koji.follow_ups (prospect_id, from_stage, due_at)
        select m.id, m.from_stage, m.due_at from moved as m
      )
      select * from moved`,
  },
];
