begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
set local timezone = 'Pacific/Kiritimati';
set local datestyle = 'SQL, DMY';
select plan(10);

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
create temporary table header as select 'id,name,market,temperature,stage,rating,address,phone,email,website,sampled_at,follow_up_at,created_at' || E'\r\n' as line;
create function pg_temp.row_of(name text) returns text language sql as $$
  select substr(line, strpos(line, ',') + 1)
  from unnest(string_to_array(pg_temp.says('export'), E'\r\n')) as line
  where line like '%' || row_of.name || '%'
$$;
select is(pg_temp.says('export'), line, 'export with nothing there is the header') from header;

insert into koji.prospects (name, market, temperature, stage, rating, address, phone, email, website, sampled_at, created_at) values
  ('Plain', 'queens', 'hot', 'sample', 4.5, '1 Main Street', '555 0100', 'a@b.example', 'https://b.example', '2026-02-28T12:00:00Z', '2026-01-02T00:00:00Z'),
  ('Say "Cheese", Ltd', 'bronx', 'cold', 'new', null, null, null, null, null, null, '2026-01-02T23:00:00Z'),
  ('=HYPERLINK(1)', 'bronx', 'warm', 'new', null, '+1', '-1', '@x', '=1+1', null, '2026-01-02T12:00:00Z'),
  ('=1,2', 'bronx', 'warm', 'new', null, null, null, null, null, null, '2026-01-02T12:00:00Z'),
  ('＝HYPERLINK(2)', 'bronx', 'warm', 'new', null, 'x＋y', '＠x', null, null, null, '2026-01-02T12:00:00Z'),
  ('Cafe;=cmd|''/c calc''!A0', 'bronx', 'warm', 'new', null, 'x; +1', 'a;"=1', 'b;ü', null, null, '2026-01-02T12:00:00Z'),
  ('a=b', 'bronx', 'warm', 'new', 0, 'x+y', 'x-y', 'x@y', null, null, '2026-01-02T12:00:00Z');
select is(pg_temp.row_of('Plain'), '"Plain","queens","hot","sample","4.5","1 Main Street","555 0100","a@b.example","https://b.example","2026-02-28","","2026-01-02"',
  'export quotes each cell, with days of UTC and nothing for null');
select is(pg_temp.row_of('Cheese'), '"Say ""Cheese"", Ltd","bronx","cold","new","","","","","","","","2026-01-02"',
  'export doubles quotation marks');
select is(pg_temp.row_of('HYPERLINK(1)'), '"''=HYPERLINK(1)","bronx","warm","new","","''+1","''-1","''@x","''=1+1","","","2026-01-02"',
  'export makes text of what a spreadsheet would run');
select is(pg_temp.row_of('HYPERLINK(2)'), '"''＝HYPERLINK(2)","bronx","warm","new","","x＋y","''＠x","","","","","2026-01-02"',
  'export knows the wide forms of these signs');
select is(pg_temp.row_of('1,2'), '"''=1,2","bronx","warm","new","","","","","","","","2026-01-02"',
  'export makes text of a formula in a quoted cell');
select is(pg_temp.row_of('Cafe'), '"Cafe;''=cmd|''/c calc''!A0","bronx","warm","new","","x; ''+1","a;""''=1","b;ü","","","","2026-01-02"',
  'export makes text of a formula behind a semicolon');
select is(pg_temp.row_of('a=b'), '"a=b","bronx","warm","new","0.0","x+y","x-y","x@y","","","","2026-01-02"', 'export leaves alone what is no formula');
select is(array_length(string_to_array(pg_temp.says('export Queens'), E'\r\n'), 1), 3, 'export of a market has its rows alone');
select is(pg_temp.says('export nowhere'), line, 'export of an unknown market is the header') from header;

select * from finish();
rollback;
