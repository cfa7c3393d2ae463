-- Tasks, the threads they live in, and the teams they form: the tables, without their behaviour.
--
-- `mac_tasks` may belong to an app that was here first. Then only columns, partial indexes, triggers
-- and policies that concern rows with a channel are added; its own rows, defaults, constraints and
-- policies stay as they are.

create table if not exists public.hub_teams (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references public.hub_channels on delete cascade,
  task_thread_id uuid,
  goal text not null,
  status text not null default 'planning'
    check (status in ('planning', 'running', 'synthesizing', 'complete', 'failed')),
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  model_preference text,
  idempotency_key text,
  metadata jsonb not null default '{}',
  constraint hub_teams_terminal check ((status in ('complete', 'failed')) = (finished_at is not null))
);
comment on table public.hub_teams is 'Requests that run as parallel subtasks with one synthesis. Made by dispatch_team.';
comment on column public.hub_teams.created_by is 'The user who asked; null for the service key and SQL.';
comment on column public.hub_teams.metadata is '{message_id: the request''s message, created_by_label, error: why the team failed}.';

create table if not exists public.hub_task_threads (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references public.hub_channels on delete cascade,
  task_id uuid,
  team_id uuid references public.hub_teams on delete set null,
  name text not null,
  status text not null default 'active' check (status in ('active', 'idle', 'decaying', 'archived')),
  message_count integer not null default 0,
  last_activity_at timestamptz not null default clock_timestamp(),
  archived_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  session_id text,
  session_device text,
  next_transition_at timestamptz,
  unique (id, channel_id),
  constraint hub_task_threads_archived check (
    (status = 'archived') = (archived_at is not null)
    and (status = 'archived') = (next_transition_at is null)
  )
) with (fillfactor = 70);
comment on table public.hub_task_threads is
  'Threads of threaded channels. Status: active, idle after silence, decaying an hour after the warning, archived at the next tick.';
comment on column public.hub_task_threads.task_id is 'The task that opened the thread.';
comment on column public.hub_task_threads.message_count is 'All messages of the thread; kept by trigger, always exact.';
comment on column public.hub_task_threads.last_activity_at is 'The newest message of a person or an agent; life-cycle messages do not count.';
comment on column public.hub_task_threads.session_id is 'The agent session that a follow-up resumes.';
comment on column public.hub_task_threads.session_device is 'Name of the device that holds the agent session.';
comment on column public.hub_task_threads.next_transition_at is 'When the life cycle looks at the thread again; null once archived.';
comment on column public.hub_task_threads.metadata is 'Free for clients; nothing here reads it.';

alter table public.hub_teams drop constraint if exists hub_teams_task_thread_id_fkey;
alter table public.hub_teams add constraint hub_teams_task_thread_id_fkey
foreign key (task_thread_id) references public.hub_task_threads on delete set null;

create index if not exists idx_hub_teams_channel on public.hub_teams (channel_id, created_at desc);
create index if not exists idx_hub_teams_thread on public.hub_teams (task_thread_id)
where task_thread_id is not null;
create unique index if not exists idx_hub_teams_idempotency
on public.hub_teams (channel_id, created_by, idempotency_key) nulls not distinct
where idempotency_key is not null;
create index if not exists idx_hub_task_threads_channel
on public.hub_task_threads (channel_id, created_at desc, id desc);
create index if not exists idx_hub_task_threads_status
on public.hub_task_threads (next_transition_at, status) where next_transition_at is not null;
create index if not exists idx_hub_task_threads_task on public.hub_task_threads (task_id)
where task_id is not null;
create index if not exists idx_hub_task_threads_team on public.hub_task_threads (team_id)
where team_id is not null;

-- mac_tasks --------------------------------------------------------------------------------------

