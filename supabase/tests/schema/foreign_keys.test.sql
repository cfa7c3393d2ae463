-- Every foreign key says what becomes of its rows, and has an index that begins with its first column: without
-- one each deletion of what it names would read the whole table. Of keys of two columns the first alone finds
-- the rows: a thread, whose channel the second column holds.
begin;
select plan(2);

create temp view keys as
select c.conrelid::regclass::text as "table", c.conname::text as name, c.conkey as columns, c.conrelid, c.confdeltype
from pg_catalog.pg_constraint as c
join pg_catalog.pg_class as r on r.oid = c.conrelid
where c.contype = 'f' and r.relnamespace::regnamespace::text in ('public', 'hub', 'koji');

select is_empty(
  $$
    select k."table", k.name from keys as k
    where not exists (
      select from pg_catalog.pg_index as i
      where i.indrelid = k.conrelid and i.indisvalid
        and i.indkey[0] = k.columns[1]
    )
  $$,
  'an index'
);
select is_empty($$ select "table", name from keys where confdeltype = 'a' $$, 'and an ending');

select * from finish();
rollback;
