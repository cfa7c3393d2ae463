-- The default servers. Installed once: what an operator changed, renamed or deleted since stays so.

alter table hub.settings add column if not exists default_servers_installed_at timestamptz;
comment on column hub.settings.default_servers_installed_at is
  'When the default servers were installed; null before, and again to have the missing ones installed by the next run of their chapter.';

do $$
begin
  if (select s.default_servers_installed_at is not null from hub.settings as s) then
    return;
  end if;

  insert into public.hub_servers (name, display_name, description, icon, architecture_type, is_default)
  values
    ('koji-pipeline', 'Koji Pipeline',
      'Sales pipeline command center. Direct query access to leads, accounts, prospects, and market sweeps.',
      'chart.bar.xaxis', 'command_dispatch', true),
    ('buf-barista', 'Buf Barista',
      'Development task pipeline with real-time progress streaming. Tasks execute on mesh devices and report back inline.',
      'cup.and.saucer.fill', 'flat_task_pipeline', true),
    ('cloud-hub', 'Cloud Hub',
      'Infrastructure operations with threaded task isolation. Each task gets its own conversation thread with lifecycle management.',
      'cloud.fill', 'threaded_task_isolation', true)
  on conflict (name) do nothing;

  insert into public.hub_channels (
    server_id, name, display_name, description, category_group, project_path, model_preference, is_read_only
  )
  select s.id, c.name, '#' || c.name, c.description, c.category_group, c.project_path, c.model, c.is_read_only
  from (
    values
      ('koji-pipeline', 'leads', 'Lead queries and enrichment status', 'Sales', null, 'any', false),
      ('koji-pipeline', 'accounts', 'Active account lookups', 'Sales', null, 'any', false),
      ('koji-pipeline', 'sweeps', 'Market sweep commands and status', 'Ops', null, 'any', false),
      ('koji-pipeline', 'digest', 'Daily pipeline summaries', 'Ops', null, 'any', false),
      ('buf-barista', 'bridge', null, 'Hub', 'Desktop/homelab', 'any', false),
      ('buf-barista', 'quick', null, 'Hub', 'Desktop/homelab', 'any', false),
      ('buf-barista', 'cc-runtime', null, 'Comp-Core', 'Desktop/Comp-Core/core/runtime', 'claude', false),
      ('buf-barista', 'cc-semantic', null, 'Comp-Core', 'Desktop/Comp-Core/core/semantic', 'claude', false),
      ('buf-barista', 'cc-retrieval', null, 'Comp-Core', 'Desktop/Comp-Core/core/retrieval', 'claude', false),
      ('buf-barista', 'cc-motion', null, 'Comp-Core', 'Desktop/Comp-Core/core/motion', 'claude', false),
      ('buf-barista', 'cc-agents', null, 'Comp-Core', 'Desktop/Comp-Core/core/agents', 'claude', false),
      ('buf-barista', 'cc-media', null, 'Comp-Core', 'Desktop/Comp-Core/core/audio-media', 'claude', false),
      ('buf-barista', 'workshop', null, 'Creative', 'Desktop/homelab', 'any', false),
      ('buf-barista', 'research', null, 'Creative', 'Desktop/homelab', 'any', false),
      ('buf-barista', 'garden', null, 'Creative', 'Desktop/homelab', 'any', false),
      ('cloud-hub', 'dispatch', null, 'Ops', 'Desktop/homelab', 'claude', false),
      ('cloud-hub', 'pulse-control', null, 'Ops', 'Desktop/homelab', 'claude', false),
      ('cloud-hub', 'infrastructure', null, 'Ops', 'Desktop/homelab', 'claude', false),
      ('cloud-hub', 'morning-brief', null, 'Feeds', null, 'any', true),
      ('cloud-hub', 'heartbeat', null, 'Feeds', null, 'any', true),
      ('cloud-hub', 'memory-log', null, 'Feeds', null, 'any', true)
  ) as c (server, name, description, category_group, project_path, model, is_read_only)
  join public.hub_servers as s on s.name = c.server
  on conflict (server_id, name) do nothing;

  update hub.settings as s set default_servers_installed_at = now() where s.id;
end
$$;
