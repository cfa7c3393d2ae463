-- The whole surface that clients build on, pinned: what is not here does not exist, and what is here
-- does not change by accident. An intended change is made here too, and in client/database.types.ts
-- (npm run types).
begin;
select plan(6);

-- Functions ----------------------------------------------------------------------------------------

select set_eq(
  $query$
    select format('%s(%s) -> %s %s', p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
      case p.provolatile when 'v' then 'volatile' when 's' then 'stable' else 'immutable' end)
    from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace
  $query$,
  string_to_array(btrim($lines$
answer_question(question_id uuid, option_id text DEFAULT NULL::text, answer text DEFAULT NULL::text) -> jsonb volatile
ask_question(token text, task_id uuid, claim_id uuid, kind text, title text, detail text DEFAULT NULL::text, options jsonb DEFAULT NULL::jsonb, allow_text boolean DEFAULT NULL::boolean, tool_call_id text DEFAULT NULL::text) -> jsonb volatile
cancel_task(task_id uuid) -> jsonb volatile
claim_sweep() -> jsonb volatile
claim_tasks(token text, max_tasks integer DEFAULT 1) -> jsonb volatile
complete_sweep(sweep_id uuid, prospects jsonb DEFAULT '[]'::jsonb, error text DEFAULT NULL::text) -> jsonb volatile
complete_task(token text, task_id uuid, claim_id uuid, result text, model_used text DEFAULT NULL::text, session_id text DEFAULT NULL::text, usage jsonb DEFAULT NULL::jsonb, refusals jsonb DEFAULT NULL::jsonb, changes jsonb DEFAULT NULL::jsonb) -> jsonb volatile
create_file(channel_id uuid, name text, media_type text DEFAULT NULL::text, size bigint DEFAULT NULL::bigint, sha256 text DEFAULT NULL::text) -> jsonb volatile
create_task_thread(channel_id uuid, task_id uuid) -> jsonb volatile
device_heartbeat(token text, running uuid[] DEFAULT '{}'::uuid[], models jsonb DEFAULT NULL::jsonb, agent_version text DEFAULT NULL::text) -> jsonb volatile
dispatch_task(channel_id uuid, content text DEFAULT NULL::text, task_thread_id uuid DEFAULT NULL::uuid, model text DEFAULT NULL::text, priority integer DEFAULT 0, run_at timestamp with time zone DEFAULT NULL::timestamp with time zone, idempotency_key text DEFAULT NULL::text, file_ids uuid[] DEFAULT NULL::uuid[]) -> jsonb volatile
dispatch_team(channel_id uuid, goal text, subtasks jsonb DEFAULT NULL::jsonb, model text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text) -> jsonb volatile
execute_command(channel_id uuid, command text) -> jsonb volatile
explain_route(content text, channel_id uuid) -> jsonb stable
explain_task(task_id uuid) -> jsonb stable
fail_task(token text, task_id uuid, claim_id uuid, error text, retryable boolean DEFAULT true, elsewhere boolean DEFAULT false) -> jsonb volatile
files_to_remove(removed jsonb DEFAULT '[]'::jsonb) -> jsonb volatile
list_commands() -> jsonb stable
list_routing_rules() -> jsonb stable
list_people(server_id uuid DEFAULT NULL::uuid, search text DEFAULT NULL::text) -> jsonb stable
mark_read(channel_id uuid DEFAULT NULL::uuid, task_thread_id uuid DEFAULT NULL::uuid, read_at timestamp with time zone DEFAULT NULL::timestamp with time zone) -> jsonb volatile
mesh_activity(hours integer DEFAULT 24) -> jsonb stable
order_channels(server_id uuid, channel_ids uuid[]) -> jsonb volatile
order_servers(server_ids uuid[]) -> jsonb volatile
park_task(token text, task_id uuid, claim_id uuid, session_id text DEFAULT NULL::text) -> jsonb volatile
offer_file(token text, task_id uuid, claim_id uuid, name text, media_type text DEFAULT NULL::text, size bigint DEFAULT NULL::bigint, sha256 text DEFAULT NULL::text, error text DEFAULT NULL::text) -> jsonb volatile
read_file(token text, task_id uuid, claim_id uuid, file_id uuid) -> jsonb volatile
publish_changes(task_id uuid, pull_request boolean DEFAULT true) -> jsonb volatile
recover() -> jsonb volatile
register_device(name text, platform text, models jsonb, max_running integer DEFAULT NULL::integer, servers uuid[] DEFAULT NULL::uuid[]) -> jsonb volatile
release_task(token text, task_id uuid, claim_id uuid) -> jsonb volatile
report_progress(token text, task_id uuid, claim_id uuid, partial_output text DEFAULT NULL::text, session_id text DEFAULT NULL::text) -> jsonb volatile
report_rate_limit(token text, task_id uuid, claim_id uuid, model text, until timestamp with time zone) -> jsonb volatile
remove_device(device_id uuid) -> jsonb volatile
remove_routing_rule(rule integer) -> jsonb volatile
save_routing_rule(rule integer, task_type text, pattern text, model text DEFAULT NULL::text, platform text DEFAULT NULL::text) -> jsonb volatile
retry_task(task_id uuid) -> jsonb volatile
review_changes(task_id uuid, comments jsonb, content text DEFAULT NULL::text, idempotency_key text DEFAULT NULL::text) -> jsonb volatile
send_input(task_id uuid, content text, interrupt boolean DEFAULT false, idempotency_key text DEFAULT NULL::text) -> jsonb volatile
search_messages(query text, server_id uuid DEFAULT NULL::uuid, channel_id uuid DEFAULT NULL::uuid, before timestamp with time zone DEFAULT NULL::timestamp with time zone, max_rows integer DEFAULT 50) -> jsonb stable
set_device_draining(device_id uuid, draining boolean) -> jsonb volatile
set_device_servers(device_id uuid, servers uuid[]) -> jsonb volatile
set_member_role(user_id uuid, role text) -> jsonb volatile
set_server_paused(server_id uuid, paused boolean) -> jsonb volatile
take_input(token text, task_id uuid, claim_id uuid, input_id uuid) -> jsonb volatile
set_server_role(server_id uuid, user_id uuid, role text) -> jsonb volatile
update_settings(changes jsonb DEFAULT '{}'::jsonb) -> jsonb volatile
update_thread_status(thread_id uuid, status text) -> jsonb volatile
usage_report(days integer DEFAULT 30, server_id uuid DEFAULT NULL::uuid) -> jsonb stable
whoami() -> jsonb stable
$lines$, E'\n'), E'\n'),
  'The functions of the API'
);

