-- active -> idle (a warning) -> decaying -> archived (a summary), by the tick; what is activity and what is not.
begin;
select plan(44);

select tests.keep('token', tests.device('linux-1', '{claude}', max_running => 5));
-- Lets time pass in a thread.
create function pg_temp.pass(span interval) returns void language sql as $$
  update hub_task_threads as t
  set last_activity_at = t.last_activity_at - span, next_transition_at = t.next_transition_at - span
  where t.id = tests.id('d', 'thread', 'id')
$$;
create function pg_temp.status() returns text language sql as $$
  select t.status from hub_task_threads as t where t.id = tests.id('d', 'thread', 'id')
$$;
create function pg_temp.next() returns interval language sql as $$
  select date_trunc('minute', t.next_transition_at - clock_timestamp() + interval '30 seconds')
  from hub_task_threads as t where t.id = tests.id('d', 'thread', 'id')
$$;
create function pg_temp.last() returns text language sql as $$
  select said[cardinality(said)] from tests.said(tests.id('d', 'thread', 'id')) as said
$$;
create function pg_temp.work(result text) returns void language sql as $$
  select tests.keep('c', claim_tasks(tests.kept('token') #>> '{}') -> 0);
  select complete_task(tests.kept('token') #>> '{}', tests.id('c', 'id'), tests.id('c', 'claim_id'), work.result);
$$;

select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Work'));
select is(pg_temp.next(), interval '2 hours', 'a new thread is looked at in two hours');
select pg_temp.pass('5 hours');
select is(hub.decay_threads(), '{"idle": 0, "decaying": 0, "archived": 0}', 'a thread with an unfinished task');
select is(pg_temp.status(), 'active', 'never leaves active');
select pg_temp.work(E'Done.\nSecond line');
select pg_temp.pass('119 minutes');
select hub.decay_threads();
select is(pg_temp.status(), 'active', 'before two hours of silence it is active');
select pg_temp.pass('2 minutes');
select is(hub.decay_threads(), '{"idle": 1, "decaying": 0, "archived": 0}', 'after two hours the tick');
select is(pg_temp.status(), 'idle', 'makes it idle');
select is(pg_temp.last(), 'system: 💤 Idle after 2 h 1 min of silence. This thread will be archived in 1 h 0 min unless somebody writes.', 'with a warning');
select is(pg_temp.next(), interval '1 hour', 'from which an hour counts');
select is(hub.decay_threads(), '{"idle": 0, "decaying": 0, "archived": 0}', 'a second tick does nothing');
select pg_temp.pass('59 minutes');
select hub.decay_threads();
select is(pg_temp.status(), 'idle', 'within the hour it stays idle');
select pg_temp.pass('2 minutes');
select is(hub.decay_threads(), '{"idle": 0, "decaying": 1, "archived": 0}', 'after it the tick');
select is(pg_temp.status(), 'decaying', 'makes it decaying');
select is(hub.decay_threads(), '{"idle": 0, "decaying": 0, "archived": 1}', 'and the next tick');
select is(pg_temp.status(), 'archived', 'archived');
select is(
  pg_temp.last(), 'system: 🗄 Archived after 3 h 2 min of silence · 4 messages · tasks: 1 complete, 0 failed · last: Done.', 'with a summary'
);
select is((select (archived_at is not null, next_transition_at)::text from hub_task_threads where id = tests.id('d', 'thread', 'id')), '(t,)', 'after which the tick looks no more');
select is(
  (select array_agg(m.metadata ->> 'event' order by created_at) from hub_channel_messages as m where m.task_thread_id = tests.id('d', 'thread', 'id') and m.metadata ->> 'event' in ('thread_idle', 'thread_archived')),
  '{thread_idle,thread_archived}', 'life-cycle messages say which they are'
);

-- An archived thread takes no message, from nobody.
select tests.sign_in('operator');
select is(
  tests.error_of(format('insert into public.hub_channel_messages (channel_id, task_thread_id, content) values (%L, %L, ''Hi'')', tests.channel('cloud-hub/dispatch'), tests.id('d', 'thread', 'id'))),
  'thread_archived', 'a message is refused'
);
select tests.sign_in('service_role');
select is(
  tests.error_of(format('insert into public.hub_channel_messages (channel_id, task_thread_id, sender_type, content) values (%L, %L, ''agent'', ''Hi'')', tests.channel('cloud-hub/dispatch'), tests.id('d', 'thread', 'id'))),
  'thread_archived', 'also with the service key'
);

-- Reopened.
select tests.sign_in('operator');
select is(update_thread_status(tests.id('d', 'thread', 'id'), 'active') ->> 'status', 'active', 'an operator reopens it');
select tests.sign_out();
select is((select archived_at from hub_task_threads where id = tests.id('d', 'thread', 'id')), null, 'so that it is not archived');
select is(pg_temp.next(), interval '2 hours', 'for a full two hours');
select is(hub.decay_threads(), '{"idle": 0, "decaying": 0, "archived": 0}', 'which the tick respects');

-- Activity: a person or an agent, in whatever state.
select pg_temp.pass('3 hours');
select hub.decay_threads();
insert into hub_channel_messages (channel_id, task_thread_id, sender_type, content)
values (tests.channel('cloud-hub/dispatch'), tests.id('d', 'thread', 'id'), 'system', 'News');
select is(pg_temp.status(), 'idle', 'a system''s message is no activity');
select tests.sign_in('operator');
insert into hub_channel_messages (channel_id, task_thread_id, content)
values (tests.channel('cloud-hub/dispatch'), tests.id('d', 'thread', 'id'), 'Still there');
select tests.sign_out();
select is(pg_temp.status(), 'active', 'a person''s message makes an idle thread active');
select is(pg_temp.next(), interval '2 hours', 'for two hours');
select pg_temp.pass('3 hours');
select hub.decay_threads();
select pg_temp.pass('2 hours');
select hub.decay_threads();
select is(pg_temp.status(), 'decaying', 'a decaying thread');
insert into hub_channel_messages (channel_id, task_thread_id, sender_type, content)
values (tests.channel('cloud-hub/dispatch'), tests.id('d', 'thread', 'id'), 'agent', 'Something came up');
select is(pg_temp.status(), 'active', 'becomes active by an agent''s message');

-- After an outage the hour is a full one all the same.
select pg_temp.pass('3 days');
select hub.decay_threads();
select is(pg_temp.status(), 'idle', 'after days without a tick a thread is warned');
select is(pg_temp.next(), interval '1 hour', 'and has a full hour');
select hub.decay_threads();
select is(pg_temp.status(), 'idle', 'whatever the ticks');

-- A follow-up in an idle thread.
select dispatch_task(tests.channel('cloud-hub/dispatch'), 'More', tests.id('d', 'thread', 'id'));
select is(pg_temp.status(), 'active', 'a follow-up is activity');
select tests.sign_in('operator');
select is(
  tests.error_of(format('select public.update_thread_status(%L, ''archived'')', tests.id('d', 'thread', 'id'))), 'thread_busy', 'a thread with an unfinished task is not archived by hand either'
);
select tests.sign_out();
select pg_temp.work('More done');

-- By hand.
select tests.sign_in('operator');
select is(update_thread_status(tests.id('d', 'thread', 'id'), 'archived') ->> 'status', 'archived', 'an operator archives a thread');
select tests.sign_out();
select ok(pg_temp.last() like 'system: 🗄 Archived after % of silence · % messages · tasks: 2 complete, 0 failed · last: More done', 'with the same summary');
select tests.sign_in('operator');
select tests.keep('said', tests.said(tests.id('d', 'thread', 'id')));
select is(update_thread_status(tests.id('d', 'thread', 'id'), 'archived') ->> 'status', 'archived', 'twice is no error');
select is(to_jsonb(tests.said(tests.id('d', 'thread', 'id'))), tests.kept('said'), 'and posts nothing');
select is(tests.error_of(format('select public.update_thread_status(%L, ''idle'')', tests.id('d', 'thread', 'id'))), 'bad_argument', 'no other status is set by hand');
select is(tests.error_of(format('select public.update_thread_status(%L, ''active'')', gen_random_uuid())), 'thread_not_found', 'no thread');
select tests.sign_in('viewer');
select is(tests.error_of(format('select public.update_thread_status(%L, ''active'')', tests.id('d', 'thread', 'id'))), 'role_required', 'no viewer');
select tests.sign_out();

-- Times of a channel, and of the settings.
update hub_channels set idle_after = '10 minutes', archive_after = '5 minutes' where id = tests.channel('cloud-hub/pulse-control');
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/pulse-control'), 'Quick'));
select pg_temp.work('Q');
select is(pg_temp.next(), interval '10 minutes', 'a channel''s own idle_after');
select pg_temp.pass('11 minutes');
select hub.decay_threads();
select is(pg_temp.next(), interval '5 minutes', 'and archive_after');
update hub.settings set idle_after = '1 day';
select tests.keep('d', dispatch_task(tests.channel('cloud-hub/dispatch'), 'Slow'));
select is(pg_temp.next(), interval '1 day', 'a changed setting takes effect at once');

-- In batches.
insert into hub_task_threads (channel_id, name, next_transition_at)
select tests.channel('cloud-hub/dispatch'), 'batch', now() - interval '1 minute' from generate_series(1, 5);
select is(
  (select array_agg((hub.decay_threads(2) ->> 'idle')::integer) from generate_series(1, 4)), '{2,2,1,0}', 'a tick takes a bounded batch'
);

select * from finish();
rollback;
