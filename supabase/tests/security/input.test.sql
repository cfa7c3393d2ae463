-- Limits and bad input of the RPCs: refused by a registered error, whatever it is.
begin;
select no_plan();

do $$
begin
  perform tests.user_with(r) from unnest(array['operator', 'admin']) as r;
  perform tests.sign_in('operator');
end
$$;
create temp table held as
select r.registered ->> 'token' as token, null::jsonb as task
from (select public.register_device('input', 'linux', '["claude", "codex", "gemini"]', 10) as registered) as r;
do $$
begin
  perform public.dispatch_task(tests.channel('buf-barista/bridge'), 'A task');
  update held set task = (select t from jsonb_array_elements(public.claim_tasks(token, 1)) as t);
end
$$;

-- %1$s: a channel with tasks, %2$s: the device's token, %3$s and %4$s: its task and claim.
create function pg_temp.refusal(call text) returns text
language sql
as $$
  select tests.error_of('select public.' || format(
    call, quote_literal(tests.channel('buf-barista/bridge')), quote_literal(h.token),
    quote_literal(h.task ->> 'id'), quote_literal(h.task ->> 'claim_id')
  ))
  from held as h
$$;

select is(pg_temp.refusal(c.call), c.error, format('%s: %s', c.call, coalesce(c.error, 'done')))
from (values
  -- Sizes
  ('dispatch_task(%1$s, repeat(''x'', 32000))', null),
  ('dispatch_task(%1$s, repeat(''x'', 32001))', 'content_too_long'),
  ('dispatch_task(%1$s, '''')', 'content_empty'),
  ('dispatch_task(%1$s, E'' \t\r\n\x0b'')', 'content_empty'),
  ('dispatch_task(%1$s, E''\x01\x7f\u00a0\u00ad\u200b\u200d\u202e\u2066\u3164\ufe0f\ufeff'')', 'content_empty'),
  ('dispatch_task(%1$s, E''\u200b.'')', null),
  ('dispatch_task(%1$s, null)', 'content_empty'),
  ('dispatch_team(%1$s, repeat(''x'', 32001))', 'content_too_long'),
  ('dispatch_team(%1$s, ''x'', jsonb_build_array(repeat(''x'', 32001)))', 'bad_argument'),
  ('report_progress(%2$s, %3$s, %4$s, repeat(''x'', 1000001))', 'content_too_long'),
  ('complete_task(%2$s, %3$s, %4$s, repeat(''x'', 1000001))', 'content_too_long'),
  ('complete_task(%2$s, %3$s, %4$s, ''x'', repeat(''m'', 101))', 'bad_argument'),
  ('complete_task(%2$s, %3$s, %4$s, ''x'', null, repeat(''s'', 501))', 'bad_argument'),
  ('complete_task(%2$s, %3$s, %4$s, ''x'', null, null, jsonb_build_array(repeat(''u'', 65537)))', 'bad_argument'),
  ('fail_task(%2$s, %3$s, %4$s, repeat(''x'', 1000001))', 'content_too_long'),
  ('dispatch_task(%1$s, ''x'', idempotency_key => repeat(''k'', 201))', 'bad_argument'),
  ('dispatch_task(%1$s, ''x'', idempotency_key => '''')', 'bad_argument'),
  ('register_device(repeat(''d'', 81), ''linux'', ''["claude"]'')', 'bad_argument'),
  ('execute_command(tests.channel(''koji-pipeline/leads''), repeat(''x'', 2001))', 'content_too_long'),
  -- Ranges
  ('dispatch_task(%1$s, ''x'', priority => 101)', 'bad_argument'),
  ('dispatch_task(%1$s, ''x'', priority => -101)', 'bad_argument'),
  ('dispatch_task(%1$s, ''x'', priority => -100)', null),
  ('dispatch_task(%1$s, ''x'', run_at => now() + interval ''366 days 1 hour'')', 'bad_argument'),
  ('dispatch_task(%1$s, ''x'', run_at => ''infinity'')', 'bad_argument'),
  ('dispatch_task(%1$s, ''x'', run_at => ''-infinity'')', 'bad_argument'),
  ('dispatch_task(%1$s, ''x'', run_at => ''4713-01-01 BC'')', null),
  ('dispatch_task(%1$s, ''x'', model => ''gpt'')', 'bad_argument'),
  ('dispatch_task(%1$s, ''x'', model => '''')', 'bad_argument'),
  ('dispatch_team(%1$s, ''x'', model => ''gpt'')', 'bad_argument'),
  ('claim_tasks(%2$s, 0)', 'bad_argument'),
  ('claim_tasks(%2$s, 101)', 'bad_argument'),
  ('claim_tasks(%2$s, -1)', 'bad_argument'),
  ('register_device(''d'', ''linux'', ''["claude"]'', 0)', 'bad_argument'),
  ('register_device(''d'', ''linux'', ''["claude"]'', 101)', 'bad_argument'),
  ('register_device(''d'', ''amiga'', ''["claude"]'')', 'bad_argument'),
  ('report_rate_limit(%2$s, %3$s, %4$s, ''gpt'', now())', 'bad_argument'),
  ('report_rate_limit(%2$s, %3$s, %4$s, ''claude'', null)', 'bad_argument'),
  ('mesh_activity(0)', 'bad_argument'),
  ('mesh_activity(169)', 'bad_argument'),
  ('mesh_activity(null)', 'bad_argument'),
  ('usage_report(0)', 'bad_argument'),
  ('usage_report(367)', 'bad_argument'),
  ('usage_report(null)', 'bad_argument'),
  ('usage_report(1, gen_random_uuid())', 'server_not_found'),
  -- Shapes
  ('dispatch_team(%1$s, ''x'', ''{}'')', 'bad_argument'),
  ('dispatch_team(%1$s, ''x'', ''"x"'')', 'bad_argument'),
  ('dispatch_team(%1$s, ''x'', ''[]'')', 'bad_argument'),
  ('dispatch_team(%1$s, ''x'', ''[1]'')', 'bad_argument'),
  ('dispatch_team(%1$s, ''x'', ''[null]'')', 'bad_argument'),
  ('dispatch_team(%1$s, ''x'', ''[" "]'')', 'bad_argument'),
  ('dispatch_team(%1$s, ''x'', ''[["x"]]'')', 'bad_argument'),
  ('dispatch_team(%1$s, ''x'', (select jsonb_agg(n) from generate_series(1, 21) as n))', 'too_many_subtasks'),
  ('dispatch_team(%1$s, ''x'', (repeat(''['', 900) || repeat('']'', 900))::jsonb)', 'bad_argument'),
  ('register_device(''d'', ''linux'', null)', 'bad_argument'),
  ('register_device(''d'', ''linux'', ''[]'')', 'bad_argument'),
  ('register_device(''d'', ''linux'', ''{"model": "claude"}'')', 'bad_argument'),
  ('register_device(''d'', ''linux'', ''["gpt"]'')', 'bad_argument'),
  ('register_device(''d'', ''linux'', ''[null]'')', 'bad_argument'),
  ('register_device(''d'', ''linux'', ''[{"model": ["claude"]}]'')', 'bad_argument'),
  ('register_device(''d'', ''linux'', ''[["claude"]]'')', 'bad_argument'),
  ('device_heartbeat(%2$s, ''{}'', ''"claude"'')', 'bad_argument'),
  ('device_heartbeat(%2$s, array_fill(gen_random_uuid(), array[1001]))', 'bad_argument'),
  ('device_heartbeat(%2$s, array[null]::uuid[])', null),
  ('update_thread_status(gen_random_uuid(), ''active'')', 'thread_not_found'),
  ('update_thread_status(gen_random_uuid(), ''idle'')', 'bad_argument'),
  ('update_thread_status(gen_random_uuid(), null)', 'bad_argument'),
  ('set_server_paused(gen_random_uuid(), null)', 'bad_argument'),
  ('set_device_draining(gen_random_uuid(), null)', 'bad_argument'),
  -- Nothing there
  ('dispatch_task(null, ''x'')', 'channel_not_found'),
  ('dispatch_task(gen_random_uuid(), ''x'')', 'channel_not_found'),
  ('dispatch_team(null, ''x'')', 'channel_not_found'),
  ('dispatch_task(%1$s, ''x'', gen_random_uuid())', 'thread_not_found'),
  ('execute_command(null, ''help'')', 'channel_not_found'),
  ('execute_command(%1$s, ''help'')', 'wrong_architecture'),
  ('dispatch_task(tests.channel(''koji-pipeline/leads''), ''x'')', 'wrong_architecture'),
  ('create_task_thread(null, null)', 'channel_not_found'),
  ('create_task_thread(%1$s, null)', 'wrong_architecture'),
  ('create_task_thread(tests.channel(''cloud-hub/dispatch''), null)', 'task_not_found'),
  ('cancel_task(null)', 'task_not_found'),
  ('retry_task(null)', 'task_not_found'),
  ('explain_task(null)', 'task_not_found'),
  ('publish_changes(null)', 'task_not_found'),
  ('publish_changes(%3$s)', 'no_changes'),
  ('review_changes(null, null)', 'task_not_found'),
  ('set_server_paused(null, true)', 'server_not_found'),
  ('set_device_draining(null, true)', 'device_not_found'),
  ('set_device_servers(null, null)', 'device_not_found'),
  ('order_channels(null, array[gen_random_uuid()])', 'server_not_found'),
  ('update_thread_status(null, ''active'')', 'thread_not_found'),
  -- Tokens and claims
  ('claim_tasks(null)', 'bad_device_token'),
  ('claim_tasks('''')', 'bad_device_token'),
  ('claim_tasks(upper(%2$s))', 'bad_device_token'),
  ('claim_tasks(%2$s || '' '')', 'bad_device_token'),
  ('claim_tasks(repeat(''a'', 1000000))', 'bad_device_token'),
  ('device_heartbeat(null)', 'bad_device_token'),
  ('complete_task(%2$s, null, null, ''x'')', 'task_not_found'),
  ('complete_task(%2$s, %3$s, null, ''x'')', 'stale_claim'),
  ('complete_task(%2$s, %3$s, gen_random_uuid(), ''x'')', 'stale_claim'),
  ('complete_task(null, %3$s, %4$s, ''x'')', 'bad_device_token'),
  ('report_progress(%2$s, %3$s, gen_random_uuid(), ''x'')', 'stale_claim'),
  ('fail_task(%2$s, %3$s, gen_random_uuid(), ''x'')', 'stale_claim'),
  ('release_task(%2$s, %3$s, gen_random_uuid())', 'stale_claim'),
  -- In order
  ('complete_task(%2$s, %3$s, %4$s, null, '''', '''', ''null'')', null),
  ('complete_task(%2$s, %3$s, %4$s, ''again'')', 'stale_claim')
) as c (call, error);

