begin;
select plan(14);

create temp table kept (name text primary key, value jsonb);
do $$ begin perform tests.sign_in('viewer'); end $$;
select is(
  explain_route('Refactor the parser module', tests.channel('cloud-hub/dispatch')) - 'rule',
  '{"task_type": "refactor", "model": "claude", "platform": null, "effective_model": "claude"}',
  'A viewer is told what a request would become'
);
select is(
  (select r ->> 'task_type' from jsonb_array_elements(list_routing_rules()) as r
    where r -> 'position' = explain_route('Refactor the parser module', tests.channel('cloud-hub/dispatch')) -> 'rule'),
  'refactor', 'and by which rule'
);
select is((select count(*)::integer from public.mac_tasks), 0, 'Nothing is dispatched');
select is(tests.error_of(format('select public.explain_route('' '', %L)', tests.channel('cloud-hub/dispatch'))), 'content_empty', 'No request becomes nothing');
select is(tests.error_of('select public.explain_route(''x'', gen_random_uuid())'), 'channel_not_found', 'nor does one to nowhere');
select is(
  tests.error_of('select public.save_routing_rule(5, ''mine'', ''\mmine\M'')'), 'role_required', 'A viewer changes no rule'
);
do $$ begin perform tests.sign_in('admin'); end $$;
select is(
  save_routing_rule(5, 'mine', '\mparser\M', 'codex', 'macos'),
  '{"position": 5, "task_type": "mine", "pattern": "\\mparser\\M", "model": "codex", "platform": "macos"}',
  'An admin adds a rule'
);
select is(
  explain_route('Refactor the parser module', tests.channel('cloud-hub/dispatch')) - 'effective_model',
  '{"rule": 5, "task_type": "mine", "model": "claude", "platform": "macos"}',
  'which comes first by its position; the channel''s model comes before the rule''s'
);
select is(save_routing_rule(5, 'yours', 'x') ->> 'model', null, 'changes it');
select is(c.error, tests.error_of(c.statement), format('Refused: %s', c.statement))
from (values
  ('select public.save_routing_rule(6, ''Not this'', ''x'')', 'bad_argument'),
  ('select public.save_routing_rule(6, ''x'', ''('')', 'bad_argument'),
  ('select public.save_routing_rule(null, ''x'', ''x'')', 'bad_argument')
) as c (statement, error);
select is(remove_routing_rule(5) ->> 'task_type', 'yours', 'and takes it away');
select is(tests.error_of('select public.remove_routing_rule(5)'), 'bad_argument', 'once');

select * from finish();
rollback;
