begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
select plan(19);

select is(koji.chunks('', 10), array[''], 'chunks() of nothing is one empty chunk');
select is(koji.chunks('1234567890', 10), array['1234567890'], 'chunks() leaves a text whole that fits');
select is(koji.chunks(E'12345\n7890\n1', 11), array[E'12345\n7890\n', '1'], 'chunks() cuts at the last line end that fits');
select is(koji.chunks(E'1234\n12345678', 10), array[E'1234\n', '12345678'], 'chunks() leaves a line whole that fits');
select is(koji.chunks('123456789012345678901', 10), array['1234567890', '1234567890', '1'], 'chunks() cuts a long line where it must');
select is(koji.chunks(E'12\n123456789012\n3', 10), array[E'12\n', '1234567890', E'12\n3'], 'chunks() joins the rest of a long line with what follows');
select is(koji.chunks(E'123456789\r\n1234', 10), array['123456789', E'\r\n1234'], 'chunks() does not part the two characters of a line end');
select is(koji.chunks(E'12345678\r\n1234', 10), array[E'12345678\r\n', '1234'], 'chunks() keeps a line end with its line');
select is(koji.chunks(E'1234567890\n', 10), array['1234567890', E'\n'], 'chunks() loses no line end at the end');
select is(koji.chunks(E'\n\n\n\n\n\n\n\n\n\n\n\n', 10), array[E'\n\n\n\n\n\n\n\n\n\n', E'\n\n'], 'chunks() takes lines with nothing in them');
select is(koji.chunks(repeat('★', 11), 10), array[repeat('★', 10), '★'], 'chunks() counts characters, not bytes');

-- Every text, cut to every size, is its chunks joined, none of them empty or too long.
create temporary table texts as
select string_agg(case
  when (n * seed) % 7 = 0 then E'\n' when (n * seed) % 11 = 0 then E'\r\n' else chr(97 + (n * seed) % 26) end, '' order by n) as content
from generate_series(1, 300) as n, generate_series(1, 40) as seed
group by seed;
select ok(bool_and(array_to_string(koji.chunks(t.content, size), '') = t.content), 'chunks() joined with nothing between are the text')
from texts as t, generate_series(5, 60, 5) as size;
select ok(bool_and(length(chunk) between 1 and size), 'chunks() are neither empty nor too long')
from texts as t, generate_series(5, 60, 5) as size, unnest(koji.chunks(t.content, size)) as chunk;
select ok(bool_and(not (left(chunk, 1) = E'\n' and right(before, 1) = E'\r')), 'chunks() part no line end')
from texts as t, generate_series(5, 60, 5) as size,
  lateral (select c as chunk, lag(c) over (order by p) as before from unnest(koji.chunks(t.content, size)) with ordinality as u (c, p)) as l;

-- Through a command ----------------------------------------------------------------------------

delete from koji.orders where true;
delete from koji.accounts where true;
delete from koji.prospects where true;
delete from koji.sweeps where true;
insert into koji.prospects (name, market, address)
select 'Cafe ' || n, 'queens', repeat('x', 60) from generate_series(1, 200) as n;
create function pg_temp.chunks_of(command text) returns setof text language sql as $$
  select jsonb_array_elements_text(public.execute_command(tests.channel('koji-pipeline/leads'), command) -> 'chunks')
$$;
select cmp_ok(count(*), '>', 5::bigint, 'execute_command() cuts a long answer') from pg_temp.chunks_of('export');
select ok(bool_and(length(c) <= 2000 and c like E'%\n'), 'execute_command() cuts at line ends, 2000 characters at most')
from pg_temp.chunks_of('export') as c;
select is(string_agg(c, '' order by p), koji.command_export(''), 'execute_command() returns all of a long answer')
from pg_temp.chunks_of('export') with ordinality as t (c, p);
update hub.settings set chunk_size = 300 where id;
select ok(bool_and(length(c) <= 300), 'execute_command() heeds a change of chunk_size at once') from pg_temp.chunks_of('export') as c;
select is(count(*), 1::bigint, 'execute_command() leaves a short answer whole') from pg_temp.chunks_of('stats');

select * from finish();
rollback;
