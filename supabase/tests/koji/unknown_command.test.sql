begin;
set local search_path = public, extensions;
select plan(17);

create function pg_temp.hint(name text) returns text language plpgsql as $$
declare
  v_hint text;
begin
  perform koji.unknown_command(hint.name);
  return null;
exception when sqlstate 'PT404' then
  get stacked diagnostics v_hint = pg_exception_hint;
  return v_hint;
end
$$;

select is(pg_temp.hint(c.typed), format('Did you mean !%s? Send !help for the list of commands.', c.meant),
  format('unknown_command() names %s for %s', c.meant, c.typed))
from (values
  ('stat', 'stats'), ('stast', 'stats'), ('hto', 'hot'), ('warn', 'warm'), ('hepl', 'help'), ('export-all', 'export'),
  ('follow-up', 'followup'), ('send', 'send-samples'), ('sweepstatus', 'sweep-status'), ('digset', 'digest'), ('nope', 'hot'), ('hot!', 'hot')
) as c (typed, meant);
select is(pg_temp.hint(typed), 'Send !help for the list of commands.', format('unknown_command() names nothing for %L', left(typed, 20)))
from unnest(array['', '😀', repeat('z', 1500)]) as typed;

select is(koji.edit_distance(a, b), d, format('edit_distance() of %L and %L is %s', a, b, d))
from (values ('kitten', 'sitting', 3), ('', 'hot', 3)) as c (a, b, d);

select * from finish();
rollback;
