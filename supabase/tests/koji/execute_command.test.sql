begin;
set local search_path = public, extensions;
select pg_advisory_xact_lock(hashtext('koji tests')); -- they take the same rows
select plan(36);

create function pg_temp.run(command text) returns jsonb language sql as $$
  select public.execute_command(tests.channel('koji-pipeline/leads'), command)
$$;
create function pg_temp.refusal(command text) returns text language sql as $$
  select tests.error_of(format('select pg_temp.run(%L)', command))
$$;
delete from koji.orders where true;
delete from koji.accounts where true;
delete from koji.prospects where true;
delete from koji.sweeps where true;
insert into koji.prospects (name, market, temperature, stage, rating) values
  ('Dough Hall', 'new york', 'hot', 'outreach', 4.9);

-- What is understood ---------------------------------------------------------------------------

select is(pg_temp.run('!hot'), '{"command": "hot", "chunks": ["1. Dough Hall (★4.9) - outreach"]}',
  'execute_command() returns the command and its text in chunks');
select is(pg_temp.run(c.command), pg_temp.run('!hot'), format('execute_command() takes %s as !hot', to_json(c.command)))
from (values ('hot'), ('!HOT'), ('  !hot  '), ('! hot'), (E'\t!hot\n'), (E'hot\r\n')) as c (command);
select is(pg_temp.run(c.command), pg_temp.run('!hot'), format('execute_command() takes the rest of %s as the argument', to_json(c.command)))
from (values ('!hot new york'), ('hot NEW   York '), (E'!Hot\tnew\tyork')) as c (command);

-- What is refused ------------------------------------------------------------------------------

select is(pg_temp.refusal(c.command), c.error,
  format('execute_command() refuses %s as %s', to_json(left(c.command, 30)), c.error))
from (values
  (null, 'content_empty'),
  ('', 'content_empty'),
  (E' \t\n ', 'content_empty'),
  (repeat('a', 2001), 'content_too_long'),
  ('!', 'unknown_command'),
  ('!!', 'unknown_command'),
  ('!!hot', 'unknown_command'),
  ('hot!', 'unknown_command'),
  ('hotter', 'unknown_command'),
  ('command_hot', 'unknown_command'),
  ('😀 hot', 'unknown_command'),
  ('h😀t', 'unknown_command'),
  ('''; drop table koji.prospects; --', 'unknown_command'),
  ('hot; delete from koji.prospects', 'unknown_command'),
  ('%s %I %', 'unknown_command'),
  (repeat('x', 2000), 'unknown_command'),
  (E'hot\nnew york', 'bad_argument'),
  (E'hot new\x01york', 'bad_argument'),
  (E'stats\x1b[31m', 'bad_argument'),
  ('hot '' or 1=1 --', 'bad_argument'),
  ('stats today', 'bad_argument'),
  ('lead', 'bad_argument')
) as c (command, error);

-- The hints ------------------------------------------------------------------------------------

create function pg_temp.hint(command text) returns text language plpgsql as $$
declare
  v_hint text;
begin
  perform pg_temp.run(hint.command);
  return null;
exception when others then
  get stacked diagnostics v_hint = pg_exception_hint;
  return v_hint;
end
$$;
select is(pg_temp.hint('lead'), 'Usage: !lead <id>', 'execute_command() hints at the usage line');
select is(pg_temp.hint(E'wa\x01rm'), 'Usage: !name [argument]', 'execute_command() hints at the form where it knows no command');

select is(count(*), 0::bigint, 'execute_command() keeps nothing of a call')
from hub_channel_messages as m where m.channel_id = tests.channel('koji-pipeline/leads');
select is(count(*), 1::bigint, 'execute_command() ran none of what looked like SQL') from koji.prospects;

select * from finish();
rollback;
