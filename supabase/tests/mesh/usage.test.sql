-- usage_report: what ran, for whom and with which model, by day.
begin;
select plan(11);

select tests.keep('token', tests.device('mac-1', '{claude,codex,gemini}', max_running => 10));
create function pg_temp.run(usage jsonb, outcome text default 'complete', model text default 'claude', channel text default 'buf-barista/bridge') returns void language plpgsql as $$
begin
  perform dispatch_task(tests.channel(channel), 'Work', model => run.model);
  perform tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
  if outcome = 'complete' then
    perform complete_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'Done', usage => run.usage);
  else
    perform fail_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), 'No', false);
  end if;
end
$$;
create function pg_temp.row(model text) returns jsonb language sql as $$
  select r from jsonb_array_elements(usage_report() -> 'rows') as r where r ->> 'model' = row.model
$$;

select is(usage_report() -> 'rows', '[]', 'nothing ran');
select pg_temp.run('{"input_tokens": 10, "cache_creation_input_tokens": 20, "cache_read_input_tokens": 300, "output_tokens": 5, "total_cost_usd": 0.25}');
select pg_temp.run('{"input_tokens": 1, "output_tokens": 2, "total_cost_usd": 0.5}');
select pg_temp.run(null, 'failed');
select is(
  pg_temp.row('claude') - 'running_ms' - 'day' - 'user_id' - 'label',
  '{"model": "claude", "complete": 2, "failed": 1, "input_tokens": 331, "output_tokens": 7, "cost_usd": 0.75}',
  'a row sums what a person had done with a model on a day'
);
select is((pg_temp.row('claude') ->> 'day')::date, (now() at time zone 'UTC')::date, 'in UTC');
select ok((pg_temp.row('claude') ->> 'running_ms')::numeric >= 0, 'and how long it ran');
select pg_temp.run('{"inputTokens": 7, "outputTokens": 3, "cachedInputTokens": 6}', model => 'codex');
select is((pg_temp.row('codex') ->> 'input_tokens')::bigint, 7::bigint, 'what was read from a cache is not counted twice');
select pg_temp.run('{"input_tokens": "many", "output_tokens": -4, "outputTokens": [1], "total_cost_usd": {}}', model => 'gemini');
select is(
  (select (r.input_tokens, r.output_tokens, r.cost_usd)::text from jsonb_to_record(pg_temp.row('gemini')) as r (input_tokens int, output_tokens int, cost_usd numeric)),
  '(0,0,0)', 'what is no figure counts as none'
);
select pg_temp.run('[1, 2]', model => 'gemini');
select is((pg_temp.row('gemini') ->> 'complete')::integer, 2, 'nor does what is no object');

-- Days, and whose.
update hub_task_attempts set started_at = started_at - interval '2 days', ended_at = ended_at - interval '2 days' where model = 'codex';
select is((select count(*) from jsonb_array_elements(usage_report(2) -> 'rows') as r where r ->> 'model' = 'codex'), 0::bigint, 'of the days that are asked for');
select is((select count(*) from jsonb_array_elements(usage_report(3) -> 'rows') as r where r ->> 'model' = 'codex'), 1::bigint, 'today included');
select is(jsonb_array_length(usage_report(30, (select id from hub_servers where name = 'cloud-hub')) -> 'rows'), 0, 'of one server');
select tests.sign_in('anon');
select is(tests.error_of('select public.usage_report()'), 'not_signed_in', 'nobody who is not signed in');

select * from finish();
rollback;