do $$
declare
  v_fresh boolean := to_regclass('public.mac_tasks') is null;
  v_shared text[] := array(
    select a.attname from pg_catalog.pg_attribute as a
    where a.attrelid = to_regclass('public.mac_tasks') and a.attnum > 0 and not a.attisdropped
  );
  v_problem text;
  v_column record;
begin
  if v_fresh then
    create table public.mac_tasks (
      id uuid primary key default gen_random_uuid(),
      content text not null,
      project text,
      status text not null default 'pending' check (status in ('pending', 'running', 'complete', 'failed')),
      model_preference text default 'any',
      claimed_by text,
      partial_output text,
      result text
    )
    -- A task is rewritten at each step of its life; no index knows those columns, so with room on
    -- the page the rewrites stay there (heap-only updates).
    with (fillfactor = 50);
  else
    -- Columns of the same names are shared where their types fit, and never altered.
    select string_agg(
      format('%I is %s and must be %s', n.name, coalesce(t.type, 'missing'), n.accepted[1]), '; ' order by n.name
    )
    into v_problem
    from (
      select unnest(string_to_array(names, ' ')) as name, accepted
      from (values
        ('id channel_id task_thread_id team_id claim_id created_by', array['uuid']),
        ('content status project model_preference claimed_by partial_output result kind task_type platform '
          || 'error model_used idempotency_key session_id', array['text', 'character varying']),
        ('priority attempt losses max_attempts progress_count', array['integer', 'bigint', 'smallint']),
        ('run_at lease_expires_at started_at finished_at cancel_requested_at cancelled_at delivered_at '
          || 'created_at updated_at', array['timestamp with time zone', 'timestamp without time zone']),
        ('usage refusals changes metadata', array['jsonb'])
      ) as kinds (names, accepted)
    ) as n
    left join lateral (
      select format_type(a.atttypid, null) as type
      from pg_catalog.pg_attribute as a
      where a.attrelid = 'public.mac_tasks'::regclass and a.attname = n.name and not a.attisdropped
    ) as t on true
    where t.type <> all (n.accepted) or t.type is null and n.name in ('id', 'content', 'status');
    if v_problem is not null then
      raise exception 'The table mac_tasks that exists here cannot take tasks of Aura Servers: %.', v_problem
      using hint = 'Nothing was changed. Rename the column, or install into a project of its own.';
    end if;
    if 'claim_id' <> all (v_shared) then
      -- The rows that wait here are another app's: executors of the mesh leave them alone.
      update hub.settings as s set claims_foreign_tasks = false where s.id;
    end if;
  end if;

  alter table public.mac_tasks
    add column if not exists project text,
    add column if not exists model_preference text default 'any',
    add column if not exists claimed_by text,
    add column if not exists partial_output text,
    add column if not exists result text,
    add column if not exists channel_id uuid references public.hub_channels on delete set null,
    add column if not exists task_thread_id uuid references public.hub_task_threads on delete set null,
    add column if not exists team_id uuid references public.hub_teams on delete set null,
    add column if not exists kind text not null default 'task'
      check (kind in ('task', 'plan', 'subtask', 'synthesis', 'publish')),
    add column if not exists task_type text,
    add column if not exists platform text check (platform in ('macos', 'linux', 'windows')),
    add column if not exists priority integer not null default 0,
    add column if not exists run_at timestamptz,
    add column if not exists attempt integer not null default 0,
    add column if not exists losses integer not null default 0,
    add column if not exists max_attempts integer check (max_attempts > 0),
    add column if not exists claim_id uuid,
    add column if not exists lease_expires_at timestamptz,
    add column if not exists started_at timestamptz,
    add column if not exists finished_at timestamptz,
    add column if not exists error text,
    add column if not exists model_used text,
    add column if not exists progress_count integer not null default 0,
    add column if not exists cancel_requested_at timestamptz,
    add column if not exists cancelled_at timestamptz,
    add column if not exists delivered_at timestamptz,
    add column if not exists idempotency_key text,
    add column if not exists created_by uuid,
    add column if not exists session_id text,
    add column if not exists usage jsonb,
    add column if not exists refusals jsonb,
    add column if not exists changes jsonb,
    add column if not exists metadata jsonb not null default '{}',
    add column if not exists created_at timestamptz not null default clock_timestamp(),
    add column if not exists updated_at timestamptz not null default clock_timestamp();

  if v_fresh then
    alter table public.mac_tasks
      add constraint mac_tasks_terminal
      check (channel_id is null or (status in ('complete', 'failed')) = (finished_at is not null)),
      add constraint mac_tasks_cancelled
      check (cancelled_at is null or status = 'failed'),
      add constraint mac_tasks_claim
      check ((claim_id is null) = (lease_expires_at is null) and (claim_id is null or status = 'running'));
  end if;
  -- A table of its own has that constraint; after a restore too, which leaves policies and grants out.
  if exists (
    select from pg_catalog.pg_constraint as c
    where c.conrelid = 'public.mac_tasks'::regclass and c.conname = 'mac_tasks_terminal'
  ) then
    alter table public.mac_tasks enable row level security;
    revoke all on public.mac_tasks from anon, authenticated, service_role;
    grant select on public.mac_tasks to authenticated;
    grant select, insert, update, delete on public.mac_tasks to service_role;
    grant insert (
      content, project, model_preference, channel_id, task_thread_id, platform, priority, run_at,
      idempotency_key, metadata
    ) on public.mac_tasks to authenticated;
    drop policy if exists authenticated_read_tasks on public.mac_tasks;
    create policy authenticated_read_tasks on public.mac_tasks
    for select to authenticated using (
      channel_id in (select hub.channels_with('viewer'))
      -- Of no channel: somebody else's. One that has lost its channel may have been private.
      or channel_id is null and (select hub.has_role('viewer')) and not metadata ? 'created_by_label'
      or channel_id is null and (select hub.has_role('admin'))
    );
    drop policy if exists authenticated_insert_tasks on public.mac_tasks;
    create policy authenticated_insert_tasks on public.mac_tasks
    for insert to authenticated with check (
      channel_id in (select hub.channels_with('operator'))
      or channel_id is null and (select hub.has_role('operator'))
    );
    comment on table public.mac_tasks is
      'Tasks for executors. Read by whoever may read their channel; made by dispatch_task or by an operator''s insert; written by executors.';
  else
    -- Where the owner's row security is on, these add tasks with a channel to what is seen, and no others.
    drop policy if exists authenticated_read_hub_tasks on public.mac_tasks;
    drop policy if exists authenticated_insert_hub_tasks on public.mac_tasks;
    create policy authenticated_read_hub_tasks on public.mac_tasks
    for select to authenticated using (channel_id in (select hub.channels_with('viewer')));
    create policy authenticated_insert_hub_tasks on public.mac_tasks
    for insert to authenticated with check (channel_id in (select hub.channels_with('operator')));
    -- And this keeps them from whoever the owner's policies show all rows to.
    drop policy if exists signed_in_read_hub_tasks on public.mac_tasks;
    create policy signed_in_read_hub_tasks on public.mac_tasks
    as restrictive for select to anon, authenticated
    using (
      channel_id in (select hub.channels_with('viewer'))
      or channel_id is null and coalesce(metadata ? 'created_by_label', false) is false
    );
    if not (select c.relrowsecurity from pg_catalog.pg_class as c where c.oid = 'public.mac_tasks'::regclass) then
      raise warning 'The table mac_tasks that exists here has no row security: whoever may read it will read the tasks of channels too.';
    end if;
  end if;

  -- What was said of a shared column is its owner's.
  for v_column in
    select * from (values
      ('channel_id', 'Where the task was asked and answers; null: somebody else''s task, nothing here posts about it.'),
      ('kind', 'task; plan, subtask and synthesis belong to a team; publish pushes the branch of another task.'),
      ('task_type', 'What hub.classify took the content for.'),
      ('platform', 'Platform a device must have; null: any.'),
      ('priority', 'Higher is claimed first; -100 to 100.'),
      ('run_at', 'Not claimed before; set by the user, or by the back-off after a failed attempt.'),
      ('attempt', 'Claims so far that count against max_attempts.'),
      ('losses', 'Runs that ended because their device was not heard of; they count against max_losses of the settings alone.'),
      ('claim_id', 'The claim that may write the task now; null unless claim_tasks made the claim.'),
      ('lease_expires_at', 'Until when the claim holds without a heartbeat.'),
      ('error', 'Why the task failed, or why it was last requeued.'),
      ('model_used', 'The model that runs or ran the task.'),
      ('progress_count', 'Changes of partial_output that were posted.'),
      ('cancel_requested_at', 'When a running task was asked to stop; it ends as cancelled whatever its executor says.'),
      ('cancelled_at', 'Set on a cancelled task, whose status is failed.'),
      ('delivered_at', 'When the outcome was posted to the channel.'),
      ('idempotency_key', 'Unique per user and channel: a repeated dispatch returns the first task.'),
      ('created_by', 'The user who asked; null for the service key and SQL.'),
      ('usage', 'What the agent reported of tokens and cost.'),
      ('refusals', 'What the agent was not allowed to do, [{tool, detail}]; null: nothing was refused.'),
      ('changes', 'Of a task in a working tree of its own: {base, branch, commit, files: [{path, old_path, status, additions, deletions}], file_count, additions, deletions, device_id}. files has the first ones; the sums are of all; lines of a binary file are null.'),
      ('metadata', '{created_by_label, message_id: the request''s message, cancelled_by, review: [{path, line, side, body}] and review_of: a task, branch_of: whose branch to go on with, device_id: that has it, publish: {task_id, branch, base, commit, title, pull_request}}, and whatever clients add.')
    ) as c (name, comment)
    where c.name <> all (v_shared)
  loop
    execute format('comment on column public.mac_tasks.%I is %L', v_column.name, v_column.comment);
  end loop;