select is(tests.error_of('select public.execute_command(tests.channel(''koji-pipeline/leads''), ' || quote_literal(c.command) || ')'),
  c.error, format('The command %L: %s', c.command, c.error))
from (values
  ('', 'content_empty'), (E' \n', 'content_empty'), ('!', 'unknown_command'), ('!!!', 'unknown_command'), ('! !help', 'unknown_command'),
  ('drop', 'unknown_command'), (repeat('!', 2000), 'unknown_command'), (repeat('x', 2000), 'unknown_command'),
  (E'!hot a\nb', 'bad_argument'), (E'!hot a\x07', 'bad_argument'), (E'!hot a\u2028b', 'bad_argument'),
  ('!hot '' or 1=1 --', 'bad_argument'), ('!hot %', 'bad_argument'), ('!hot $1', 'bad_argument'), ('!hot ' || repeat('x', 81), 'bad_argument'),
  ('!lead', 'bad_argument'), ('!lead 0', 'bad_argument'), ('!lead -1', 'bad_argument'), ('!lead 1e3', 'bad_argument'),
  ('!lead 99999999999999999999', 'bad_argument'), ('!stats now', 'bad_argument'),
  ('!send-samples', 'bad_argument'), ('!send-samples 0', 'bad_argument'), ('!send-samples 26', 'bad_argument'),
  ('!send-samples 1.5', 'bad_argument'), ('!send-samples 9999999999', 'bad_argument'), ('!sweep', 'bad_argument'),
  ('!sweep <script>', 'bad_argument'), ('!help nothing', 'unknown_command')
) as c (command, error);

