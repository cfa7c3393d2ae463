-- What dispatch_task refuses, and that a refusal leaves nothing behind.
begin;
select plan(27);

create function pg_temp.refusal(channel uuid, arguments text default $$content => 'x'$$) returns text
language sql as $$
  select tests.error_of(format('select public.dispatch_task(%L, %s)', channel, arguments))
$$;
update hub.settings set default_role = 'viewer';
select tests.keep('before', (select count(*) from hub_channel_messages));

select tests.sign_in('anon');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge')), 'not_signed_in', 'without a user');
select tests.sign_in('stranger');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge')), 'role_required', 'with the default role');
select tests.sign_in('viewer');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge')), 'role_required', 'as a viewer');

select tests.sign_in('operator');
select is(pg_temp.refusal(gen_random_uuid()), 'channel_not_found', 'to no channel');
select is(pg_temp.refusal(null), 'channel_not_found', 'to null');
select is(pg_temp.refusal(tests.channel('koji-pipeline/leads')), 'wrong_architecture', 'to a command channel');
select is(pg_temp.refusal(tests.channel('cloud-hub/heartbeat')), 'channel_read_only', 'to a feed');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge'), $$content => ''$$), 'content_empty', 'nothing');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge'), $$content => null$$), 'content_empty', 'null');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge'), $$content => E' \n\t '$$), 'content_empty', 'only blanks');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge'), $$content => repeat('x', 32001)$$), 'content_too_long', 'too much');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge'), $$content => 'x', model => 'gpt'$$), 'bad_argument', 'an unknown model');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge'), $$content => 'x', priority => 101$$), 'bad_argument', 'too high a priority');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge'), $$content => 'x', priority => -101$$), 'bad_argument', 'too low a priority');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge'), $$content => 'x', run_at => now() + interval '2 years'$$), 'bad_argument', 'too late a time');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge'), $$content => 'x', run_at => 'infinity'$$), 'bad_argument', 'an endless time');
select is(
  pg_temp.refusal(tests.channel('buf-barista/bridge'), format($$content => 'x', task_thread_id => %L$$, gen_random_uuid())),
  'thread_not_found', 'in a thread of a flat channel'
);
select tests.sign_out();
select is((select count(*) from hub_channel_messages), (tests.kept('before'))::text::bigint, 'no refusal leaves a message');
select is((select count(*) from mac_tasks) + (select count(*) from hub_task_threads), 0::bigint, 'nor a task or thread');

-- The longest content there may be, and the limit of open tasks.
update hub.settings set max_open_tasks_per_user = 3;
select tests.sign_in('operator');
select is(length(dispatch_task(tests.channel('buf-barista/bridge'), repeat('x', 32000)) #>> '{message,content}'), 32000, '32,000 characters pass');
select dispatch_task(tests.channel('cloud-hub/dispatch'), 'b');
select tests.keep('last', dispatch_task(tests.channel('buf-barista/quick'), 'c', run_at => now() + interval '1 day'));
select is(pg_temp.refusal(tests.channel('buf-barista/bridge')), 'too_many_open_tasks', 'one task more than allowed');
select is(
  tests.error_of(format('insert into public.mac_tasks (channel_id, content) values (%L, ''x'')', tests.channel('buf-barista/bridge'))),
  'too_many_open_tasks', 'also by an insert'
);
select is(
  tests.error_of(format($$select public.dispatch_team(%L, 'x', '["a"]')$$, tests.channel('buf-barista/bridge'))),
  'too_many_open_tasks', 'and by a team'
);
select cancel_task(tests.id('last'));
select is(pg_temp.refusal(tests.channel('buf-barista/bridge')), null, 'until one ends');
select tests.sign_in('admin');
select is(pg_temp.refusal(tests.channel('buf-barista/bridge')), null, 'another user has a limit of their own');

-- A retry is its author's again, whoever asks for it, and so are the subtasks of a plan.
select is(
  tests.error_of(format('select public.retry_task(%L)', tests.id('last'))), 'too_many_open_tasks',
  'somebody else''s retry counts for the author'
);
select tests.sign_out();
update hub.settings set max_open_tasks_per_user = 5;
select tests.keep('token', tests.device('planner', '{claude,codex,gemini}', max_running => 100));
select tests.sign_in('operator');
select tests.keep('team', dispatch_team(tests.channel('cloud-hub/infrastructure'), 'Tidy the house from attic to cellar'));
select tests.sign_out();
do $$
begin
  for i in 1..2 loop -- the second time is the other plan that is asked for
    perform claim_tasks(tests.kept('token') #>> '{}', 100);
    perform complete_task(tests.kept('token') #>> '{}', t.id, t.claim_id, '["a", "b", "c"]')
    from mac_tasks as t where t.team_id = tests.id('team', 'team', 'id') and t.kind = 'plan' and t.status = 'running';
  end loop;
end
$$;
select is(
  (select status || ': ' || (metadata ->> 'error') from hub_teams where id = tests.id('team', 'team', 'id')),
  'failed: The plan has 3 subtasks; who asked has 3 unfinished tasks, and 5 are allowed.', 'a plan stays within its author''s limit'
);

select * from finish();
rollback;