select is_empty(
  $query$
    select p.oid::regprocedure from pg_catalog.pg_proc as p
    where p.pronamespace = 'public'::regnamespace and p.provolatile = 'v'
      and not ('lock_timeout=2500ms' = any (p.proconfig) and p.prosrc like '%return hub.busy();%')
  $query$,
  'Each that writes answers busy rather than wait for a lock for long: see the head of the chapter foundation'
);

-- Columns ------------------------------------------------------------------------------------------

select set_eq(
  $query$
    select format('%s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then ' not null' else '' end, ' default ' || pg_get_expr(d.adbin, d.adrelid))
    from pg_catalog.pg_class as c
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_catalog.pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
  $query$,
  string_to_array(btrim($lines$
hub_channel_messages.channel_id uuid not null
hub_channel_messages.content text not null
hub_channel_messages.content_type text not null default 'text'::text
hub_channel_messages.created_at timestamp with time zone not null default clock_timestamp()
hub_channel_messages.embed_data jsonb
hub_channel_messages.id uuid not null default gen_random_uuid()
hub_channel_messages.is_progress boolean not null default false
hub_channel_messages.metadata jsonb not null default '{}'::jsonb
hub_channel_messages.reply_to uuid
hub_channel_messages.sender_id text
hub_channel_messages.sender_label text
hub_channel_messages.sender_type text not null default 'human'::text
hub_channel_messages.task_thread_id uuid
hub_channels.archive_after interval
hub_channels.category_group text
hub_channels.created_at timestamp with time zone not null default now()
hub_channels.description text
hub_channels.display_name text not null
hub_channels.id uuid not null default gen_random_uuid()
hub_channels.idle_after interval
hub_channels.is_read_only boolean not null default false
hub_channels.keep_for interval
hub_channels.last_message_at timestamp with time zone
hub_channels.message_count integer not null default 0
hub_channels.metadata jsonb not null default '{}'::jsonb
hub_channels.model_preference text not null default 'any'::text
hub_channels.name text not null
hub_channels.position integer
hub_channels.project_path text
hub_channels.server_id uuid not null
hub_files.channel_id uuid not null
hub_files.created_at timestamp with time zone not null default clock_timestamp()
hub_files.created_by uuid
hub_files.direction text not null
hub_files.error text
hub_files.id uuid not null default gen_random_uuid()
hub_files.media_type text not null default 'application/octet-stream'::text
hub_files.message_id uuid
hub_files.name text not null
hub_files.path text not null default (((channel_id)::text || '/'::text) || (id)::text)
hub_files.sha256 text
hub_files.size bigint not null
hub_files.state text not null default 'pending'::text
hub_files.task_id uuid
hub_files.task_thread_id uuid
hub_members.created_at timestamp with time zone not null default now()
hub_members.role text not null
hub_members.user_id uuid not null
hub_server_members.created_at timestamp with time zone not null default now()
hub_server_members.role text not null
hub_server_members.server_id uuid not null
hub_server_members.user_id uuid not null
hub_servers.architecture_type text not null
hub_servers.channel_count integer not null default 0
hub_servers.created_at timestamp with time zone not null default now()
hub_servers.default_role text
hub_servers.description text
hub_servers.display_name text not null
hub_servers.icon text not null default 'server.rack'::text
hub_servers.id uuid not null default gen_random_uuid()
hub_servers.is_default boolean not null default false
hub_servers.metadata jsonb not null default '{}'::jsonb
hub_servers.name text not null
hub_servers.paused_at timestamp with time zone
hub_servers.position integer
hub_servers.updated_at timestamp with time zone not null default now()
hub_task_attempts.attempt integer not null
hub_task_attempts.claim_id uuid not null
hub_task_attempts.device text not null
hub_task_attempts.ended_at timestamp with time zone
hub_task_attempts.error text
hub_task_attempts.model text not null
hub_task_attempts.outcome text
hub_task_attempts.started_at timestamp with time zone not null default clock_timestamp()
hub_task_attempts.task_id uuid not null
hub_task_threads.archived_at timestamp with time zone
hub_task_threads.channel_id uuid not null
hub_task_threads.created_at timestamp with time zone not null default clock_timestamp()
hub_task_threads.id uuid not null default gen_random_uuid()
hub_task_threads.last_activity_at timestamp with time zone not null default clock_timestamp()
hub_task_threads.message_count integer not null default 0
hub_task_threads.metadata jsonb not null default '{}'::jsonb
hub_task_threads.name text not null
hub_task_threads.next_transition_at timestamp with time zone
hub_task_threads.session_device text
hub_task_threads.session_id text
hub_task_threads.status text not null default 'active'::text
hub_task_threads.task_id uuid
hub_task_threads.team_id uuid
hub_questions.answer text
hub_questions.answered_at timestamp with time zone
hub_questions.answered_by uuid
hub_questions.answered_by_label text
hub_questions.allow_text boolean not null default false
hub_questions.asked_at timestamp with time zone not null default clock_timestamp()
hub_questions.channel_id uuid not null
hub_questions.claim_id uuid not null
hub_questions.detail text
hub_questions.expires_at timestamp with time zone
hub_questions.id uuid not null default gen_random_uuid()
hub_questions.kind text not null
hub_questions.option_id text
hub_questions.options jsonb not null default '[]'::jsonb
hub_questions.state text not null default 'open'::text
hub_questions.task_id uuid not null
hub_questions.task_thread_id uuid
hub_questions.title text not null
hub_questions.told_claim_id uuid
hub_questions.tool_call_id text not null
hub_reads.channel_id uuid
hub_reads.id uuid not null default gen_random_uuid()
hub_reads.last_read_at timestamp with time zone not null
hub_reads.task_thread_id uuid
hub_reads.user_id uuid not null
hub_task_inputs.channel_id uuid not null
hub_task_inputs.claim_id uuid
hub_task_inputs.content text not null
hub_task_inputs.created_at timestamp with time zone not null default clock_timestamp()
hub_task_inputs.created_by uuid
hub_task_inputs.id uuid not null default gen_random_uuid()
hub_task_inputs.idempotency_key text
hub_task_inputs.interrupt boolean not null default false
hub_task_inputs.message_id uuid
hub_task_inputs.moved_to uuid
hub_task_inputs.state text not null default 'waiting'::text
hub_task_inputs.taken_at timestamp with time zone
hub_task_inputs.task_id uuid not null
hub_teams.channel_id uuid not null
hub_teams.created_at timestamp with time zone not null default clock_timestamp()
hub_teams.created_by uuid
hub_teams.finished_at timestamp with time zone
hub_teams.goal text not null
hub_teams.id uuid not null default gen_random_uuid()
hub_teams.idempotency_key text
hub_teams.metadata jsonb not null default '{}'::jsonb
hub_teams.model_preference text
hub_teams.status text not null default 'planning'::text
hub_teams.task_thread_id uuid
mac_tasks.attempt integer not null default 0
mac_tasks.cancel_requested_at timestamp with time zone
mac_tasks.cancelled_at timestamp with time zone
mac_tasks.changes jsonb
mac_tasks.channel_id uuid
mac_tasks.claim_id uuid
mac_tasks.claimed_by text
mac_tasks.content text not null
mac_tasks.created_at timestamp with time zone not null default clock_timestamp()
mac_tasks.created_by uuid
mac_tasks.delivered_at timestamp with time zone
mac_tasks.error text
mac_tasks.finished_at timestamp with time zone
mac_tasks.id uuid not null default gen_random_uuid()
mac_tasks.idempotency_key text
mac_tasks.kind text not null default 'task'::text
mac_tasks.lease_expires_at timestamp with time zone
mac_tasks.losses integer not null default 0
mac_tasks.max_attempts integer
mac_tasks.metadata jsonb not null default '{}'::jsonb
mac_tasks.model_preference text default 'any'::text
mac_tasks.model_used text
mac_tasks.partial_output text
mac_tasks.platform text
mac_tasks.priority integer not null default 0
mac_tasks.progress_count integer not null default 0
mac_tasks.project text
mac_tasks.refusals jsonb
mac_tasks.result text
mac_tasks.run_at timestamp with time zone
mac_tasks.session_id text
mac_tasks.started_at timestamp with time zone
mac_tasks.status text not null default 'pending'::text
mac_tasks.task_thread_id uuid
mac_tasks.task_type text
mac_tasks.team_id uuid
mac_tasks.updated_at timestamp with time zone not null default clock_timestamp()
mac_tasks.usage jsonb
hub_models.created_at timestamp with time zone not null default now()
hub_models.enabled boolean not null default true
hub_models.label text not null
hub_models.name text not null
hub_models.position integer not null default 100
mesh_devices.agent_version text
mesh_devices.draining boolean not null default false
mesh_device_models.device_id uuid not null
mesh_device_models.model text not null
mesh_device_models.rate_limited_until timestamp with time zone
mesh_device_models.version text
mesh_devices.created_at timestamp with time zone not null default now()
mesh_devices.id uuid not null default gen_random_uuid()
mesh_devices.last_seen_at timestamp with time zone
mesh_devices.max_running integer not null default 1
mesh_devices.metadata jsonb not null default '{}'::jsonb
mesh_devices.name text not null
mesh_devices.platform text not null
mesh_devices.registered_by uuid
mesh_devices.server_ids uuid[]
mesh_devices.status text not null default 'offline'::text
$lines$, E'\n'), E'\n'),
  'The tables of the API, with types and defaults'
);

-- What signed-in users may write -------------------------------------------------------------------

select set_eq(
  $query$
    select format('%s %s.%s', o.operation, c.relname, a.attname)
    from pg_catalog.pg_class as c
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    cross join unnest(array['insert', 'update']) as o (operation)
    where c.relnamespace = 'public'::regnamespace and has_column_privilege('authenticated', c.oid, a.attnum, o.operation)
  $query$,
  string_to_array(btrim($lines$
insert hub_channel_messages.channel_id
insert hub_channel_messages.content
insert hub_channel_messages.content_type
insert hub_channel_messages.embed_data
insert hub_channel_messages.id
insert hub_channel_messages.is_progress
insert hub_channel_messages.metadata
insert hub_channel_messages.reply_to
insert hub_channel_messages.sender_id
insert hub_channel_messages.sender_label
insert hub_channel_messages.sender_type
insert hub_channel_messages.task_thread_id
insert hub_channels.archive_after
insert hub_channels.category_group
insert hub_channels.description
insert hub_channels.display_name
insert hub_channels.idle_after
insert hub_channels.is_read_only
insert hub_channels.keep_for
insert hub_channels.metadata
insert hub_channels.model_preference
insert hub_channels.name
insert hub_channels.project_path
insert hub_channels.server_id
insert hub_models.enabled
insert hub_models.label
insert hub_models.name
insert hub_models.position
insert hub_servers.architecture_type
insert hub_servers.default_role
insert hub_servers.description
insert hub_servers.display_name
insert hub_servers.icon
insert hub_servers.is_default
insert hub_servers.metadata
insert hub_servers.name
insert mac_tasks.channel_id
insert mac_tasks.content
insert mac_tasks.idempotency_key
insert mac_tasks.metadata
insert mac_tasks.model_preference
insert mac_tasks.platform
insert mac_tasks.priority
insert mac_tasks.project
insert mac_tasks.run_at
insert mac_tasks.task_thread_id
update hub_channels.archive_after
update hub_channels.category_group
update hub_channels.description
update hub_channels.display_name
update hub_channels.idle_after
update hub_channels.is_read_only
update hub_channels.keep_for
update hub_channels.metadata
update hub_channels.model_preference
update hub_channels.name
update hub_channels.project_path
update hub_models.enabled
update hub_models.label
update hub_models.name
update hub_models.position
update hub_servers.default_role
update hub_servers.description
update hub_servers.display_name
update hub_servers.icon
update hub_servers.is_default
update hub_servers.metadata
update hub_servers.name
$lines$, E'\n'), E'\n'),
  'The columns that a signed-in user may write'
);

-- Policies -----------------------------------------------------------------------------------------

select set_eq(
  $query$
    select format('%s.%s.%s: %s to %s, %s', p.schemaname, p.tablename, p.policyname, lower(p.cmd),
      array_to_string(p.roles, ' and '), lower(p.permissive))
    from pg_catalog.pg_policies as p
    where p.schemaname = 'public' or p.policyname like 'hub\_%'
  $query$,
  string_to_array(btrim($lines$
public.hub_channel_messages.authenticated_insert_messages: insert to authenticated, permissive
public.hub_channel_messages.authenticated_read_messages: select to authenticated, permissive
public.hub_channels.admin_delete_channels: delete to authenticated, permissive
public.hub_channels.admin_insert_channels: insert to authenticated, permissive
public.hub_channels.admin_update_channels: update to authenticated, permissive
public.hub_channels.authenticated_read_channels: select to authenticated, permissive
public.hub_files.authenticated_read_files: select to authenticated, permissive
public.hub_members.authenticated_read_members: select to authenticated, permissive
public.hub_models.admin_delete_models: delete to authenticated, permissive
public.hub_models.admin_insert_models: insert to authenticated, permissive
public.hub_models.admin_update_models: update to authenticated, permissive
public.hub_models.authenticated_read_models: select to authenticated, permissive
public.hub_questions.authenticated_read_questions: select to authenticated, permissive
public.hub_server_members.authenticated_read_server_members: select to authenticated, permissive
public.hub_servers.admin_delete_servers: delete to authenticated, permissive
public.hub_servers.admin_insert_servers: insert to authenticated, permissive
public.hub_servers.admin_update_servers: update to authenticated, permissive
public.hub_servers.authenticated_read_servers: select to authenticated, permissive
public.hub_task_attempts.authenticated_read_task_attempts: select to authenticated, permissive
public.hub_reads.authenticated_read_reads: select to authenticated, permissive
public.hub_task_inputs.authenticated_read_task_inputs: select to authenticated, permissive
public.hub_task_threads.authenticated_read_task_threads: select to authenticated, permissive
public.hub_teams.authenticated_read_teams: select to authenticated, permissive
public.mac_tasks.authenticated_insert_tasks: insert to authenticated, permissive
public.mac_tasks.authenticated_read_tasks: select to authenticated, permissive
public.mesh_device_models.authenticated_read_device_models: select to authenticated, permissive
public.mesh_devices.authenticated_read_devices: select to authenticated, permissive
realtime.messages.hub_authenticated_read_topics: select to authenticated, permissive
realtime.messages.hub_only_the_database_speaks: insert to anon and authenticated, restrictive
storage.objects.hub_nobody_changes_files: update to anon and authenticated, restrictive
storage.objects.hub_nobody_deletes_files: delete to anon and authenticated, restrictive
storage.objects.hub_only_readers_read_files: select to anon and authenticated, restrictive
storage.objects.hub_only_senders_upload_files: insert to anon and authenticated, restrictive
storage.objects.hub_read_files: select to authenticated, permissive
storage.objects.hub_upload_files: insert to authenticated, permissive
$lines$, E'\n'), E'\n'),
  'The policies, on Realtime and Storage too'
);

-- Publication --------------------------------------------------------------------------------------

select set_eq(
  $query$
    select p.tablename::text from pg_catalog.pg_publication_tables as p
    where p.pubname = 'supabase_realtime' and p.schemaname = 'public'
  $query$,
  string_to_array(btrim($lines$
hub_channel_messages
hub_channels
hub_files
hub_models
hub_questions
hub_servers
hub_task_attempts
hub_reads
hub_task_inputs
hub_task_threads
hub_teams
mac_tasks
mesh_device_models
mesh_devices
$lines$, E'\n'), E'\n'),
  'The tables that postgres_changes reports'
);

select * from finish();
rollback;
