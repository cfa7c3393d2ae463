-- The default servers, exactly; installed once.
begin;
select plan(9);

select results_eq(
  $$select name, display_name, description, icon, architecture_type, is_default, channel_count
    from hub_servers where is_default order by name$$,
  $$values
    ('buf-barista', 'Buf Barista', 'Development task pipeline with real-time progress streaming. Tasks execute on mesh devices and report back inline.', 'cup.and.saucer.fill', 'flat_task_pipeline', true, 11),
    ('cloud-hub', 'Cloud Hub', 'Infrastructure operations with threaded task isolation. Each task gets its own conversation thread with lifecycle management.', 'cloud.fill', 'threaded_task_isolation', true, 6),
    ('koji-pipeline', 'Koji Pipeline', 'Sales pipeline command center. Direct query access to leads, accounts, prospects, and market sweeps.', 'chart.bar.xaxis', 'command_dispatch', true, 4)$$,
  'the three servers'
);
select results_eq(
  $$select s.name || '/' || c.name, c.display_name, c.description, c.category_group, c.project_path, c.model_preference, c.is_read_only
    from hub_channels as c join hub_servers as s on s.id = c.server_id
    where s.is_default order by (s.name || '/' || c.name) collate "C"$$,
  $$values
    ('buf-barista/bridge', '#bridge', null, 'Hub', 'Desktop/homelab', 'any', false),
    ('buf-barista/cc-agents', '#cc-agents', null, 'Comp-Core', 'Desktop/Comp-Core/core/agents', 'claude', false),
    ('buf-barista/cc-media', '#cc-media', null, 'Comp-Core', 'Desktop/Comp-Core/core/audio-media', 'claude', false),
    ('buf-barista/cc-motion', '#cc-motion', null, 'Comp-Core', 'Desktop/Comp-Core/core/motion', 'claude', false),
    ('buf-barista/cc-retrieval', '#cc-retrieval', null, 'Comp-Core', 'Desktop/Comp-Core/core/retrieval', 'claude', false),
    ('buf-barista/cc-runtime', '#cc-runtime', null, 'Comp-Core', 'Desktop/Comp-Core/core/runtime', 'claude', false),
    ('buf-barista/cc-semantic', '#cc-semantic', null, 'Comp-Core', 'Desktop/Comp-Core/core/semantic', 'claude', false),
    ('buf-barista/garden', '#garden', null, 'Creative', 'Desktop/homelab', 'any', false),
    ('buf-barista/quick', '#quick', null, 'Hub', 'Desktop/homelab', 'any', false),
    ('buf-barista/research', '#research', null, 'Creative', 'Desktop/homelab', 'any', false),
    ('buf-barista/workshop', '#workshop', null, 'Creative', 'Desktop/homelab', 'any', false),
    ('cloud-hub/dispatch', '#dispatch', null, 'Ops', 'Desktop/homelab', 'claude', false),
    ('cloud-hub/heartbeat', '#heartbeat', null, 'Feeds', null, 'any', true),
    ('cloud-hub/infrastructure', '#infrastructure', null, 'Ops', 'Desktop/homelab', 'claude', false),
    ('cloud-hub/memory-log', '#memory-log', null, 'Feeds', null, 'any', true),
    ('cloud-hub/morning-brief', '#morning-brief', null, 'Feeds', null, 'any', true),
    ('cloud-hub/pulse-control', '#pulse-control', null, 'Ops', 'Desktop/homelab', 'claude', false),
    ('koji-pipeline/accounts', '#accounts', 'Active account lookups', 'Sales', null, 'any', false),
    ('koji-pipeline/digest', '#digest', 'Daily pipeline summaries', 'Ops', null, 'any', false),
    ('koji-pipeline/leads', '#leads', 'Lead queries and enrichment status', 'Sales', null, 'any', false),
    ('koji-pipeline/sweeps', '#sweeps', 'Market sweep commands and status', 'Ops', null, 'any', false)$$,
  'and their channels'
);
select isnt((select default_servers_installed_at from hub.settings), null, 'it is known that they were installed');

-- The settings as installed.
select results_eq(
  $$select task_lease, max_attempts, max_runtime, retry_backoff, max_retry_backoff, max_open_tasks_per_user, max_subtasks,
      progress_limit, chunk_size, idle_after, archive_after, device_offline_after from hub.settings$$,
  $$values (interval '90 seconds', 3, interval '2 hours', interval '10 seconds', interval '10 minutes', 100, 20,
      15, 2000, interval '2 hours', interval '1 hour', interval '60 seconds')$$,
  'every number of the contract'
);
select throws_ok('insert into hub.settings (id) values (false)', '23514', null, 'there is one row of settings');
select throws_ok('update hub.settings set max_attempts = 0', '23514', null, 'with checked values');

-- The chains.
select is(
  (select jsonb_object_agg(preference, models) from (
    select preference, jsonb_agg(model order by position) as models from hub.model_chains group by preference
  ) as c),
  '{"claude": ["claude", "codex", "gemini"], "codex": ["codex", "claude", "gemini"], "gemini": ["gemini", "claude", "codex"], "any": ["claude", "codex", "gemini"]}',
  'the fallback chains of the contract'
);
select is((select count(*) from cron.job where jobname in ('hub-decay-threads', 'hub-recover') and schedule = '* * * * *'), 2::bigint, 'two ticks a minute');
select is((select command from cron.job where jobname = 'hub-decay-threads'), 'select hub.decay_threads()', 'one function each');

select * from finish();
rollback;