end
$$;

-- Deferred, so that a thread can be opened for a task within the task's own insert.
alter table public.hub_task_threads drop constraint if exists hub_task_threads_task_id_fkey;
alter table public.hub_task_threads add constraint hub_task_threads_task_id_fkey
foreign key (task_id) references public.mac_tasks on delete set null deferrable initially deferred;

-- Partial, so that rows of no channel cost nothing. None holds status or claim: those change often.
create index if not exists idx_mac_tasks_channel on public.mac_tasks (channel_id, created_at desc, id desc)
where channel_id is not null;
create index if not exists idx_mac_tasks_thread on public.mac_tasks (task_thread_id, created_at)
where task_thread_id is not null;
create index if not exists idx_mac_tasks_team on public.mac_tasks (team_id, created_at)
where team_id is not null;
create unique index if not exists idx_mac_tasks_idempotency
on public.mac_tasks (channel_id, created_by, idempotency_key) nulls not distinct
where channel_id is not null and idempotency_key is not null;

-- Permissions ------------------------------------------------------------------------------------

alter table public.hub_teams enable row level security;
alter table public.hub_task_threads enable row level security;
revoke all on public.hub_teams, public.hub_task_threads from anon, authenticated, service_role;
grant select on public.hub_teams, public.hub_task_threads to authenticated;
grant select, insert, update, delete on public.hub_teams, public.hub_task_threads to service_role;

drop policy if exists authenticated_read_teams on public.hub_teams;
create policy authenticated_read_teams on public.hub_teams
for select to authenticated using (channel_id in (select hub.channels_with('viewer')));
drop policy if exists authenticated_read_task_threads on public.hub_task_threads;
create policy authenticated_read_task_threads on public.hub_task_threads
for select to authenticated using (channel_id in (select hub.channels_with('viewer')));