-- A plan is an agent's output: whatever it is, the task is complete and the team goes on or ends.
do $$
declare
  v_plan text;
  v_task jsonb;
begin
  foreach v_plan in array array[
    '[' || repeat('[', 100000), repeat('[', 1000) || repeat(']', 1000), '["\u0000"]', '[1e400000]', '["\ud800"]', '[}', '', '[]',
    '{"a": [1]}', '["' || repeat('x', 32001) || '"]', '["a] and [b"'
  ] loop
    perform public.dispatch_team(tests.channel('buf-barista/bridge'), 'Plan this', null, 'claude');
    loop
      select t into v_task from held as h, jsonb_array_elements(public.claim_tasks(h.token, 1)) as t;
      exit when v_task is null;
      perform public.complete_task(h.token, (v_task ->> 'id')::uuid, (v_task ->> 'claim_id')::uuid,
        case v_task ->> 'kind' when 'plan' then v_plan else 'x' end)
      from held as h;
    end loop;
  end loop;
end
$$;
select results_eq(
  $$ select distinct t.status, t.metadata ->> 'error' from public.hub_teams as t where t.goal = 'Plan this' $$,
  $$ values ('failed', 'The plan is not a JSON array of strings.') $$,
  'A plan that is none ends its team'
);

-- The settings, by an admin.
do $$ begin perform tests.sign_in('admin'); end $$;
select is(tests.error_of(format('select public.update_settings(%L)', c.changes)), c.error, format('update_settings(%s): %s', c.changes, c.error))
from (values
  ('[]', 'bad_argument'), ('null', 'bad_argument'), ('"x"', 'bad_argument'), ('{"id": false}', 'bad_argument'),
  ('{"nothing": 1}', 'bad_argument'), ('{"max_attempts\"; drop table x; --": 1}', 'bad_argument')
) as c (changes, error);
select isnt(tests.error_of(format('select public.update_settings(%L)', c.changes)), null, format('update_settings(%s) is refused', c.changes))
from (values
  ('{"max_attempts": 0}'), ('{"max_attempts": null}'), ('{"max_attempts": "many"}'), ('{"max_attempts": 1e10}'),
  ('{"task_lease": "-1 s"}'), ('{"task_lease": "soon"}'), ('{"default_role": "root"}'), ('{"default_role": null}'),
  ('{"idle_after": "infinity"}'), ('{"archive_after": "11 years"}'), ('{"retry_backoff": "178000000 years"}'), ('{"progress_limit": 0}'), ('{"chunk_size": 1}'), ('{"max_subtasks": 101}'), ('{"idle_after": []}')
) as c (changes);

select * from finish();
rollback;
