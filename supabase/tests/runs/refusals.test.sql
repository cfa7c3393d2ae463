-- complete_task(refusals): what the agent was not allowed to do is said beside its result.
begin;
select plan(11);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 9));
create function pg_temp.complete(channel text, refusals jsonb) returns void language plpgsql as $$
begin
  perform tests.keep('d', public.dispatch_task(tests.channel(complete.channel), 'Ship'));
  perform tests.keep('c', public.claim_tasks(tests.kept('token') #>> '{}') -> 0);
  perform public.complete_task(tests.kept('token') #>> '{}', tests.id('d'), tests.id('c', 'claim_id'), 'Done', refusals => complete.refusals);
end
$$;
create function pg_temp.last() returns text language sql as $$
  select replace(m.content, left(tests.id('d')::text, 8), 'ID') from public.hub_channel_messages as m
  where m.metadata ->> 'task_id' = tests.id('d')::text order by m.created_at desc limit 1
$$;
create function pg_temp.refused(refusals jsonb) returns text language sql as $$
  select tests.error_of(format('select pg_temp.complete(%L, %L)', 'buf-barista/bridge', refusals))
$$;

select pg_temp.complete('buf-barista/bridge', '[{"tool": "Bash", "detail": "npm publish"}, {"tool": "WebFetch"}]');
select is(pg_temp.last(), E'⚠️ ID complete, 2 actions refused [claude/linux-1]\nDone', 'a flat result says how many');
select is((select jsonb_array_length(refusals) from mac_tasks where id = tests.id('d')), 2, 'and the task keeps which');
select pg_temp.complete('buf-barista/bridge', '[{"tool": "Bash", "detail": "a\nb"}]');
select is(pg_temp.last(), E'⚠️ ID complete, 1 action refused [claude/linux-1]\nDone', 'one is one');
select pg_temp.complete('buf-barista/bridge', '[]');
select is(pg_temp.last(), E'✅ ID complete [claude/linux-1]\nDone', 'none is none');
select is((select refusals from mac_tasks where id = tests.id('d')), null, 'and kept as such');

select pg_temp.complete('cloud-hub/dispatch', '[{"tool": "Bash", "detail": "npm publish\n--tag next"}, {"tool": "WebFetch"}]');
select is(
  (
    select (m.embed_data ->> 'title', m.embed_data -> 'color', m.embed_data #> '{fields,3}')::text from hub_channel_messages as m
    where m.task_thread_id = tests.id('d', 'thread', 'id') and m.metadata ->> 'event' = 'task_completed'
  ),
  (select ('Task Complete', 16705372, '{"name": "Refused", "value": "2: Bash (npm publish --tag next), WebFetch", "inline": true}'::jsonb)::text),
  'a threaded result has a field'
);

select is(pg_temp.refused('{"tool": "Bash"}'), 'bad_argument', 'no array');
select is(pg_temp.refused('["Bash"]'), 'bad_argument', 'of no objects');
select is(pg_temp.refused('[{"tool": ""}]'), 'bad_argument', 'without a tool');
select is(pg_temp.refused('[{"tool": "a\u2028b"}]'), 'bad_argument', 'of two lines');
select is(pg_temp.refused('[{"tool": "Bash", "why": "x"}]'), 'bad_argument', 'with something else');

select * from finish();
rollback;
