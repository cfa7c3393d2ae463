-- Made by "npm run migration" of the chapters in supabase/schemas: edit those, not this file.

-- supabase/schemas/10_foundation.sql

-- Foundation: the private schema, the settings row and the registry of errors.
--
-- Everything clients see is in `public`; everything else is in `hub`, which the API does not expose.
-- A public RPC is a thin `security invoker` function over a `security definer` function of the same
-- name in `hub`. Every statement of every chapter may run again over what an earlier run left.
--
-- A public function that writes waits 2.5 s for any lock and then answers `busy`: less than the time that
-- Supabase gives a statement of anon (3 s), whose end would be an error of the server's.
--
-- What runs for each request, message or claim is plpgsql, even where it is one expression: that keeps
-- its plans, while a SQL function with a search path of its own is planned anew in each transaction. And
-- a trigger's condition is parsed anew by each statement that might fire it: on tables written for each
-- message or claim it is short, and names roles as text, a constant a fraction as long.

-- An app that was here first may have functions or tables of the same names: they stay its own.
do $$
declare
  v_taken text;
begin
  select string_agg(n.name, ', ') into v_taken
  from unnest(array[
    'answer_question(uuid, text, text)', 'ask_question(text, uuid, uuid, text, text, text, jsonb, boolean, text)',
    'cancel_task(uuid)', 'claim_sweep()', 'claim_tasks(text, integer)', 'complete_sweep(uuid, jsonb, text)',
    'complete_task(text, uuid, uuid, text, text, text, jsonb, jsonb, jsonb)', 'create_file(uuid, text, text, bigint, text)',
    'create_task_thread(uuid, uuid)', 'files_to_remove(jsonb)',
    'offer_file(text, uuid, uuid, text, text, bigint, text, text)', 'read_file(text, uuid, uuid, uuid)',
    'device_heartbeat(text, uuid[], jsonb, text)', 'dispatch_task(uuid, text, uuid, text, integer, timestamptz, text, uuid[])',
    'dispatch_team(uuid, text, jsonb, text, text)', 'execute_command(uuid, text)', 'explain_route(text, uuid)', 'explain_task(uuid)',
    'fail_task(text, uuid, uuid, text, boolean, boolean)', 'list_commands()', 'list_people(uuid, text)', 'list_routing_rules()', 'mark_read(uuid, uuid, timestamptz)', 'mesh_activity(integer)',
    'park_task(text, uuid, uuid, text)', 'publish_changes(uuid, boolean)', 'recover()',
    'register_device(text, text, jsonb, integer, uuid[])', 'remove_device(uuid)', 'remove_routing_rule(integer)', 'release_task(text, uuid, uuid)',
    'report_progress(text, uuid, uuid, text, text)', 'report_rate_limit(text, uuid, uuid, text, timestamptz)',
    'retry_task(uuid)', 'review_changes(uuid, jsonb, text, text)', 'save_routing_rule(integer, text, text, text, text)', 'search_messages(text, uuid, uuid, timestamptz, integer)', 'send_input(uuid, text, boolean, text)', 'set_device_draining(uuid, boolean)',
    'set_member_role(uuid, text)', 'set_server_paused(uuid, boolean)', 'set_server_role(uuid, uuid, text)', 'take_input(text, uuid, uuid, uuid)',
    'update_settings(jsonb)', 'update_thread_status(uuid, text)', 'usage_report(integer, uuid)', 'whoami()',
    'hub_members', 'hub_server_members', 'hub_models', 'hub_servers', 'hub_channels', 'hub_channel_messages', 'hub_task_attempts',
    'hub_files', 'hub_reads', 'hub_task_inputs', 'hub_task_threads', 'hub_teams', 'hub_questions', 'mesh_devices', 'mesh_device_models'
  ]) as n (name)
  where case
    when n.name like '%)' then to_regprocedure('public.' || n.name) is not null
    else to_regclass('public.' || n.name) is not null
  end;
  if v_taken is not null and to_regclass('hub.settings') is null then
    raise exception 'The schema public has what Aura Servers would take for its own: %.', v_taken
    using hint = 'Nothing was changed. Rename it, or install into a project of its own.';
  end if;
end
$$;

create schema if not exists hub;
comment on schema hub is
  'Aura Servers, not exposed by the API: settings, routing, the queue, token hashes, and the functions behind the RPCs and triggers.';
grant usage on schema hub to anon, authenticated, service_role;

-- Spans of time ----------------------------------------------------------------------------------

create or replace function hub.is_span(span interval) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- Postgres takes a month for 30 days when it compares, and for less when it counts: '1 month -29 days' is
  -- more than nothing, and in February the day before.
  return span <= interval '10 years' and least(
    extract(year from span), extract(month from span), extract(day from span), extract(epoch from span)
  ) >= 0 and extract(hour from span) >= 0 and extract(minute from span) >= 0 and extract(second from span) >= 0;
end
$$;
comment on function hub.is_span(interval) is 'Whether it is from nothing to ten years, with no part of it below nothing: a check of settings.';

create or replace function hub.backoff(first interval, times integer, most interval) returns interval
language plpgsql
volatile
set search_path = ''
as $$
begin
  -- In seconds, since an interval of years cannot be doubled often. Up to a fifth less, by chance: what failed
  -- together does not come back together.
  return make_interval(secs => (1 - random() / 5) * least(
    extract(epoch from first)::double precision * 2 ^ least(times, 20), extract(epoch from most)::double precision
  ));
end
$$;
comment on function hub.backoff(interval, integer, interval) is
  'How long to wait after failing again: `first`, doubled so many times, `most` at most, and by chance up to a fifth less.';

-- Settings ---------------------------------------------------------------------------------------

create table if not exists hub.settings (
  id boolean primary key default true check (id),
  default_role text not null default 'viewer' check (default_role in ('viewer', 'operator', 'admin')),
  task_lease interval not null default '90 seconds' check (task_lease > '0' and hub.is_span(task_lease)),
  max_attempts integer not null default 3 check (max_attempts between 1 and 100),
  max_runtime interval not null default '2 hours' check (max_runtime > '0' and hub.is_span(max_runtime)),
  retry_backoff interval not null default '10 seconds' check (hub.is_span(retry_backoff)),
  max_retry_backoff interval not null default '10 minutes' check (hub.is_span(max_retry_backoff)),
  max_open_tasks_per_user integer not null default 100 check (max_open_tasks_per_user > 0),
  max_subtasks integer not null default 20 check (max_subtasks between 1 and 100),
  progress_limit integer not null default 15 check (progress_limit between 1 and 1000),
  chunk_size integer not null default 2000 check (chunk_size between 100 and 100000),
  max_content integer not null default 32000 check (max_content between 1 and 1000000),
  max_result integer not null default 1000000 check (max_result between 1000 and 10000000),
  max_file_size bigint not null default 25000000 check (max_file_size between 1 and 5000000000),
  max_files_per_task integer not null default 20 check (max_files_per_task between 1 and 100),
  idle_after interval not null default '2 hours' check (idle_after > '0' and hub.is_span(idle_after)),
  archive_after interval not null default '1 hour' check (archive_after > '0' and hub.is_span(archive_after)),
  device_offline_after interval not null default '60 seconds' check (device_offline_after > '0' and hub.is_span(device_offline_after)),
  history_kept interval not null default '90 days' check (history_kept > '0' and hub.is_span(history_kept)),
  claims_foreign_tasks boolean not null default true
);
comment on table hub.settings is 'One row: every number and limit of the product. A change takes effect at once.';
comment on column hub.settings.default_role is 'The role of a signed-in user who has no row in hub_members.';
comment on column hub.settings.task_lease is 'How long a claim holds without a heartbeat.';
comment on column hub.settings.max_attempts is 'Claims of one task before a retryable failure or an expired lease becomes final.';
comment on column hub.settings.max_runtime is 'A claimed task that runs longer fails as timed_out.';
comment on column hub.settings.retry_backoff is 'After the n-th failed attempt a task waits retry_backoff * 2^n, max_retry_backoff at most, and by chance up to a fifth less.';
comment on column hub.settings.max_retry_backoff is 'The longest wait between two attempts.';
comment on column hub.settings.max_open_tasks_per_user is 'Unfinished tasks one user may have; more are refused with too_many_open_tasks.';
comment on column hub.settings.max_subtasks is 'Subtasks of one team.';
comment on column hub.settings.progress_limit is 'Progress messages of one task; later progress rewrites the last of them.';
comment on column hub.settings.chunk_size is 'The longest text, in characters, of one chunk of a command''s answer.';
comment on column hub.settings.max_content is
  'The longest text, in characters, that a person sends at once: a message, a request, a goal, a subtask.';
comment on column hub.settings.max_result is
  'The longest text, in characters, that an agent reports: progress, a result, an error.';
comment on column hub.settings.max_file_size is 'The largest file, in bytes; the bucket hub-files follows it.';
comment on column hub.settings.max_files_per_task is 'Files of one request, and files that one attempt at it leaves.';
comment on column hub.settings.idle_after is 'Silence after which an active thread becomes idle, unless its channel says otherwise.';
comment on column hub.settings.archive_after is 'Time from the idle warning to decay, unless the channel says otherwise.';
comment on column hub.settings.device_offline_after is 'A device not heard of for this long is offline.';
comment on column hub.settings.history_kept is 'How long attempts, cron runs and recorded delivery failures are kept.';
comment on column hub.settings.claims_foreign_tasks is
  'Whether claim_tasks offers tasks of no channel. Set to false at install time where mac_tasks existed already: its pending rows belong to the app that was there.';

create or replace function hub.update_settings(changes jsonb) returns jsonb
language plpgsql
security definer -- the settings are in a schema that the API does not expose
set search_path = ''
as $$
declare
  v_settings hub.settings;
  v_unknown text;
  v_columns text;
begin
  perform hub.require_role('admin');
  select * into v_settings from hub.settings for update;
  if jsonb_typeof(update_settings.changes) is distinct from 'object' then
    perform hub.refuse('bad_argument', array['changes is an object of settings, as {"max_attempts": 5}.']);
  end if;
  select k into v_unknown from jsonb_object_keys(update_settings.changes) as k
  where k = 'id' or not to_jsonb(v_settings) ? k limit 1;
  if v_unknown is not null then
    perform hub.refuse('bad_argument', array[format('There is no setting "%s".', v_unknown)]);
  end if;
  v_settings := jsonb_populate_record(v_settings, update_settings.changes);
  -- Later chapters add settings of their own: the columns are those the caller names.
  select string_agg(format('%I = ($1).%1$I', k), ', ') into v_columns
  from jsonb_object_keys(update_settings.changes) as k;
  if v_columns is not null then
    execute format('update hub.settings as s set %s where s.id', v_columns) using v_settings;
  end if;
  return to_jsonb(v_settings) - 'id';
end
$$;

create or replace function public.update_settings(changes jsonb default '{}') returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.update_settings(update_settings.changes);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.update_settings(jsonb) is
  'Changes settings, as {"idle_after": "4 hours"}, and returns all of them; with {} only returns them. Admin. Errors: role_required, bad_argument; a value out of range is refused by the table''s check.';

create or replace function hub.limits() returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'max_content', s.max_content, 'max_result', s.max_result, 'max_subtasks', s.max_subtasks,
    'max_open_tasks_per_user', s.max_open_tasks_per_user, 'progress_limit', s.progress_limit,
    'chunk_size', s.chunk_size, 'max_file_size', s.max_file_size, 'max_files_per_task', s.max_files_per_task
  )
  from hub.settings as s
$$;
comment on function hub.limits() is 'Those of the settings that a client has to know, as whoami() tells them.';

-- Errors -----------------------------------------------------------------------------------------

create table if not exists hub.errors (
  name text primary key check (name ~ '^[a-z_]+$'),
  status integer not null check (status between 400 and 499 or status = 503),
  message text not null,
  hint text
);
comment on table hub.errors is
  'The registry of refusals: each is raised with SQLSTATE PT<status>, so that the API answers with that HTTP status, and the name as detail. The message is a format() template. docs/errors.md lists the same.';

insert into hub.errors (name, status, message, hint) values
  ('not_signed_in', 401, 'This needs a signed-in user.', 'Sign in and send the access token in the Authorization header.'),
  ('role_required', 403, 'This needs the role %s; yours is %s.', 'Ask an admin to call set_member_role for you.'),
  ('bad_device_token', 401, 'No device has this token.', 'Call register_device again for a new token; the old one stops working.'),
  ('channel_not_found', 404, 'There is no channel %s.', 'Read hub_channels for the channels there are.'),
  ('server_not_found', 404, 'There is no server %s.', 'Read hub_servers for the servers there are.'),
  ('thread_not_found', 404, 'There is no thread %s in this channel.', 'Read hub_task_threads for the threads of the channel.'),
  ('task_not_found', 404, 'There is no task %s of a channel.', null),
  ('device_not_found', 404, 'There is no device %s.', 'Read mesh_devices for the devices there are.'),
  ('question_not_found', 404, 'There is no question %s.', 'Read hub_questions for the questions there are.'),
  ('input_not_found', 404, 'There is no input %s to task %s.', null),
  ('user_not_found', 404, 'There is no user %s.', null),
  ('sweep_not_found', 404, 'There is no running sweep %s.', 'Claim a sweep with claim_sweep first.'),
  ('wrong_architecture', 409, 'Channel %s belongs to a %s server, which does not take %s.', null),
  ('channel_read_only', 409, 'Channel %s is read-only.', 'Only the system posts here.'),
  ('thread_archived', 409, 'Thread %s is archived.', 'Reopen it with update_thread_status(thread_id, ''active'').'),
  ('thread_busy', 409, 'Thread %s has an unfinished task.', 'Wait until the task ends, or cancel it with cancel_task.'),
  ('server_paused', 409, 'Server %s is paused.', 'An operator resumes it with set_server_paused(server_id, false).'),
  ('unknown_command', 404, 'There is no command %s.', 'Send !help for the list of commands.'),
  ('bad_argument', 400, '%s', null),
  ('content_empty', 400, 'The %s is empty.', 'Send at least one visible character.'),
  ('content_too_long', 413, 'The %s has %s characters; %s are allowed.', null),
  ('invalid_embed', 400, 'The embed is not valid: %s.', 'An embed is {title, description, color, fields: [{name, value, inline}], footer, timestamp}.'),
  ('invalid_message', 400, 'A message posted by a person cannot have %s.', 'Send channel_id, content and, in a thread, task_thread_id; the rest is filled in.'),
  ('too_many_open_tasks', 429, 'You have %s unfinished tasks; %s are allowed.', 'Wait until some end, or cancel some with cancel_task.'),
  ('too_many_subtasks', 400, 'A team has %s subtasks; %s are allowed.', 'Join some of the subtasks.'),
  ('too_many_questions', 429, 'Task %s has %s open questions already.', 'Wait until some are answered.'),
  ('question_closed', 409, 'Question %s is closed: %s.', 'Read the question for its answer.'),
  ('input_taken', 409, 'Input %s was taken by another run, or has become a task of its own.', 'Leave it out.'),
  ('no_changes', 409, 'Task %s has no changes on a branch of its own.', 'Only a task that ended complete in a working tree has changes.'),
  ('stale_claim', 409, 'This claim no longer holds task %s.', 'Stop working on the task: it was requeued, cancelled or finished.'),
  ('task_finished', 409, 'Task %s is already %s.', null),
  ('key_used', 409, 'The idempotency_key %s was sent before with another content.', 'Use a new key for each request, and the same key only to send the same again.'),
  ('busy', 503, 'Somebody else has held for too long what this would write.', 'Nothing was changed. Try again in a moment.'),
  ('last_admin', 409, 'The last admin cannot be removed.', 'Make somebody else an admin first.')
on conflict (name) do update
  set status = excluded.status, message = excluded.message, hint = excluded.hint;

create or replace function hub.refuse(
  name text,
  args text[] default array[]::text[],
  hint text default null
) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_error hub.errors;
begin
  select * into strict v_error from hub.errors as e where e.name = refuse.name;
  raise exception using
    errcode = 'PT' || v_error.status,
    message = format(v_error.message, variadic array_replace(refuse.args, null, 'null')),
    detail = v_error.name,
    hint = coalesce(refuse.hint, v_error.hint, '');
end
$$;
comment on function hub.refuse(text, text[], text) is
  'Raises the registered error. `args` fill its message; `hint` replaces its hint.';

create or replace function hub.busy() returns jsonb
language plpgsql
stable
security definer -- reads the registry for the public functions, which run as their caller
set search_path = ''
as $$
begin
  perform hub.refuse('busy');
  return null;
end
$$;
comment on function hub.busy() is
  'Raises busy: what every public function that writes answers when it has waited for a lock too long.';

revoke execute on all functions in schema hub from public;
grant execute on function hub.busy() to anon, authenticated, service_role;
-- The checks of channels run as whoever writes them.
grant execute on function hub.is_span(interval) to authenticated, service_role;
revoke execute on function public.update_settings(jsonb) from public;
grant execute on function public.update_settings(jsonb), hub.update_settings(jsonb)
to anon, authenticated, service_role;

-- supabase/schemas/11_version.sql

-- The version of what is installed here. A test holds the packages to the same.

create or replace function hub.version() returns text
language sql
immutable
set search_path = ''
as $$
  select '0.1.0'
$$;
comment on function hub.version() is
  'The version of Aura Servers in this database, as whoami() and heartbeats tell it. Before 1.0.0 programs of another minor version, later those of another major version, may not fit.';

revoke execute on function hub.version() from public;

-- supabase/schemas/12_roles.sql

-- Roles: who is calling, and what they may do on which server. Every guard, policy, RPC, view, topic and
-- search asks here; the rule itself is hub.role_of() and stands nowhere else.
--
-- A policy asks once for each statement, not for each row: `channel_id in (select hub.channels_with('viewer'))`
-- becomes a set that is made when the first row is looked at. Never write `= any (array)` for it: that would
-- be taken for a condition of an index, and a page would be sorted out of whole channels.

create or replace function hub.api_role() returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_role text := coalesce(nullif(current_setting('role', true), 'none'), session_user);
begin
  if v_role in ('anon', 'authenticated', 'service_role') then
    return v_role;
  end if;
  -- Any other role that is not the owner's, as one that an app's tokens name, is a person at most.
  if not pg_has_role(v_role, (
    select n.nspowner from pg_catalog.pg_namespace as n where n.nspname = 'hub'
  ), 'member') then
    return 'authenticated';
  end if;
  return null;
end
$$;
comment on function hub.api_role() is
  'The API role this call came in with, also inside a definer function; null for a direct SQL session of the owner or a superuser.';

-- The rule -----------------------------------------------------------------------------------------

create or replace function hub.role_of(global_role text, own_role text, default_role text) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when global_role is null or global_role = 'admin' then global_role
    else nullif(coalesce(own_role, default_role, global_role), 'none')
  end;
end
$$;
comment on function hub.role_of(text, text, text) is
  'A person''s role on a server: a global admin is admin everywhere; else their own role there, else the server''s default, else the global role. Null: the server does not exist for them.';

create or replace function hub.global_role(user_id uuid) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select coalesce(m.role, (select s.default_role from hub.settings as s))
    -- The token of a user who was deleted is valid until it expires.
    from auth.users as u
    left join public.hub_members as m on m.user_id = u.id
    where u.id = global_role.user_id and not u.is_anonymous and u.deleted_at is null
  );
end
$$;
comment on function hub.global_role(uuid) is
  'The role of a user where no server says otherwise; null for an anonymous or deleted one, who has no role ever.';

create or replace function hub.server_roles(user_id uuid) returns table (server_id uuid, role text)
language plpgsql
stable
rows 10
set search_path = ''
as $$
declare
  v_global text := hub.global_role(server_roles.user_id);
begin
  return query
  select s.id, r.role
  from public.hub_servers as s
  left join public.hub_server_members as m on m.server_id = s.id and m.user_id = server_roles.user_id
  cross join lateral (select hub.role_of(v_global, m.role, s.default_role) as role) as r
  where r.role is not null;
end
$$;
comment on function hub.server_roles(uuid) is 'The servers that exist for a user, each with the role there.';

-- The caller, globally -------------------------------------------------------------------------------

create or replace function hub.caller_role() returns text
language plpgsql
stable
-- Definer: callers may neither read the settings nor other members' rows.
security definer
set search_path = ''
as $$
declare
  v_role text := hub.api_role();
begin
  if v_role is null or v_role = 'service_role' then
    return 'admin';
  elsif v_role = 'authenticated' then
    return hub.global_role(auth.uid());
  end if;
  return null;
end
$$;
comment on function hub.caller_role() is
  'The caller''s global role, viewer, operator or admin; null for nobody. The service key and direct SQL sessions count as admin.';

create or replace function hub.has_role(role text) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(hub.is_at_least(hub.caller_role(), has_role.role), false);
end
$$;
comment on function hub.has_role(text) is 'Whether the caller''s global role is this one or a higher one.';

create or replace function hub.is_at_least(role text, wanted text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return array_position(array['viewer', 'operator', 'admin'], is_at_least.role)
    >= array_position(array['viewer', 'operator', 'admin'], is_at_least.wanted);
end
$$;
comment on function hub.is_at_least(text, text) is 'Whether a role is as high as another; null without a role.';

create or replace function hub.require_role(role text) returns void
language plpgsql
stable
security definer -- reads the registry of errors
set search_path = ''
as $$
begin
  if not hub.has_role(require_role.role) then
    if hub.caller_role() is null then
      perform hub.refuse('not_signed_in');
    end if;
    perform hub.refuse('role_required', array[require_role.role, hub.caller_role()]);
  end if;
end
$$;
comment on function hub.require_role(text) is
  'Raises not_signed_in or role_required unless the caller has this global role or a higher one.';

-- The caller, on a server ------------------------------------------------------------------------------

create or replace function hub.role_on(server_id uuid) returns text
language plpgsql
stable
security definer -- callers may not read who else is a member
set search_path = ''
as $$
declare
  v_global text := hub.caller_role();
begin
  return (
    select hub.role_of(v_global, m.role, s.default_role)
    from public.hub_servers as s
    left join public.hub_server_members as m on m.server_id = s.id and m.user_id = auth.uid()
    where s.id = role_on.server_id
  );
end
$$;
comment on function hub.role_on(uuid) is
  'The caller''s role on a server: viewer, operator, admin; null where the server does not exist for the caller.';

create or replace function hub.servers_with(role text) returns setof uuid
language plpgsql
stable
rows 10
security definer -- callers may not read who else is a member
set search_path = ''
as $$
declare
  v_global text := hub.caller_role();
  v_user uuid := auth.uid();
begin
  if v_global is not null then
    return query
    select s.id from public.hub_servers as s
    left join public.hub_server_members as m on m.server_id = s.id and m.user_id = v_user
    where hub.is_at_least(hub.role_of(v_global, m.role, s.default_role), servers_with.role);
  end if;
end
$$;
comment on function hub.servers_with(text) is
  'The servers on which the caller has this role or a higher one; with viewer, those that exist for the caller.';

create or replace function hub.channels_with(role text) returns setof uuid
language plpgsql
stable
rows 100
security definer -- callers may not read who else is a member
set search_path = ''
as $$
declare
  v_servers uuid[] := array(select hub.servers_with(channels_with.role));
begin
  return query
  select c.id from public.hub_channels as c where c.server_id = any (v_servers);
end
$$;
comment on function hub.channels_with(text) is
  'The channels on whose servers the caller has this role or a higher one. In a policy: channel_id in (select hub.channels_with(''viewer'')).';

create or replace function hub.is_known_to_all(server_id uuid) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return not exists (
    select from public.hub_servers as s where s.id = is_known_to_all.server_id and s.default_role = 'none'
  ) and not exists (
    select from public.hub_server_members as m where m.server_id = is_known_to_all.server_id and m.role = 'none'
  );
end
$$;
comment on function hub.is_known_to_all(uuid) is
  'Whether a server is hidden from nobody: only of such do feeds and the topic mesh tell.';

create or replace function hub.is_operator_somewhere() returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.has_role('operator') or exists (select hub.servers_with('operator'));
end
$$;
comment on function hub.is_operator_somewhere() is 'Whether the caller is an operator or an admin, of the project or of a server.';

create or replace function hub.require_server_role(server_id uuid, role text) returns void
language plpgsql
stable
security definer -- reads the registry of errors
set search_path = ''
as $$
declare
  v_role text := hub.role_on(require_server_role.server_id);
begin
  if v_role is null then
    perform hub.require_role('viewer');
    perform hub.refuse('server_not_found', array[require_server_role.server_id::text]);
  elsif hub.is_at_least(v_role, require_server_role.role) is not true then
    perform hub.refuse('role_required', array[require_server_role.role, v_role]);
  end if;
end
$$;
comment on function hub.require_server_role(uuid, text) is
  'Raises not_signed_in, server_not_found (also where the server is hidden from the caller) or role_required.';

create or replace function hub.require_channel_role(
  channel_id uuid, role text, missing text default 'channel_not_found', id uuid default null
) returns void
language plpgsql
stable
security definer -- reads the registry of errors
set search_path = ''
as $$
declare
  v_role text := hub.role_on((
    select c.server_id from public.hub_channels as c where c.id = require_channel_role.channel_id
  ));
begin
  if v_role is null then
    perform hub.require_role('viewer');
    perform hub.refuse(require_channel_role.missing, array[
      coalesce(require_channel_role.id, require_channel_role.channel_id)::text
    ]);
  elsif hub.is_at_least(v_role, require_channel_role.role) is not true then
    perform hub.refuse('role_required', array[require_channel_role.role, v_role]);
  end if;
end
$$;
comment on function hub.require_channel_role(uuid, text, text, uuid) is
  'Raises not_signed_in, role_required or, where the channel does not exist for the caller, channel_not_found. What is found by an id of its own is missing in its own name: require_channel_role(v_task.channel_id, ''operator'', ''task_not_found'', task_id).';

revoke execute on all functions in schema hub from public;
grant execute on function
  hub.api_role(), hub.caller_role(), hub.is_at_least(text, text), hub.has_role(text), hub.require_role(text), hub.role_on(uuid),
  hub.servers_with(text), hub.channels_with(text), hub.require_server_role(uuid, text),
  hub.require_channel_role(uuid, text, text, uuid)
to anon, authenticated, service_role;

-- supabase/schemas/14_members.sql

-- Members: who may do what, and the names by which the system's texts call people.

create table if not exists public.hub_members (
  user_id uuid primary key references auth.users on delete cascade,
  role text not null check (role in ('viewer', 'operator', 'admin')),
  created_at timestamptz not null default now()
);
comment on table public.hub_members is
  'Who has which role. A user without a row has the default role of the settings row. Written by set_member_role.';
comment on column public.hub_members.role is
  'viewer reads and runs read-only commands; operator also posts, dispatches and enrols devices; admin also manages servers, channels and members.';

create or replace function hub.is_one_line(content text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- Written out: [[:cntrl:]] would depend on the locale.
  return content !~ '[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]';
end
$$;
comment on function hub.is_one_line(text) is
  'Whether a text can stand inside a line of the system''s: no control character, no line end, no mark that turns the reading direction.';

create or replace function hub.one_line(name text) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- Control characters, line ends, and the marks that change the direction of what follows.
  -- Of a profile that somebody made of megabytes, no more than can be shown is looked at.
  return btrim(left(regexp_replace(
    left(name, 1000), '[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\s]+', ' ', 'g'
  ), 80));
end
$$;
comment on function hub.one_line(text) is
  'A name that people choose, safe inside a line of the system''s: at most 80 characters, none that begins a line or turns the reading direction.';

create or replace function hub.user_label(user_id uuid) returns text
language plpgsql
stable
security definer -- auth.users is closed to API roles
set search_path = ''
as $$
declare
  v_label text;
begin
  if user_label.user_id is not null then
    select coalesce(
      (
        select hub.one_line(n.name)
        from unnest(array[
          u.raw_user_meta_data ->> 'name', u.raw_user_meta_data ->> 'full_name', split_part(u.email, '@', 1)
        ]) with ordinality as n (name, position)
        where hub.is_visible(hub.one_line(n.name))
        order by n.position limit 1
      ),
      'user'
    )
    into v_label from auth.users as u where u.id = user_label.user_id;
    -- Nobody is taken for the system or for a device.
    if lower(v_label) = 'aura' or exists (select from public.mesh_devices as d where lower(d.name) = lower(v_label)) then
      v_label := left(v_label, 71) || ' (person)';
    end if;
  end if;
  return coalesce(v_label, case when hub.api_role() = 'service_role' then 'service' else 'admin' end);
end
$$;
comment on function hub.user_label(uuid) is
  'The name shown for a user: name or full_name of the profile, else the e-mail address before the @; marked "(person)" where it is that of the system or of a device.';

-- The settings row is made once; if exactly one person is there at that moment, they become the admin. A
-- later run of this chapter must not promote people who signed up since.
do $$
declare
  v_people uuid[];
begin
  insert into hub.settings (id) values (true) on conflict do nothing;
  if not found then
    return;
  end if;
  select array_agg(u.id) into v_people
  from auth.users as u
  where (u.email_confirmed_at is not null or u.phone_confirmed_at is not null)
    and not u.is_anonymous and u.deleted_at is null
    and (u.banned_until is null or u.banned_until <= now());
  if cardinality(v_people) = 1 then
    insert into public.hub_members (user_id, role) values (v_people[1], 'admin') on conflict do nothing;
  else
    raise notice 'Aura Servers has no admin yet. Make one with: select public.set_member_role(''<user id>'', ''admin'');';
  end if;
end
$$;

create or replace function hub.keep_last_admin() returns trigger
language plpgsql
security definer -- counts admins that the caller may not see
set search_path = ''
as $$
begin
  -- A user deleted from auth.users takes the row along; the app that owns users is not held up.
  if tg_op = 'DELETE' and not exists (select from auth.users as u where u.id = old.user_id) then
    return old;
  end if;
  -- Admins who demote each other take turns. Not by locks of the rows: each holds the other's row by now.
  perform pg_advisory_xact_lock(hashtextextended('hub.last_admin', 0));
  if not exists (
    select from public.hub_members as m where m.role = 'admin' and m.user_id <> old.user_id
  ) then
    perform hub.refuse('last_admin');
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

create or replace trigger _100_keep_last_admin_on_delete
before delete on public.hub_members
for each row when (old.role = 'admin')
execute function hub.keep_last_admin();

create or replace trigger _100_keep_last_admin_on_update
before update on public.hub_members
for each row when (old.role = 'admin' and new.role <> 'admin')
execute function hub.keep_last_admin();

alter table public.hub_members enable row level security;
revoke all on public.hub_members from anon, authenticated, service_role;
grant select on public.hub_members to authenticated;
grant select, insert, update, delete on public.hub_members to service_role;

drop policy if exists authenticated_read_members on public.hub_members;
create policy authenticated_read_members on public.hub_members
for select to authenticated
using (user_id = (select auth.uid()) or (select hub.has_role('admin')));

create or replace function hub.require_user(user_id uuid) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  -- An anonymous user is nobody: a role given to one would be forgotten.
  if not exists (
    select from auth.users as u
    where u.id = require_user.user_id and not u.is_anonymous and u.deleted_at is null
  ) then
    perform hub.refuse('user_not_found', array[require_user.user_id::text]);
  end if;
end
$$;
comment on function hub.require_user(uuid) is 'Raises user_not_found unless there is this user, and it is no anonymous one.';

create or replace function hub.set_member_role(user_id uuid, role text) returns jsonb
language plpgsql
security definer -- members are written by nobody else
set search_path = ''
as $$
declare
  v_member public.hub_members;
begin
  perform hub.require_role('admin');
  if set_member_role.role is null or set_member_role.role not in ('viewer', 'operator', 'admin') then
    perform hub.refuse('bad_argument', array['role is one of viewer, operator, admin.']);
  end if;
  perform hub.require_user(set_member_role.user_id);
  insert into public.hub_members as m (user_id, role)
  values (set_member_role.user_id, set_member_role.role)
  on conflict on constraint hub_members_pkey do update set role = excluded.role
  returning * into v_member;
  return to_jsonb(v_member);
end
$$;

create or replace function public.set_member_role(user_id uuid, role text) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.set_member_role(set_member_role.user_id, set_member_role.role);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.set_member_role(uuid, text) is
  'Gives a user the role viewer, operator or admin; returns the hub_members row. Admin. Errors: role_required, user_not_found, last_admin, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.set_member_role(uuid, text) from public;
grant execute on function public.set_member_role(uuid, text), hub.set_member_role(uuid, text)
to anon, authenticated, service_role;

-- supabase/schemas/15_models.sql

-- Models: the agents that a mesh may have. Everything that knows a model's name reads it from here.

create table if not exists public.hub_models (
  name text primary key check (name ~ '^[a-z0-9-]{1,32}$' and name <> 'any'),
  label text not null check (length(label) between 1 and 80 and hub.is_one_line(label)),
  position integer not null default 100,
  enabled boolean not null default true,
  created_at timestamptz not null default now()
);
comment on table public.hub_models is
  'The agents that a mesh may have. Read by every signed-in user, written by admins. A new one is a row here and, on a device, a section of its configuration.';
comment on column public.hub_models.name is 'What tasks, channels, rules and devices call it: lower-case letters, digits and -. The word any means no particular one.';
comment on column public.hub_models.label is 'The name to show.';
comment on column public.hub_models.position is 'The order in which clients list the models, and in which a new one falls back on the others.';
comment on column public.hub_models.enabled is 'While false, no task is given to it: its tasks go to the next model of their chain.';

-- Once: what an admin deleted or renamed since stays so.
do $$
begin
  if not exists (select from public.hub_models) then
    insert into public.hub_models (name, label, position) values
      ('claude', 'Claude', 10), ('codex', 'Codex', 20), ('gemini', 'Gemini', 30);
  end if;
end
$$;

create or replace function hub.model_names(with_any boolean default false) returns text
language sql
stable
set search_path = ''
as $$
  select concat_ws(', ', string_agg(m.name, ', ' order by m.position, m.name), case when with_any then 'any' end)
  from public.hub_models as m where m.enabled
$$;
comment on function hub.model_names(boolean) is 'The enabled models as a text, and any where that may be said too.';

create or replace function hub.require_model(model text, with_any boolean default false) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if with_any and require_model.model = 'any' then
    return;
  elsif not exists (select from public.hub_models as m where m.name = require_model.model and m.enabled) then
    perform hub.refuse('bad_argument', array[format('model is one of %s.', hub.model_names(with_any))]);
  end if;
end
$$;
comment on function hub.require_model(text, boolean) is 'Raises bad_argument unless this is an enabled model or, where allowed, any.';

revoke execute on all functions in schema hub from public;
alter table public.hub_models enable row level security;
revoke all on public.hub_models from anon, authenticated, service_role;
grant select, insert, update, delete on public.hub_models to service_role;
grant select, delete, insert (name, label, position, enabled), update (name, label, position, enabled)
on public.hub_models to authenticated;
-- The table's check runs as whoever writes the row.
grant execute on function hub.is_one_line(text) to authenticated, service_role;

drop policy if exists authenticated_read_models on public.hub_models;
create policy authenticated_read_models on public.hub_models
for select to authenticated using ((select hub.has_role('viewer')));
drop policy if exists admin_insert_models on public.hub_models;
create policy admin_insert_models on public.hub_models
for insert to authenticated with check ((select hub.has_role('admin')));
drop policy if exists admin_update_models on public.hub_models;
create policy admin_update_models on public.hub_models
for update to authenticated using ((select hub.has_role('admin')));
drop policy if exists admin_delete_models on public.hub_models;
create policy admin_delete_models on public.hub_models
for delete to authenticated using ((select hub.has_role('admin')));

-- supabase/schemas/16_servers.sql

-- Servers and their channels. A server's architecture decides what a message in its channels does.

create table if not exists public.hub_servers (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (name ~ '^[a-z0-9-]{1,64}$'),
  display_name text not null,
  description text,
  icon text not null default 'server.rack',
  architecture_type text not null
    check (architecture_type in ('command_dispatch', 'flat_task_pipeline', 'threaded_task_isolation')),
  is_default boolean not null default false,
  channel_count integer not null default 0,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  paused_at timestamptz
);
comment on table public.hub_servers is 'Chat servers. Read by whoever has a role on them, written by admins.';
comment on column public.hub_servers.icon is 'Name of an SF Symbol.';
comment on column public.hub_servers.architecture_type is
  'command_dispatch runs a command and keeps nothing; flat_task_pipeline answers in the channel; threaded_task_isolation answers in a thread of its own.';
comment on column public.hub_servers.channel_count is 'Kept by trigger.';
alter table public.hub_servers
  add column if not exists default_role text check (default_role in ('none', 'viewer', 'operator'));
comment on column public.hub_servers.default_role is
  'The role here of whoever has no row of their own in hub_server_members; none: the server is private, it does not exist for them; null: their global role.';
comment on column public.hub_servers.paused_at is
  'While set, no new task of this server is claimed and no command is run. Written by set_server_paused.';

create table if not exists public.hub_server_members (
  server_id uuid not null references public.hub_servers on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  role text not null check (role in ('none', 'viewer', 'operator', 'admin')),
  created_at timestamptz not null default now(),
  primary key (server_id, user_id)
);
comment on table public.hub_server_members is
  'Who has which role on one server, above or below their global one. Read by themselves and the server''s admins; written by set_server_role.';
comment on column public.hub_server_members.role is
  'none: the server does not exist for this person; admin: also manages its channels and members. A global admin is admin everywhere.';
create index if not exists idx_hub_server_members_user on public.hub_server_members (user_id);

create table if not exists public.hub_channels (
  id uuid primary key default gen_random_uuid(),
  server_id uuid not null references public.hub_servers on delete cascade,
  name text not null check (name ~ '^[a-z0-9-]{1,64}$'),
  display_name text not null,
  description text,
  category_group text,
  project_path text,
  model_preference text not null default 'any',
  is_read_only boolean not null default false,
  message_count integer not null default 0,
  last_message_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  idle_after interval check (idle_after > '0' and hub.is_span(idle_after)),
  archive_after interval check (archive_after > '0' and hub.is_span(archive_after)),
  unique (server_id, name)
)
-- The counters of a busy channel are rewritten with every message: leave room for that on the page.
with (fillfactor = 50);
comment on table public.hub_channels is 'Channels of a server. Read by whoever has a role on it, written by its admins.';
comment on column public.hub_channels.category_group is 'Heading under which clients list the channel.';
comment on column public.hub_channels.project_path is 'Working directory of the channel''s tasks, below the executor''s root folder.';
comment on column public.hub_channels.model_preference is 'Model of the channel''s tasks, a name of hub_models; any leaves it to the routing rules.';
comment on column public.hub_channels.is_read_only is 'Nobody but the system posts here.';
comment on column public.hub_channels.message_count is 'Messages with no thread; kept by trigger, always exact.';
comment on column public.hub_channels.last_message_at is 'When the newest message with no thread was posted; kept by trigger.';
comment on column public.hub_channels.idle_after is 'Silence after which a thread here becomes idle; null: hub.settings.idle_after.';
comment on column public.hub_channels.archive_after is 'Time from the idle warning to decay; null: hub.settings.archive_after.';

create index if not exists idx_hub_channels_server on public.hub_channels (server_id, category_group, name);

-- No foreign key: any is no model. What is deleted from hub_models is nobody's preference any more.
create or replace function hub.require_model_preference() returns trigger
language plpgsql
security definer -- models are read for whoever writes the channel
set search_path = ''
as $$
begin
  perform hub.require_model(new.model_preference, with_any => true);
  return new;
end
$$;

create or replace trigger _100_require_model_on_insert
before insert on public.hub_channels
for each row execute function hub.require_model_preference();

create or replace trigger _100_require_model_on_update
before update of model_preference on public.hub_channels
for each row when (old.model_preference is distinct from new.model_preference)
execute function hub.require_model_preference();

create or replace function hub.forget_model() returns trigger
language plpgsql
security definer -- channels are written for whoever deletes the model
set search_path = ''
as $$
begin
  update public.hub_channels as c set model_preference = 'any' where c.model_preference = old.name;
  return null;
end
$$;

create or replace function hub.follow_model_name() returns trigger
language plpgsql
security definer -- channels are written for whoever renames the model
set search_path = ''
as $$
begin
  update public.hub_channels as c set model_preference = new.name where c.model_preference = old.name;
  return null;
end
$$;

create or replace trigger _500_forget_model
after delete on public.hub_models
for each row execute function hub.forget_model();

create or replace trigger _500_follow_model_name
after update of name on public.hub_models
for each row when (old.name <> new.name)
execute function hub.follow_model_name();

-- channel_count: exact after inserts, deletes, cascades and moves.

create or replace function hub.count_channels_of(servers uuid[]) returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Counted under the locks, which are taken in a fixed order.
  perform from public.hub_servers as s where s.id = any (servers) order by s.id for no key update;
  update public.hub_servers as s
  set channel_count = (select count(*) from public.hub_channels as c where c.server_id = s.id)
  where s.id = any (servers);
end
$$;
comment on function hub.count_channels_of(uuid[]) is 'Counts the channels of these servers anew.';

create or replace function hub.count_channels() returns trigger
language plpgsql
security definer -- counters are not writable by API roles
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform hub.count_channels_of(array(select distinct server_id from new_rows));
  elsif tg_op = 'DELETE' then
    perform hub.count_channels_of(array(select distinct server_id from old_rows));
  else
    perform hub.count_channels_of(array[old.server_id, new.server_id]);
  end if;
  return null;
end
$$;

create or replace trigger _500_count_channels_on_insert
after insert on public.hub_channels referencing new table as new_rows
for each statement execute function hub.count_channels();

create or replace trigger _500_count_channels_on_delete
after delete on public.hub_channels referencing old table as old_rows
for each statement execute function hub.count_channels();

-- By row: every message updates its channel, and only a move concerns the servers.
create or replace trigger _500_count_channels_on_update
after update of server_id on public.hub_channels
for each row when (old.server_id is distinct from new.server_id)
execute function hub.count_channels();

create or replace function hub.touch_updated_at() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  new.updated_at := clock_timestamp();
  return new;
end
$$;

create or replace trigger _900_touch_updated_at
before update on public.hub_servers
for each row execute function hub.touch_updated_at();

-- Permissions ------------------------------------------------------------------------------------

alter table public.hub_servers enable row level security;
alter table public.hub_server_members enable row level security;
alter table public.hub_channels enable row level security;
revoke all on public.hub_servers, public.hub_server_members, public.hub_channels
from anon, authenticated, service_role;

grant select, insert, update, delete on public.hub_servers, public.hub_server_members, public.hub_channels
to service_role;
grant select, delete on public.hub_servers, public.hub_channels to authenticated;
grant select on public.hub_server_members to authenticated;
grant insert (name, display_name, description, icon, architecture_type, is_default, metadata, default_role)
on public.hub_servers to authenticated;
grant update (name, display_name, description, icon, is_default, metadata, default_role)
on public.hub_servers to authenticated;
grant insert (
  server_id, name, display_name, description, category_group, project_path, model_preference,
  is_read_only, metadata, idle_after, archive_after
) on public.hub_channels to authenticated;
grant update (
  name, display_name, description, category_group, project_path, model_preference,
  is_read_only, metadata, idle_after, archive_after
) on public.hub_channels to authenticated;

-- Servers are made, named and deleted by global admins: names are unique over all of them, and one that is
-- refused would tell of a server that is hidden.
drop policy if exists authenticated_read_servers on public.hub_servers;
create policy authenticated_read_servers on public.hub_servers
for select to authenticated using (id in (select hub.servers_with('viewer')));
drop policy if exists admin_insert_servers on public.hub_servers;
create policy admin_insert_servers on public.hub_servers
for insert to authenticated with check ((select hub.has_role('admin')));
drop policy if exists admin_update_servers on public.hub_servers;
create policy admin_update_servers on public.hub_servers
for update to authenticated using ((select hub.has_role('admin')));
drop policy if exists admin_delete_servers on public.hub_servers;
create policy admin_delete_servers on public.hub_servers
for delete to authenticated using ((select hub.has_role('admin')));

drop policy if exists authenticated_read_channels on public.hub_channels;
create policy authenticated_read_channels on public.hub_channels
for select to authenticated using (server_id in (select hub.servers_with('viewer')));
drop policy if exists admin_insert_channels on public.hub_channels;
create policy admin_insert_channels on public.hub_channels
for insert to authenticated with check (server_id in (select hub.servers_with('admin')));
drop policy if exists admin_update_channels on public.hub_channels;
create policy admin_update_channels on public.hub_channels
for update to authenticated using (server_id in (select hub.servers_with('admin')));
drop policy if exists admin_delete_channels on public.hub_channels;
create policy admin_delete_channels on public.hub_channels
for delete to authenticated using (server_id in (select hub.servers_with('admin')));

drop policy if exists authenticated_read_server_members on public.hub_server_members;
create policy authenticated_read_server_members on public.hub_server_members
for select to authenticated using (
  user_id = (select auth.uid()) and role <> 'none' or server_id in (select hub.servers_with('admin'))
);

-- An update or delete that row security hides would answer with an empty list: refuse it instead, unless
-- there is some server where it is allowed.
create or replace function hub.require_admin_for_write() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if tg_table_name <> 'hub_channels' or not exists (select hub.servers_with('admin')) then
    perform hub.require_role('admin');
  end if;
  return null;
end
$$;

-- For every database role but the owner's.
do $$
declare
  v_table text;
begin
  foreach v_table in array array['hub_models', 'hub_servers', 'hub_channels'] loop
    execute format(
      $trigger$
        create or replace trigger _050_require_admin_for_write
        before insert or update or delete on public.%I
        for each statement when (current_user::text <> %L)
        execute function hub.require_admin_for_write()
      $trigger$,
      v_table, current_user
    );
  end loop;
end
$$;

-- Pausing ----------------------------------------------------------------------------------------

create or replace function hub.set_server_paused(server_id uuid, paused boolean) returns jsonb
language plpgsql
security definer -- operators may pause, but only admins may write servers
set search_path = ''
as $$
declare
  v_server public.hub_servers;
begin
  perform hub.require_role('viewer');
  if set_server_paused.paused is null then
    perform hub.refuse('bad_argument', array['paused is true or false.']);
  end if;
  perform hub.require_server_role(set_server_paused.server_id, 'operator');
  update public.hub_servers as s
  set paused_at = case when set_server_paused.paused then coalesce(s.paused_at, now()) end
  where s.id = set_server_paused.server_id
  returning * into v_server;
  if not found then
    perform hub.refuse('server_not_found', array[coalesce(set_server_paused.server_id::text, 'null')]);
  end if;
  return to_jsonb(v_server);
end
$$;

create or replace function public.set_server_paused(server_id uuid, paused boolean) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.set_server_paused(set_server_paused.server_id, set_server_paused.paused);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.set_server_paused(uuid, boolean) is
  'Pauses a server (its waiting tasks are not claimed, its commands are refused) or resumes it; returns the hub_servers row. Operator. Errors: server_not_found, bad_argument.';

-- Members ----------------------------------------------------------------------------------------

create or replace function hub.set_server_role(server_id uuid, user_id uuid, role text) returns jsonb
language plpgsql
security definer -- members are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_member public.hub_server_members;
begin
  perform hub.require_server_role(set_server_role.server_id, 'admin');
  if set_server_role.role is not null and set_server_role.role not in ('none', 'viewer', 'operator', 'admin') then
    perform hub.refuse('bad_argument', array[
      'role is one of none, viewer, operator, admin, or null for the server''s default.'
    ]);
  end if;
  perform hub.require_user(set_server_role.user_id);
  if set_server_role.role is null then
    delete from public.hub_server_members as m
    where m.server_id = set_server_role.server_id and m.user_id = set_server_role.user_id;
  else
    insert into public.hub_server_members as m (server_id, user_id, role)
    values (set_server_role.server_id, set_server_role.user_id, set_server_role.role)
    on conflict on constraint hub_server_members_pkey do update set role = excluded.role
    returning * into v_member;
  end if;
  return jsonb_build_object(
    'server_id', set_server_role.server_id, 'user_id', set_server_role.user_id, 'role', v_member.role
  );
end
$$;

create or replace function public.set_server_role(server_id uuid, user_id uuid, role text) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.set_server_role(set_server_role.server_id, set_server_role.user_id, set_server_role.role);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.set_server_role(uuid, uuid, text) is
  'Gives a user the role none, viewer, operator or admin on one server; null takes it away again. Returns {server_id, user_id, role}. Admin of the server. Errors: server_not_found, role_required, user_not_found, bad_argument.';

create or replace function hub.list_people(server_id uuid, search text) returns jsonb
language plpgsql
stable
security definer -- users are closed to API roles
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_default text := (select s.default_role from hub.settings as s);
begin
  if list_people.server_id is null then
    perform hub.require_role('admin');
  else
    perform hub.require_server_role(list_people.server_id, 'admin');
  end if;
  if length(list_people.search) > 200 then
    perform hub.refuse('content_too_long', array['search', length(list_people.search)::text, '200']);
  end if;
  return coalesce(
    (
      select jsonb_agg(
        jsonb_build_object(
          'user_id', p.id, 'label', p.label, 'email', p.email, 'member_role', p.role, 'server_roles', p.server_roles,
          'role', hub.role_of(coalesce(p.role, v_default), p.server_roles ->> s.id::text, s.default_role)
        ) order by lower(p.label), p.id
      )
      from (
        select u.id, u.label, u.email, m.role, (
          select coalesce(jsonb_object_agg(own.server_id, own.role), '{}')
          from public.hub_server_members as own
          where own.user_id = u.id and (list_people.server_id is null or own.server_id = list_people.server_id)
        ) as server_roles
        from (
          select a.id, a.email, hub.user_label(a.id) as label
          from auth.users as a where not a.is_anonymous and a.deleted_at is null
        ) as u
        left join public.hub_members as m on m.user_id = u.id
        where list_people.search is null
          or strpos(lower(concat_ws(E'\n', u.label, u.email)), lower(list_people.search)) > 0
          or u.id::text = lower(list_people.search)
        order by lower(u.label), u.id limit 200
      ) as p
      left join public.hub_servers as s on s.id = list_people.server_id
    ),
    '[]'
  );
end
$$;

create or replace function public.list_people(server_id uuid default null, search text default null) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.list_people(list_people.server_id, list_people.search);
end
$$;
comment on function public.list_people(uuid, text) is
  'Who has an account, by name, the first 200: an array of {user_id, label, email, member_role: that of hub_members or null, server_roles: {server id: role} given on servers, role: what comes of it}. server_id: role and server_roles are those on that server. search: the id, or a part of the name or address, at most 200 characters. Admin, or of the server where one is named. Errors: role_required, server_not_found, content_too_long.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.list_people(uuid, text) from public;
grant execute on function public.list_people(uuid, text), hub.list_people(uuid, text)
to anon, authenticated, service_role;
revoke execute on function public.set_server_role(uuid, uuid, text) from public;
grant execute on function public.set_server_role(uuid, uuid, text), hub.set_server_role(uuid, uuid, text)
to anon, authenticated, service_role;
revoke execute on function public.set_server_paused(uuid, boolean) from public;
grant execute on function public.set_server_paused(uuid, boolean), hub.set_server_paused(uuid, boolean)
to anon, authenticated, service_role;

-- supabase/schemas/18_default_servers.sql

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

-- supabase/schemas/20_tasks.sql

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

-- supabase/schemas/22_messages.sql

-- Messages: what a channel or a thread shows, who may post what, and the counters over it.

-- Embeds -----------------------------------------------------------------------------------------

create or replace function hub.embed_problem(embed jsonb) returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_field jsonb;
begin
  if jsonb_typeof(embed) <> 'object' then
    return 'it is not an object';
  elsif pg_column_size(embed) > 262144 then
    return 'it takes more than 256 kB';
  elsif embed - array['title', 'description', 'color', 'fields', 'footer', 'timestamp'] <> '{}' then
    return 'it has a key other than title, description, color, fields, footer, timestamp';
  elsif coalesce(jsonb_typeof(embed -> 'title'), 'none') <> 'string' then
    return 'title is not a string';
  elsif length(embed ->> 'title') not between 1 and 256 then
    return 'title has not 1 to 256 characters';
  elsif coalesce(jsonb_typeof(embed -> 'description'), 'string') not in ('string', 'null') then
    return 'description is not a string';
  elsif length(embed ->> 'description') > 4096 then
    return 'description has more than 4096 characters';
  elsif coalesce(jsonb_typeof(embed -> 'color'), 'number') not in ('number', 'null') then
    return 'color is not an integer';
  elsif length(embed ->> 'color') > 20 then
    return 'color is not an integer from 0 to 16777215';
  elsif (embed ->> 'color')::numeric not between 0 and 16777215 or (embed ->> 'color')::numeric % 1 <> 0 then
    return 'color is not an integer from 0 to 16777215';
  elsif coalesce(jsonb_typeof(embed -> 'footer'), 'string') not in ('string', 'null') then
    return 'footer is not a string';
  elsif length(embed ->> 'footer') > 2048 then
    return 'footer has more than 2048 characters';
  elsif coalesce(jsonb_typeof(embed -> 'timestamp'), 'string') not in ('string', 'null') then
    return 'timestamp is not a string';
  elsif (embed ->> 'timestamp') !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d[0-9:.+Z -]{0,30}$' then
    return 'timestamp is not ISO 8601';
  elsif coalesce(jsonb_typeof(embed -> 'fields'), 'null') = 'null' then
    return null;
  elsif jsonb_typeof(embed -> 'fields') <> 'array' then
    return 'fields is not an array';
  elsif jsonb_array_length(embed -> 'fields') > 25 then
    return 'there are more than 25 fields';
  end if;
  for v_position in 0 .. jsonb_array_length(embed -> 'fields') - 1 loop
    v_field := embed -> 'fields' -> v_position;
    if (
      jsonb_typeof(v_field) = 'object'
      and jsonb_typeof(v_field -> 'name') = 'string' and length(v_field ->> 'name') between 1 and 256
      and jsonb_typeof(v_field -> 'value') = 'string' and length(v_field ->> 'value') between 1 and 1024
      and coalesce(jsonb_typeof(v_field -> 'inline'), 'boolean') = 'boolean'
      and v_field - array['name', 'value', 'inline'] = '{}'
    ) is not true then
      return 'a field is not {name, value, inline} with a name of 1 to 256 and a value of 1 to 1024 characters';
    end if;
  end loop;
  return null;
end
$$;
comment on function hub.embed_problem(jsonb) is 'What is wrong with an embed, in words; null if nothing is.';

create or replace function hub.check_embed(embed jsonb) returns boolean
language plpgsql
immutable
security definer -- reads the registry of errors, for any role that writes messages
set search_path = ''
as $$
begin
  if hub.embed_problem(check_embed.embed) is not null then
    perform hub.refuse('invalid_embed', array[hub.embed_problem(check_embed.embed)]);
  end if;
  return true;
end
$$;
comment on function hub.check_embed(jsonb) is 'True, or raises invalid_embed: the check constraint of hub_channel_messages.';

-- The table --------------------------------------------------------------------------------------

create table if not exists public.hub_channel_messages (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references public.hub_channels on delete cascade,
  task_thread_id uuid,
  sender_type text not null default 'human' check (sender_type in ('human', 'agent', 'system')),
  sender_id text,
  sender_label text,
  content text not null,
  content_type text not null default 'text'
    check (content_type in ('text', 'embed', 'command', 'result', 'error')),
  embed_data jsonb check (embed_data is null or hub.check_embed(embed_data)),
  reply_to uuid references public.hub_channel_messages on delete set null,
  is_progress boolean not null default false,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default clock_timestamp(),
  -- A message's thread belongs to its channel.
  constraint hub_channel_messages_task_thread_id_fkey
    foreign key (task_thread_id, channel_id) references public.hub_task_threads (id, channel_id)
    on delete cascade on update cascade
);
comment on table public.hub_channel_messages is
  'Messages of channels (no thread) and threads. Read by every signed-in user; an operator may insert a person''s own words. A page: channel_id=eq.…&task_thread_id=is.null&order=created_at.desc,id.desc.';
comment on column public.hub_channel_messages.task_thread_id is 'Null: a flat message of the channel.';
comment on column public.hub_channel_messages.sender_id is 'The user''s id of a human, the device''s name of an agent; filled in.';
comment on column public.hub_channel_messages.sender_label is 'The name to show; filled in for a human.';
comment on column public.hub_channel_messages.embed_data is
  '{title, description, color: 0 to 16777215, fields: [{name, value, inline}], footer, timestamp}; else invalid_embed.';
comment on column public.hub_channel_messages.is_progress is 'Posted while a task runs; the last one may be rewritten.';
comment on column public.hub_channel_messages.metadata is
  '{event, task_id, task_thread_id, team_id, device_id}: event is what an agent or the system tells, a name of docs/events.md; the ids are of what the message is about. A person''s message has whatever its client adds.';
comment on column public.hub_channel_messages.created_at is 'The clock, not the transaction''s start.';

create index if not exists idx_hub_channel_messages_channel
on public.hub_channel_messages (channel_id, created_at desc, id desc) where task_thread_id is null;
create index if not exists idx_hub_channel_messages_thread
on public.hub_channel_messages (task_thread_id, created_at desc, id desc) where task_thread_id is not null;
create index if not exists idx_hub_channel_messages_reply on public.hub_channel_messages (reply_to)
where reply_to is not null;

create table if not exists hub.message_events (
  name text primary key check (name ~ '^[a-z_]+$'),
  meaning text not null
);
comment on table hub.message_events is
  'What messages of agents and of the system tell: each has one of these names as metadata.event, by which clients tell messages apart. docs/events.md lists the same.';

-- Who may post -----------------------------------------------------------------------------------

create or replace function hub.is_visible(content text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- Spaces, control characters, and what has no width or no ink: joiners, fillers, marks of direction, the
  -- braille blank, variation selectors, tags, and the place of an object that is not there.
  return content ~
    '[^[:space:]\x01-\x1f\x7f-\xa0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]';
end
$$;
comment on function hub.is_visible(text) is 'Whether there is something to see in a text.';

create or replace function hub.require_content(content text, what text, most integer default null) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_most integer := coalesce(most, (select s.max_content from hub.settings as s));
begin
  if hub.is_visible(content) is not true then
    perform hub.refuse('content_empty', array[what]);
  end if;
  if length(content) > v_most then
    perform hub.refuse('content_too_long', array[what, length(content)::text, v_most::text]);
  end if;
end
$$;
comment on function hub.require_content(text, text, integer) is 'Raises content_empty, or content_too_long over so many characters: by default hub.settings.max_content.';

create or replace function hub.guard_message() returns trigger
language plpgsql
security definer -- reads channels, threads and profiles for a caller who may not
set search_path = ''
as $$
declare
  v_channel public.hub_channels;
  v_extra text;
  v_before integer := coalesce(nullif(current_setting('hub.posted', true), '')::integer, 0);
  v_is_person boolean := hub.api_role() in ('anon', 'authenticated');
begin
  if v_is_person then
    perform hub.require_channel_role(new.channel_id, 'operator');
  end if;
  if new.task_thread_id is not null and not exists (
    select from public.hub_task_threads as t
    where t.id = new.task_thread_id and t.channel_id = new.channel_id
  ) then
    perform hub.refuse('thread_not_found', array[new.task_thread_id::text]);
  end if;
  if v_is_person is not true then
    return new;
  end if;

  select * into v_channel from public.hub_channels as c where c.id = new.channel_id;
  if v_channel.is_read_only then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  end if;
  v_extra := case
    when new.sender_type <> 'human' then format('the sender_type %s', new.sender_type)
    when new.sender_id <> auth.uid()::text then 'another user''s sender_id'
    when new.embed_data is not null then 'an embed'
    when new.is_progress then 'is_progress'
    when new.content_type not in ('text', 'command') then format('the content_type %s', new.content_type)
    when jsonb_typeof(new.metadata) <> 'object' then 'metadata that is no object'
    when pg_column_size(new.metadata) > 16384 then 'more than 16 kB of metadata'
    when new.reply_to is not null and not exists (
      select from public.hub_channel_messages as m
      where m.id = new.reply_to and m.channel_id = new.channel_id
    ) then 'a reply_to outside of its channel'
    -- So many would hold the channel's counters until the statement times out.
    when v_before >= 1000 then '1000 others before it in one request'
  end;
  if v_extra is not null then
    perform hub.refuse('invalid_message', array[v_extra]);
  end if;
  perform hub.require_content(new.content, 'message');
  new.sender_id := auth.uid()::text;
  new.sender_label := hub.user_label(auth.uid());
  perform set_config('hub.posted', (v_before + 1)::text, true);
  return new;
end
$$;
comment on function hub.guard_message() is
  'A direct insert is a person''s own words: anything else is refused, and the sender is filled in.';

-- For every database role but the owner's: whatever roles an app has made may post, none is let by.
do $$
begin
  execute format(
    $trigger$
      create or replace trigger _100_guard_message
      before insert on public.hub_channel_messages
      for each row when (current_user::text <> %L)
      execute function hub.guard_message()
    $trigger$,
    current_user
  );
end
$$;

alter table public.hub_channel_messages enable row level security;
revoke all on public.hub_channel_messages from anon, authenticated, service_role;
grant select, insert, update, delete on public.hub_channel_messages to service_role;
grant select on public.hub_channel_messages to authenticated;
-- The id is the sender's to choose, so that what is sent again after a lost answer is there once.
grant insert (
  id, channel_id, task_thread_id, sender_type, sender_id, sender_label, content, content_type, embed_data,
  reply_to, is_progress, metadata
) on public.hub_channel_messages to authenticated;

drop policy if exists authenticated_read_messages on public.hub_channel_messages;
create policy authenticated_read_messages on public.hub_channel_messages
for select to authenticated using (channel_id in (select hub.channels_with('viewer')));
drop policy if exists authenticated_insert_messages on public.hub_channel_messages;
create policy authenticated_insert_messages on public.hub_channel_messages
for insert to authenticated with check (
  channel_id in (select hub.channels_with('operator'))
  and sender_type = 'human' and sender_id = (select auth.uid())::text
  and embed_data is null and not is_progress
);

-- Counters ---------------------------------------------------------------------------------------
-- By statement, with transition tables: exact whatever the statement does, and cheap in bulk. Channels
-- are locked before threads, and each kind in the order of ids, so that two sessions cannot cross.

create or replace function hub.lock_counters(channels uuid[], threads uuid[]) returns void
language plpgsql
set search_path = ''
as $$
begin
  -- A single row needs no order: the update itself locks it. But a channel comes before any thread.
  if cardinality(channels) > 1 or cardinality(threads) > 1 then
    perform from public.hub_channels as c where c.id = any (channels) order by c.id for no key update;
  end if;
  if cardinality(threads) > 1 then
    perform from public.hub_task_threads as t where t.id = any (threads) order by t.id for no key update;
  end if;
end
$$;
comment on function hub.lock_counters(uuid[], uuid[]) is 'Locks the rows whose counters a statement will change, in a fixed order.';

create or replace function hub.count_new_messages() returns trigger
language plpgsql
security definer -- counters are not writable by API roles
set search_path = ''
set enable_seqscan = off
set jit = off
set lock_timeout = '2500ms' -- as the public functions have it: people insert messages themselves
as $$
declare
  v_place record;
begin
  -- By its key, one place after the other, channels before threads: this is the order of locks too, and no
  -- plan can read the whole of a table.
  for v_place in
    select case when n.task_thread_id is null then n.channel_id end as channel_id, n.task_thread_id,
      count(*) as messages, max(n.created_at) as newest,
      max(n.created_at) filter (where n.sender_type <> 'system') as activity
    from new_rows as n group by 1, 2 order by 1, 2
  loop
    if v_place.task_thread_id is null then
      update public.hub_channels as c
      set message_count = c.message_count + v_place.messages,
        last_message_at = greatest(c.last_message_at, v_place.newest)
      where c.id = v_place.channel_id;
      continue;
    end if;
    update public.hub_task_threads as t
    set message_count = t.message_count + v_place.messages,
      last_activity_at = greatest(t.last_activity_at, v_place.activity),
      status = case when v_place.activity is null then t.status else 'active' end,
      next_transition_at = case
        when v_place.activity is null then t.next_transition_at
        else greatest(t.last_activity_at, v_place.activity) + coalesce(
          (select c.idle_after from public.hub_channels as c where c.id = t.channel_id),
          (select s.idle_after from hub.settings as s)
        )
      end
    where t.id = v_place.task_thread_id and t.status <> 'archived';
    if not found then
      -- Known only here, under the thread's lock: a tick may just have archived it.
      perform hub.refuse('thread_archived', array[v_place.task_thread_id::text]);
    end if;
  end loop;
  return null;
exception when lock_not_available or deadlock_detected then
  perform hub.refuse('busy');
  return null;
end
$$;
comment on function hub.count_new_messages() is
  'Adds new messages to the counters of channels and threads; a message of a person or an agent makes its thread active. Errors: thread_archived, busy.';

create or replace function hub.recount_messages() returns trigger
language plpgsql
security definer -- counters are not writable by API roles
set search_path = ''
as $$
declare
  v_moves jsonb;
  v_channels uuid[];
  v_threads uuid[];
begin
  -- One shape for deletions and updates: by how much the messages of each place have changed.
  if tg_op = 'DELETE' then
    select jsonb_agg(m) into v_moves from (
      select case when task_thread_id is null then channel_id end as channel_id, task_thread_id, -count(*) as delta
      from old_rows group by 1, 2
    ) as m;
  else
    select jsonb_agg(m) into v_moves from (
      -- A thread has its messages also while it moves to another channel.
      select case when task_thread_id is null then channel_id end as channel_id, task_thread_id, sum(delta) as delta
      from (
        select channel_id, task_thread_id, created_at, 1 as delta from new_rows
        union all
        select channel_id, task_thread_id, created_at, -1 from old_rows
      ) as both_sides
      group by 1, 2
      having sum(delta) <> 0
        or max(created_at) filter (where delta = 1) <> max(created_at) filter (where delta = -1)
    ) as m;
  end if;
  if v_moves is null then
    return null;
  end if;

  select array_agg(distinct m.channel_id) filter (where m.task_thread_id is null),
    array_agg(distinct m.task_thread_id) filter (where m.task_thread_id is not null)
  into v_channels, v_threads
  from jsonb_to_recordset(v_moves) as m (channel_id uuid, task_thread_id uuid);
  perform hub.lock_counters(v_channels, v_threads);
  -- The newest message is looked up under the channel's lock, so that one being posted waits its turn.
  perform from public.hub_channels as c where c.id = any (v_channels) for no key update;
  update public.hub_channels as c
  set message_count = c.message_count + m.delta,
    last_message_at = (
      select max(newest.created_at) from public.hub_channel_messages as newest
      where newest.channel_id = c.id and newest.task_thread_id is null
    )
  from jsonb_to_recordset(v_moves) as m (channel_id uuid, task_thread_id uuid, delta integer)
  where c.id = m.channel_id and m.task_thread_id is null;

  update public.hub_task_threads as t
  set message_count = t.message_count + m.delta
  from jsonb_to_recordset(v_moves) as m (task_thread_id uuid, delta integer)
  where t.id = m.task_thread_id;
  return null;
end
$$;
comment on function hub.recount_messages() is
  'Follows deletions and changes of messages in the counters of channels and threads.';

-- The last trigger of an insert: the lock of a busy channel's row is held for the commit and nothing else.
create or replace trigger _800_count_new_messages
after insert on public.hub_channel_messages referencing new table as new_rows
for each statement execute function hub.count_new_messages();

create or replace trigger _500_recount_messages_on_delete
after delete on public.hub_channel_messages referencing old table as old_rows
for each statement execute function hub.recount_messages();

create or replace trigger _500_recount_messages_on_update
after update on public.hub_channel_messages referencing old table as old_rows new table as new_rows
for each statement execute function hub.recount_messages();

revoke execute on all functions in schema hub from public;
-- The check constraint runs as whoever writes the message.
grant execute on function hub.check_embed(jsonb) to authenticated, service_role;

-- supabase/schemas/23_search.sql

-- Finding messages: words as they were written, in any language, newest first.
--
-- The dictionary is "simple": no stemmer, which would be right for one language and lose the words of the
-- others. Japanese, Chinese and Korean have no spaces to go by, so what is written in their characters is
-- found by pairs of them that stand side by side.

create or replace function hub.runs_of(content text) returns setof text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return query
  select m[1] from regexp_matches(content, '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+', 'g') as m;
end
$$;
comment on function hub.runs_of(text) is 'The runs of Japanese, Chinese or Korean characters in a text.';

create or replace function hub.pairs_of(run text) returns text[]
language plpgsql
immutable
set search_path = ''
as $$
begin
  return array(select substr(run, n, 2) from generate_series(1, greatest(length(run) - 1, 1)) as n);
end
$$;
comment on function hub.pairs_of(text) is 'Each two characters that stand side by side in a run; of a run of one, that one.';

create or replace function hub.search_vector(content text) returns tsvector
language plpgsql
immutable
cost 1000 -- so that the index is asked first, whatever else narrows a search down
set search_path = ''
as $$
declare
  -- A vector holds a megabyte at most: what comes after so much is not found.
  v_text text := left(content, 100000);
  v_vector tsvector := to_tsvector('pg_catalog.simple', v_text);
begin
  if v_text ~ '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]' then
    v_vector := v_vector || array_to_tsvector(array(
      select distinct pair from hub.runs_of(left(v_text, 20000)) as run, unnest(hub.pairs_of(run)) as pair
    ));
  end if;
  return v_vector;
end
$$;
comment on function hub.search_vector(text) is
  'What a message is found by: its words in small letters; of Japanese, Chinese and Korean also the pairs of characters. The index is on this.';

create index if not exists idx_hub_channel_messages_search on public.hub_channel_messages using gin (hub.search_vector(content))
-- What is not sorted into the index yet is read through by each search: keep that short.
with (gin_pending_list_limit = 1024);
-- Messages come in the order of time: what is recent is found at no cost of its own.
create index if not exists idx_hub_channel_messages_created on public.hub_channel_messages using brin (created_at)
with (pages_per_range = 32, autosummarize = on);

create or replace function hub.search_term(term text) returns tsquery
language plpgsql
immutable
set search_path = ''
as $$
declare
  -- A word of one piece may be two to the parser, as "re-run": then they stand side by side.
  v_query tsquery := phraseto_tsquery('pg_catalog.simple', regexp_replace(term, '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+', ' ', 'g'));
  v_run text;
begin
  for v_run in select hub.runs_of(term) loop
    v_query := v_query && (
      select string_agg(quote_literal(pair) || case when length(v_run) = 1 then ':*' else '' end, ' & ')::tsquery
      from unnest(hub.pairs_of(v_run)) as pair
    );
  end loop;
  return v_query;
end
$$;
comment on function hub.search_term(text) is 'What is looked for where a word or a phrase is asked for.';

create or replace function hub.search_query(query text, out wanted tsquery, out terms text[])
language plpgsql
stable
set search_path = ''
as $$
declare
  v_part record;
  v_term tsquery;
  v_all tsquery;
  v_is_or boolean := false;
begin
  if length(query) > 500 then
    perform hub.refuse('content_too_long', array['query', length(query)::text, '500']);
  end if;
  for v_part in
    select m[1] = '-' as is_unwanted, coalesce(m[2], m[3]) as term, m[2] is null and lower(m[3]) = 'or' as is_or
    from regexp_matches(coalesce(query, ''), '(-?)(?:"([^"]*)"|([^\s"]+))', 'g') as m
  loop
    if v_part.is_or and not v_part.is_unwanted then
      v_is_or := v_all is not null;
      continue;
    end if;
    v_term := hub.search_term(v_part.term);
    continue when numnode(v_term) = 0;
    if not v_part.is_unwanted then
      terms := terms || v_part.term;
    end if;
    v_term := case when v_part.is_unwanted then !! v_term else v_term end;
    if v_is_or then
      wanted := case when wanted is null then v_all else wanted || v_all end;
      v_all := v_term;
    else
      v_all := case when v_all is null then v_term else v_all && v_term end;
    end if;
    v_is_or := false;
  end loop;
  wanted := case when wanted is null then v_all else wanted || v_all end;
  -- Without a word that is wanted, every message would have to be read.
  if terms is null or querytree(wanted) = 'T' then
    perform hub.refuse('bad_argument', array['query names at least one word to find, in each of its alternatives.']);
  end if;
end
$$;
comment on function hub.search_query(text) is
  'The query of a search: words, "phrases", -unwanted ones, and alternatives with or; and the terms that are wanted, as written. Errors: bad_argument, content_too_long.';

create or replace function hub.search_pattern(terms text[]) returns text
language sql
immutable
set search_path = ''
as $$
  select string_agg(
      case when t ~ '^\w' and t !~ '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]' then '\m' else '' end
        || regexp_replace(regexp_replace(t, '([^\w\s])', '\\\1', 'g'), '\s+', '\s+', 'g')
        || case when t ~ '\w$' and t !~ '[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]' then '\M' else '' end, '|' order by length(t) desc
    ) from unnest(terms) as t
$$;
comment on function hub.search_pattern(text[]) is 'A regular expression that finds these terms in a text, to mark them.';

create or replace function hub.highlight(content text, pattern text) returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_text text := translate(left(content, 100000), '⟦⟧', '[]');
  v_at integer := greatest(regexp_instr(v_text, pattern, 1, 1, 0, 'i') - 80, 1);
begin
  return case when v_at > 1 then '…' else '' end
    || regexp_replace(substr(v_text, v_at, 240), '(' || pattern || ')', '⟦\1⟧', 'gi')
    || case when length(v_text) > v_at + 239 then '…' else '' end;
end
$$;
comment on function hub.highlight(text, text) is
  'A piece of a text around the first place that the pattern fits, with all that fits in it between ⟦ and ⟧.';

create or replace function hub.search_messages(
  query text, server_id uuid, channel_id uuid, before timestamptz, max_rows integer
) returns jsonb
language plpgsql
stable
security definer -- row security would have each message read before the index may be asked
set search_path = ''
-- Planned for the words that are looked for: a plan for any words would read the messages by their time.
set plan_cache_mode = force_custom_plan
set jit = off
as $$
#variable_conflict use_column
declare
  v_query record;
  v_channels uuid[];
  v_pattern text;
  v_before timestamptz := coalesce(search_messages.before, 'infinity');
  v_span interval;
  v_since timestamptz;
  v_found jsonb;
begin
  perform hub.require_role('viewer');
  if search_messages.server_id is not null then
    perform hub.require_server_role(search_messages.server_id, 'viewer');
  end if;
  if search_messages.channel_id is not null then
    perform hub.require_channel_role(search_messages.channel_id, 'viewer');
  end if;
  if coalesce(search_messages.max_rows, 50) not between 1 and 200 then
    perform hub.refuse('bad_argument', array['max_rows is from 1 to 200.']);
  end if;
  v_query := hub.search_query(search_messages.query);
  v_pattern := hub.search_pattern(v_query.terms);
  -- Once, and not as a part of the search: that might ask for it with each message.
  v_channels := array(
    select c.id from public.hub_channels as c
    where c.server_id in (select hub.servers_with('viewer'))
      and (search_messages.channel_id is null or c.id = search_messages.channel_id)
      and (search_messages.server_id is null or c.server_id = search_messages.server_id)
  );
  -- A word that many messages have is looked for in the newest first.
  foreach v_span in array array['1 day', '30 days', null]::interval[] loop
    v_since := coalesce(least(v_before, now()) - v_span, '-infinity');
    select jsonb_agg(
      to_jsonb(m) || jsonb_build_object(
        'content', left(m.content, 2000), 'truncated', length(m.content) > 2000,
        'highlight', hub.highlight(m.content, v_pattern)
      ) order by m.created_at desc, m.id desc
    ) into v_found
    from (
      select n.* from public.hub_channel_messages as n
      where hub.search_vector(n.content) @@ v_query.wanted
        and n.created_at < v_before and n.created_at >= v_since
        and n.channel_id = any (v_channels)
      order by n.created_at desc, n.id desc
      limit coalesce(search_messages.max_rows, 50)
    ) as m;
    exit when jsonb_array_length(v_found) = coalesce(search_messages.max_rows, 50);
  end loop;
  return coalesce(v_found, '[]');
end
$$;

create or replace function public.search_messages(
  query text, server_id uuid default null, channel_id uuid default null, before timestamptz default null,
  max_rows integer default 50
) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.search_messages(
    search_messages.query, search_messages.server_id, search_messages.channel_id, search_messages.before,
    search_messages.max_rows
  );
end
$$;
comment on function public.search_messages(text, uuid, uuid, timestamptz, integer) is
  'Messages with these words, newest first, of the channels that the caller may read: an array of hub_channel_messages rows (content cut to 2,000 characters, then truncated is true), each with highlight: a piece of the text, the words between ⟦ and ⟧. query: words that all stand in a message, "a phrase", -unwanted, either or other. server_id, channel_id: only there; before: older ones. Viewer. Errors: server_not_found, channel_not_found, bad_argument, content_too_long.';

revoke execute on all functions in schema hub from public;
-- The index is kept as whoever writes the message.
grant execute on function hub.search_vector(text), hub.runs_of(text), hub.pairs_of(text) to authenticated, service_role;
revoke execute on function public.search_messages(text, uuid, uuid, timestamptz, integer) from public;
grant execute on function
  public.search_messages(text, uuid, uuid, timestamptz, integer), hub.search_messages(text, uuid, uuid, timestamptz, integer)
to anon, authenticated, service_role;

-- supabase/schemas/24_mesh.sql

-- The mesh: devices, the models they run, their tokens, and one row for each claim they make.

create table if not exists public.mesh_devices (
  id uuid primary key default gen_random_uuid(),
  name text not null unique check (length(name) between 1 and 80),
  platform text not null check (platform in ('macos', 'linux', 'windows')),
  status text not null default 'offline' check (status in ('online', 'offline', 'draining')),
  draining boolean not null default false,
  agent_version text,
  max_running integer not null default 1 check (max_running between 1 and 100),
  last_seen_at timestamptz,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now()
) with (fillfactor = 50);
alter table public.mesh_devices
  add column if not exists registered_by uuid references auth.users on delete set null,
  add column if not exists server_ids uuid[];
create index if not exists idx_mesh_devices_registered_by on public.mesh_devices (registered_by) where registered_by is not null;
comment on table public.mesh_devices is
  'Machines that run tasks. Registered by operators; read by every signed-in user, unless it works for a server that is hidden from the reader.';
comment on column public.mesh_devices.registered_by is
  'The user who registered it: it works for servers on which they are an operator. Null: the service key or SQL did.';
comment on column public.mesh_devices.server_ids is 'The only servers that it works for; null: every one.';
comment on column public.mesh_devices.status is
  'online: heard of within hub.settings.device_offline_after; draining: the same, but it was told to drain; else offline.';
comment on column public.mesh_devices.draining is
  'Whether it was told to finish what it runs and to claim nothing more; kept while it is offline. Written by set_device_draining.';
comment on column public.mesh_devices.max_running is 'Tasks it runs at once, at most.';
comment on column public.mesh_devices.agent_version is 'The version of its executor, as its heartbeats tell.';
comment on column public.mesh_devices.last_seen_at is 'The last call with its token, to a second.';
comment on column public.mesh_devices.metadata is 'Free for clients; nothing here reads it.';

create table if not exists public.mesh_device_models (
  device_id uuid not null references public.mesh_devices on delete cascade,
  model text not null references public.hub_models on update cascade on delete cascade,
  version text,
  rate_limited_until timestamptz,
  primary key (device_id, model)
);
comment on table public.mesh_device_models is 'The models a device can run.';
create index if not exists idx_mesh_device_models_model on public.mesh_device_models (model);
comment on column public.mesh_device_models.rate_limited_until is 'While in the future, the model is not used on this device.';

create table if not exists hub.device_tokens (
  device_id uuid primary key references public.mesh_devices on delete cascade,
  token_hash bytea not null unique,
  created_at timestamptz not null default now()
);
comment on table hub.device_tokens is 'SHA-256 of each device''s token. The token itself is 244 random bits and is stored nowhere.';

create table if not exists hub.idle_devices (
  device_id uuid primary key references public.mesh_devices on delete cascade
);
comment on table hub.idle_devices is 'Devices that have a free slot and found too little for it, or said so in a heartbeat: only while there are some is mesh:wake sent.';

create table if not exists public.hub_task_attempts (
  claim_id uuid primary key,
  task_id uuid not null references public.mac_tasks on delete cascade,
  attempt integer not null,
  device text not null,
  model text not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  outcome text check (outcome in (
    'complete', 'failed', 'released', 'parked', 'expired', 'lost', 'rate_limited', 'cancelled', 'timed_out'
  )),
  error text,
  constraint hub_task_attempts_ended check ((ended_at is null) = (outcome is null))
) with (fillfactor = 70);
comment on table public.hub_task_attempts is 'One row for each claim of a task made by claim_tasks.';
comment on column public.hub_task_attempts.outcome is
  'parked: it waits for an answer; expired: its device was not heard of; lost: its device never began it; the others as they say.';
comment on column public.hub_task_attempts.device is 'Name of the device that claimed.';
create index if not exists idx_hub_task_attempts_task on public.hub_task_attempts (task_id, started_at);
-- Claims come in the order of time: a block range index finds the old ones and costs next to nothing.
create index if not exists idx_hub_task_attempts_started on public.hub_task_attempts using brin (started_at);

create or replace function hub.channel_of_task(task_id uuid) returns uuid
language plpgsql
stable
security definer -- the owner of a mac_tasks that was here first may have closed it
set search_path = ''
as $$
begin
  return (select t.channel_id from public.mac_tasks as t where t.id = channel_of_task.task_id);
end
$$;
comment on function hub.channel_of_task(uuid) is 'The channel of a task, for policies on what belongs to the task.';

alter table public.mesh_devices enable row level security;
alter table public.mesh_device_models enable row level security;
alter table public.hub_task_attempts enable row level security;
revoke all on public.mesh_devices, public.mesh_device_models, public.hub_task_attempts
from anon, authenticated, service_role;
grant select on public.mesh_devices, public.mesh_device_models, public.hub_task_attempts to authenticated;
grant select, insert, update, delete on public.mesh_devices, public.mesh_device_models, public.hub_task_attempts
to service_role;

drop policy if exists authenticated_read_devices on public.mesh_devices;
create policy authenticated_read_devices on public.mesh_devices
for select to authenticated using (
  (select hub.has_role('viewer'))
  -- All of them: one that is hidden would be named.
  and (server_ids is null or server_ids <@ (select array(select hub.servers_with('viewer'))))
);
drop policy if exists authenticated_read_device_models on public.mesh_device_models;
create policy authenticated_read_device_models on public.mesh_device_models
for select to authenticated using (device_id in (select d.id from public.mesh_devices as d));
drop policy if exists authenticated_read_task_attempts on public.hub_task_attempts;
create policy authenticated_read_task_attempts on public.hub_task_attempts
for select to authenticated using (
  (select hub.has_role('admin')) or hub.channel_of_task(task_id) in (select hub.channels_with('viewer'))
);

-- Devices ----------------------------------------------------------------------------------------

create or replace function hub.device_json(device public.mesh_devices) returns jsonb
language sql
stable
set search_path = ''
as $$
  select to_jsonb(device) || jsonb_build_object('models', coalesce(
    (
      select jsonb_agg(to_jsonb(m) order by m.model)
      from public.mesh_device_models as m where m.device_id = device.id
    ),
    '[]'
  ))
$$;
comment on function hub.device_json(public.mesh_devices) is 'The row of mesh_devices with its rows of mesh_device_models as "models".';

create or replace function hub.set_device_models(device_id uuid, models jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  if jsonb_typeof(models) is distinct from 'array' or jsonb_array_length(models) > 100
    or exists (
      select from jsonb_array_elements(models) as m
      where coalesce(case jsonb_typeof(m) when 'string' then m #>> '{}' when 'object' then m ->> 'model' end, '')
        not in (select known.name from public.hub_models as known)
    )
  then
    perform hub.refuse('bad_argument', array[format(
      'models is an array of %s, each a name or {"model", "version"}.', hub.model_names()
    )]);
  end if;
  -- The last mention of a model counts; its throttle stays.
  insert into public.mesh_device_models as d (device_id, model, version)
  select distinct on (n.model) set_device_models.device_id, n.model, nullif(hub.one_line(n.version), '')
  from (
    select coalesce(m ->> 'model', m #>> '{}') as model, m ->> 'version' as version, position
    from jsonb_array_elements(models) with ordinality as listed (m, position)
  ) as n
  order by n.model, n.position desc
  on conflict on constraint mesh_device_models_pkey do update
    set version = coalesce(excluded.version, d.version)
    where d.version is distinct from coalesce(excluded.version, d.version);
  delete from public.mesh_device_models as d
  where d.device_id = set_device_models.device_id
    and not exists (
      select from jsonb_array_elements(models) as m where coalesce(m ->> 'model', m #>> '{}') = d.model
    );
end
$$;
comment on function hub.set_device_models(uuid, jsonb) is
  'Makes the device''s models those of the array. Errors: bad_argument.';

insert into hub.errors (name, status, message, hint) values
  ('device_name_taken', 409, 'The name %s is taken by a device that somebody else has registered.', 'Choose another name, or ask an admin.')
on conflict (name) do update
  set status = excluded.status, message = excluded.message, hint = excluded.hint;

create or replace function hub.require_device(
  name text, platform text, max_running integer, servers uuid[]
) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if coalesce(length(require_device.name), 0) = 0 or require_device.name <> hub.one_line(require_device.name)
    or not hub.is_visible(require_device.name) or lower(require_device.name) = 'aura'
  then
    perform hub.refuse('bad_argument', array[
      'name has 1 to 80 visible characters, one space between words, and is not Aura.'
    ]);
  end if;
  if require_device.platform is null or require_device.platform not in ('macos', 'linux', 'windows') then
    perform hub.refuse('bad_argument', array['platform is one of macos, linux, windows.']);
  end if;
  if coalesce(require_device.max_running, 1) not between 1 and 100 then
    perform hub.refuse('bad_argument', array['max_running is from 1 to 100.']);
  end if;
  if cardinality(require_device.servers) not between 1 and 100 then
    perform hub.refuse('bad_argument', array['servers names 1 to 100 servers; null: all of them.']);
  end if;
  perform hub.require_server_role(s.id, 'operator') from unnest(require_device.servers) as s (id);
end
$$;
comment on function hub.require_device(text, text, integer, uuid[]) is
  'Raises bad_argument for what describes no device; server_not_found and role_required for servers that it may not be for.';

create or replace function hub.register_device(
  name text, platform text, models jsonb, max_running integer, servers uuid[]
) returns jsonb
language plpgsql
security definer -- devices and token hashes are written by nobody else
set search_path = ''
as $$
declare
  v_known public.mesh_devices;
  v_device public.mesh_devices;
  v_token text := 'aura_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
begin
  if not hub.is_operator_somewhere() then
    perform hub.require_role('operator');
  end if;
  perform hub.require_device(
    register_device.name, register_device.platform, register_device.max_running, register_device.servers
  );
  select * into v_known from public.mesh_devices as d where d.name = register_device.name for no key update;
  if v_known.registered_by is distinct from auth.uid() and v_known.id is not null and not hub.has_role('admin') then
    perform hub.refuse('device_name_taken', array[register_device.name]);
  end if;

  insert into public.mesh_devices as d (name, platform, max_running, registered_by, server_ids)
  values (
    register_device.name, register_device.platform, coalesce(register_device.max_running, 1), auth.uid(),
    (select array_agg(distinct s.id) from unnest(register_device.servers) as s (id))
  )
  on conflict on constraint mesh_devices_name_key do update
    set platform = excluded.platform,
      max_running = coalesce(register_device.max_running, d.max_running),
      registered_by = excluded.registered_by,
      server_ids = coalesce(excluded.server_ids, d.server_ids)
    where d.id = v_known.id
  returning * into v_device;
  if register_device.models = '[]' then
    perform hub.refuse('bad_argument', array['models has at least one model.']);
  elsif v_device.id is null then
    -- Registered by somebody else since it was looked for.
    perform hub.refuse('device_name_taken', array[register_device.name]);
  end if;
  perform hub.set_device_models(v_device.id, register_device.models);
  insert into hub.device_tokens as t (device_id, token_hash)
  values (v_device.id, sha256(convert_to(v_token, 'UTF8')))
  on conflict on constraint device_tokens_pkey do update
    set token_hash = excluded.token_hash, created_at = now();
  if v_known.id is not null then
    perform hub.feed_registration(v_device);
  end if;
  return jsonb_build_object('device', hub.device_json(v_device), 'token', v_token);
end
$$;

create or replace function public.register_device(
  name text, platform text, models jsonb, max_running integer default null, servers uuid[] default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.register_device(
    register_device.name, register_device.platform, register_device.models, register_device.max_running,
    register_device.servers
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.register_device(text, text, jsonb, integer, uuid[]) is
  'Registers a device and returns {device, token}; the token is shown only now. With the name of a known device, for who registered it and for admins: a new token, the old one stops working, and max_running and servers stay unless given. models: names or {model, version}. servers: the only ones that it works for; null: all on which the caller is an operator. Operator, of a server at least. Errors: bad_argument, server_not_found, role_required, device_name_taken.';

create or replace function hub.own_device(device_id uuid, by_operators boolean) returns public.mesh_devices
language plpgsql
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
begin
  perform hub.require_role('viewer');
  select * into v_device from public.mesh_devices as d where d.id = own_device.device_id for no key update;
  if v_device.id is null or not v_device.server_ids <@ array(select hub.servers_with('viewer')) then
    perform hub.refuse('device_not_found', array[own_device.device_id::text]);
  elsif v_device.registered_by is distinct from auth.uid() then
    perform hub.require_role(case when by_operators then 'operator' else 'admin' end);
  elsif not hub.is_operator_somewhere() then
    perform hub.require_role('operator');
  end if;
  return v_device;
end
$$;
comment on function hub.own_device(uuid, boolean) is
  'A device, locked, that the caller registered, or may write as an operator or an admin. Errors: not_signed_in, device_not_found, role_required.';

create or replace function hub.remove_device(device_id uuid) returns jsonb
language plpgsql
security definer -- devices are written by nobody else
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
begin
  v_device := hub.own_device(remove_device.device_id, by_operators => false);
  delete from public.mesh_devices as d where d.id = v_device.id;
  return to_jsonb(v_device);
end
$$;

create or replace function public.remove_device(device_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.remove_device(remove_device.device_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.remove_device(uuid) is
  'Removes a device with its token; what it runs goes back when its lease ends. Returns the mesh_devices row. Who registered it, or an admin. Errors: device_not_found, role_required.';

create or replace function hub.set_device_draining(device_id uuid, draining boolean) returns jsonb
language plpgsql
security definer -- devices are written by nobody else
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
begin
  if set_device_draining.draining is null then
    perform hub.require_role('viewer');
    perform hub.refuse('bad_argument', array['draining is true or false.']);
  end if;
  v_device := hub.own_device(set_device_draining.device_id, by_operators => true);
  update public.mesh_devices as d
  set status = case
      when d.status = 'offline' then 'offline'
      when set_device_draining.draining then 'draining'
      else 'online'
    end,
    draining = set_device_draining.draining
  where d.id = v_device.id
  returning * into v_device;
  return to_jsonb(v_device);
end
$$;

create or replace function public.set_device_draining(device_id uuid, draining boolean) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.set_device_draining(set_device_draining.device_id, set_device_draining.draining);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.set_device_draining(uuid, boolean) is
  'Makes a device finish what it runs and claim nothing more, or ends that; returns the mesh_devices row. Operator. Errors: device_not_found, bad_argument.';

-- Being heard of ---------------------------------------------------------------------------------

create or replace function hub.authenticate_device(token text) returns public.mesh_devices
language plpgsql
set search_path = ''
as $$
declare
  v_hash bytea := sha256(convert_to(authenticate_device.token, 'UTF8'));
  v_device public.mesh_devices;
begin
  select d.* into v_device
  from hub.device_tokens as t
  join public.mesh_devices as d on d.id = t.device_id
  where t.token_hash = v_hash;
  if not found then
    perform hub.refuse('bad_device_token');
  end if;
  -- To a second: a device that calls a thousand times a second is not rewritten each time.
  if v_device.status = 'offline' or v_device.last_seen_at is null
    or v_device.last_seen_at not between clock_timestamp() - interval '1 second' and clock_timestamp() + interval '1 second'
  then
    update public.mesh_devices as d
    set last_seen_at = clock_timestamp(),
      status = case
        when d.status <> 'offline' then d.status
        when d.draining then 'draining'
        else 'online'
      end
    where d.id = v_device.id
    returning * into v_device;
  end if;
  return v_device;
end
$$;
comment on function hub.authenticate_device(text) is
  'The device of a token, which is thereby online. Every executor RPC begins with this. Errors: bad_device_token.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.register_device(text, text, jsonb, integer, uuid[]), public.set_device_draining(uuid, boolean),
  public.remove_device(uuid)
from public;
-- Asked by the policy on attempts, as whoever reads.
grant execute on function hub.channel_of_task(uuid) to authenticated, service_role;
grant execute on function
  public.register_device(text, text, jsonb, integer, uuid[]), hub.register_device(text, text, jsonb, integer, uuid[]),
  public.set_device_draining(uuid, boolean), hub.set_device_draining(uuid, boolean),
  public.remove_device(uuid), hub.remove_device(uuid)
to anon, authenticated, service_role;

-- supabase/schemas/25_reads.sql

-- How far somebody has read: one mark for each channel and thread, so that all their devices agree.

create table if not exists public.hub_reads (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users on delete cascade,
  channel_id uuid references public.hub_channels on delete cascade,
  task_thread_id uuid references public.hub_task_threads on delete cascade,
  last_read_at timestamptz not null,
  constraint hub_reads_place check (num_nonnulls(channel_id, task_thread_id) = 1),
  constraint hub_reads_key unique nulls not distinct (user_id, channel_id, task_thread_id)
);
comment on table public.hub_reads is
  'How far a user has read: one row for each channel, and for each thread, that they looked at. Read by themselves alone; written by mark_read.';
comment on column public.hub_reads.last_read_at is 'What was posted until then is read. Never goes back.';

create index if not exists idx_hub_reads_channel on public.hub_reads (channel_id) where channel_id is not null;
create index if not exists idx_hub_reads_thread on public.hub_reads (task_thread_id) where task_thread_id is not null;

alter table public.hub_reads enable row level security;
revoke all on public.hub_reads from anon, authenticated, service_role;
grant select on public.hub_reads to authenticated;
grant select, insert, update, delete on public.hub_reads to service_role;
drop policy if exists authenticated_read_reads on public.hub_reads;
create policy authenticated_read_reads on public.hub_reads
for select to authenticated using (
  user_id = (select auth.uid()) and (
    channel_id in (select hub.channels_with('viewer'))
    or exists (
      select from public.hub_task_threads as t
      where t.id = task_thread_id and t.channel_id in (select hub.channels_with('viewer'))
    )
  )
);

create or replace function hub.mark_read(channel_id uuid, task_thread_id uuid, read_at timestamptz) returns jsonb
language plpgsql
security definer -- marks are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_user uuid := auth.uid();
  v_until timestamptz := least(coalesce(mark_read.read_at, clock_timestamp()), clock_timestamp());
  v_marks jsonb;
begin
  if mark_read.task_thread_id is not null then
    perform hub.require_channel_role(
      (select t.channel_id from public.hub_task_threads as t where t.id = mark_read.task_thread_id),
      'viewer', 'thread_not_found', mark_read.task_thread_id
    );
  elsif mark_read.channel_id is not null then
    perform hub.require_channel_role(mark_read.channel_id, 'viewer');
  else
    perform hub.require_role('viewer');
  end if;
  if v_user is null then
    -- The service key reads nothing.
    perform hub.refuse('not_signed_in');
  end if;
  with marked as (
    insert into public.hub_reads as r (user_id, channel_id, task_thread_id, last_read_at)
    select v_user, place.channel_id, place.task_thread_id, v_until
    from (
      select null::uuid as channel_id, mark_read.task_thread_id where mark_read.task_thread_id is not null
      union all
      select c.id, null from public.hub_channels as c
      where mark_read.task_thread_id is null and c.id in (select hub.channels_with('viewer'))
        and (mark_read.channel_id is null or c.id = mark_read.channel_id)
    ) as place
    order by place.channel_id
    on conflict on constraint hub_reads_key do update set last_read_at = excluded.last_read_at
    where r.last_read_at < excluded.last_read_at
    returning r.*
  )
  select jsonb_agg(to_jsonb(m)) into v_marks from marked as m;
  return coalesce(v_marks, '[]');
end
$$;

create or replace function public.mark_read(
  channel_id uuid default null, task_thread_id uuid default null, read_at timestamptz default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.mark_read(mark_read.channel_id, mark_read.task_thread_id, mark_read.read_at);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.mark_read(uuid, uuid, timestamptz) is
  'Notes that the caller has read a thread, else a channel, else every channel, up to a time, by default now. Marks never go back. Returns the hub_reads rows that have changed. Viewer. Errors: channel_not_found, thread_not_found.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.mark_read(uuid, uuid, timestamptz) from public;
grant execute on function public.mark_read(uuid, uuid, timestamptz), hub.mark_read(uuid, uuid, timestamptz)
to anon, authenticated;
revoke execute on function public.mark_read(uuid, uuid, timestamptz) from service_role;

-- supabase/schemas/26_files.sql

-- Files: what people send along with a request, and what agents leave. A row says what a file is; its bytes
-- are an object of the private bucket hub-files (see the chapter bucket), at hub_files.path. The row comes
-- first, and the object makes it stored: so nothing is in the bucket that no row speaks of.

create or replace function hub.is_file_name(name text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return name = btrim(name) and length(name) > 0 and octet_length(name) <= 200
    and name not in ('.', '..') and strpos(name, '/') = 0 and strpos(name, '\') = 0 and hub.is_one_line(name);
end
$$;
comment on function hub.is_file_name(text) is
  'Whether a text can name a file in any folder: one line of at most 200 bytes, no path, nothing that turns the reading direction.';

create table if not exists public.hub_files (
  id uuid primary key default gen_random_uuid(),
  channel_id uuid not null references public.hub_channels on delete cascade,
  task_thread_id uuid,
  message_id uuid references public.hub_channel_messages on delete set null,
  task_id uuid references public.mac_tasks on delete set null,
  name text not null check (hub.is_file_name(name)),
  media_type text not null default 'application/octet-stream'
    check (length(media_type) <= 200 and media_type ~ '^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+( *;[ -~]*)?$'),
  size bigint not null check (size >= 0),
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  direction text not null check (direction in ('in', 'out')),
  state text not null default 'pending' check (state in ('pending', 'stored', 'failed')),
  error text,
  created_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  path text not null generated always as (channel_id::text || '/' || id::text) stored unique,
  constraint hub_files_failed check ((state = 'failed') = (error is not null)),
  constraint hub_files_task_thread_id_fkey
    foreign key (task_thread_id, channel_id) references public.hub_task_threads (id, channel_id)
    on delete cascade on update cascade
);
comment on table public.hub_files is
  'Files of requests (in) and of what agents leave (out). Made by create_file and by devices; the bytes are the object of the bucket hub-files at path.';
comment on column public.hub_files.message_id is 'The message that shows the file: the request, or the one that tells of what an agent left.';
comment on column public.hub_files.task_id is 'Null until a request names the file.';
comment on column public.hub_files.name is 'One line, no path: data, never a place to write to.';
comment on column public.hub_files.media_type is 'As the sender says; nothing is guessed from the bytes.';
comment on column public.hub_files.size is 'In bytes, as announced: an object of another size is refused.';
comment on column public.hub_files.sha256 is 'In hex, as announced; whoever reads the file compares. Null: not told.';
comment on column public.hub_files.state is
  'pending: announced; stored: the object is there; failed: it could not be delivered, and error says why.';
comment on column public.hub_files.created_by is 'The user who sends it; null for what an agent left, the service key and SQL.';
comment on column public.hub_files.path is 'The name of the object in the bucket hub-files: <channel_id>/<id>.';

create index if not exists idx_hub_files_channel on public.hub_files (channel_id, created_at);
create index if not exists idx_hub_files_thread on public.hub_files (task_thread_id) where task_thread_id is not null;
create index if not exists idx_hub_files_message on public.hub_files (message_id) where message_id is not null;
create index if not exists idx_hub_files_task on public.hub_files (task_id, created_at) where task_id is not null;
create index if not exists idx_hub_files_unused on public.hub_files (created_by) where task_id is null;
create index if not exists idx_hub_files_pending on public.hub_files (created_at) where state = 'pending';

alter table public.hub_files enable row level security;
revoke all on public.hub_files from anon, authenticated, service_role;
grant select on public.hub_files to authenticated;
grant select, insert, update, delete on public.hub_files to service_role;

drop policy if exists authenticated_read_files on public.hub_files;
create policy authenticated_read_files on public.hub_files
for select to authenticated using (channel_id in (select hub.channels_with('viewer')));

insert into hub.errors (name, status, message, hint) values
  ('file_not_found', 404, 'There is no file %s.', null),
  ('file_not_stored', 409, 'The file %s has not arrived.', 'Upload it to the bucket hub-files at the path of its row first.'),
  ('file_in_use', 409, 'The file %s belongs to a request already.', 'Create and upload it again for another request.'),
  ('file_too_large', 413, 'The file has %s bytes; %s are allowed.', null),
  ('too_many_files', 400, 'There are %s files; %s are allowed.', 'Send fewer files, or join them into an archive.')
on conflict (name) do update
  set status = excluded.status, message = excluded.message, hint = excluded.hint;

insert into hub.message_events (name, meaning) values
  ('file_stored', 'A file that an agent left is there.'),
  ('file_failed', 'A file that an agent left could not be delivered; the message says why.')
on conflict (name) do update set meaning = excluded.meaning;

-- A person's files -------------------------------------------------------------------------------

create or replace function hub.require_file(name text, media_type text, size bigint, sha256 text) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if not coalesce(hub.is_file_name(name), false) then
    perform hub.refuse('bad_argument', array['name is one line of at most 200 bytes, without a path.']);
  elsif length(media_type) > 200
    or coalesce(media_type, '') !~ '^([a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+( *;[ -~]*)?)?$'
  then
    perform hub.refuse('bad_argument', array['media_type is as text/plain, in small letters.']);
  elsif size is null or size < 0 then
    perform hub.refuse('bad_argument', array['size is a number of bytes.']);
  elsif sha256 !~ '^[0-9a-f]{64}$' then
    perform hub.refuse('bad_argument', array['sha256 is 64 hex digits in small letters.']);
  end if;
end
$$;
comment on function hub.require_file(text, text, bigint, text) is 'Raises bad_argument for what describes no file.';

create or replace function hub.create_file(channel_id uuid, name text, media_type text, size bigint, sha256 text)
returns jsonb
language plpgsql
security definer -- files are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_settings hub.settings;
  v_channel record;
  v_file public.hub_files;
  v_unused integer;
begin
  perform hub.require_channel_role(create_file.channel_id, 'operator');
  select * into v_settings from hub.settings;
  select c.*, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = create_file.channel_id;
  if v_channel.architecture_type = 'command_dispatch' then
    perform hub.refuse('wrong_architecture', array[v_channel.display_name, v_channel.architecture_type, 'files']);
  elsif v_channel.is_read_only then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  end if;
  perform hub.require_file(create_file.name, create_file.media_type, create_file.size, create_file.sha256);
  if create_file.size > v_settings.max_file_size then
    perform hub.refuse('file_too_large', array[create_file.size::text, v_settings.max_file_size::text]);
  end if;
  -- Files that no request names yet: ten requests' worth of them.
  select count(*) into v_unused from public.hub_files as f where f.created_by = auth.uid() and f.task_id is null;
  if v_unused >= 10 * v_settings.max_files_per_task then
    perform hub.refuse('too_many_files', array[(v_unused + 1)::text, (10 * v_settings.max_files_per_task)::text],
      'Send the requests that they are for; what no request names is deleted after a day.');
  end if;
  insert into public.hub_files (channel_id, name, media_type, size, sha256, direction, created_by)
  values (
    v_channel.id, create_file.name, coalesce(nullif(create_file.media_type, ''), 'application/octet-stream'),
    create_file.size, create_file.sha256, 'in', auth.uid()
  )
  returning * into v_file;
  return jsonb_build_object('file', to_jsonb(v_file));
end
$$;

create or replace function public.create_file(
  channel_id uuid, name text, media_type text default null, size bigint default null, sha256 text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.create_file(
    create_file.channel_id, create_file.name, create_file.media_type, create_file.size, create_file.sha256
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.create_file(uuid, text, text, bigint, text) is
  'Announces a file for a request in this channel; returns {file}. Upload its bytes to the bucket hub-files at file.path, whereupon it is stored, then name it in dispatch_task(file_ids). Operator. Errors: channel_not_found, wrong_architecture, channel_read_only, bad_argument, file_too_large, too_many_files.';

create or replace function hub.lock_files(file_ids uuid[], channel_id uuid) returns public.hub_files[]
language plpgsql
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_most integer := (select s.max_files_per_task from hub.settings as s);
  v_files public.hub_files[];
  v_file public.hub_files;
  v_missing text;
begin
  if cardinality(file_ids) > v_most then
    perform hub.refuse('too_many_files', array[cardinality(file_ids)::text, v_most::text]);
  end if;
  v_files := array(
    select f from public.hub_files as f
    where f.id = any (file_ids) and f.channel_id = lock_files.channel_id and f.direction = 'in'
      and f.created_by is not distinct from auth.uid()
    order by f.id for no key update
  );
  select coalesce(i.id::text, 'null') into v_missing from unnest(file_ids) as i (id)
  where not exists (select from unnest(v_files) as f where f.id = i.id) limit 1;
  if v_missing is not null then
    perform hub.refuse('file_not_found', array[v_missing], 'Name files that you have created for this channel.');
  end if;
  foreach v_file in array v_files loop
    if v_file.task_id is not null then
      perform hub.refuse('file_in_use', array[v_file.name]);
    elsif v_file.state <> 'stored' then
      perform hub.refuse('file_not_stored', array[v_file.name]);
    end if;
  end loop;
  return v_files;
end
$$;
comment on function hub.lock_files(uuid[], uuid) is
  'The caller''s files for a request in this channel, locked. Errors: too_many_files, file_not_found, file_in_use, file_not_stored.';

create or replace function hub.names_of(files public.hub_files[], file_ids uuid[]) returns text
language sql
stable
set search_path = ''
as $$
  select '📎 ' || string_agg(f.name, ', ' order by array_position(file_ids, f.id)) from unnest(files) as f
$$;
comment on function hub.names_of(public.hub_files[], uuid[]) is 'The words of a request that has none: the names of its files.';

create or replace function hub.attach_files(file_ids uuid[], task public.mac_tasks) returns void
language sql
set search_path = ''
as $$
  update public.hub_files as f
  set task_id = task.id, task_thread_id = task.task_thread_id, message_id = (task.metadata ->> 'message_id')::uuid
  where f.id = any (file_ids)
$$;
comment on function hub.attach_files(uuid[], public.mac_tasks) is 'Makes files those of a request.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.create_file(uuid, text, text, bigint, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.create_file(uuid, text, text, bigint, text), hub.create_file(uuid, text, text, bigint, text)
to anon, authenticated, service_role;
-- Asked by the check, as whoever writes the row.
grant execute on function hub.is_file_name(text) to service_role;

-- supabase/schemas/27_task_files.sql

-- The files of a task, for the device that holds it: those of its request, and those that its agent leaves.

create or replace function hub.files_of(task_id uuid) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(
    (
      select jsonb_agg(jsonb_build_object(
        'id', f.id, 'name', f.name, 'media_type', f.media_type, 'size', f.size, 'sha256', f.sha256
      ) order by f.created_at, f.id)
      from public.hub_files as f where f.task_id = files_of.task_id and f.direction = 'in'
    ),
    '[]'
  );
end
$$;
comment on function hub.files_of(uuid) is 'The files of a task''s request, as claim_tasks gives them: [{id, name, media_type, size, sha256}].';

create or replace function hub.show_file(file public.hub_files) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
  v_event text := case when file.state = 'stored' then 'file_stored' else 'file_failed' end;
  v_text text;
  v_message uuid := gen_random_uuid();
begin
  select * into v_task from public.mac_tasks as t where t.id = file.task_id and t.channel_id = file.channel_id;
  if not found or file.direction <> 'out' or exists (
    select from public.hub_task_threads as t where t.id = v_task.task_thread_id and t.status = 'archived'
  ) then
    return;
  end if;
  v_text := format('📎 %s%s%s',
    case when v_task.task_thread_id is null then hub.short_id(v_task.id) || ': ' end, file.name,
    case file.state when 'stored' then format(' (%s)', pg_size_pretty(file.size))
      else ' could not be delivered: ' || file.error end
  );
  if file.message_id is null then
    perform hub.post(v_task, v_event, 'agent', v_text, 'text', null, v_message);
    update public.hub_files as f set message_id = v_message where f.id = file.id;
  else
    update public.hub_channel_messages as m
    set content = v_text, metadata = m.metadata || jsonb_build_object('event', v_event)
    where m.id = file.message_id;
  end if;
end
$$;
comment on function hub.show_file(public.hub_files) is
  'Posts where its task lives that a file an agent left is there, or why it is not; what is said of it already is rewritten.';

create or replace function hub.read_file(token text, task_id uuid, claim_id uuid, file_id uuid) returns jsonb
language plpgsql
security definer -- executors have no rights on files but by their token
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
  v_file public.hub_files;
begin
  v_task := hub.held_task(hub.authenticate_device(read_file.token), read_file.task_id, read_file.claim_id);
  select * into v_file from public.hub_files as f where f.id = read_file.file_id and f.task_id = v_task.id;
  if not found then
    perform hub.refuse('file_not_found', array[coalesce(read_file.file_id::text, 'null')]);
  elsif v_file.state <> 'stored' then
    perform hub.refuse('file_not_stored', array[v_file.name]);
  end if;
  return jsonb_build_object('file', to_jsonb(v_file));
end
$$;

create or replace function public.read_file(token text, task_id uuid, claim_id uuid, file_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.read_file(read_file.token, read_file.task_id, read_file.claim_id, read_file.file_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.read_file(text, uuid, uuid, uuid) is
  'Whether this claim may read a file of its task: {file}, else an error. The edge function files answers it with a signed URL. Errors: bad_device_token, task_not_found, stale_claim, file_not_found, file_not_stored.';

create or replace function hub.offer_file(
  token text, task_id uuid, claim_id uuid, name text, media_type text, size bigint, sha256 text, error text
) returns jsonb
language plpgsql
security definer -- executors have no rights on files but by their token
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_settings hub.settings;
  v_task public.mac_tasks;
  v_file public.hub_files;
  v_count integer;
  v_error text := nullif(btrim(left(offer_file.error, 1000)), '');
begin
  v_task := hub.held_task(hub.authenticate_device(offer_file.token), offer_file.task_id, offer_file.claim_id);
  perform hub.require_file(offer_file.name, offer_file.media_type, offer_file.size, offer_file.sha256);
  if v_task.channel_id is null then
    perform hub.refuse('task_not_found', array[v_task.id::text]);
  end if;
  select * into v_settings from hub.settings;
  if v_error is null and offer_file.size > v_settings.max_file_size then
    v_error := format('it has %s bytes; %s are allowed', offer_file.size, v_settings.max_file_size);
  end if;
  -- Offered again, it is the same file: one that has arrived as it is, or one that is tried once more.
  select * into v_file from public.hub_files as f
  where f.task_id = v_task.id and f.direction = 'out' and f.name = offer_file.name
    and (f.state <> 'stored' or f.sha256 = offer_file.sha256 and f.size = offer_file.size)
  order by f.created_at desc limit 1 for no key update;
  if v_file.state = 'stored' then
    return jsonb_build_object('file', to_jsonb(v_file));
  elsif v_file.id is null then
    select count(*) into v_count from public.hub_files as f
    where f.task_id = v_task.id and f.direction = 'out' and f.created_at >= v_task.started_at;
    if v_count >= v_settings.max_files_per_task then
      perform hub.refuse('too_many_files', array[(v_count + 1)::text, v_settings.max_files_per_task::text]);
    end if;
    insert into public.hub_files (channel_id, task_thread_id, task_id, name, size, direction)
    values (v_task.channel_id, v_task.task_thread_id, v_task.id, offer_file.name, offer_file.size, 'out')
    returning * into v_file;
  end if;
  update public.hub_files as f
  set media_type = coalesce(nullif(offer_file.media_type, ''), 'application/octet-stream'),
    size = offer_file.size, sha256 = offer_file.sha256, error = v_error,
    state = case when v_error is null then 'pending' else 'failed' end
  where f.id = v_file.id
  returning * into v_file;
  if v_error is not null then
    perform hub.show_file(v_file);
    select * into v_file from public.hub_files as f where f.id = v_file.id;
  end if;
  return jsonb_build_object('file', to_jsonb(v_file));
end
$$;

create or replace function public.offer_file(
  token text, task_id uuid, claim_id uuid, name text, media_type text default null, size bigint default null,
  sha256 text default null, error text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.offer_file(
    offer_file.token, offer_file.task_id, offer_file.claim_id, offer_file.name, offer_file.media_type,
    offer_file.size, offer_file.sha256, offer_file.error
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.offer_file(text, uuid, uuid, text, text, bigint, text, text) is
  'Announces a file that an agent left for its task; returns {file}: pending, to be uploaded; stored, where this file has arrived before; or failed, where it is too large or error says why it cannot be delivered, which is posted. Offered again by its name, a file that is not stored is tried once more. The edge function files answers it with a signed URL. Errors: bad_device_token, task_not_found, stale_claim, bad_argument, too_many_files.';

create or replace function hub.fail_missing_files() returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_file public.hub_files;
  v_count integer := 0;
begin
  for v_file in
    update public.hub_files as f
    set state = 'failed', error = 'its device has not uploaded it'
    where f.id in (
      select late.id from public.hub_files as late
      join public.mac_tasks as t on t.id = late.task_id
      where late.state = 'pending' and late.direction = 'out' and t.finished_at < clock_timestamp() - interval '5 minutes'
      order by late.created_at limit 100
      for no key update of late skip locked
    )
    returning f.*
  loop
    perform hub.show_file(v_file);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function hub.fail_missing_files() is
  'Says of files whose task ended five minutes ago, and which have not arrived, that they have failed; returns how many. One that comes later is stored all the same.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.read_file(text, uuid, uuid, uuid), public.offer_file(text, uuid, uuid, text, text, bigint, text, text)
from public, anon, authenticated, service_role;
grant execute on function
  public.read_file(text, uuid, uuid, uuid), hub.read_file(text, uuid, uuid, uuid),
  public.offer_file(text, uuid, uuid, text, text, bigint, text, text),
  hub.offer_file(text, uuid, uuid, text, text, bigint, text, text)
to anon, authenticated;

-- supabase/schemas/28_device_servers.sql

-- Which device works for which server: all that its server_ids name, and where it names none, all of them;
-- and of these only such on which whoever registered it is an operator, since a device reads what it claims.
--
-- What follows from that is kept as a list of what is barred, nearly always empty, so that a claim asks for
-- it at no cost. It is made anew whenever a role, a server or a device changes.

create table if not exists hub.barred_servers (
  device_id uuid not null references public.mesh_devices on delete cascade,
  -- No foreign key: all zeros stand for tasks of no channel, as in hub.lanes.
  server_id uuid not null,
  primary key (device_id, server_id)
);
comment on table hub.barred_servers is
  'Servers that a device does not work for: its server_ids leave them out, or who registered it is no operator there. Kept by trigger: never write it.';

create or replace function hub.bar_servers() returns void
language plpgsql
set search_path = ''
as $$
begin
  -- In turns: two changes at once would each miss what the other has made.
  perform pg_advisory_xact_lock(hashtextextended('hub.bar_servers', 0));
  with servers as (
    select s.id from public.hub_servers as s
    union all select '00000000-0000-0000-0000-000000000000'
  ),
  rights as (
    select u.registered_by, r.server_id
    from (select distinct d.registered_by from public.mesh_devices as d where d.registered_by is not null) as u
    cross join lateral (
      select own.server_id from hub.server_roles(u.registered_by) as own where hub.is_at_least(own.role, 'operator')
      union all
      select '00000000-0000-0000-0000-000000000000' where hub.is_at_least(hub.global_role(u.registered_by), 'operator')
    ) as r
  ),
  barred as (
    select d.id as device_id, s.id as server_id
    from public.mesh_devices as d
    cross join servers as s
    where s.id <> all (d.server_ids)
      or d.registered_by is not null and (d.registered_by, s.id) not in (select r.registered_by, r.server_id from rights as r)
  ),
  lifted as (
    delete from hub.barred_servers as b
    where (b.device_id, b.server_id) not in (select w.device_id, w.server_id from barred as w)
  )
  insert into hub.barred_servers (device_id, server_id)
  select w.device_id, w.server_id from barred as w
  on conflict do nothing;
end
$$;
comment on function hub.bar_servers() is 'Makes hub.barred_servers anew from devices, servers and roles.';

create or replace function hub.is_known_device(device public.mesh_devices) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return not exists (select from unnest(device.server_ids) as s (id) where not hub.is_known_to_all(s.id));
end
$$;
comment on function hub.is_known_device(public.mesh_devices) is
  'Whether everybody may know of a device: it works for no server that is hidden from somebody.';

create or replace function hub.follow_device() returns trigger
language plpgsql
security definer -- a user who is deleted takes the name along as another role
set search_path = ''
as $$
begin
  if old.registered_by is not null and new.registered_by is null then
    -- Not "anybody's", but of somebody who is gone.
    delete from hub.device_tokens as t where t.device_id = new.id;
  end if;
  perform hub.bar_servers();
  return null;
end
$$;

create or replace trigger _400_follow_device
after insert on public.mesh_devices
for each row when (new.server_ids is not null or new.registered_by is not null)
execute function hub.follow_device();

create or replace trigger _400_follow_device_on_change
after update of server_ids, registered_by on public.mesh_devices
for each row when ((old.server_ids, old.registered_by) is distinct from (new.server_ids, new.registered_by))
execute function hub.follow_device();

-- A server that is deleted is nobody's any more.
create or replace function hub.forget_server() returns trigger
language plpgsql
security definer -- devices are written by nobody else
set search_path = ''
as $$
begin
  update public.mesh_devices as d set server_ids = array_remove(d.server_ids, old.id)
  where old.id = any (d.server_ids);
  return null;
end
$$;

create or replace trigger _400_forget_server
after delete on public.hub_servers
for each row execute function hub.forget_server();

revoke execute on all functions in schema hub from public;

-- supabase/schemas/29_bucket.sql

-- The bucket of files in Storage: what may go into it and who reads it, what an object's arrival means, and
-- the objects that are to be removed.

create or replace function hub.receive_object() returns trigger
language plpgsql
security definer -- Storage writes as the caller or as service_role, who may not write files
set search_path = ''
set lock_timeout = '2500ms' -- Storage then says that the object is locked
as $$
declare
  v_file public.hub_files;
begin
  select * into v_file from public.hub_files as f where f.path = new.name for no key update;
  if not found then
    raise insufficient_privilege using message = format('No file is expected at "%s".', new.name);
  end if;
  -- Storage asks for permission with an object that has no size, and takes it back.
  if not coalesce(new.metadata, '{}') ? 'size' or v_file.state = 'stored' then
    return null;
  end if;
  if (new.metadata ->> 'size')::numeric <> v_file.size then
    raise insufficient_privilege using message = format(
      'The file has %s bytes; %s were announced.', new.metadata ->> 'size', v_file.size
    );
  end if;
  update public.hub_files as f set state = 'stored', error = null where f.id = v_file.id returning * into v_file;
  perform hub.show_file(v_file);
  return null;
end
$$;
comment on function hub.receive_object() is
  'The object of a file has arrived: the file is stored. Refuses an object that no file speaks of, or of another size.';

create table if not exists hub.removed_files (
  path text primary key,
  removed_at timestamptz not null default clock_timestamp()
);
comment on table hub.removed_files is
  'Paths of files whose rows are gone and whose objects are to follow. SQL may not delete objects: the edge functions files and recover do, by the Storage API.';

create or replace function hub.remember_removed_file() returns trigger
language plpgsql
security definer -- a channel is deleted by an admin, who may not write here
set search_path = ''
as $$
begin
  insert into hub.removed_files (path) values (old.path) on conflict do nothing;
  return null;
end
$$;

create or replace trigger _500_remember_removed_file
after delete on public.hub_files
for each row execute function hub.remember_removed_file();

create or replace function hub.files_to_remove(removed jsonb) returns jsonb
language plpgsql
security definer -- called with the service key
set search_path = ''
as $$
begin
  if jsonb_typeof(files_to_remove.removed) is distinct from 'array' then
    perform hub.refuse('bad_argument', array['removed is an array of paths.']);
  end if;
  delete from hub.removed_files as r
  where r.path in (select jsonb_array_elements_text(files_to_remove.removed));
  return (
    select coalesce(jsonb_agg(next.path), '[]')
    from (select r.path from hub.removed_files as r order by r.removed_at, r.path limit 100) as next
  );
end
$$;

create or replace function public.files_to_remove(removed jsonb default '[]') returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.files_to_remove(files_to_remove.removed);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.files_to_remove(jsonb) is
  'Forgets these paths, whose objects have been removed, and returns up to 100 others whose objects are to be removed from the bucket hub-files. service_role. Errors: bad_argument.';

create or replace function hub.prune_files() returns integer
language sql
set search_path = ''
as $$
  with gone as (
    delete from public.hub_files as f
    where f.task_id is null and f.message_id is null and f.created_at < now() - interval '1 day'
    returning f.id
  )
  select count(*)::integer from gone
$$;
comment on function hub.prune_files() is 'Deletes files that no request has named for a day; returns how many.';

create or replace function hub.follow_file_size() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if to_regclass('storage.buckets') is not null then
    update storage.buckets as b set file_size_limit = new.max_file_size where b.id = 'hub-files';
  end if;
  return null;
end
$$;
comment on function hub.follow_file_size() is 'Gives the bucket the limit of the settings.';

create or replace trigger _500_follow_file_size
after update of max_file_size on hub.settings
for each row execute function hub.follow_file_size();

create or replace function hub.sees_file(path text) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  -- Apart, since anon may not even ask.
  if auth.uid() is null then
    return false;
  end if;
  -- As the caller, under the policy of hub_files: who may not read the row may not read the bytes.
  return exists (select from public.hub_files as f where f.path = sees_file.path);
end
$$;
comment on function hub.sees_file(text) is 'Whether the caller may read the file of this path.';

create or replace function hub.sends_file(path text) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  if auth.uid() is null then
    return false;
  end if;
  return exists (
    select from public.hub_files as f
    where f.path = sends_file.path and f.created_by = auth.uid() and f.direction = 'in' and f.state = 'pending'
      and f.channel_id in (select hub.channels_with('operator'))
  );
end
$$;
comment on function hub.sends_file(text) is 'Whether the caller has announced the file of this path, and it has not arrived.';

-- A project without Storage installs all the same: its files then stay pending. On hosted projects postgres
-- does not own these tables: it may put policies and triggers on them, and no more.
do $$
begin
  if not exists (
    select from pg_catalog.pg_attribute as a
    where a.attrelid = to_regclass('storage.buckets') and a.attname = 'file_size_limit' and not a.attisdropped
  ) then
    raise warning 'There is no Storage here: files can be announced, but not uploaded.';
    return;
  end if;
  insert into storage.buckets (id, name, public, file_size_limit)
  values ('hub-files', 'hub-files', false, (select s.max_file_size from hub.settings as s))
  on conflict (id) do nothing;

  create or replace trigger hub_500_receive_object
  after insert or update of bucket_id, name, metadata on storage.objects
  for each row when (new.bucket_id = 'hub-files')
  execute function hub.receive_object();

  -- Who may read the channel reads its files; who announced a file puts its bytes there, once.
  drop policy if exists hub_read_files on storage.objects;
  create policy hub_read_files on storage.objects
  for select to authenticated using (bucket_id = 'hub-files' and hub.sees_file(name));
  drop policy if exists hub_upload_files on storage.objects;
  create policy hub_upload_files on storage.objects
  for insert to authenticated with check (bucket_id = 'hub-files' and hub.sends_file(name));
  -- And nobody else, whatever other policies of the app allow.
  drop policy if exists hub_only_readers_read_files on storage.objects;
  create policy hub_only_readers_read_files on storage.objects
  as restrictive for select to anon, authenticated using (bucket_id <> 'hub-files' or hub.sees_file(name));
  drop policy if exists hub_only_senders_upload_files on storage.objects;
  create policy hub_only_senders_upload_files on storage.objects
  as restrictive for insert to anon, authenticated with check (bucket_id <> 'hub-files' or hub.sends_file(name));
  drop policy if exists hub_nobody_changes_files on storage.objects;
  create policy hub_nobody_changes_files on storage.objects
  as restrictive for update to anon, authenticated
  using (bucket_id <> 'hub-files') with check (bucket_id <> 'hub-files');
  drop policy if exists hub_nobody_deletes_files on storage.objects;
  create policy hub_nobody_deletes_files on storage.objects
  as restrictive for delete to anon, authenticated using (bucket_id <> 'hub-files');
end
$$;

revoke execute on all functions in schema hub from public;
revoke execute on function public.files_to_remove(jsonb) from public, anon, authenticated, service_role;
grant execute on function public.files_to_remove(jsonb), hub.files_to_remove(jsonb) to service_role;
-- Asked by the policies, as whoever uploads or downloads.
grant execute on function hub.sees_file(text), hub.sends_file(text) to anon, authenticated;

-- supabase/schemas/30_routing.sql

-- Routing: what kind of work a request is, which model and platform it wants, and which model it gets.

create table if not exists hub.routing_rules (
  -- Deferrable, here and below, so that one UPDATE may exchange positions.
  position integer primary key deferrable,
  pattern text not null check ('' ~* pattern is not null),
  task_type text not null check (task_type ~ '^[a-z_]{1,40}$'),
  model text references public.hub_models on update cascade on delete set null,
  platform text check (platform in ('macos', 'linux', 'windows')),
  -- Without back-references and lookaround a pattern runs as a finite automaton: linear in the text.
  constraint routing_rules_linear check (
    pattern !~ '(^|[^\\])(\\\\)*\\[1-9]' and pattern !~ '\(\?<?[=!]'
  )
);
comment on table hub.routing_rules is
  'The first rule, by position, whose pattern matches a request decides its task type, model and platform. Change it with an UPDATE.';
comment on column hub.routing_rules.pattern is
  'A Postgres regular expression, matched without regard to case unless it begins with (?c). \m and \M are the edges of a word. Back-references and lookaround are refused: they are not linear in the length of the text. Postgres caches 32 compiled expressions a session: more rules than about 28 cost time.';
comment on column hub.routing_rules.model is 'The preferred model; null: any.';
comment on column hub.routing_rules.platform is 'The platform a device must have; null: any.';

create table if not exists hub.model_chains (
  preference text not null,
  position integer not null,
  model text not null references public.hub_models on update cascade on delete cascade,
  primary key (preference, position) deferrable,
  unique (preference, model) deferrable
);
comment on table hub.model_chains is
  'Fallback: the models tried for a preference (a model or any), in the order of position. Change it with an UPDATE.';

create index if not exists idx_model_chains_model on hub.model_chains (model);
create index if not exists idx_routing_rules_model on hub.routing_rules (model) where model is not null;

create or replace function hub.add_chain(model text) returns void
language sql
set search_path = ''
as $$
  insert into hub.model_chains (preference, position, model)
  select add_chain.model, row_number() over (order by m.name <> add_chain.model, m.position, m.name), m.name
  from public.hub_models as m
  union all
  select 'any', 1 + coalesce(max(c.position), 0), add_chain.model
  from hub.model_chains as c where c.preference = 'any'
$$;
comment on function hub.add_chain(text) is
  'Makes a model fall back on the others in their order, and appends it to the chain of any.';

create or replace function hub.follow_models() returns trigger
language plpgsql
security definer -- chains are closed to whoever writes models
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    perform hub.add_chain(new.name);
  elsif tg_op = 'UPDATE' then
    update hub.model_chains as c set preference = new.name where c.preference = old.name;
  else
    delete from hub.model_chains as c where c.preference = old.name;
  end if;
  return null;
end
$$;

create or replace trigger _500_add_chain
after insert on public.hub_models
for each row execute function hub.follow_models();

create or replace trigger _500_rename_chain
after update of name on public.hub_models
for each row when (old.name <> new.name)
execute function hub.follow_models();

create or replace trigger _500_drop_chain
after delete on public.hub_models
for each row execute function hub.follow_models();

do $$
begin
  if not exists (select from hub.model_chains) then
    perform hub.add_chain(m.name) from (select * from public.hub_models order by position, name) as m;
  end if;
  if exists (select from hub.routing_rules) then
    return;
  end if;
  insert into hub.routing_rules (position, task_type, model, platform, pattern) values
    -- Apple platforms need a Mac. "Swift" is also a word and a name: it counts beside words of the trade.
    (10, 'apple_app', 'claude', 'macos', '\m(swiftui|swiftdata|uikit|appkit|xcode|xcodebuild|xcodeproj|testflight|widgetkit|cocoapods|watchos|visionos|tvos|ipados|app store connect|provisioning profile|codesign|applescript|notari[sz](e|ation)|menu bar app)\M'),
    (20, 'apple_app', 'claude', 'macos', '(?c)\.swift\M|\m([Ii]n|[Ii]nto|[Tt]o|[Uu]sing|[Ww]ith|[Ff]rom) Swift\M|\mSwift ([56]|app|client|server|networking|layer|project|type|side|version|wrapper|bindings|code)\M|\m[Ss]wift (package|codebase|build|tests?|compiler|concurrency|struct|enum|actor|protocol|extension|closure|function|class|macro|files?|module|library|unit|crash|errors?|warnings?|script|syntax|toolchain|views?|sdk)\M'),
    (30, 'apple_app', 'claude', 'macos', '\m(ios|iphone|ipad|macos|mac)[ -](app|apps|build|target|simulator|widget|extension|client|project|release|login|screen|crash|bug|code|sdk)\M|\mapps?\M[^.!?\n]*\m(ios|macos|iphone|ipad)\M|\m(fix|build|implement|add|port|refactor|debug|ship|rewrite)\M[^.!?\n]*\mios\M'),
    (40, 'incident', 'claude', null, '\m(outage|post-?mortem|on-call)\M|\m(site|website|server|api|service|app|database|db|cluster|production|prod|gateway|endpoint|everything)( is| are)? (down|unreachable|not responding)\M|\m(was|were|got|been) paged\M|\m(production|security|ongoing|live) incident\M|\mincident (report|review|response|timeline)\M'),
    (50, 'security', 'claude', null, '\msecurity (review|audit|hole|issue|patch|fix|check|scan|bug|flaw|headers)\M|\m(vulnerabilit(y|ies)|vulnerable|cve-\d+|xss|csrf|ssrf|sql injection|prompt injection|threat model|penetration test)\M|\mleak(ed|s|ing)?\M.{0,20}\m(key|secret|token|credential|password)s?\M|\m(key|secret|token|credential|password)s?\M.{0,20}\mleaked\M'),
    (60, 'review', 'claude', null, '\mcode review\M|\mreview\M[^.!?\n]*\m(prs?|(pull|merge) requests?|diff|branch|commits?|patch|changes|code)\M|\m(pull request|merge request|pr) ?#?\d+\M'),
    (70, 'test', 'codex', null, '\m(write|add|generate|create|extend|improve|increase|missing|more)\M[^.!?\n]*\m((unit|integration|regression|smoke|e2e|end-to-end|snapshot|property|load|acceptance|component|api) tests?|test (cases?|suites?|coverage)|code coverage|fixtures)\M|\m(write|add|generate|create)\M.{0,8}\mtests?( (for|of|to|that)\M|[.!]|$)'),
    (80, 'bugfix', 'claude', null, '\m(debug|debugging|bugfix|hotfix|stack ?trace|traceback|segfault|null pointer|race condition|deadlock|memory leak)\M|\m(the|this|that|our|another|known|fix|found a|is a|have a) bugs?\M|\mbugs? (in|reports?|where|when)\M|\mcrash(es|ed|ing)? (on|when|after|during|reports?|logs?|loop)\M|[a-z](error|exception): |\m[45]\d\d errors?\M|\m(throws|gets|getting|shows|logs)\M.{0,20}\m(errors?|exceptions?)\M|\m(build|tests?|ci|job|deploy|deployment|script|login|import|requests?|migration|install|query|upload|download|command|checks?|pipeline)\M[^.!?\n]*\m(fails|failed|is failing|hangs|is broken|are broken)\M|\m(failing|flaky|broken)\M.{0,20}\m(tests?|build|ci|job|import|login|links?|page|checks?)\M|\m(does not|doesn''t|do not|don''t|not|no longer|stopped) work(s|ing)?\M|\mfix\M[^.!?\n]*\m(errors?|tests?|build|failure|exception|issues?|login|layout|query|page|endpoint|parser|import|typos?|warnings?|crash|timeouts?|validation|leak)\M'),
    (90, 'performance', 'claude', null, '\m(improve|measure|analy[sz]e|check|investigate|tune|test|reduce|increase|lower|cut|halve)\M[^.!?\n]*\m(performance|latency|throughput|(memory|cpu) usage|(load|startup|query|build) time|bundle size)\M|\mperformance (issues?|problems?|regression|tuning|tests?|budget)\M|\mslow (quer(y|ies)|page|endpoint|build|tests?|startup|requests?)\M|\mprofil(e|ing) (the|this|our)\M[^.!?\n]*\m(service|app|query|endpoint|function|code|page|server|build|loop|tests?|startup|process)\M|\mbottlenecks?\M|\moptimi[sz]e\M[^.!?\n]*\m(quer(y|ies)|code|page|build|loop|bundle|app|startup|database|performance|function|algorithm|search|server|rendering|memory|loading)\M|\mspeed (it |this |that |them )?up\M|\mtoo slow\M'),
    (100, 'refactor', 'claude', null, '\mrefactor(ing|ed|s)?\M|\mclean(ing)? ?up\M[^.!?\n]*\m(code|codebase|imports?|modules?|functions?|class(es)?|types|repo|tests?|styles|packages?)\M|\mrename\M[^.!?\n]*\m(everywhere|function|class|variable|method|module|files?|package|component|field)\M|\m(extract|split|move)\M[^.!?\n]*\m(functions?|methods?|class(es)?|modules?|components?|hooks?|helpers?|packages?)\M|\msimplify\M[^.!?\n]*\m(code|function|class|module|query|logic|condition|component|implementation)\M|\m(decouple|deduplicate|modulari[sz]e)\M|\mdead code\M|\mtech(nical)? debt\M'),
    (110, 'architecture', 'claude', null, '\m(software|system|service|event-driven|hexagonal|plugin|backend|data|target|application|app|api|cloud|our|current) architecture\M|\marchitecture (diagram|decision|review|proposal|for)\M|\m(system design|design doc|data model|migration plan|rfc|adr)\M|\mtrade-?offs? (of|between)\M|\mdesign\M.{0,12}\m(schema|api|system|service|protocol|database|queue|cache)\M'),
    (120, 'dependencies', 'codex', null, '\m(upgrade|bump|pin|downgrade)\M[^.!?\n]*\m(dependenc(y|ies)|packages?|version|npm|node|deno|python|ruby|rust|crates?|gems|gemfile|librar(y|ies)|react|postgres|lock ?file)\M|\mupdate\M[^.!?\n]*\m(dependenc(y|ies)|packages|crates|gemfile|libraries|lock ?file)\M|\m(upgrade|bump|downgrade)\M[^.!?\n]*\m(to|from) v?\d'),
    (130, 'database', 'codex', null, '\m(sql|postgres(ql)?|psql|mysql|sqlite|supabase|pg_cron|plpgsql|rls|foreign key)\M|\mindex(es)? on\M|\m(database|schema) migrations?\M|\m(add|drop|rename|alter)\M.{0,20}\m(column|constraint)\M[^.!?\n]*\m(table|database|schema)\M'),
    (140, 'frontend', 'claude', null, '\m(css|tailwind|vue|sveltekit|next\.?js|front-?end|dark mode|landing page|web ?page|html|navbar|tooltips?|date ?picker|ui)\M|\m(in|with|using|to) (react|svelte)\M|\m(react|svelte)[ .]?(js|native|components?|hooks?|apps?|router|query)\M|\mresponsive (layout|design|page)\M|\m(add|move|center|align|style|hide|disable|show|change|make)\M[^.!?\n]*\m(buttons?|modal|sidebar|dropdown|toast|checkbox)\M'),
    (150, 'infrastructure', 'codex', null, '\m(dockerfile|docker[ -](compose|image|container|build|run|hub)|kubernetes|k8s|helm (charts?|release|install|values)|terraform|ansible|nginx|caddyfile|systemd|github actions?|dns|tls|ssl|vpn|tailscale|wireguard|proxmox|ci|ci/cd|deploy|deploys|deployment|redeploy|reverse proxy|load balancer|firewall|port forwarding)\M|\m(in|with|use|using|to|our) (docker|caddy)\M|\m(set up|restore|move|schedule|verify|run|test|automate)\M.{0,20}\mbackups?\M|\mbackups? (of|to|job|script|strategy)\M'),
    (160, 'script', 'codex', null, '\m(bash|shell|zsh|python|perl|deno|node|cleanup|one-?off)( |\.?js )(script|one-?liner|snippet|program)\M|\m(python|bash|perl) (function|tool|code)\M|\mwrite a (small |short |quick )?script\M|\mone-?liner (to|that|in)\M|\mcron ?job\M|\m(cli|command[ -]line) tool\M|\m(regex|regexp|regular expression|jq|awk|sed)\M'),
    (170, 'data', 'gemini', null, '\m(csv|tsv|spreadsheets?|xlsx|parquet|data ?sets?|dataframe|pandas|time series|histogram)\M|\mexcel (file|sheet|table|workbook|formula)\M|\moutliers? in\M|\manaly[sz]e\M[^.!?\n]*\m(data|logs?|numbers|figures|metrics)\M'),
    (180, 'media', 'gemini', null, '\m(screenshots?|ocr|pdfs?|thumbnails?|subtitles|transcri(be|pt|ption)|mp3|mp4|wav|png|jpe?g|ffmpeg)\M|\m(describe|generate|edit|crop|resize|caption|label|analy[sz]e|convert|compress|recogni[sz]e|cut)\M[^.!?\n]*\m(images?|photos?|pictures?|videos?|audio|recordings?|clips?|logo)\M|\m(this|these|attached|(in|on) the) (images?|photos?|pictures?|videos?|audio|recordings?|clips?)\M'),
    (190, 'translation', 'gemini', null, '\mtranslat(e|es|ed|ing|ions?)\M|\m(locali[sz](e|ation)|i18n)\M|\m(say|put|write|rewrite|answer)\M[^.!?\n]*\min (german|french|spanish|italian|japanese|chinese|korean|arabic|portuguese|dutch|polish)\M|\minto (german|french|spanish|italian|japanese|chinese|korean|arabic|portuguese|dutch|polish)\M'),
    (200, 'research', 'gemini', null, '^\W*(please |can you |could you )?(research|look up)\M|\mdo (some )?research\M|\minvestigate (options|the market)\M|\m(compare|comparison of|alternatives? to|pros and cons|state of the art|market (analysis|research)|literature (review|search)|competitors|survey of)\M|\m(find|collect|look for)\M.{0,20}\m(papers|articles|sources|studies)\M'),
    (210, 'summary', 'gemini', null, '\m(summari[sz]e|summary|tl;?dr|recap|(daily|weekly) digest|digest of|condense|key points|meeting notes|minutes of the meeting)\M'),
    (220, 'documentation', 'claude', null, '\m(readme|changelog|documentation|docstrings?|api reference|runbook|release notes|user guide)\M|\m(write|update|improve|fix|add|generate|the|our|api) docs\M|\m(write|create|make|update)\M[^.!?\n]*\mtutorial\M|\mcomment the code\M|^\W*document (the|this|our|how)\M'),
    (230, 'writing', 'claude', null, '\m(write|draft|compose|reply to|answer|send|polish|rewrite|shorten|improve)\M[^.!?\n]*\m(blog ?post|e-?mail|letter|newsletter|tweet|announcement|essay|poem|story|article|speech|toast|bio|invitation|review|cv)s?( (to|about|for|from|of|on|that|asking|inviting|saying|with|and)\M|[.!,]|$)|\m(proofread|press release|cover letter|copy for)\M|\m(poem|haiku|limerick|essay|(short|bedtime|funny) story) (about|for|on)\M'),
    (240, 'planning', 'claude', null, '\m(roadmap|break down|prioriti[sz]e|milestones|backlog|to-?do list|brainstorm|project plan|action plan)\M|\m(make|write|draft|create|propose|need) (a|the) plan\M|\mplan (the|our|my|for)\M|\mestimate\M[^.!?\n]*\m(effort|work|time|cost|tickets?|issues?)\M|\m(any|some|more|new) ideas?\M|\mideas? (for|how|to)\M'),
    -- What is to be made: an imperative, where a sentence or a clause begins.
    (250, 'feature', 'claude', null, '(^|[.!?:;,>•\n*-]|\m(please|and|then|let''s|lets|can you|could you|must|should we|want to|need to|want you to|need you to)\M)\s*(implement|build|add|create|make|develop|integrate|support|port|write|set up|wire up|prototype|scaffold|generate|extend|allow|let users|let people)\M'),
    (260, 'question', 'claude', null, '^\W*(what|why|how|who|whose|when|where|which|is|are|was|were|can|could|does|do|did|should|would|will|explain|tell me)\M|\?\s*$'),
    (1000, 'general', 'claude', null, '');
end
$$;

create or replace function hub.classify(
  content text, channel uuid default null, out task_type text, out model text, out platform text, out rule integer
)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_rule hub.routing_rules;
begin
  -- Sorted first (offset 0), so that no rule is tried after the first that matches.
  select * into v_rule
  from (select * from hub.routing_rules order by position offset 0) as r
  where classify.content ~* r.pattern limit 1;
  rule := v_rule.position;
  task_type := coalesce(v_rule.task_type, 'general');
  platform := v_rule.platform;
  model := coalesce(
    (
      select c.model_preference from public.hub_channels as c
      where c.id = classify.channel and c.model_preference <> 'any'
    ),
    v_rule.model, 'any'
  );
end
$$;
comment on function hub.classify(text, uuid) is
  'What kind of work a request is: task type and platform by the first matching rule (its position, null where none matches), model by the channel''s preference unless that is any, then by the rule, else any.';

create or replace view hub.effective_models with (security_invoker = true) as
select distinct on (c.preference, p.platform, s.id) c.preference, p.platform, c.model, s.id as server_id
from hub.model_chains as c
cross join (values (''), ('macos'), ('linux'), ('windows')) as p (platform)
cross join (
  select id from public.hub_servers
  union all select '00000000-0000-0000-0000-000000000000' -- tasks of no channel
) as s
where exists (
  select from public.mesh_devices as d
  join public.mesh_device_models as m on m.device_id = d.id
  where d.status = 'online'
    and p.platform in ('', d.platform)
    and m.model = c.model
    and (m.rate_limited_until is null or m.rate_limited_until <= clock_timestamp())
    and not exists (select from hub.barred_servers as b where b.device_id = d.id and b.server_id = s.id)
) and exists (select from public.hub_models as known where known.name = c.model and known.enabled)
order by c.preference, p.platform, s.id, c.position;
comment on view hub.effective_models is
  'For a preference, a platform ('''': any) and a server the model that is used now: the first of the chain that some online, matching device can run unthrottled. No row: none can.';

create or replace function hub.model_to_try(preference text, platform text, channel_id uuid) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(
    (
      select e.model from hub.effective_models as e
      where e.preference = model_to_try.preference and e.platform = coalesce(model_to_try.platform, '')
        and e.server_id = (select c.server_id from public.hub_channels as c where c.id = model_to_try.channel_id)
    ),
    model_to_try.preference
  );
end
$$;
comment on function hub.model_to_try(text, text, uuid) is
  'The effective model, or the preference itself while no device can run any of its chain.';

-- For people: what would become of a request, and the rules themselves -----------------------------

create or replace function hub.explain_route(content text, channel_id uuid) returns jsonb
language plpgsql
stable
security definer -- rules are closed to API roles
set search_path = ''
as $$
declare
  v_route record;
begin
  perform hub.require_channel_role(explain_route.channel_id, 'viewer');
  perform hub.require_content(explain_route.content, 'content');
  v_route := hub.classify(explain_route.content, explain_route.channel_id);
  return jsonb_build_object(
    'rule', v_route.rule, 'task_type', v_route.task_type, 'model', v_route.model, 'platform', v_route.platform,
    'effective_model', hub.model_to_try(v_route.model, v_route.platform, explain_route.channel_id)
  );
end
$$;

create or replace function public.explain_route(content text, channel_id uuid) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.explain_route(explain_route.content, explain_route.channel_id);
end
$$;
comment on function public.explain_route(text, uuid) is
  'What a dispatch of this request to this channel would become, without dispatching it: {rule: the position of the rule that matches or null, task_type, model preference, platform or null, effective_model: what would run it now}. Viewer. Errors: channel_not_found, content_empty, content_too_long.';

create or replace function hub.list_routing_rules() returns jsonb
language plpgsql
stable
security definer -- rules are closed to API roles
set search_path = ''
as $$
begin
  perform hub.require_role('viewer');
  return (select coalesce(jsonb_agg(to_jsonb(r) order by r.position), '[]') from hub.routing_rules as r);
end
$$;

create or replace function public.list_routing_rules() returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.list_routing_rules();
end
$$;
comment on function public.list_routing_rules() is
  'The rules of routing in their order: [{position, pattern, task_type, model, platform}]. Viewer.';

create or replace function hub.save_routing_rule(
  rule integer, task_type text, pattern text, model text, platform text
) returns jsonb
language plpgsql
security definer -- rules are closed to API roles
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_rule hub.routing_rules;
begin
  perform hub.require_role('admin');
  if length(save_routing_rule.pattern) > 8000 then
    perform hub.refuse('content_too_long', array['pattern', length(save_routing_rule.pattern)::text, '8000']);
  elsif save_routing_rule.model is not null then
    perform hub.require_model(save_routing_rule.model);
  end if;
  update hub.routing_rules as r
  set task_type = save_routing_rule.task_type, pattern = save_routing_rule.pattern,
    model = save_routing_rule.model, platform = save_routing_rule.platform
  where r.position = save_routing_rule.rule
  returning * into v_rule;
  if not found then
    insert into hub.routing_rules (position, task_type, pattern, model, platform)
    values (
      save_routing_rule.rule, save_routing_rule.task_type, save_routing_rule.pattern,
      save_routing_rule.model, save_routing_rule.platform
    )
    returning * into v_rule;
  end if;
  return to_jsonb(v_rule);
exception
  when not_null_violation or check_violation or invalid_regular_expression or unique_violation then
    perform hub.refuse('bad_argument', array[
      'A rule has a position, a task_type of a to z and _, a pattern that Postgres understands, without back-references and lookaround, and macos, linux, windows or null for platform.'
    ]);
    return null;
end
$$;

create or replace function public.save_routing_rule(
  rule integer, task_type text, pattern text, model text default null, platform text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.save_routing_rule(
    save_routing_rule.rule, save_routing_rule.task_type, save_routing_rule.pattern, save_routing_rule.model,
    save_routing_rule.platform
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.save_routing_rule(integer, text, text, text, text) is
  'Changes the rule at this position, or adds one there; returns it: {position, pattern, task_type, model, platform}. pattern: a regular expression of Postgres'', 8,000 characters at most. model and platform: null for any. Admin. Errors: role_required, bad_argument, content_too_long.';

create or replace function hub.remove_routing_rule(rule integer) returns jsonb
language plpgsql
security definer -- rules are closed to API roles
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_rule hub.routing_rules;
begin
  perform hub.require_role('admin');
  delete from hub.routing_rules as r where r.position = remove_routing_rule.rule returning * into v_rule;
  if not found then
    perform hub.refuse('bad_argument', array['rule is the position of a rule.']);
  end if;
  return to_jsonb(v_rule);
end
$$;

create or replace function public.remove_routing_rule(rule integer) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.remove_routing_rule(remove_routing_rule.rule);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.remove_routing_rule(integer) is
  'Takes away the rule at this position; returns it. Admin. Errors: role_required, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.explain_route(text, uuid), public.list_routing_rules(),
  public.save_routing_rule(integer, text, text, text, text), public.remove_routing_rule(integer)
from public;
grant execute on function
  public.explain_route(text, uuid), hub.explain_route(text, uuid),
  public.list_routing_rules(), hub.list_routing_rules(),
  public.save_routing_rule(integer, text, text, text, text), hub.save_routing_rule(integer, text, text, text, text),
  public.remove_routing_rule(integer), hub.remove_routing_rule(integer)
to anon, authenticated, service_role;

-- supabase/schemas/32_queue.sql

-- The queue: one narrow row for each unfinished task.
--
-- mac_tasks says what a task is; hub.queue says where it waits. A trigger keeps the two in step, also
-- when an old executor or an admin writes mac_tasks directly. What a device may run is decided by
-- lane, not by task: a claim looks at the head of each lane that is open to the device, so that its
-- cost does not grow with the backlog, nor with work that other devices must do.
--
-- Locks are taken in the order task, team, thread, channel, lane, and those
-- of tasks and teams for no key update, so that foreign keys, which are checked whenever it suits Postgres,
-- wait for none. A claim waits for nobody: it skips what is locked.
--
-- The queue is often empty when a plan is made, and long when that plan runs, and so are tasks, messages
-- and attempts: what reads them for each task is planned without sequential scans. And without
-- compilation, for which the planner would take the tables that can only be read through as dear enough.

create table if not exists hub.lanes (
  id integer generated always as identity primary key,
  server_id uuid not null,
  model text not null,
  platform text not null,
  device text not null,
  bound boolean not null default false,
  unique (server_id, model, platform, device, bound)
);
comment on table hub.lanes is
  'The classes of tasks that the same devices may run. Made when first needed, pruned when long empty.';
comment on column hub.lanes.server_id is 'The server, which may be paused; all zeros: tasks of no channel.';
comment on column hub.lanes.model is 'The preference; empty: no model, but git on exactly this device.';
comment on column hub.lanes.platform is 'The platform a device must have; empty: any.';
comment on column hub.lanes.device is 'The device that holds the agent session to resume, preferred while it can run the task; empty: none.';
comment on column hub.lanes.bound is 'Whether the device is waited for also while it is offline: what was parked there belongs to it.';

create table if not exists hub.queue (
  task_id uuid primary key references public.mac_tasks on delete cascade,
  lane_id integer not null references hub.lanes on delete restrict,
  state text not null check (state in ('ready', 'scheduled', 'backoff', 'blocked', 'parked', 'running')),
  priority integer not null,
  created_at timestamptz not null,
  run_at timestamptz,
  thread_id uuid,
  team_id uuid,
  created_by uuid,
  device text,
  since timestamptz not null default clock_timestamp(),
  avoid uuid[]
) with (
  -- Rows come and go: vacuum often, so that claims do not walk over dead ones.
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 5000
);
comment on table hub.queue is 'Every unfinished task. Kept by trigger from mac_tasks: never write it.';
comment on column hub.queue.state is
  'ready to be claimed; scheduled by the user; backoff after a failure; blocked by an earlier task of its thread; parked until its questions are answered; running.';
comment on column hub.queue.device is 'Name of the device that runs the task.';
comment on column hub.queue.since is 'When it came into this state.';
comment on column hub.queue.avoid is 'Devices that have found that they cannot run the task: others first.';

-- Exactly the claim's order; none of these columns changes while a row is ready. It serves the foreign
-- key too: with another index on lane_id, a plan made for a short queue would sort the whole lane.
create index if not exists idx_queue_order on hub.queue (lane_id, state, priority desc, created_at, task_id);
create index if not exists idx_queue_due on hub.queue (run_at) where state in ('scheduled', 'backoff');
create index if not exists idx_queue_running on hub.queue (device) where state = 'running';
create index if not exists idx_queue_thread on hub.queue (thread_id) where thread_id is not null;
create index if not exists idx_queue_avoid on hub.queue (task_id) where avoid is not null;
create index if not exists idx_queue_user on hub.queue (created_by) where created_by is not null;

-- Enqueueing -------------------------------------------------------------------------------------

create or replace function hub.lane_of(task public.mac_tasks, session_device text) returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_server uuid;
  v_model text := coalesce(task.model_preference, 'any');
  v_platform text := coalesce(task.platform, '');
  v_device text := coalesce(session_device, '');
  v_session record;
  v_bound boolean := false;
  v_lane integer;
begin
  if task.updated_at > task.created_at then
    -- It has run, and may have left a session of its own; if it was parked, it waits for that one's device.
    v_session := hub.last_session(task);
    if v_session.device is not null then
      v_device := v_session.device;
      v_bound := coalesce((
        select a.outcome = 'parked' from public.hub_task_attempts as a
        where a.task_id = task.id order by a.started_at desc limit 1
      ), false);
    end if;
    if exists (
      select from hub.queue as q join public.mesh_devices as d on d.id = any (q.avoid)
      where q.task_id = task.id and d.name = v_device
    ) then
      v_device := '';
      v_bound := false;
    elsif v_bound then
      v_model := v_session.model;
    end if;
  end if;
  if task.channel_id is not null then
    select c.server_id into v_server from public.hub_channels as c where c.id = task.channel_id;
    if task.metadata ? 'device_id' then
      -- The device that has the branch, whatever it is called by now.
      select coalesce(max(d.name), v_device) into v_device
      from public.mesh_devices as d where d.id = (task.metadata ->> 'device_id')::uuid;
    end if;
    if task.kind = 'publish' then
      v_model := '';
      v_platform := '';
      v_bound := false;
    end if;
  end if;
  v_server := coalesce(v_server, '00000000-0000-0000-0000-000000000000');
  loop
    select l.id into v_lane from hub.lanes as l
    where l.server_id = v_server and l.model = v_model
      and l.platform = v_platform and l.device = v_device and l.bound = v_bound
    for key share; -- so that nobody prunes it meanwhile
    exit when found;
    insert into hub.lanes (server_id, model, platform, device, bound)
    values (v_server, v_model, v_platform, v_device, v_bound)
    on conflict do nothing;
  end loop;
  return v_lane;
end
$$;
comment on function hub.lane_of(public.mac_tasks, text) is 'The lane of a task; made if there is none yet.';

create or replace function hub.lane_for(task_id uuid) returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_lane hub.lanes;
  v_open integer;
begin
  select l.* into v_lane from hub.queue as q join hub.lanes as l on l.id = q.lane_id where q.task_id = lane_for.task_id;
  if v_lane.bound then
    -- That one had the model of the session.
    select coalesce(t.model_preference, 'any') into v_lane.model from public.mac_tasks as t where t.id = lane_for.task_id;
  end if;
  loop
    select l.id into v_open from hub.lanes as l
    where l.server_id = v_lane.server_id and l.model = v_lane.model and l.platform = v_lane.platform
      and l.device = '' and not l.bound
    for key share;
    exit when found;
    insert into hub.lanes (server_id, model, platform, device)
    values (v_lane.server_id, v_lane.model, v_lane.platform, '')
    on conflict do nothing;
  end loop;
  return v_open;
end
$$;
comment on function hub.lane_for(uuid) is 'The lane of a queued task without the device that it has waited for.';

create or replace function hub.wake_mesh() returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Busy devices claim by themselves when they finish; a message for every task would slow them down.
  if exists (
    select from hub.idle_devices as i join public.mesh_devices as d on d.id = i.device_id
    where d.status = 'online'
  ) then
    perform realtime.send('{}'::jsonb, 'task_queued', 'mesh:wake', false);
  end if;
end
$$;
comment on function hub.wake_mesh() is 'Tells idle executors, on the public topic mesh:wake, that there may be work.';

create or replace function hub.must_wait(task public.mac_tasks) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  -- Tasks of a thread run one after another, but those of a team that is at work run side by side.
  return exists (
    select from hub.queue as q
    where q.thread_id = task.task_thread_id and q.task_id <> task.id
      and (
        q.state in ('ready', 'running', 'backoff', 'parked')
        or q.state = 'blocked' and (q.created_at, q.task_id) < (task.created_at, task.id)
      )
  ) and not exists (
    select from hub.queue as q
    where q.thread_id = task.task_thread_id and q.team_id = task.team_id
      and q.state in ('ready', 'running', 'backoff', 'parked')
  );
end
$$;
comment on function hub.must_wait(public.mac_tasks) is 'Whether an earlier task of the same thread has to end first.';

create or replace function hub.begin_next(thread_id uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_next hub.queue;
begin
  if exists (
    select from hub.queue as q
    where q.thread_id = begin_next.thread_id and q.state in ('ready', 'running', 'backoff', 'parked')
  ) then
    return;
  end if;
  select * into v_next from hub.queue as q
  where q.thread_id = begin_next.thread_id and q.state = 'blocked'
  order by q.created_at, q.task_id limit 1;
  if found then
    -- Its lane anew: the task before it may have left an agent session on a device.
    update hub.queue as q
    set state = 'ready', since = clock_timestamp(), lane_id = hub.lane_of(t, th.session_device)
    from public.mac_tasks as t, public.hub_task_threads as th
    where q.thread_id = begin_next.thread_id and q.state = 'blocked'
      and (q.task_id = v_next.task_id or q.team_id = v_next.team_id)
      and t.id = q.task_id and th.id = q.thread_id;
    perform hub.hurry(begin_next.thread_id, max(q.priority)) from hub.queue as q
    where q.thread_id = begin_next.thread_id and q.state = 'blocked'
    having max(q.priority) > v_next.priority;
    perform hub.wake_mesh();
  end if;
end
$$;
comment on function hub.begin_next(uuid) is
  'Where nothing of a thread is at work, its next task, or all of the next team, becomes ready. Under the thread''s lock.';

create or replace function hub.hurry(thread_id uuid, priority integer) returns void
language plpgsql
set search_path = ''
as $$
declare
  -- Step by step, each by the key: joined, tasks that were few when last analyzed would be read through.
  v_ahead uuid[] := array(
    select q.task_id from hub.queue as q
    where q.thread_id = hurry.thread_id and q.state in ('ready', 'backoff', 'parked')
      and q.priority < hurry.priority
  );
begin
  if v_ahead <> '{}' then
    -- Tasks come before threads in the order of locks: one that somebody holds is left as it is.
    v_ahead := array(
      select t.id from public.mac_tasks as t where t.id = any (v_ahead) for no key update skip locked
    );
    update public.mac_tasks as t set priority = hurry.priority where t.id = any (v_ahead);
  end if;
end
$$;
comment on function hub.hurry(uuid, integer) is 'Makes what an urgent task of a thread waits behind as urgent as that.';

create or replace function hub.enqueue(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_thread public.hub_task_threads;
  v_state text;
begin
  if task.channel_id is null then
    if not (select s.claims_foreign_tasks from hub.settings as s) then
      return;
    end if;
  end if;
  if task.task_thread_id is not null then
    -- Whoever begins or ends a task of the thread takes this lock first.
    select * into v_thread from public.hub_task_threads as t
    where t.id = task.task_thread_id for no key update;
  end if;
  v_state := case
    when task.status = 'running' then 'running'
    -- A new task has asked nothing yet.
    when task.updated_at > task.created_at and hub.has_open_question(task.id) then 'parked'
    when task.run_at > clock_timestamp() and (task.attempt > 0 or task.error is not null) then 'backoff'
    when task.run_at > clock_timestamp() then 'scheduled'
    when v_thread.id is not null and hub.must_wait(task) then 'blocked'
    else 'ready'
  end;
  insert into hub.queue as q (
    task_id, lane_id, state, priority, created_at, run_at, thread_id, team_id, created_by, device
  ) values (
    task.id, hub.lane_of(task, v_thread.session_device), v_state, task.priority, task.created_at,
    task.run_at, task.task_thread_id, task.team_id, task.created_by,
    case when v_state = 'running' then task.claimed_by end
  )
  on conflict (task_id) do update set
    lane_id = excluded.lane_id, state = excluded.state, priority = excluded.priority,
    run_at = excluded.run_at, thread_id = excluded.thread_id, team_id = excluded.team_id,
    device = excluded.device,
    since = case q.state when excluded.state then q.since else clock_timestamp() end;
  if v_state = 'ready' then
    perform hub.wake_mesh();
  elsif v_state in ('blocked', 'scheduled') and v_thread.id is not null then
    if v_state = 'blocked' then
      perform hub.hurry(v_thread.id, task.priority);
    end if;
    -- It may have been at work until now: requeued behind an older task, or put off.
    perform hub.begin_next(v_thread.id);
  end if;
end
$$;
comment on function hub.enqueue(public.mac_tasks) is 'Makes or renews the queue''s row of an unfinished task.';

create or replace function hub.sync_queue() returns trigger
language plpgsql
security definer -- the queue is closed to whoever writes mac_tasks
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  if new.status in ('complete', 'failed') then
    perform hub.withdraw_questions(new.id);
    delete from hub.queue as q where q.task_id = new.id;
    perform hub.move_inputs(new);
  elsif tg_op = 'UPDATE' and new.status = 'running' and old.status <> 'running' then
    -- The claim's path: nothing but the state changes, and no lock of the thread is needed.
    update hub.queue as q set state = 'running', device = new.claimed_by, since = clock_timestamp() where q.task_id = new.id;
  elsif new.status in ('pending', 'running') then
    perform hub.enqueue(new);
  end if;
  return null;
end
$$;

create or replace trigger _600_sync_queue_on_insert
after insert on public.mac_tasks
for each row execute function hub.sync_queue();

-- Apart, because a condition over all these columns would be read anew for each step of a task.
create or replace trigger _600_sync_queue_on_update
after update on public.mac_tasks
for each row when (old.status is distinct from new.status)
execute function hub.sync_queue();

create or replace trigger _610_sync_queue_on_change
after update of claimed_by, priority, run_at, platform, model_preference, channel_id, task_thread_id
on public.mac_tasks
for each row when (old.status = new.status)
execute function hub.sync_queue();

create or replace function hub.advance_thread() returns trigger
language plpgsql
security definer -- a task deleted with the service key takes its row along as that role
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  perform from public.hub_task_threads as t where t.id = old.thread_id for no key update;
  perform hub.begin_next(old.thread_id);
  return null;
end
$$;
comment on function hub.advance_thread() is 'When a task leaves the queue, the next one of its thread may begin.';

create or replace trigger _500_advance_thread
after delete on hub.queue
for each row when (old.thread_id is not null)
execute function hub.advance_thread();

create or replace function hub.admit_due_tasks(most integer default 100) returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  -- A variable: the clock itself, which moves on, could not bound the scan of the index.
  v_now timestamptz := clock_timestamp();
  v_task public.mac_tasks;
  v_count integer := 0;
begin
  for v_task in
    select t.* from hub.queue as q
    join public.mac_tasks as t on t.id = q.task_id
    where q.state in ('scheduled', 'backoff') and q.run_at <= v_now
    order by q.run_at
    limit most
    for no key update of q, t skip locked
  loop
    -- Waiting for threads in the order of tasks could be waiting for each other: leave it to the next call.
    perform from public.hub_task_threads as th where th.id = v_task.task_thread_id
    for no key update skip locked;
    continue when not found and v_task.task_thread_id is not null;
    perform hub.enqueue(v_task);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;
comment on function hub.admit_due_tasks(integer) is 'Makes tasks whose run_at has come ready, or blocked behind their thread.';

-- A resumed server has work for devices that found none; what was kept for a device that goes is theirs.
create or replace function hub.wake_others() returns trigger
language plpgsql
security definer -- idle devices are not visible to operators
set search_path = ''
as $$
begin
  perform hub.wake_mesh();
  return null;
end
$$;

create or replace trigger _600_wake_on_resume
after update on public.hub_servers
for each row when (old.paused_at is not null and new.paused_at is null)
execute function hub.wake_others();

create or replace trigger _600_wake_on_absence
after update on public.mesh_devices
for each row when (old.status = 'online' and new.status <> 'online')
execute function hub.wake_others();

-- Settings take effect at once: tasks of no channel come and go, and what is unfinished has as many attempts
-- more or less.
create or replace function hub.apply_settings() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.claims_foreign_tasks and not old.claims_foreign_tasks then
    perform hub.enqueue(t) from (
      select * from public.mac_tasks as own
      where own.channel_id is null and own.status in ('pending', 'running') order by own.created_at
    ) as t;
  elsif old.claims_foreign_tasks and not new.claims_foreign_tasks then
    delete from hub.queue as q using public.mac_tasks as t
    where t.id = q.task_id and t.channel_id is null and q.state <> 'running';
  end if;
  if new.max_attempts <> old.max_attempts then
    update public.mac_tasks as t
    set max_attempts = greatest(1, t.max_attempts + new.max_attempts - old.max_attempts)
    where t.channel_id is not null and t.id in (select q.task_id from hub.queue as q);
  end if;
  return null;
end
$$;
comment on function hub.apply_settings() is 'Takes changed settings to the tasks that are unfinished.';

create or replace trigger _500_apply_settings
after update on hub.settings
for each row when (
  (old.claims_foreign_tasks, old.max_attempts) is distinct from (new.claims_foreign_tasks, new.max_attempts)
)
execute function hub.apply_settings();

-- A device that is renamed keeps what it runs, its lanes and its sessions. The queue before the tasks, so
-- that the change of claimed_by is no claim.
create or replace function hub.rename_device() returns trigger
language plpgsql
security definer -- the queue and tasks are closed to whoever renames the device
set search_path = ''
-- The device is locked by now, and a task that somebody ends may want it next: soon enough to give way.
set lock_timeout = '500ms'
as $$
declare
  v_tasks uuid[];
  v_lane hub.lanes;
  v_renamed integer;
begin
  -- Tasks, then threads, as everywhere; the queue and the lanes come last.
  v_tasks := array(
    select t.id from public.mac_tasks as t
    where t.id in (select q.task_id from hub.queue as q where q.state = 'running' and q.device = old.name)
    order by t.id for no key update
  );
  perform from public.hub_task_threads as th
  where th.session_device = old.name
    or th.id in (select t.task_thread_id from public.mac_tasks as t where t.id = any (v_tasks))
  order by th.id for no key update;
  update public.hub_task_threads as t set session_device = new.name where t.session_device = old.name;
  update hub.queue as q set device = new.name where q.device = old.name;
  update public.mac_tasks as t set claimed_by = new.name where t.id = any (v_tasks) and t.claimed_by = old.name;
  for v_lane in select * from hub.lanes as l where l.device = old.name order by l.id loop
    insert into hub.lanes as l (server_id, model, platform, device, bound)
    values (v_lane.server_id, v_lane.model, v_lane.platform, new.name, v_lane.bound)
    on conflict (server_id, model, platform, device, bound) do update set device = excluded.device
    returning l.id into v_renamed;
    update hub.queue as q set lane_id = v_renamed where q.lane_id = v_lane.id;
  end loop;
  return null;
exception when lock_not_available then
  perform hub.refuse('busy');
  return null;
end
$$;
comment on function hub.rename_device() is 'Takes what names a device along when it is renamed. Errors: busy.';

create or replace trigger _500_rename_device
after update on public.mesh_devices
for each row when (old.name <> new.name)
execute function hub.rename_device();

-- A channel that moves to another server takes its waiting tasks to that server's lanes.
create or replace function hub.move_tasks_of_channel() returns trigger
language plpgsql
security definer -- the queue is closed to whoever moves the channel
set search_path = ''
as $$
begin
  update hub.queue as q
  set lane_id = hub.lane_of(t, th.session_device)
  from public.mac_tasks as t
  left join public.hub_task_threads as th on th.id = t.task_thread_id
  where t.channel_id = new.id and q.task_id = t.id;
  perform hub.wake_mesh();
  return null;
end
$$;

create or replace trigger _600_move_tasks
after update of server_id on public.hub_channels
for each row when (old.server_id is distinct from new.server_id)
execute function hub.move_tasks_of_channel();

revoke execute on all functions in schema hub from public;

-- supabase/schemas/34_claims.sql

-- Claims: which waiting tasks a device gets. A claim waits for nobody: it skips what is locked, and takes
-- only what it has locked itself. What it reads of the queue is planned as the queue's chapter says.

create or replace function hub.open_lanes(device public.mesh_devices)
returns table (lane_id integer, model text)
language plpgsql
stable
set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
  select l.id, own.model
  from hub.lanes as l
  cross join lateral (
    -- "any" is whatever this device can run; a preference is what the mesh would give it now.
    select c.model
    from hub.model_chains as c
    join public.hub_models as known on known.name = c.model and known.enabled
    join public.mesh_device_models as m on m.device_id = device.id and m.model = c.model
    where c.preference = l.model
      and (m.rate_limited_until is null or m.rate_limited_until <= clock_timestamp())
      and (l.model = 'any' or l.bound and l.device = device.name or c.model = (
        select e.model from hub.effective_models as e
        where e.preference = l.model and e.platform = l.platform and e.server_id = l.server_id
      ))
    order by c.position
    limit 1
  ) as own
  where l.platform in ('', device.platform)
    and not exists (
      select from hub.barred_servers as b where b.device_id = device.id and b.server_id = l.server_id
    )
    and not exists (
      select from public.hub_servers as s where s.id = l.server_id and s.paused_at is not null
    )
    -- The holder of the session keeps others out while it can run the task itself.
    and (l.device in ('', device.name) or not exists (
      select from public.mesh_devices as holder
      join public.mesh_device_models as m on m.device_id = holder.id
      where holder.name = l.device and l.platform in ('', holder.platform)
        and not exists (
          select from hub.barred_servers as b where b.device_id = holder.id and b.server_id = l.server_id
        )
        and case
          when l.bound then holder.status <> 'draining'
            and m.model in (select c.model from hub.model_chains as c where c.preference = l.model)
          else holder.status = 'online' and m.model = own.model
            and (m.rate_limited_until is null or m.rate_limited_until <= clock_timestamp())
        end
    ))
  union all
  select l.id, 'git'
  from hub.lanes as l
  where l.model = '' and l.device = device.name
    and not exists (
      select from hub.barred_servers as b where b.device_id = device.id and b.server_id = l.server_id
    )
    and not exists (
      select from public.hub_servers as s where s.id = l.server_id and s.paused_at is not null
    );
end
$$;
comment on function hub.open_lanes(public.mesh_devices) is 'The lanes a device may claim from now, each with the model it would use; git for what needs none.';

create or replace function hub.claim_ready(device public.mesh_devices, most integer) returns jsonb
language plpgsql
set search_path = ''
set plan_cache_mode = 'force_generic_plan' -- else planned anew for each number of tasks asked for
set jit = off -- the planner cannot know that the limit stops it early, and would compile each call
as $$
declare
  v_ids uuid[];
  v_models text[];
begin
  -- The heads of the lanes, merged, are locked one by one until there are enough. Each is looked up by
  -- its key, whatever the planner believes about how long the queue is.
  select array_agg(held.task_id), array_agg(held.model) into v_ids, v_models
  from (
    select locked.task_id, head.model
    from (
      select q.task_id, l.model
      from hub.open_lanes(device) as l
      cross join lateral (
        -- Some more than asked for: the first ones may be locked by claims that run beside this one.
        select ready.task_id, ready.priority, ready.created_at
        from hub.queue as ready
        where ready.lane_id = l.lane_id and ready.state = 'ready'
        order by ready.priority desc, ready.created_at, ready.task_id
        limit most + 30
      ) as q
      order by q.priority desc, q.created_at, q.task_id
    ) as head
    cross join lateral (
      select q.task_id
      from hub.queue as q
      join public.mac_tasks as t on t.id = q.task_id
      where q.task_id = head.task_id and q.state = 'ready' and t.status = 'pending'
        and (q.avoid is null or device.id <> all (q.avoid))
      for no key update of q, t skip locked
    ) as locked
    limit most
  ) as held;
  if v_ids is null then
    return '[]'::jsonb;
  end if;

  update public.mac_tasks as t
  set status = 'running', claimed_by = device.name, claim_id = gen_random_uuid(),
    model_used = v_models[array_position(v_ids, t.id)], attempt = t.attempt + 1, started_at = clock_timestamp(),
    partial_output = null,
    lease_expires_at = clock_timestamp() + (select s.task_lease from hub.settings as s)
  -- Not joined with the ids: tasks that were few when they were last analyzed would be read through.
  where t.id = any (v_ids);
  insert into public.hub_task_attempts (claim_id, task_id, attempt, device, model, started_at)
  select t.claim_id, t.id, t.attempt, t.claimed_by, t.model_used, t.started_at
  from public.mac_tasks as t where t.id = any (v_ids);
  return (
    select jsonb_agg(
      to_jsonb(t) || jsonb_build_object(
        'model', t.model_used,
        'short_id', left(t.id::text, 8),
        'files', hub.files_of(t.id),
        'session_id', hub.session_to_resume(t),
        'answers', coalesce(hub.answers_for(t), '[]')
      ) || jsonb_strip_nulls(jsonb_build_object('history', hub.history_of(t)))
      order by t.priority desc, t.created_at, t.id
    )
    from public.mac_tasks as t where t.id = any (v_ids)
  );
end
$$;
comment on function hub.claim_ready(public.mesh_devices, integer) is
  'Claims up to `most` ready tasks for a device, waiting for nobody.';

create or replace function hub.busy_slots(device text) returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select count(*) from hub.queue as q
    where q.state = 'running' and q.device = busy_slots.device and not exists (
      select from public.hub_questions as x where x.task_id = q.task_id and x.state = 'open'
    )
  );
end
$$;
comment on function hub.busy_slots(text) is
  'How many of a device''s slots its tasks take up: one that waits for an answer takes up none.';

create or replace function hub.claim_tasks(token text, max_tasks integer) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_device public.mesh_devices;
  v_free integer;
  v_most integer;
  v_tasks jsonb := '[]'::jsonb;
begin
  v_device := hub.authenticate_device(claim_tasks.token);
  if coalesce(claim_tasks.max_tasks, 1) not between 1 and 100 then
    perform hub.refuse('bad_argument', array['max_tasks is from 1 to 100.']);
  end if;
  -- Under the device's lock, so that its claims cannot pass max_running together, and that it has one name.
  -- Before any thread's: a completion of the same device holds the device and waits for its thread.
  select * into v_device from public.mesh_devices as d
  where d.id = v_device.id for no key update;
  if v_device.status <> 'online' then
    return v_tasks;
  end if;
  if exists (
    select from hub.queue as q where q.state in ('scheduled', 'backoff') and q.run_at <= v_now
  ) then
    perform hub.admit_due_tasks();
  end if;
  v_free := v_device.max_running - hub.busy_slots(v_device.name);
  v_most := least(coalesce(claim_tasks.max_tasks, 1), v_free);
  if v_most > 0 then
    v_tasks := hub.claim_ready(v_device, v_most);
  end if;
  if jsonb_array_length(v_tasks) < v_most then
    insert into hub.idle_devices (device_id) values (v_device.id) on conflict do nothing;
  else
    delete from hub.idle_devices as i where i.device_id = v_device.id;
  end if;
  return v_tasks;
end
$$;

create or replace function public.claim_tasks(token text, max_tasks integer default 1) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.claim_tasks(claim_tasks.token, claim_tasks.max_tasks);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.claim_tasks(text, integer) is
  'Claims up to max_tasks (1 to 100) tasks for the device of the token, as many as it has free slots; returns an array of tasks, each with claim_id, lease_expires_at, the model to use, short_id, files (those of its request: [{id, name, media_type, size, sha256}]), the session_id that the device can resume or null, answers: the questions of the task that were answered or expired, each with told (whether an earlier claim had it already), and history: what was said in its thread so far, for an agent that has no session of it or cannot resume it. Errors: bad_device_token, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.claim_tasks(text, integer) from public, service_role;
grant execute on function public.claim_tasks(text, integer), hub.claim_tasks(text, integer)
to anon, authenticated;

-- supabase/schemas/36_sessions.sql

-- Sessions: an agent's own memory of a conversation, which stays on the device where it ran.
--
-- There is one for each thread, model and device; a task of no thread, and each task of a team, has its own.
-- They are reported while the agent runs, so that the next run resumes whatever ended the one before. A model
-- or a device that has none is given what was said instead.

alter table hub.settings add column if not exists session_wait interval not null default '5 minutes'
check (session_wait >= '0' and session_wait <= '10 years');
comment on column hub.settings.session_wait is
  'How long a follow-up waits for the busy device of its session; then any device may have it, which is given what was said.';

create table if not exists hub.sessions (
  id bigint generated always as identity primary key,
  task_thread_id uuid references public.hub_task_threads on delete cascade,
  task_id uuid references public.mac_tasks on delete cascade,
  device_id uuid not null references public.mesh_devices on delete cascade,
  model text not null,
  session_id text not null check (length(session_id) between 1 and 500),
  used_at timestamptz not null default clock_timestamp(),
  constraint sessions_place check (num_nonnulls(task_thread_id, task_id) = 1),
  constraint sessions_key unique nulls not distinct (task_thread_id, task_id, model, device_id)
);
comment on table hub.sessions is 'The agent sessions that can be resumed: one for each thread (or task), model and device.';
comment on column hub.sessions.task_id is 'The task, where the session is not its thread''s: a task of no thread, or of a team.';
comment on column hub.sessions.used_at is 'When a run last said that it uses the session.';
create index if not exists idx_sessions_task on hub.sessions (task_id) where task_id is not null;
create index if not exists idx_sessions_device on hub.sessions (device_id);

insert into hub.message_events (name, meaning) values
  ('session_handed_over', 'Another model or device goes on in a thread, with what was said instead of the session.'),
  ('session_begun_anew', 'The session of a thread could not be resumed; a new one goes on with what was said.')
on conflict (name) do update set meaning = excluded.meaning;

create or replace function hub.thread_of_session(task public.mac_tasks) returns uuid
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when task.kind = 'task' then task.task_thread_id end;
end
$$;
comment on function hub.thread_of_session(public.mac_tasks) is
  'The thread whose sessions the task uses; null: it has its own. Tasks of a team run side by side and cannot share one.';

create or replace function hub.begins_anew(task public.mac_tasks) returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return task.attempt > 1 and task.attempt >= task.max_attempts;
end
$$;
comment on function hub.begins_anew(public.mac_tasks) is
  'Whether this attempt resumes no session: the last one does not, since it may be the session that fails.';

create or replace function hub.session_to_resume(task public.mac_tasks) returns text
language plpgsql stable
set search_path = ''
as $$
declare
  v_thread uuid := hub.thread_of_session(task);
begin
  if hub.begins_anew(task) then
    return null;
  end if;
  return (
    select s.session_id from hub.sessions as s
    join public.mesh_devices as d on d.id = s.device_id
    where s.task_thread_id is not distinct from v_thread
      and s.task_id is not distinct from case when v_thread is null then task.id end
      and s.model = task.model_used and d.name = task.claimed_by
  );
end
$$;
comment on function hub.session_to_resume(public.mac_tasks) is
  'The session that the model and device of a claimed task can resume; null if there is none.';

create or replace function hub.last_session(task public.mac_tasks, out device text, out model text)
language plpgsql stable
set search_path = ''
as $$
declare
  v_thread uuid := hub.thread_of_session(task);
begin
  select d.name, s.model into device, model
  from hub.sessions as s
  join public.mesh_devices as d on d.id = s.device_id
  where s.task_thread_id is not distinct from v_thread
    and s.task_id is not distinct from case when v_thread is null then task.id end
  order by s.used_at desc limit 1;
end
$$;
comment on function hub.last_session(public.mac_tasks) is 'Device and model of the newest session that the task can go on with.';

create or replace function hub.offer_elsewhere(most integer default 1000) returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_before timestamptz := clock_timestamp() - (select s.session_wait from hub.settings as s);
  v_count integer;
begin
  update hub.queue as q
  set lane_id = hub.lane_for(q.task_id)
  where q.task_id in (
    -- Lane by lane, so that tasks of no device's lane are not looked at.
    select waiting.task_id from hub.lanes as l
    cross join lateral (
      select ready.task_id from hub.queue as ready
      where ready.lane_id = l.id and ready.state = 'ready' and ready.since < v_before
        -- What is about the changes on a device can be done nowhere else.
        and not exists (
          select from public.mac_tasks as t where t.id = ready.task_id and t.metadata ? 'device_id'
        )
      limit offer_elsewhere.most
      for no key update skip locked
    ) as waiting
    where l.device <> '' and l.model <> '' and not l.bound
    limit offer_elsewhere.most
  );
  get diagnostics v_count = row_count;
  -- Nobody else came for what its device could not run: that device may try again, and say why it cannot.
  update hub.queue as q
  set avoid = null
  where q.task_id in (
    select waiting.task_id from hub.queue as waiting
    where waiting.state = 'ready' and waiting.avoid is not null and waiting.since < v_before
    for no key update skip locked
  );
  if v_count > 0 then
    perform hub.wake_mesh();
  end if;
  return v_count;
end
$$;
comment on function hub.offer_elsewhere(integer) is
  'Offers tasks that have waited for the device of their session for longer than hub.settings.session_wait to every device; returns how many. Part of hub.recover().';

create or replace function hub.remember_session(task public.mac_tasks, session_id text) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_thread uuid := hub.thread_of_session(task);
  v_device uuid;
  v_before record;
  v_known text;
begin
  if length(remember_session.session_id) > 500 then
    perform hub.refuse('bad_argument', array['session_id has at most 500 characters.']);
  elsif coalesce(remember_session.session_id, '') = '' then
    return;
  end if;
  select d.id into v_device from public.mesh_devices as d where d.name = task.claimed_by;
  v_before := hub.last_session(task);
  select s.session_id into v_known from hub.sessions as s
  where s.task_thread_id is not distinct from v_thread
    and s.task_id is not distinct from case when v_thread is null then task.id end
    and s.model = task.model_used and s.device_id = v_device;

  insert into hub.sessions as s (task_thread_id, task_id, device_id, model, session_id)
  values (v_thread, case when v_thread is null then task.id end, v_device, task.model_used, remember_session.session_id)
  on conflict on constraint sessions_key do update
    set session_id = excluded.session_id, used_at = clock_timestamp()
    -- Said again with each report of progress: written once a run.
    where s.session_id <> excluded.session_id or s.used_at < task.started_at;
  if v_thread is null then
    return;
  end if;
  update public.hub_task_threads as t
  set session_id = remember_session.session_id, session_device = task.claimed_by
  where t.id = v_thread
    and (t.session_id, t.session_device) is distinct from (remember_session.session_id, task.claimed_by);
  if v_before.device is not null and v_known is null then
    perform hub.post(task, 'session_handed_over', 'system', format(
      '🔀 %s: %s on %s goes on with what was said here; the session of %s on %s stays there',
      hub.short_id(task.id), task.model_used, task.claimed_by, v_before.model, v_before.device
    ), 'text');
  elsif v_known <> remember_session.session_id and hub.begins_anew(task) then
    perform hub.post(task, 'session_begun_anew', 'system', format(
      '🔀 %s: %s on %s begins anew with what was said here: its session could not be resumed',
      hub.short_id(task.id), task.model_used, task.claimed_by
    ), 'text');
  end if;
end
$$;
comment on function hub.remember_session(public.mac_tasks, text) is
  'Keeps the session of a running task, and says in its thread when another model or device took over. Under the task''s lock.';

create or replace function hub.history_of(task public.mac_tasks, most integer default 32000) returns text
language plpgsql stable
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_thread uuid := hub.thread_of_session(task);
  v_waiting text[];
  v_ahead text[];
begin
  if v_thread is null and not exists (
    select from public.hub_task_inputs as i where i.task_id = task.id and i.state = 'taken'
  ) then
    return null;
  end if;
  v_waiting := array(
    select i.message_id::text from public.hub_task_inputs as i where i.task_id = task.id and i.state = 'waiting'
  );
  v_ahead := array(
    select q.task_id::text from hub.queue as q where q.thread_id = v_thread and q.task_id <> task.id
  );
  return (
    select string_agg(said.line, E'\n\n' order by said.created_at, said.id)
    from (
      select m.id, m.created_at, format('%s: %s', m.sender_label, hub.cut(m.content, 8000)) as line,
        sum(length(m.sender_label) + least(length(m.content), 8000) + 4) over (order by m.created_at desc, m.id desc) as length
      from (
        -- The newest, by the index of the thread's pages.
        select * from public.hub_channel_messages as m
        where m.task_thread_id = v_thread and not m.is_progress
        order by m.created_at desc, m.id desc limit 500
      ) as m
      where v_thread is not null
        and (m.sender_type in ('human', 'agent') or m.metadata ->> 'event' = 'question_answered')
        and m.id::text is distinct from task.metadata ->> 'message_id'
        and m.id::text <> all (v_waiting)
        and coalesce(m.metadata ->> 'task_id', '') <> all (v_ahead)
      union all
      -- A task of no thread has only what it was told while it ran.
      select i.id, i.created_at, format('%s: %s', coalesce(m.sender_label, 'user'), i.content),
        sum(length(i.content) + 20) over (order by i.created_at desc, i.id desc)
      from public.hub_task_inputs as i
      left join public.hub_channel_messages as m on m.id = i.message_id
      where v_thread is null and i.task_id = task.id and i.state = 'taken'
    ) as said
    where said.length <= history_of.most
  );
end
$$;
comment on function hub.history_of(public.mac_tasks, integer) is
  'What was said so far, oldest first, for an agent that has no session to resume: "label: text" of people and agents, the newest characters where it is long. Not the request itself, what still waits to be taken, or requests behind it.';

revoke execute on all functions in schema hub from public;

-- supabase/schemas/40_delivery.sql

-- What the pipeline posts: the texts and embeds, and the triggers on mac_tasks that post them.
--
-- Everything hangs on the task's row, so that it works the same for the RPCs, for an old executor that
-- writes mac_tasks itself, and for an admin. Rows of no channel pass through untouched.

create table if not exists hub.delivery_failures (
  task_id uuid not null references public.mac_tasks on delete cascade,
  what text not null check (what in ('task', 'team')),
  reason text not null,
  failures integer not null default 1,
  failed_at timestamptz not null default clock_timestamp(),
  retry_at timestamptz not null,
  primary key (task_id, what)
);
comment on table hub.delivery_failures is
  'Tasks whose outcome could not be posted, with the reason. hub.recover() tries again from retry_at on.';
comment on column hub.delivery_failures.what is 'The outcome of the task, or of the team that ended with it.';
create index if not exists idx_delivery_failures_retry on hub.delivery_failures (retry_at);

-- Words ------------------------------------------------------------------------------------------

create or replace function hub.short_id(id uuid) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return left(id::text, 8);
end
$$;
comment on function hub.short_id(uuid) is 'The first eight hex digits of an id, as people see it.';

create or replace function hub.cut(content text, most integer) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when length(content) > most then left(content, most - 1) || '…' else content end;
end
$$;
comment on function hub.cut(text, integer) is 'The text, cut to `most` characters with … where it is longer.';

create or replace function hub.in_one_line(content text, most integer) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return btrim(hub.cut(regexp_replace(
    left(content, most * 2), '[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\s]+', ' ', 'g'
  ), most));
end
$$;
comment on function hub.in_one_line(text, integer) is
  'The text as one line of at most `most` characters, safe inside a line of the system''s.';

create or replace function hub.plain(content text, most integer) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  -- What begins another line or turns the reading direction, as hub.is_one_line() has it.
  return hub.cut(btrim(case
    when hub.is_one_line(left(content, most + 100)) then left(content, most + 100)
    else regexp_replace(
      left(content, most + 100),
      ' *[\x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069][ \x01-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*',
      ' ', 'g'
    )
  end), most);
end
$$;
comment on function hub.plain(text, integer) is
  'Somebody''s words, safe inside a line of the system''s and cut to `most` characters.';

create or replace function hub.title(content text) returns text
language plpgsql immutable
set search_path = ''
as $$
declare
  v_line text;
begin
  foreach v_line in array regexp_split_to_array(left(ltrim(coalesce(content, ''), E' \t\r\n'), 2000), '[\r\n\u2028\u2029]+') loop
    -- The opening of a block of code is no title, nor is a line in which there is nothing to see.
    if v_line !~ '^[ \t]*(```|~~~)' and hub.is_visible(v_line) then
      return hub.plain(v_line, 60);
    end if;
  end loop;
  return '';
end
$$;
comment on function hub.title(text) is
  'The first line of a request that says something, cut to 60 characters, safe inside a line of the system''s.';

create or replace function hub.request_of(task public.mac_tasks) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case when task.kind = 'task' then task.content else coalesce(task.metadata ->> 'request', task.content) end;
end
$$;
comment on function hub.request_of(public.mac_tasks) is
  'What a person asked for: the content, or the goal of the team for which a plan or a synthesis was made.';

create or replace function hub.duration(span interval) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return case
    when span is null then '—'
    when span < interval '1 minute' then format('%s s', greatest(round(extract(epoch from span), 1), 0.0))
    when span < interval '1 hour' then
      format('%s min %s s', extract(epoch from span)::bigint / 60, extract(epoch from span)::bigint % 60)
    else format('%s h %s min', extract(epoch from span)::bigint / 3600, extract(epoch from span)::bigint % 3600 / 60)
  end;
end
$$;
comment on function hub.duration(interval) is 'A span of time as people read it, as 12.5 s, 3 min 5 s, 2 h 10 min.';

create or replace function hub.embed(
  title text, description text, color integer, fields jsonb, footer text
) returns jsonb
language plpgsql stable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'title', title, 'description', description, 'color', color, 'fields', fields, 'footer', footer,
    'timestamp', to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  );
end
$$;

create or replace function hub.field(name text, value text) returns jsonb
language plpgsql immutable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'name', hub.cut(name, 256), 'value', coalesce(nullif(hub.cut(value, 1024), ''), '—'), 'inline', true
  );
end
$$;

create or replace function hub.color(meaning text) returns integer
language plpgsql immutable
set search_path = ''
as $$
begin
  return case meaning
    when 'success' then 5763719 -- #57F287
    when 'failure' then 15548997 -- #ED4245
    when 'queued' then 5793266 -- #5865F2
    when 'synthesizing' then 16705372 -- #FEE75C
    when 'question' then 16705372 -- #FEE75C
  end;
end
$$;

-- Posting ----------------------------------------------------------------------------------------

insert into hub.message_events (name, meaning) values
  ('task_queued', 'A task waits for a device.'),
  ('task_progress', 'A running task has got on.'),
  ('task_completed', 'A task is done; the message holds its result.'),
  ('task_failed', 'A task has failed for good; the message says why.'),
  ('task_requeued', 'A task goes back to the queue; the message says why.'),
  ('task_cancelled', 'Somebody has cancelled a task.'),
  ('thread_opened', 'In a channel: a task has got a thread of its own.')
on conflict (name) do update set meaning = excluded.meaning;

create or replace function hub.post(
  task public.mac_tasks, event text, sender_type text, content text, content_type text,
  embed jsonb default null, message_id uuid default gen_random_uuid(), is_progress boolean default false,
  metadata jsonb default '{}'
) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_most integer := (select s.max_result from hub.settings as s);
begin
  insert into public.hub_channel_messages (
    id, channel_id, task_thread_id, sender_type, sender_id, sender_label, content, content_type,
    embed_data, is_progress, metadata
  ) values (
    message_id, task.channel_id, task.task_thread_id, sender_type,
    case when sender_type = 'agent' then coalesce(task.claimed_by, 'agent') end,
    case when sender_type = 'agent' then coalesce(task.claimed_by, 'agent') else 'Aura' end,
    hub.cut(content, v_most), content_type, embed, is_progress,
    jsonb_strip_nulls(jsonb_build_object(
      'event', event, 'task_id', task.id, 'task_thread_id', task.task_thread_id, 'team_id', task.team_id
    )) || post.metadata
  );
end
$$;
comment on function hub.post(public.mac_tasks, text, text, text, text, jsonb, uuid, boolean, jsonb) is
  'Posts a message about a task where the task lives: in its thread, else in its channel. The event is one of hub.message_events; the metadata is added to what it is about.';

create or replace function hub.new_progress(previous text, current text) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return nullif(btrim(
    case when starts_with(current, previous) then substr(current, length(previous) + 1) else current end,
    E' \t\r\n'
  ), '');
end
$$;
comment on function hub.new_progress(text, text) is
  'The part of a progress text that was not there before; null if there is none.';

create or replace function hub.post_progress(task public.mac_tasks, previous text) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_settings hub.settings;
  v_message uuid := gen_random_uuid();
  v_text text := hub.new_progress(previous, task.partial_output);
begin
  select * into v_settings from hub.settings;
  v_text := case when task.task_thread_id is null
    then format('📋 %s: %s', hub.short_id(task.id), v_text) else '📋 ' || v_text
  end;
  if task.progress_count >= v_settings.progress_limit then
    -- The id of the last one follows from the task's, so that it is found and rewritten in place.
    v_message := md5(format('%s:%s', task.id, v_settings.progress_limit))::uuid;
    update public.hub_channel_messages as m set content = hub.cut(v_text, v_settings.max_result)
    where m.id = v_message and m.is_progress;
    if found then
      return;
    end if;
    -- People choose the ids of their messages: what one of them has taken is theirs.
    if exists (select from public.hub_channel_messages as m where m.id = v_message) then
      v_message := gen_random_uuid();
    end if;
  end if;
  perform hub.post(task, 'task_progress', 'agent', v_text, 'text', null, v_message, true);
end
$$;
comment on function hub.post_progress(public.mac_tasks, text) is
  'Posts what is new in partial_output; from the limit on, rewrites the last progress message.';

create or replace function hub.refused_in_words(refusals jsonb) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  return (
    select format('%s: %s', jsonb_array_length(refusals), string_agg(
      concat_ws(' ', r ->> 'tool', '(' || nullif(hub.in_one_line(r ->> 'detail', 200), '') || ')'), ', ' order by position
    ))
    from jsonb_array_elements(refusals) with ordinality as listed (r, position)
  );
end
$$;
comment on function hub.refused_in_words(jsonb) is 'What an agent was not allowed to do, as "2: Bash (npm publish), WebFetch".';

create or replace function hub.post_outcome(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_by text := format('[%s/%s]',
    coalesce(task.model_used, task.model_preference, 'any'), coalesce(task.claimed_by, '—'));
  v_text text := coalesce(task.result, '');
  v_refused integer := coalesce(jsonb_array_length(task.refusals), 0);
  v_fields jsonb;
begin
  if task.task_thread_id is not null then
    v_fields := jsonb_build_array(
      hub.field('Model', coalesce(task.model_used, task.model_preference, 'any')),
      hub.field('Device', coalesce(task.claimed_by, '—')),
      hub.field('Duration', hub.duration(task.finished_at - task.started_at))
    );
    if v_refused > 0 then
      v_fields := v_fields || hub.field('Refused', hub.refused_in_words(task.refusals));
    end if;
    if task.changes is not null then
      v_fields := v_fields || hub.field('Changes', hub.changes_line(task.changes));
    end if;
  end if;
  if task.cancelled_at is not null then
    perform hub.post(task, 'task_cancelled', 'system', format('🚫 %s cancelled by %s',
      hub.short_id(task.id), coalesce(task.metadata ->> 'cancelled_by', 'admin')), 'text');
  elsif task.status = 'complete' and task.task_thread_id is null then
    perform hub.post(task, 'task_completed', 'agent',
      case v_refused
        when 0 then format(E'✅ %s complete %s\n%s', hub.short_id(task.id), v_by, v_text)
        else format(E'⚠️ %s complete, %s %s refused %s\n%s', hub.short_id(task.id), v_refused,
          case v_refused when 1 then 'action' else 'actions' end, v_by, v_text)
      end || coalesce(E'\n\nChanges: ' || hub.changes_line(task.changes), ''), 'result');
  elsif task.status = 'complete' then
    perform hub.post(task, 'task_completed', 'agent', v_text, 'embed', hub.embed(
      'Task Complete', hub.title(task.content),
      hub.color(case v_refused when 0 then 'success' else 'question' end), v_fields, hub.short_id(task.id)));
  elsif task.task_thread_id is null then
    perform hub.post(task, 'task_failed', 'system',
      format(E'❌ %s failed %s\n%s', hub.short_id(task.id), v_by, task.error), 'error');
  else
    perform hub.post(task, 'task_failed', 'system', task.error, 'embed', hub.embed(
      'Task Failed', hub.title(task.content), hub.color('failure'), v_fields, hub.short_id(task.id)));
  end if;
end
$$;
comment on function hub.post_outcome(public.mac_tasks) is 'Posts how a task ended.';

create or replace function hub.record_delivery_failure(task_id uuid, what text, reason text) returns void
language sql
set search_path = ''
as $$
  update public.mac_tasks as t set delivered_at = null where t.id = record_delivery_failure.task_id;
  insert into hub.delivery_failures as f (task_id, what, reason, retry_at)
  values (
    record_delivery_failure.task_id, record_delivery_failure.what, record_delivery_failure.reason,
    clock_timestamp() + hub.backoff('1 minute', 0, '6 hours')
  )
  on conflict on constraint delivery_failures_pkey do update set
    reason = excluded.reason,
    failures = f.failures + 1,
    failed_at = clock_timestamp(),
    retry_at = clock_timestamp() + hub.backoff('1 minute', f.failures, '6 hours')
$$;
comment on function hub.record_delivery_failure(uuid, text, text) is
  'Remembers that an outcome was not posted, and when to try again: after 1, 2, 4 … minutes, 6 hours at most.';

-- Triggers ---------------------------------------------------------------------------------------

create or replace function hub.reopen_thread(thread_id uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Locked first: a tick that holds it may be about to make it idle.
  perform from public.hub_task_threads as t where t.id = reopen_thread.thread_id for no key update;
  update public.hub_task_threads as t
  set status = 'active', archived_at = null, last_activity_at = clock_timestamp(),
    next_transition_at = clock_timestamp() + coalesce(c.idle_after, s.idle_after)
  from public.hub_channels as c, hub.settings as s
  where t.id = reopen_thread.thread_id and t.status <> 'active' and c.id = t.channel_id;
end
$$;
comment on function hub.reopen_thread(uuid) is 'Makes a thread active that is not.';

create or replace function hub.announce(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_opens_thread boolean := false;
  v_model text := hub.model_to_try(task.model_preference, task.platform, task.channel_id);
  v_request text := hub.request_of(task);
  v_now timestamptz := clock_timestamp();
begin
  if task.task_thread_id is not null then
    v_opens_thread := exists (
      select from public.hub_task_threads as t where t.id = task.task_thread_id and t.task_id = task.id
    );
  end if;
  insert into public.hub_channel_messages (
    id, channel_id, task_thread_id, sender_type, sender_id, sender_label, content, content_type,
    embed_data, metadata, created_at
  )
  select m.id, task.channel_id, m.thread_id, m.sender_type, m.sender_id, m.sender_label, m.content,
    m.content_type, m.embed, jsonb_strip_nulls(jsonb_build_object(
      'event', m.event, 'task_id', task.id, 'task_thread_id', task.task_thread_id, 'team_id', task.team_id
    )), v_now + m.position * interval '1 microsecond'
  from (
    select 0 as position, null as event, (task.metadata ->> 'message_id')::uuid as id, task.task_thread_id as thread_id,
      'human' as sender_type, task.created_by::text as sender_id,
      task.metadata ->> 'created_by_label' as sender_label, v_request as content,
      'text' as content_type, null::jsonb as embed
    where task.metadata ? 'message_id' and not exists (
      select from public.hub_channel_messages as m where m.id = (task.metadata ->> 'message_id')::uuid
    )
    union all
    select 1, 'thread_opened', gen_random_uuid(), null, 'system', null, 'Aura',
      format('🧵 %s queued: %s', hub.short_id(task.id), hub.title(v_request)), 'text', null
    where v_opens_thread
    union all
    select 2, 'task_queued', gen_random_uuid(), null, 'system', null, 'Aura',
      format(E'⏳ Task %s queued\nModel: %s | Project: %s',
        hub.short_id(task.id), v_model, coalesce(task.project, '—')), 'text', null
    where task.task_thread_id is null
    union all
    select 3, 'task_queued', gen_random_uuid(), task.task_thread_id, 'system', null, 'Aura', 'Task Queued', 'embed',
      hub.embed('Task Queued', hub.title(v_request), hub.color('queued'), jsonb_build_array(
        hub.field('Model', v_model), hub.field('Device', '— (pending)')
      ), hub.short_id(task.id))
    where task.task_thread_id is not null
  ) as m
  order by m.position;
end
$$;
comment on function hub.announce(public.mac_tasks) is
  'Posts a new task: the request where it is not there yet, and that it is queued. With the task or not at all.';

create or replace function hub.announce_task() returns trigger
language plpgsql
security definer -- posts as the system
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  if new.kind in ('task', 'plan') then
    perform hub.announce(new);
  elsif new.kind = 'publish' then
    perform hub.announce_publishing(new);
  end if;
  return null;
end
$$;

create or replace function hub.deliver_task() returns trigger
language plpgsql
security definer -- posts as the agent and the system
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
begin
  if new.team_id is not null and new.status <> 'running' then
    -- The team before the thread or channel: who retries or cancels one of its tasks holds it by now.
    perform from public.hub_teams as t where t.id = new.team_id for no key update;
  end if;
  if new.task_thread_id is not null and new.status <> 'running' then
    -- A retry, or a task that ends after an admin archived its thread by hand.
    perform hub.reopen_thread(new.task_thread_id);
  end if;
  if new.progress_count > old.progress_count then
    perform hub.post_progress(new, coalesce(old.partial_output, ''));
  end if;
  if new.status in ('complete', 'failed') and old.status not in ('complete', 'failed') then
    -- What a plan or a synthesis ends in is posted with its team.
    if new.kind in ('task', 'subtask', 'publish') or new.cancelled_at is not null then
      perform hub.post_outcome(new);
    end if;
  elsif new.status = 'pending' and old.status <> 'pending' then
    -- A question says by itself what a parked task waits for.
    if not exists (
      select from public.hub_task_attempts as a where a.claim_id = old.claim_id and a.outcome = 'parked'
    ) then
      -- One line of an agent's error: the system says nothing that an agent has worded beyond it.
      perform hub.post(new, 'task_requeued', 'system', format('🔁 %s requeued: %s (attempt %s of %s)', hub.short_id(new.id),
        hub.plain(split_part(translate(coalesce(new.error, 'no reason given'), E'\r\u2028\u2029', E'\n\n\n'), E'\n', 1), 500),
        new.attempt + 1, new.max_attempts), 'text');
    end if;
  end if;
  return null;
exception when others then
  -- The one place that must not fail: the work is done whether it can be shown or not.
  if new.status in ('complete', 'failed') then
    perform hub.record_delivery_failure(new.id, 'task', sqlerrm);
  else
    raise warning 'Posting about task % failed: %', new.id, sqlerrm;
  end if;
  return null;
end
$$;
comment on function hub.deliver_task() is
  'Posts progress, requeues and outcomes. A failure is recorded in hub.delivery_failures and never undoes the work.';

create or replace trigger _500_announce_task
after insert on public.mac_tasks
for each row when (new.channel_id is not null and new.status = 'pending')
execute function hub.announce_task();

create or replace trigger _500_deliver_task
after update on public.mac_tasks
for each row when (
  new.channel_id is not null and (
    new.progress_count > old.progress_count
    or new.status is distinct from old.status and new.status <> 'running'
  )
)
execute function hub.deliver_task();

-- A channel or a thread that goes takes its waiting tasks along; the ones that run are told to stop. Nothing
-- of it is posted any more: of a thread it would stand in a channel that shows only threads.
create or replace function hub.cancel_tasks_of_place() returns trigger
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
as $$
declare
  v_what text := case tg_table_name when 'hub_channels' then 'channel' else 'thread' end;
  v_tasks uuid[] := array(
    select t.id from public.mac_tasks as t
    where case v_what when 'channel' then t.channel_id else t.task_thread_id end = old.id
      and t.status in ('pending', 'running')
    order by t.id
    for no key update
  );
begin
  update public.hub_teams as t
  set status = 'failed', finished_at = clock_timestamp(),
    metadata = t.metadata || jsonb_build_object('error', format('Its %s was deleted.', v_what))
  where case v_what when 'channel' then t.channel_id else t.task_thread_id end = old.id and t.finished_at is null;
  if not (select s.claims_foreign_tasks from hub.settings as s) then
    -- In another app's table a task of no channel would be one of the app's.
    if v_what = 'channel' then
      delete from public.mac_tasks as t where t.channel_id = old.id;
    else
      delete from public.mac_tasks as t where t.id = any (v_tasks);
    end if;
  else
    -- Without a channel at once: a message to a channel that is being deleted would be an error.
    update public.mac_tasks as t
    set status = case when t.claim_id is null then 'failed' else t.status end,
      cancelled_at = case when t.claim_id is null then clock_timestamp() end,
      cancel_requested_at = clock_timestamp(),
      channel_id = null,
      task_thread_id = null,
      metadata = t.metadata || jsonb_build_object('cancelled_by', format('the deletion of its %s', v_what))
    where t.id = any (v_tasks);
  end if;
  if v_what = 'thread' then
    delete from hub.delivery_failures as f using public.mac_tasks as t
    where t.task_thread_id = old.id and f.task_id = t.id;
    update public.mac_tasks as t set delivered_at = clock_timestamp()
    where t.task_thread_id = old.id and t.delivered_at is null;
  end if;
  return old;
end
$$;
comment on function hub.cancel_tasks_of_place() is 'Cancels the unfinished tasks of a channel or thread that is deleted, and ends its teams.';

create or replace trigger _100_cancel_tasks
before delete on public.hub_channels
for each row execute function hub.cancel_tasks_of_place();

create or replace trigger _100_cancel_tasks
before delete on public.hub_task_threads
for each row execute function hub.cancel_tasks_of_place();

revoke execute on all functions in schema hub from public;

-- supabase/schemas/42_states.sql

-- What a task may be, and what becomes of it: the triggers that run before its row is written. They guard
-- what people insert, fill in what a task of a channel needs, and hold the state machine.
--
-- As in delivery, everything hangs on the row, and rows of no channel pass through untouched.

create or replace function hub.lock_thread(thread_id uuid) returns void
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  perform from public.hub_task_threads as t where t.id = lock_thread.thread_id for no key update;
exception when lock_not_available or deadlock_detected then
  perform hub.refuse('busy');
end
$$;
comment on function hub.lock_thread(uuid) is 'Locks a thread. Errors: busy.';

create or replace function hub.guard_task() returns trigger
language plpgsql
security definer -- counts the open tasks of the caller
set search_path = ''
as $$
declare
  v_open integer;
  v_counted text[];
  v_rows integer := 1;
begin
  if hub.api_role() is null then
    return coalesce(new, old); -- a superuser
  elsif coalesce(new.channel_id, old.channel_id) is null then
    perform hub.require_role('operator');
  else
    perform hub.require_channel_role(coalesce(new.channel_id, old.channel_id), 'operator');
  end if;
  if tg_op <> 'INSERT' then
    -- Reached only where the owner of an older mac_tasks has granted it.
    perform hub.refuse('role_required', array['of an executor', hub.caller_role()]);
  end if;
  if new.status <> 'pending' or new.kind <> 'task' or new.team_id is not null or new.claim_id is not null
    or new.claimed_by is not null or new.attempt <> 0 or new.max_attempts is not null or new.progress_count <> 0
  then
    perform hub.refuse('bad_argument', array['A new task is pending, of kind task, and claimed by nobody.']);
  elsif new.channel_id is null and new.task_thread_id is not null then
    perform hub.refuse('bad_argument', array['A task in a thread names its channel_id too.']);
  elsif length(new.idempotency_key) not between 1 and 200 then
    perform hub.refuse('bad_argument', array['idempotency_key has 1 to 200 characters.']);
  elsif length(new.project) > 1000 or not hub.is_one_line(new.project) then
    -- It is named in a message of the system's.
    perform hub.refuse('bad_argument', array['project is one line of at most 1000 characters.']);
  elsif jsonb_typeof(new.metadata) <> 'object' or pg_column_size(new.metadata) > 16384
    or new.metadata ?| array[
      'request', 'position', 'created_by_label', 'cancelled_by',
      'review', 'review_of', 'branch_of', 'device_id', 'publish'
    ]
  then
    perform hub.refuse('bad_argument', array[
      'metadata is an object of at most 16 kB without what the hub keeps there, as request, cancelled_by and review.'
    ]);
  elsif new.metadata ? 'message_id' and not exists (
    select from public.hub_channel_messages as m
    where m.id = (new.metadata ->> 'message_id')::uuid
      and m.channel_id = new.channel_id and m.sender_id = auth.uid()::text
  ) then
    perform hub.refuse('bad_argument', array['metadata.message_id names a message of yours in the channel.']);
  end if;
  perform hub.require_content(new.content, 'content');
  perform hub.require_bounds(new);
  perform hub.lock_thread(new.task_thread_id);
  new.created_by := auth.uid();
  v_open := hub.require_open_task_slots(1);
  -- The rows of one statement reach the queue together, at its end: until then they are counted here.
  v_counted := string_to_array(current_setting('hub.counted_tasks', true), ' ');
  if v_counted[1] = v_open::text then
    v_rows := v_counted[2]::integer + 1;
    perform hub.require_open_task_slots(v_rows);
  end if;
  perform set_config('hub.counted_tasks', v_open || ' ' || v_rows, true);
  return new;
end
$$;
comment on function hub.guard_task() is 'What an API user may do to a task by itself: insert a new one.';

create or replace function hub.require_bounds(task public.mac_tasks) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if task.model_preference is not null then
    perform hub.require_model(task.model_preference, with_any => true);
  end if;
  if task.priority not between -100 and 100 then
    perform hub.refuse('bad_argument', array['priority is from -100 to 100.']);
  elsif task.run_at > now() + interval '1 year' or task.run_at = '-infinity' then
    perform hub.refuse('bad_argument', array['run_at is at most a year ahead.']);
  end if;
end
$$;
comment on function hub.require_bounds(public.mac_tasks) is 'Raises bad_argument for a model, priority or run_at that no task has.';

create or replace function hub.require_open_task_slots(wanted integer, author uuid default auth.uid()) returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_open integer;
  v_most integer;
begin
  if author is null then
    return null; -- the service key and SQL have no limit
  end if;
  perform pg_advisory_xact_lock(hashtextextended('open tasks of ' || author, 0));
  select count(*) into v_open from hub.queue as q where q.created_by = author;
  select s.max_open_tasks_per_user into v_most from hub.settings as s;
  if v_open + wanted > v_most then
    perform hub.refuse('too_many_open_tasks', array[v_open::text, v_most::text]);
  end if;
  return v_open;
end
$$;
comment on function hub.require_open_task_slots(integer, uuid) is
  'Raises too_many_open_tasks if so many more would pass the limit of whose tasks they are, by default the caller; returns how many there are. Calls for one user take turns.';

create or replace function hub.prepare_task() returns trigger
language plpgsql
security definer -- opens threads and reads channels for whoever inserts the task
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_channel record;
  v_thread public.hub_task_threads;
  v_route record;
  v_settings hub.settings;
  v_label text;
begin
  select * into v_settings from hub.settings;
  select c.*, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = new.channel_id;
  if not found then
    perform hub.refuse('channel_not_found', array[new.channel_id::text]);
  elsif v_channel.architecture_type = 'command_dispatch' then
    perform hub.refuse('wrong_architecture', array[v_channel.display_name, 'command_dispatch', 'tasks'],
      'Send it a command with execute_command.');
  elsif v_channel.is_read_only and new.kind in ('task', 'publish') then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  end if;
  if new.task_thread_id is not null then
    select * into v_thread from public.hub_task_threads as t
    where t.id = new.task_thread_id and t.channel_id = new.channel_id
    for no key update;
    if not found then
      perform hub.refuse('thread_not_found', array[new.task_thread_id::text]);
    elsif v_thread.status = 'archived' then
      perform hub.refuse('thread_archived', array[v_thread.id::text]);
    end if;
  end if;
  perform hub.require_bounds(new);

  v_route := hub.classify(hub.request_of(new), new.channel_id);
  if new.kind in ('task', 'subtask') then
    new.task_type := coalesce(new.task_type, v_route.task_type);
    new.platform := coalesce(new.platform, v_route.platform);
  else
    -- Planning and combining are done with words: any platform will do.
    new.task_type := coalesce(new.task_type, new.kind);
  end if;
  new.model_preference := nullif(new.model_preference, 'any');
  if new.model_preference is null and v_thread.id is not null then
    new.model_preference := coalesce(
      case when v_thread.session_id is not null then (select s.model from hub.last_session(new) as s) end,
      -- A follow-up to a task that has not ended yet will want to resume the session of that one.
      case when new.kind = 'task' then (
        select previous.model_preference from public.mac_tasks as previous
        where previous.task_thread_id = v_thread.id and previous.kind = 'task'
        order by previous.created_at desc limit 1
      ) end
    );
  end if;
  new.model_preference := coalesce(new.model_preference, v_route.model);
  new.project := coalesce(new.project, v_channel.project_path);
  new.priority := coalesce(new.priority, 0);
  new.attempt := coalesce(new.attempt, 0);
  new.progress_count := coalesce(new.progress_count, 0);
  new.max_attempts := coalesce(new.max_attempts, v_settings.max_attempts);
  new.created_by := coalesce(new.created_by, auth.uid());
  new.session_id := coalesce(new.session_id, v_thread.session_id);
  new.created_at := clock_timestamp();
  if v_thread.id is not null then
    -- Tasks of a thread run in the order of this, also where the clock was set back between them.
    new.created_at := greatest(new.created_at, (
      select max(t.created_at) + interval '1 microsecond' from public.mac_tasks as t
      where t.task_thread_id = new.task_thread_id
    ));
  end if;
  new.updated_at := new.created_at;
  if new.team_id is not null then
    -- Who asked for a team is who asked for its tasks, also when they have left.
    v_label := (select t.metadata ->> 'created_by_label' from public.hub_teams as t where t.id = new.team_id);
  end if;
  new.metadata := case jsonb_typeof(new.metadata) when 'object' then new.metadata else '{}' end
    || jsonb_build_object('created_by_label', coalesce(v_label, hub.user_label(new.created_by)));
  if new.status in ('complete', 'failed') then
    -- Recorded as over: there is nothing to post about it.
    new.finished_at := coalesce(new.finished_at, clock_timestamp());
    new.delivered_at := coalesce(new.delivered_at, new.finished_at);
  end if;

  if v_channel.architecture_type = 'threaded_task_isolation' and new.kind in ('task', 'plan') then
    if new.task_thread_id is null then
      insert into public.hub_task_threads (channel_id, task_id, team_id, name, next_transition_at)
      values (
        new.channel_id, new.id, new.team_id,
        format('%s — %s', hub.short_id(new.id), hub.title(hub.request_of(new))),
        clock_timestamp() + coalesce(v_channel.idle_after, v_settings.idle_after)
      )
      returning id into new.task_thread_id;
    end if;
    -- In a thread the request itself is posted too, unless the client names the message that holds it.
    if not new.metadata ? 'message_id' then
      new.metadata := new.metadata || jsonb_build_object('message_id', gen_random_uuid());
    end if;
  end if;
  return new;
end
$$;
comment on function hub.prepare_task() is
  'Fills in and checks a new task with a channel: route, project, limits; on a threaded channel opens its thread.';

create or replace function hub.settle_task() returns trigger
language plpgsql
security definer -- reads the registry of errors for whoever updates the task
set search_path = ''
as $$
declare
  v_was_over boolean := old.status in ('complete', 'failed');
begin
  new.updated_at := clock_timestamp();
  if v_was_over and old.status = 'failed' and new.status = 'pending' then
    -- A retry: the task begins anew, with its history in hub_task_attempts.
    new.finished_at := null;
    new.losses := 0;
    new.delivered_at := null;
    new.cancelled_at := null;
    new.cancel_requested_at := null;
    new.partial_output := null;
    new.result := null;
  elsif v_was_over then
    if (new.status, new.result, new.error, new.partial_output, new.cancelled_at)
      is distinct from (old.status, old.result, old.error, old.partial_output, old.cancelled_at)
    then
      perform hub.refuse('task_finished', array[hub.short_id(old.id),
        case when old.cancelled_at is not null then 'cancelled' else old.status end]);
    end if;
    return new;
  end if;

  -- A cancellation that was asked for wins over whatever comes after it.
  if new.status <> 'running' and old.cancel_requested_at is not null and not v_was_over then
    new.status := 'failed';
    new.cancelled_at := coalesce(new.cancelled_at, clock_timestamp());
  end if;
  if new.status = 'running' then
    if new.claimed_by is distinct from old.claimed_by and new.claim_id is not distinct from old.claim_id then
      if not exists (select from hub.queue as q where q.task_id = new.id and q.device = new.claimed_by) then
        -- Claimed by an UPDATE, and not a device that is renamed: no lease, and nobody takes it away.
        new.claim_id := null;
        new.lease_expires_at := null;
      end if;
    end if;
    if old.status = 'pending' then
      new.error := null;
      if new.claim_id is null then
        new.started_at := clock_timestamp();
        new.attempt := greatest(new.attempt, old.attempt + 1);
      end if;
    end if;
  else
    new.claim_id := null;
    new.lease_expires_at := null;
  end if;
  if new.status = 'pending' then
    new.claimed_by := null;
    new.started_at := null;
    new.model_used := null;
  elsif new.status in ('complete', 'failed') then
    new.finished_at := clock_timestamp();
    new.error := case
      when new.cancelled_at is not null
        then format('Cancelled by %s.', coalesce(new.metadata ->> 'cancelled_by', 'admin'))
      when new.status = 'failed' then coalesce(new.error, new.result, 'The executor gave no reason.')
    end;
    -- Presumed, and taken back where posting fails.
    new.delivered_at := case when new.channel_id is not null then clock_timestamp() end;
  end if;
  if new.partial_output is distinct from old.partial_output then
    if hub.new_progress(coalesce(old.partial_output, ''), new.partial_output) is not null then
      new.progress_count := old.progress_count + 1;
    end if;
  end if;
  return new;
end
$$;
comment on function hub.settle_task() is
  'The state machine of a task: what each change of status means for the other columns. What is over stays over, but for a retry.';

-- For every database role but the owner's and that of executors with a service key.
-- In a table that was here before, only rows that name something of this project are guarded. In one of
-- its own every row is: what has no channel is run by executors all the same. And there nobody has the
-- right to change or delete a task: only in an older table its owner may have granted that.
do $$
declare
  v_fresh boolean := exists (
    select from pg_catalog.pg_constraint as c
    where c.conrelid = 'public.mac_tasks'::regclass and c.conname = 'mac_tasks_terminal'
  );
begin
  execute format(
    $trigger$
      create or replace trigger _050_guard_task_on_insert
      before insert on public.mac_tasks
      for each row when ((%s) and current_user::text not in (%L, 'service_role'))
      execute function hub.guard_task()
    $trigger$,
    case
      when v_fresh then 'true'
      else 'num_nonnulls(new.channel_id, new.task_thread_id, new.team_id, new.claim_id) > 0'
    end,
    current_user
  );
  if not v_fresh then
    execute format(
      $trigger$
        create or replace trigger _050_guard_task_on_update
        before update on public.mac_tasks
        for each row when (
          num_nonnulls(
            old.channel_id, new.channel_id, new.task_thread_id, new.team_id, old.claim_id, new.claim_id
          ) > 0
          and current_user::text not in (%1$L, 'service_role')
        )
        execute function hub.guard_task();
        create or replace trigger _050_guard_task_on_delete
        before delete on public.mac_tasks
        for each row when (old.channel_id is not null and current_user::text not in (%1$L, 'service_role'))
        execute function hub.guard_task()
      $trigger$,
      current_user
    );
  end if;
end
$$;

create or replace trigger _100_prepare_task
before insert on public.mac_tasks
for each row when (new.channel_id is not null)
execute function hub.prepare_task();

create or replace trigger _200_settle_task
before update on public.mac_tasks
for each row when (
  old.channel_id is not null or old.claim_id is not null or new.claim_id is not null
)
execute function hub.settle_task();

revoke execute on all functions in schema hub from public;

-- supabase/schemas/44_dispatch.sql

-- What clients do with tasks: dispatch, open a thread, cancel, retry.

create or replace function hub.lock_idempotency_key(channel_id uuid, idempotency_key text) returns void
language plpgsql
set search_path = ''
as $$
begin
  if length(idempotency_key) not between 1 and 200 then
    perform hub.refuse('bad_argument', array['idempotency_key has 1 to 200 characters.']);
  end if;
  -- Two calls with one key take turns, so that the second finds what the first made.
  perform pg_advisory_xact_lock(hashtextextended(
    concat_ws(':', 'dispatch', auth.uid(), channel_id, idempotency_key), 0
  ));
end
$$;
comment on function hub.lock_idempotency_key(uuid, text) is 'Makes calls with the same key take turns. Errors: bad_argument.';

create or replace function hub.require_same(idempotency_key text, before text, now text) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  if before <> now then
    perform hub.refuse('key_used', array[idempotency_key]);
  end if;
end
$$;
comment on function hub.require_same(text, text, text) is
  'What is sent again with a key is the same as before, unless that is not known (null). Errors: key_used.';

create or replace function hub.dispatch_result(task public.mac_tasks) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return jsonb_build_object(
    'message', (
      select to_jsonb(m) from public.hub_channel_messages as m
      where m.id = (task.metadata ->> 'message_id')::uuid
    ),
    'task', to_jsonb(task),
    'thread', (select to_jsonb(t) from public.hub_task_threads as t where t.id = task.task_thread_id)
  );
end
$$;
comment on function hub.dispatch_result(public.mac_tasks) is '{message, task, thread} of a task.';

create or replace function hub.dispatch_task(
  channel_id uuid, content text, task_thread_id uuid, model text, priority integer,
  run_at timestamptz, idempotency_key text, file_ids uuid[]
) returns jsonb
language plpgsql
security definer -- tasks and system messages are written by nobody else
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_files public.hub_files[];
  v_content text := dispatch_task.content;
begin
  perform hub.require_channel_role(dispatch_task.channel_id, 'operator');
  if dispatch_task.idempotency_key is not null then
    perform hub.lock_idempotency_key(dispatch_task.channel_id, dispatch_task.idempotency_key);
    select * into v_task from public.mac_tasks as t
    where t.channel_id = dispatch_task.channel_id
      and t.created_by is not distinct from auth.uid()
      and t.idempotency_key = dispatch_task.idempotency_key;
    if found then
      -- Of a request that is files alone, the content is their names.
      perform hub.require_same(dispatch_task.idempotency_key, v_task.content,
        case when cardinality(dispatch_task.file_ids) > 0 then nullif(btrim(dispatch_task.content, E' \t\r\n'), '')
          else coalesce(dispatch_task.content, '') end);
      return hub.dispatch_result(v_task);
    end if;
  end if;
  if cardinality(dispatch_task.file_ids) > 0 then
    v_files := hub.lock_files(dispatch_task.file_ids, dispatch_task.channel_id);
    if coalesce(btrim(v_content, E' \t\r\n'), '') = '' then
      v_content := hub.names_of(v_files, dispatch_task.file_ids);
    end if;
  end if;
  perform hub.require_content(v_content, 'content');
  perform hub.require_open_task_slots(1);
  insert into public.mac_tasks (
    -- A table that was here first has other defaults: nothing is left to them.
    id, status, project, platform,
    channel_id, content, task_thread_id, model_preference, priority, run_at, idempotency_key, created_by,
    metadata
  ) values (
    gen_random_uuid(), 'pending', null, null,
    dispatch_task.channel_id, v_content, dispatch_task.task_thread_id,
    coalesce(dispatch_task.model, 'any'), coalesce(dispatch_task.priority, 0), dispatch_task.run_at,
    dispatch_task.idempotency_key, auth.uid(), jsonb_build_object('message_id', gen_random_uuid())
  )
  returning * into v_task;
  if v_files is not null then
    perform hub.attach_files(dispatch_task.file_ids, v_task);
  end if;
  return hub.dispatch_result(v_task);
end
$$;

create or replace function public.dispatch_task(
  channel_id uuid, content text default null, task_thread_id uuid default null, model text default null,
  priority integer default 0, run_at timestamptz default null, idempotency_key text default null,
  file_ids uuid[] default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.dispatch_task(
    dispatch_task.channel_id, dispatch_task.content, dispatch_task.task_thread_id, dispatch_task.model,
    dispatch_task.priority, dispatch_task.run_at, dispatch_task.idempotency_key, dispatch_task.file_ids
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.dispatch_task(uuid, text, uuid, text, integer, timestamptz, text, uuid[]) is
  'Queues a task and posts the request and that it is queued; returns {message, task, thread}, thread null on a flat channel. With task_thread_id: a follow-up. model: claude, gemini, codex or any; priority: -100 to 100; run_at: not before. file_ids: files of the caller''s that have arrived, and then content may be left out. The same idempotency_key of the same user in the same channel returns the first result again. Operator. Errors: key_used, channel_not_found, thread_not_found, wrong_architecture, channel_read_only, thread_archived, content_empty, content_too_long (32,000), too_many_open_tasks, bad_argument, too_many_files, file_not_found, file_not_stored, file_in_use.';

create or replace function hub.create_task_thread(channel_id uuid, task_id uuid) returns jsonb
language plpgsql
security definer -- threads are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_channel record;
  v_thread uuid := gen_random_uuid();
  v_route record;
begin
  perform hub.require_channel_role(create_task_thread.channel_id, 'operator');
  select c.*, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = create_task_thread.channel_id;
  if v_channel.architecture_type <> 'threaded_task_isolation' then
    perform hub.refuse('wrong_architecture', array[v_channel.display_name, v_channel.architecture_type, 'threads']);
  elsif v_channel.is_read_only then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  end if;
  select * into v_task from public.mac_tasks as t where t.id = create_task_thread.task_id for no key update;
  -- A task of no channel can be given one by who made it or an admin, unless it is another app's or
  -- somebody is at work on it.
  if not found
    or v_task.channel_id is null and (
      v_task.status = 'running'
      or not (select s.claims_foreign_tasks from hub.settings as s)
      or v_task.created_by is distinct from auth.uid() and not hub.has_role('admin')
    )
    or v_task.channel_id <> create_task_thread.channel_id
  then
    perform hub.refuse('task_not_found', array[coalesce(create_task_thread.task_id::text, 'null')]);
  end if;
  if v_task.task_thread_id is null and v_task.status in ('complete', 'failed') then
    perform hub.refuse('task_finished', array[hub.short_id(v_task.id), v_task.status]);
  end if;
  if v_task.task_thread_id is null then
    insert into public.hub_task_threads (id, channel_id, task_id, name, next_transition_at)
    values (
      v_thread, v_channel.id, v_task.id,
      format('%s — %s', hub.short_id(v_task.id), hub.title(v_task.content)),
      clock_timestamp() + coalesce(v_channel.idle_after, (select s.idle_after from hub.settings as s))
    );
    v_route := hub.classify(v_task.content, v_channel.id);
    update public.mac_tasks as t
    set channel_id = v_channel.id, task_thread_id = v_thread,
      task_type = coalesce(t.task_type, v_route.task_type),
      platform = coalesce(t.platform, v_route.platform),
      model_preference = coalesce(nullif(t.model_preference, 'any'), v_route.model),
      project = coalesce(t.project, v_channel.project_path),
      max_attempts = coalesce(t.max_attempts, (select s.max_attempts from hub.settings as s)),
      created_by = coalesce(t.created_by, auth.uid()),
      metadata = t.metadata || jsonb_build_object(
        'message_id', gen_random_uuid(), 'created_by_label', hub.user_label(coalesce(t.created_by, auth.uid()))
      )
    where t.id = v_task.id
    returning * into v_task;
    perform hub.announce(v_task);
  end if;
  return (select to_jsonb(t) from public.hub_task_threads as t where t.id = v_task.task_thread_id);
end
$$;

create or replace function public.create_task_thread(channel_id uuid, task_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.create_task_thread(create_task_thread.channel_id, create_task_thread.task_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.create_task_thread(uuid, uuid) is
  'The thread of a task that a client inserted itself, opened if there is none yet; returns the hub_task_threads row, the same one when called again. Operator. Errors: channel_not_found, task_not_found, wrong_architecture, channel_read_only, task_finished.';

-- A thread that moves to another channel takes its messages along by a foreign key, and by this what else is
-- in it.
create or replace function hub.guard_move() returns trigger
language plpgsql
security definer -- reads the registry of errors for whoever moves the thread
set search_path = ''
as $$
declare
  v_channel record;
begin
  select c.display_name, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = new.channel_id;
  if v_channel.architecture_type <> 'threaded_task_isolation' then
    perform hub.refuse('wrong_architecture', array[v_channel.display_name, v_channel.architecture_type, 'threads']);
  end if;
  return new;
end
$$;

create or replace trigger _100_guard_move
before update of channel_id on public.hub_task_threads
for each row when (old.channel_id <> new.channel_id)
execute function hub.guard_move();

create or replace function hub.move_tasks_of_thread() returns trigger
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
-- The thread is locked by now, and whoever holds a task of it may want it next: soon enough to give way.
set lock_timeout = '500ms'
as $$
begin
  update public.mac_tasks as t set channel_id = new.channel_id where t.task_thread_id = new.id;
  update public.hub_teams as t set channel_id = new.channel_id where t.task_thread_id = new.id;
  return null;
exception when lock_not_available then
  perform hub.refuse('busy');
  return null;
end
$$;
comment on function hub.move_tasks_of_thread() is 'Tasks and teams of a thread belong to the channel of the thread. Errors: busy.';

create or replace trigger _500_move_tasks_of_thread
after update of channel_id on public.hub_task_threads
for each row when (old.channel_id <> new.channel_id)
execute function hub.move_tasks_of_thread();

-- Cancelling and retrying ------------------------------------------------------------------------

create or replace function hub.cancel_one(task_id uuid, label text) returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  perform hub.withdraw_questions(cancel_one.task_id);
  -- A task that somebody claimed by an UPDATE has no heartbeat to hear it by: it ends at once.
  update public.mac_tasks as t
  set status = case when t.claim_id is null then 'failed' else t.status end,
    cancelled_at = case when t.claim_id is null then clock_timestamp() end,
    cancel_requested_at = coalesce(t.cancel_requested_at, clock_timestamp()),
    metadata = case
      when t.cancel_requested_at is null then t.metadata || jsonb_build_object('cancelled_by', label)
      else t.metadata
    end
  where t.id = cancel_one.task_id and t.status in ('pending', 'running')
  returning * into v_task;
  return v_task;
end
$$;
comment on function hub.cancel_one(uuid, text) is
  'Cancels an unfinished task at once, or asks the device that runs it to stop.';

create or replace function hub.cancel_task(task_id uuid) returns jsonb
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_team public.hub_teams;
  v_label text := hub.user_label(auth.uid());
begin
  select * into v_task from public.mac_tasks as t where t.id = cancel_task.task_id and t.channel_id is not null;
  if not found then
    -- A team, or its thread, stands for all its tasks.
    select * into v_team from public.hub_teams as team
    where team.id = cancel_task.task_id or team.task_thread_id = cancel_task.task_id
    order by team.created_at desc limit 1;
  end if;
  perform hub.require_channel_role(
    coalesce(v_task.channel_id, v_team.channel_id), 'operator', 'task_not_found', cancel_task.task_id
  );
  if v_task.id is null then
    return hub.cancel_team(v_team.id, cancel_task.task_id, v_label);
  elsif v_task.kind in ('plan', 'synthesis') then
    -- Not locked yet: all tasks of a team are, in their order.
    return hub.cancel_team(v_task.team_id, v_task.id, v_label);
  end if;
  select * into v_task from public.mac_tasks as t where t.id = v_task.id for no key update;
  if not found then
    perform hub.refuse('task_not_found', array[cancel_task.task_id::text]);
  elsif v_task.status in ('complete', 'failed') then
    perform hub.refuse('task_finished', array[hub.short_id(v_task.id),
      case when v_task.cancelled_at is not null then 'cancelled' else v_task.status end]);
  end if;
  return to_jsonb(hub.cancel_one(v_task.id, v_label));
end
$$;

create or replace function public.cancel_task(task_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.cancel_task(cancel_task.task_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.cancel_task(uuid) is
  'Cancels a pending task at once; asks the device of a running one to stop (cancel_requested_at), whereupon it ends as cancelled whatever comes. The id of a plan, a team or a team''s thread cancels all tasks of the team. Returns the task. Operator. Errors: task_not_found, task_finished.';

create or replace function hub.retry_task(task_id uuid) returns jsonb
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_state text;
begin
  perform hub.require_channel_role(
    (select t.channel_id from public.mac_tasks as t where t.id = retry_task.task_id),
    'operator', 'task_not_found', retry_task.task_id
  );
  select * into v_task from public.mac_tasks as t
  where t.id = retry_task.task_id and t.channel_id is not null for no key update;
  if not found then
    perform hub.refuse('task_not_found', array[retry_task.task_id::text]);
  end if;
  -- A subtask that ends meanwhile decides under this lock whether its team goes on.
  perform from public.hub_teams as team where team.id = v_task.team_id for no key update;
  v_state := case
    when v_task.status <> 'failed' then v_task.status
    when exists (
      select from public.hub_teams as team
      where team.id = v_task.team_id
        and (team.status <> 'running' or v_task.kind <> 'subtask' or team.metadata ? 'cancelled_by')
    ) then 'part of a team that went on without it'
  end;
  if v_state is not null then
    perform hub.refuse('task_finished', array[hub.short_id(v_task.id), v_state],
      case when v_task.status = 'failed' then 'Dispatch the team again.' else 'Only a failed task can be retried.' end);
  end if;
  if exists (
    select from public.hub_task_threads as t where t.id = v_task.task_thread_id and t.status = 'archived'
  ) then
    perform hub.refuse('thread_archived', array[v_task.task_thread_id::text]);
  end if;
  if v_task.task_thread_id is null and exists (
    select from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
    where c.id = v_task.channel_id and s.architecture_type = 'threaded_task_isolation'
  ) then
    perform hub.refuse('thread_not_found', array['of task ' || hub.short_id(v_task.id)]);
  end if;
  -- It is its author's again, whoever retries it.
  perform hub.require_open_task_slots(1, coalesce(v_task.created_by, auth.uid()));
  delete from hub.delivery_failures as f where f.task_id = v_task.id;
  update public.mac_tasks as t
  set status = 'pending', run_at = null,
    max_attempts = t.attempt + (select s.max_attempts from hub.settings as s),
    error = format('retried by %s', hub.user_label(auth.uid())),
    metadata = t.metadata - 'cancelled_by'
  where t.id = v_task.id
  returning * into v_task;
  return to_jsonb(v_task);
end
$$;

create or replace function public.retry_task(task_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.retry_task(retry_task.task_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.retry_task(uuid) is
  'Queues a failed or cancelled task again, with a fresh count of attempts; returns the task. Operator. Errors: task_not_found, task_finished, thread_not_found (somebody deleted it), thread_archived, too_many_open_tasks.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.dispatch_task(uuid, text, uuid, text, integer, timestamptz, text, uuid[]),
  public.create_task_thread(uuid, uuid), public.cancel_task(uuid), public.retry_task(uuid)
from public;
grant execute on function
  public.dispatch_task(uuid, text, uuid, text, integer, timestamptz, text, uuid[]),
  hub.dispatch_task(uuid, text, uuid, text, integer, timestamptz, text, uuid[]),
  public.create_task_thread(uuid, uuid), hub.create_task_thread(uuid, uuid),
  public.cancel_task(uuid), hub.cancel_task(uuid),
  public.retry_task(uuid), hub.retry_task(uuid)
to anon, authenticated, service_role;

-- supabase/schemas/46_explain.sql

-- Why a task is where it is.

create or replace function hub.waiting_reason(task public.mac_tasks) returns jsonb
language sql
stable
set search_path = ''
as $$
  -- From a device that would take it at once to none at all: the first step that some device has reached
  -- is what the task waits for. What a device is offered is asked of the claim itself.
  with able as (
    select d.name, d.status, m.rate_limited_until,
      l.lane_id is not null as offered,
      d.server_ids is null or d.server_ids <@ (select array(select hub.servers_with('viewer'))) as seen,
      hub.busy_slots(d.name) < d.max_running as has_room,
      task.platform is null or task.platform = d.platform as platform_fits,
      c.model is not null as model_fits
    from (
      select device.* from public.mesh_devices as device
      where not exists (
        select from hub.barred_servers as b
        join public.hub_channels as place on place.server_id = b.server_id
        where b.device_id = device.id and place.id = task.channel_id
      )
    ) as d
    left join public.mesh_device_models as m on m.device_id = d.id
    left join hub.model_chains as c
      on c.preference = coalesce(task.model_preference, 'any') and c.model = m.model
      and exists (select from public.hub_models as known where known.name = c.model and known.enabled)
    left join hub.open_lanes(d) as l on d.status = 'online'
      and l.lane_id = (
        select q.lane_id from hub.queue as q
        where q.task_id = task.id and (q.avoid is null or d.id <> all (q.avoid))
      )
  )
  select case
    when exists (select from able where offered and has_room) then jsonb_build_object('reason', 'ready')
    when exists (select from able where offered) then jsonb_build_object(
      'reason', 'devices_busy', 'devices', (select jsonb_agg(distinct name) from able where offered and seen)
    )
    when exists (
      select from hub.queue as q
      join hub.lanes as l on l.id = q.lane_id and l.bound
      join public.mesh_devices as d on d.name = l.device and d.status = 'offline'
      where q.task_id = task.id
    ) then jsonb_build_object('reason', 'waiting_for_device', 'devices', (
      select jsonb_build_array(l.device) from hub.queue as q join hub.lanes as l on l.id = q.lane_id
      where q.task_id = task.id
    ))
    when exists (select from able where status = 'online' and platform_fits and model_fits) then jsonb_build_object(
      'reason', 'rate_limited', 'until', (
        select min(rate_limited_until) from able where status = 'online' and platform_fits and model_fits
      )
    )
    when exists (select from able where status = 'draining' and platform_fits and model_fits) then jsonb_build_object(
      'reason', 'device_draining', 'devices', (
        select jsonb_agg(distinct name) from able where seen and status = 'draining' and platform_fits and model_fits
      )
    )
    when exists (select from able where status = 'online' and platform_fits)
      then jsonb_build_object('reason', 'no_matching_model', 'model', task.model_preference)
    when exists (select from able where status = 'online')
      then jsonb_build_object('reason', 'no_matching_platform', 'platform', task.platform)
    else jsonb_build_object('reason', 'waiting_for_device')
  end
$$;
comment on function hub.waiting_reason(public.mac_tasks) is 'Why no device takes a task that is ready, as {reason, …}.';

create or replace function hub.explain_task(task_id uuid) returns jsonb
language plpgsql
stable
security definer -- the queue is in a schema that the API does not expose
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_queued hub.queue;
  v_server public.hub_servers;
  v_why jsonb;
begin
  select * into v_task from public.mac_tasks as t where t.id = explain_task.task_id;
  if v_task.channel_id is not null or v_task.id is null then
    perform hub.require_channel_role(v_task.channel_id, 'viewer', 'task_not_found', explain_task.task_id);
  else
    perform hub.require_role('viewer');
    -- As its policy has it: another app's, or of a channel that is gone and may have been private.
    if not (select s.claims_foreign_tasks from hub.settings as s)
      or v_task.metadata ? 'created_by_label' and not hub.has_role('admin')
    then
      perform hub.refuse('task_not_found', array[v_task.id::text]);
    end if;
  end if;
  select * into v_queued from hub.queue as q where q.task_id = v_task.id;
  select s.* into v_server
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = v_task.channel_id;

  v_why := case
    when v_task.status in ('complete', 'failed') then jsonb_build_object(
      'reason', 'finished', 'since', v_task.finished_at, 'cancelled_at', v_task.cancelled_at,
      'error', v_task.error, 'delivered_at', v_task.delivered_at,
      'delivery_failure', (
        select string_agg(f.reason, '; ' order by f.what) from hub.delivery_failures as f where f.task_id = v_task.id
      )
    )
    when hub.has_open_question(v_task.id) then (
      select jsonb_build_object(
        'reason', 'waiting_for_answer', 'since', min(q.asked_at), 'device', v_task.claimed_by,
        'question_id', (array_agg(q.id order by q.asked_at))[1], 'title', (array_agg(q.title order by q.asked_at))[1],
        'questions', count(*), 'until', min(q.expires_at)
      )
      from public.hub_questions as q where q.task_id = v_task.id and q.state = 'open'
    )
    when v_task.status = 'running' then jsonb_build_object(
      'reason', 'running', 'since', v_task.started_at, 'device', v_task.claimed_by, 'model', v_task.model_used,
      'lease_expires_at', v_task.lease_expires_at, 'cancel_requested_at', v_task.cancel_requested_at
    )
    when v_server.paused_at is not null then jsonb_build_object(
      'reason', 'server_paused', 'since', v_server.paused_at, 'server', v_server.name
    )
    when v_task.run_at > clock_timestamp() then jsonb_build_object(
      'reason', case when v_task.attempt > 0 or v_task.error is not null then 'backoff' else 'scheduled' end,
      'until', v_task.run_at, 'since', v_task.updated_at, 'error', v_task.error
    )
    when v_queued.state = 'blocked' then jsonb_build_object(
      'reason', 'waiting_for_previous',
      'task_id', (
        select q.task_id from hub.queue as q
        where q.thread_id = v_queued.thread_id and q.task_id <> v_queued.task_id and q.state <> 'scheduled'
        order by q.state = 'blocked', q.created_at limit 1
      )
    )
    when v_queued.task_id is null then jsonb_build_object('reason', 'not_queued')
    when v_task.kind = 'publish' then hub.publishing_reason(v_task)
    else hub.waiting_reason(v_task)
  end;
  return jsonb_build_object(
    'state', v_task.status,
    'reason', v_why ->> 'reason',
    'since', coalesce(v_why -> 'since', to_jsonb(v_task.created_at)),
    'detail', jsonb_strip_nulls(v_why - 'reason' - 'since') || jsonb_build_object(
      'attempt', v_task.attempt, 'max_attempts', v_task.max_attempts
    )
  );
end
$$;

create or replace function public.explain_task(task_id uuid) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  return hub.explain_task(explain_task.task_id);
end
$$;
comment on function public.explain_task(uuid) is
  'Why a task is where it is: {state: its status, reason, since, detail}. Reasons: finished, waiting_for_answer {question_id, title, questions, until}, running {device, model, lease_expires_at}, server_paused, scheduled {until}, backoff {until, error}, waiting_for_previous {task_id}, devices_busy {devices}, device_draining {devices}, rate_limited {until}, no_matching_model, no_matching_platform, waiting_for_device (with devices: the one that holds what the task left there), ready (a device with a free slot is about to claim it). Viewer. Errors: task_not_found.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.explain_task(uuid) from public;
grant execute on function public.explain_task(uuid), hub.explain_task(uuid) to anon, authenticated, service_role;

-- supabase/schemas/48_runs.sql

-- What executors do with a claimed task. Each call names its claim, and a claim that no longer holds
-- the task changes nothing.

create or replace function hub.held_task(device public.mesh_devices, task_id uuid, claim_id uuid)
returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  select * into v_task from public.mac_tasks as t where t.id = held_task.task_id for no key update;
  if not found then
    perform hub.refuse('task_not_found', array[coalesce(held_task.task_id::text, 'null')]);
  elsif v_task.status <> 'running' or v_task.claim_id is distinct from held_task.claim_id
    or v_task.claim_id is null
    -- Read under the task's lock: the device may just have been renamed.
    or not exists (select from public.mesh_devices as d where d.id = device.id and d.name = v_task.claimed_by)
  then
    perform hub.refuse('stale_claim', array[hub.short_id(v_task.id)]);
  end if;
  return v_task;
end
$$;
comment on function hub.held_task(public.mesh_devices, uuid, uuid) is
  'The task, locked, if this claim of this device holds it. Errors: task_not_found, stale_claim.';

create or replace function hub.end_attempt(task public.mac_tasks, outcome text, error text) returns void
language plpgsql
set search_path = ''
as $$
begin
  update public.hub_task_attempts as a
  set ended_at = clock_timestamp(),
    outcome = case when task.cancel_requested_at is not null then 'cancelled' else end_attempt.outcome end,
    error = end_attempt.error
  where a.claim_id = task.claim_id and a.ended_at is null;
end
$$;
comment on function hub.end_attempt(public.mac_tasks, text, text) is
  'Closes the attempt of the task''s claim; as cancelled where that was asked for.';

create or replace function hub.requeue(task public.mac_tasks, reason text, run_at timestamptz, attempt integer)
returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
begin
  -- The next run begins without what this one asked.
  perform hub.withdraw_questions(task.id);
  update public.mac_tasks as t
  set status = 'pending', error = requeue.reason, run_at = requeue.run_at, attempt = requeue.attempt
  where t.id = task.id
  returning * into task;
  return task;
end
$$;
comment on function hub.requeue(public.mac_tasks, text, timestamptz, integer) is 'Puts a running task back into the queue.';

create or replace function hub.end_as_failed(task public.mac_tasks, error text) returns public.mac_tasks
language sql
set search_path = ''
as $$
  update public.mac_tasks as t
  set status = 'failed', error = end_as_failed.error
  where t.id = task.id
  returning t.*
$$;
comment on function hub.end_as_failed(public.mac_tasks, text) is 'Ends a task as failed.';

alter table hub.settings add column if not exists max_releases integer not null default 3
check (max_releases between 1 and 1000);
comment on column hub.settings.max_releases is
  'How often in a row a task may be given back before it is put off for a while; a device that does nothing else is drained.';
alter table hub.settings add column if not exists max_losses integer not null default 10
check (max_losses between 1 and 1000);
comment on column hub.settings.max_losses is
  'How often a task may lose its device before it fails. A device that sleeps is no failure of the task: these do not count as attempts.';

create or replace function hub.lose(task public.mac_tasks, outcome text, reason text) returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
begin
  perform hub.end_attempt(task, lose.outcome, null);
  task.losses := task.losses + 1;
  update public.mac_tasks as t set losses = task.losses where t.id = task.id;
  if task.losses >= (select s.max_losses from hub.settings as s) then
    return hub.end_as_failed(task, format('%s, %s times in all.', reason, task.losses));
  end if;
  return hub.requeue(task, reason, null, greatest(task.attempt - 1, 0));
end
$$;
comment on function hub.lose(public.mac_tasks, text, text) is
  'Takes a task back from a device that went, at the cost of no attempt, until that has happened max_losses times.';

create or replace function hub.lose_unheard_claim(device public.mesh_devices, running uuid[]) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
  v_settings hub.settings;
begin
  select * into v_settings from hub.settings;
  -- Never renewed and never reported on: the answer to the claim was lost, or its executor began anew. For
  -- half a lease it may still be on its way. One each time: it posts where the task lives.
  select t.* into v_task from hub.queue as q
  join public.mac_tasks as t on t.id = q.task_id
  where q.state = 'running' and q.device = device.name
    and t.status = 'running' and t.claim_id is not null and t.claimed_by = device.name
    and t.id <> all (coalesce(running, '{}'))
    and t.started_at < clock_timestamp() - v_settings.task_lease / 2
    and t.lease_expires_at <= t.started_at + v_settings.task_lease + interval '1 second'
    and t.partial_output is null and not hub.has_open_question(t.id)
  order by t.started_at limit 1
  for no key update of t skip locked;
  if found then
    perform hub.lose(v_task, 'lost', format('%s has not begun it', device.name));
  end if;
end
$$;
comment on function hub.lose_unheard_claim(public.mesh_devices, uuid[]) is
  'Takes back a task that a device was given and does not name among those it runs.';

create or replace function hub.task_result(task public.mac_tasks) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
begin
  -- What an executor needs of it: the whole row as JSON would cost more than the rest of a report.
  return jsonb_build_object('task', jsonb_build_object(
    'id', task.id, 'short_id', hub.short_id(task.id), 'status', task.status, 'attempt', task.attempt,
    'cancel_requested_at', task.cancel_requested_at
  ));
end
$$;
comment on function hub.task_result(public.mac_tasks) is
  '{task: {id, short_id, status, attempt, cancel_requested_at}}: what a device''s calls answer about its task.';

create or replace function hub.require_length(content text, what text) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_most integer := (select s.max_result from hub.settings as s);
begin
  if length(content) > v_most then
    perform hub.refuse('content_too_long', array[what, length(content)::text, v_most::text]);
  end if;
end
$$;
comment on function hub.require_length(text, text) is 'Raises content_too_long over hub.settings.max_result.';

-- Heartbeat --------------------------------------------------------------------------------------

create or replace function hub.device_heartbeat(token text, running uuid[], models jsonb, agent_version text)
returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
  v_lease timestamptz := clock_timestamp() + (select s.task_lease from hub.settings as s);
  v_held uuid[];
begin
  v_device := hub.authenticate_device(device_heartbeat.token);
  if cardinality(device_heartbeat.running) > 1000 then
    perform hub.refuse('bad_argument', array['running has at most 1000 tasks.']);
  end if;
  perform from public.mac_tasks as t
  where t.id = any (device_heartbeat.running) and t.status = 'running' and t.claim_id is not null
  order by t.id
  for no key update;
  -- Under their locks, so that a device that is renamed meanwhile is known by its new name.
  v_held := array(
    select t.id from public.mac_tasks as t
    join public.mesh_devices as d on d.name = t.claimed_by
    where d.id = v_device.id and t.id = any (device_heartbeat.running)
      and t.status = 'running' and t.claim_id is not null
  );
  update public.mac_tasks as t set lease_expires_at = v_lease where t.id = any (v_held);
  -- Tasks before models, as report_rate_limit locks them.
  if device_heartbeat.models is not null and device_heartbeat.models <> 'null' then
    perform hub.set_device_models(v_device.id, device_heartbeat.models);
  end if;
  -- After the models too: a task that goes back posts, and that comes last.
  perform hub.lose_unheard_claim(v_device, device_heartbeat.running);
  if device_heartbeat.agent_version is not null then
    update public.mesh_devices as d set agent_version = hub.one_line(device_heartbeat.agent_version)
    where d.id = v_device.id and d.agent_version is distinct from hub.one_line(device_heartbeat.agent_version);
  end if;
  if v_device.status = 'online' and hub.busy_slots(v_device.name) < v_device.max_running then
    insert into hub.idle_devices (device_id) values (v_device.id) on conflict do nothing;
  end if;
  return jsonb_build_object(
    'cancel', coalesce((
      select jsonb_agg(t.id) from public.mac_tasks as t
      where t.id = any (v_held) and t.cancel_requested_at is not null
    ), '[]'),
    'lost', coalesce((
      select jsonb_agg(r.id) from unnest(device_heartbeat.running) as r (id)
      where r.id <> all (coalesce(v_held, '{}'))
    ), '[]'),
    'answered', coalesce((
      -- Until the claim has looked at the answer, by asking again.
      select jsonb_agg(q.id order by q.answered_at) from public.hub_questions as q
      join public.mac_tasks as t on t.id = q.task_id
      where q.task_id = any (v_held) and q.state in ('answered', 'expired')
        and q.claim_id = t.claim_id and q.told_claim_id is null
    ), '[]'),
    'inputs', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', i.id, 'task_id', i.task_id, 'content', i.content, 'interrupt', i.interrupt
      ) order by i.created_at, i.id)
      from public.hub_task_inputs as i where i.task_id = any (v_held) and i.state = 'waiting'
    ), '[]'),
    'lease_expires_at', v_lease,
    'now', clock_timestamp(),
    'version', hub.version()
  );
end
$$;

create or replace function public.device_heartbeat(
  token text, running uuid[] default '{}', models jsonb default null, agent_version text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.device_heartbeat(
    device_heartbeat.token, device_heartbeat.running, device_heartbeat.models, device_heartbeat.agent_version
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.device_heartbeat(text, uuid[], jsonb, text) is
  'Says that the device is there and runs these tasks: renews their leases. Returns {cancel: tasks to stop, lost: tasks it no longer holds, answered: questions of these tasks whose answer has not been looked at, inputs: [{id, task_id, content, interrupt}] to take, lease_expires_at, now, version: that of the hub}. models, where given, replaces the device''s models: names or {model, version}, none where no agent works; agent_version is the executor''s own. Every 20 s. Errors: bad_device_token, bad_argument.';

-- Progress and outcome ---------------------------------------------------------------------------

create or replace function hub.report_progress(
  token text, task_id uuid, claim_id uuid, partial_output text, session_id text
) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_task public.mac_tasks;
begin
  v_task := hub.held_task(hub.authenticate_device(report_progress.token), report_progress.task_id, report_progress.claim_id);
  perform hub.require_length(report_progress.partial_output, 'partial_output');
  if report_progress.session_id is not null then
    perform hub.remember_session(v_task, report_progress.session_id);
  end if;
  update public.mac_tasks as t
  set partial_output = coalesce(report_progress.partial_output, t.partial_output),
    session_id = coalesce(report_progress.session_id, t.session_id)
  where t.id = v_task.id
  returning * into v_task;
  return hub.task_result(v_task);
end
$$;

create or replace function public.report_progress(
  token text, task_id uuid, claim_id uuid, partial_output text default null, session_id text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.report_progress(
    report_progress.token, report_progress.task_id, report_progress.claim_id, report_progress.partial_output,
    report_progress.session_id
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.report_progress(text, uuid, uuid, text, text) is
  'Sets partial_output; what is new in it is posted at once. With session_id, the next run resumes that session whatever ends this one; without partial_output, nothing else changes. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim, content_too_long (1,000,000), bad_argument.';

create or replace function hub.require_refusals(refusals jsonb) returns void
language plpgsql stable
set search_path = ''
as $$
begin
  if coalesce(jsonb_typeof(refusals), 'null') not in ('null', 'array') or pg_column_size(refusals) > 65536
    or jsonb_typeof(refusals) = 'array' and exists (
      select from jsonb_array_elements(refusals) as r
      where (
        jsonb_typeof(r) = 'object' and r - array['tool', 'detail'] = '{}'
        and jsonb_typeof(r -> 'tool') = 'string' and length(r ->> 'tool') between 1 and 100
        and hub.is_one_line(r ->> 'tool') and coalesce(jsonb_typeof(r -> 'detail'), 'null') in ('null', 'string')
      ) is not true
    )
  then
    perform hub.refuse('bad_argument', array['refusals is an array of {tool, detail}, 64 kB at most; tool is one line of 1 to 100 characters.']);
  end if;
end
$$;
comment on function hub.require_refusals(jsonb) is 'Raises bad_argument for what is no list of refusals.';

create or replace function hub.complete_task(
  token text, task_id uuid, claim_id uuid, result text, model_used text, session_id text, usage jsonb,
  refusals jsonb, changes jsonb
) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_device public.mesh_devices := hub.authenticate_device(complete_task.token);
  v_task public.mac_tasks;
begin
  v_task := hub.held_task(v_device, complete_task.task_id, complete_task.claim_id);
  perform hub.require_length(complete_task.result, 'result');
  if length(complete_task.model_used) > 100 or pg_column_size(complete_task.usage) > 65536 then
    perform hub.refuse('bad_argument', array['model_used has at most 100 characters, usage 64 kB.']);
  end if;
  if complete_task.refusals is not null then
    perform hub.require_refusals(complete_task.refusals);
  end if;
  perform hub.end_attempt(v_task, 'complete', null);
  if complete_task.session_id is not null then
    perform hub.remember_session(v_task, complete_task.session_id);
  end if;
  update public.mac_tasks as t
  set status = 'complete', result = coalesce(complete_task.result, ''),
    model_used = coalesce(nullif(hub.one_line(complete_task.model_used), ''), t.model_used),
    session_id = coalesce(complete_task.session_id, t.session_id),
    usage = coalesce(complete_task.usage, t.usage),
    refusals = nullif(nullif(complete_task.refusals, 'null'), '[]'),
    changes = hub.checked_changes(complete_task.changes, v_device.id)
  where t.id = v_task.id
  returning * into v_task;
  return hub.task_result(v_task);
end
$$;

create or replace function public.complete_task(
  token text, task_id uuid, claim_id uuid, result text,
  model_used text default null, session_id text default null, usage jsonb default null,
  refusals jsonb default null, changes jsonb default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.complete_task(
    complete_task.token, complete_task.task_id, complete_task.claim_id, complete_task.result,
    complete_task.model_used, complete_task.session_id, complete_task.usage, complete_task.refusals,
    complete_task.changes
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.complete_task(text, uuid, uuid, text, text, text, jsonb, jsonb, jsonb) is
  'Ends the task as complete and posts the result; as cancelled, if that was asked for. session_id is what a follow-up in the thread resumes; usage is kept as it is; refusals: what the agent was not allowed to do, [{tool, detail}], is shown beside the result; changes is what a working tree''s branch has: {base, branch, commit, files: [{path, old_path, status, additions, deletions}], file_count, additions, deletions}. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim, content_too_long (1,000,000), bad_argument.';

create or replace function hub.can_run_elsewhere(task public.mac_tasks, device public.mesh_devices) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_avoid uuid[];
  v_lane integer;
begin
  update hub.queue as q set avoid = array_append(q.avoid, device.id)
  where q.task_id = task.id
  returning q.avoid into v_avoid;
  v_lane := hub.lane_for(task.id);
  if task.kind <> 'publish' and exists (
    select from public.mesh_devices as d
    cross join lateral hub.open_lanes(d) as l
    where d.status = 'online' and d.id <> all (v_avoid) and l.lane_id = v_lane
  ) then
    return true;
  end if;
  update hub.queue as q set avoid = null where q.task_id = task.id;
  return false;
end
$$;
comment on function hub.can_run_elsewhere(public.mac_tasks, public.mesh_devices) is
  'Notes that a device cannot run a task, and tells whether one that has not tried it would be offered it now.';

create or replace function hub.fail_task(
  token text, task_id uuid, claim_id uuid, error text, retryable boolean, elsewhere boolean
) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
declare
  v_device public.mesh_devices := hub.authenticate_device(fail_task.token);
  v_task public.mac_tasks;
  v_error text := coalesce(nullif(btrim(fail_task.error), ''), 'The executor gave no reason.');
  v_settings hub.settings;
begin
  v_task := hub.held_task(v_device, fail_task.task_id, fail_task.claim_id);
  perform hub.require_length(fail_task.error, 'error');
  select * into v_settings from hub.settings;
  perform hub.end_attempt(v_task, 'failed', v_error);
  if fail_task.elsewhere and hub.can_run_elsewhere(v_task, v_device) then
    v_task := hub.requeue(v_task, v_error, null, greatest(v_task.attempt - 1, 0));
  elsif coalesce(fail_task.retryable, true)
    and v_task.attempt < coalesce(v_task.max_attempts, v_settings.max_attempts)
  then
    v_task := hub.requeue(v_task, v_error, clock_timestamp() + hub.backoff(
      v_settings.retry_backoff, v_task.attempt, v_settings.max_retry_backoff
    ), v_task.attempt);
  else
    v_task := hub.end_as_failed(v_task, v_error);
  end if;
  return hub.task_result(v_task);
end
$$;

create or replace function public.fail_task(
  token text, task_id uuid, claim_id uuid, error text, retryable boolean default true,
  elsewhere boolean default false
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.fail_task(
    fail_task.token, fail_task.task_id, fail_task.claim_id, fail_task.error, fail_task.retryable, fail_task.elsewhere
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.fail_task(text, uuid, uuid, text, boolean, boolean) is
  'Ends the attempt as failed. A retryable failure goes back to the queue after 10 s * 2^attempt, 10 min at most, until max_attempts is reached. elsewhere: what is wrong is wrong with this device; where another would be offered the task, that one gets it, at the cost of no attempt. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim, content_too_long.';

create or replace function hub.report_rate_limit(
  token text, task_id uuid, claim_id uuid, model text, until timestamptz
) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
declare
  v_device public.mesh_devices := hub.authenticate_device(report_rate_limit.token);
  v_task public.mac_tasks;
  v_until timestamptz := report_rate_limit.until;
  v_reason text;
begin
  v_task := hub.held_task(v_device, report_rate_limit.task_id, report_rate_limit.claim_id);
  if not exists (select from public.hub_models as known where known.name = report_rate_limit.model) then
    perform hub.refuse('bad_argument', array[format('model is one of %s.', hub.model_names())]);
  elsif report_rate_limit.until is null then
    perform hub.refuse('bad_argument', array['until is a time.']);
  end if;
  -- Farther ahead is a date without a year that is past, or a clock that is wrong.
  v_until := least(v_until, clock_timestamp() + interval '31 days');
  if v_until <= clock_timestamp() then
    -- By the device's clock, which may be slow: without a pause it would claim and report for ever.
    v_until := clock_timestamp() + (select s.retry_backoff from hub.settings as s);
  end if;
  update public.mesh_device_models as m
  set rate_limited_until = greatest(m.rate_limited_until, v_until)
  where m.device_id = v_device.id and m.model = report_rate_limit.model;
  v_reason := format('%s is rate limited on %s until %s UTC', report_rate_limit.model, v_device.name,
    to_char(v_until at time zone 'utc', 'YYYY-MM-DD HH24:MI'));
  perform hub.end_attempt(v_task, 'rate_limited', v_reason);
  v_task := hub.requeue(v_task, v_reason, null, greatest(v_task.attempt - 1, 0));
  return hub.task_result(v_task);
end
$$;

create or replace function public.report_rate_limit(
  token text, task_id uuid, claim_id uuid, model text, until timestamptz
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.report_rate_limit(
    report_rate_limit.token, report_rate_limit.task_id, report_rate_limit.claim_id,
    report_rate_limit.model, report_rate_limit.until
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.report_rate_limit(text, uuid, uuid, text, timestamptz) is
  'Says that the model is throttled on this device until then (for retry_backoff, if that is past; for 31 days at most): the task goes back to the queue at once, at the cost of no attempt, and the model is used elsewhere or another in its place. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim, bad_argument.';

create or replace function hub.releases_in_a_row(task_id uuid) returns integer
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select count(*) from public.hub_task_attempts as a
    where a.task_id = releases_in_a_row.task_id and a.outcome = 'released' and not exists (
      select from public.hub_task_attempts as b
      where b.task_id = a.task_id and b.started_at > a.started_at and b.outcome <> 'released'
    )
  );
end
$$;
comment on function hub.releases_in_a_row(uuid) is 'How often a task was given back since it was last really tried.';

create or replace function hub.drain_idler(device public.mesh_devices) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_most integer := (select s.max_releases from hub.settings as s) * 3;
  v_ended integer;
  v_released integer;
begin
  select count(*), count(*) filter (where a.outcome = 'released') into v_ended, v_released
  from public.hub_task_attempts as a
  where a.device = device.name and a.ended_at is not null and a.started_at > clock_timestamp() - interval '1 hour';
  if v_ended >= v_most and v_released = v_ended then
    -- Devices come before tasks in the order of locks: one that somebody holds is drained the next time.
    update public.mesh_devices as d set draining = true, status = 'draining'
    where d.id in (
      select own.id from public.mesh_devices as own
      where own.id = device.id and not own.draining for no key update skip locked
    );
    if found then
      perform hub.post_feed('heartbeat', format('🟠 %s gave back all of the %s tasks that it took: it is drained', device.name, v_ended),
        jsonb_build_object('event', 'device_draining', 'device_id', device.id));
    end if;
  end if;
end
$$;
comment on function hub.drain_idler(public.mesh_devices) is
  'Drains a device that has done nothing for an hour but give back what it took, and says so.';

create or replace function hub.release_task(token text, task_id uuid, claim_id uuid) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
declare
  v_device public.mesh_devices := hub.authenticate_device(release_task.token);
  v_task public.mac_tasks;
  v_settings hub.settings;
  v_reason text := format('released by %s', v_device.name);
  v_run_at timestamptz;
  v_times integer;
begin
  v_task := hub.held_task(v_device, release_task.task_id, release_task.claim_id);
  select * into v_settings from hub.settings;
  perform hub.end_attempt(v_task, 'released', null);
  v_times := hub.releases_in_a_row(v_task.id);
  if v_times >= v_settings.max_releases then
    -- Taken and given back for ever, it would cost a claim and a message each time.
    v_run_at := clock_timestamp() + hub.backoff(v_settings.retry_backoff, v_times, v_settings.max_retry_backoff);
    v_reason := format('released by %s, %s times in a row', v_device.name, v_times);
    perform hub.drain_idler(v_device);
  end if;
  v_task := hub.requeue(v_task, v_reason, v_run_at, greatest(v_task.attempt - 1, 0));
  return hub.task_result(v_task);
end
$$;

create or replace function public.release_task(token text, task_id uuid, claim_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.release_task(release_task.token, release_task.task_id, release_task.claim_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.release_task(text, uuid, uuid) is
  'Gives a task back that the device will not finish, at the cost of no attempt; after max_releases times in a row it is put off for a while; ends it as cancelled, if that was asked for. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.device_heartbeat(text, uuid[], jsonb, text), public.report_progress(text, uuid, uuid, text, text),
  public.complete_task(text, uuid, uuid, text, text, text, jsonb, jsonb, jsonb),
  public.fail_task(text, uuid, uuid, text, boolean, boolean),
  public.report_rate_limit(text, uuid, uuid, text, timestamptz), public.release_task(text, uuid, uuid)
from public, service_role;
grant execute on function
  public.device_heartbeat(text, uuid[], jsonb, text), hub.device_heartbeat(text, uuid[], jsonb, text),
  public.report_progress(text, uuid, uuid, text, text), hub.report_progress(text, uuid, uuid, text, text),
  public.complete_task(text, uuid, uuid, text, text, text, jsonb, jsonb, jsonb),
  hub.complete_task(text, uuid, uuid, text, text, text, jsonb, jsonb, jsonb),
  public.fail_task(text, uuid, uuid, text, boolean, boolean), hub.fail_task(text, uuid, uuid, text, boolean, boolean),
  public.report_rate_limit(text, uuid, uuid, text, timestamptz),
  hub.report_rate_limit(text, uuid, uuid, text, timestamptz),
  public.release_task(text, uuid, uuid), hub.release_task(text, uuid, uuid)
to anon, authenticated;

-- supabase/schemas/49_plans.sql

-- How a request becomes the parts of a team, and how what came of them becomes one prompt again.

create or replace function hub.line_kind(line text, fence text, in_diff boolean) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when fence is not null and line ~ format('^ {0,3}%s{%s,}[ \t]*$', left(fence, 1), length(fence)) then 'fence ends'
    when fence is not null then 'code'
    when line ~ '^[ \t]*(`{3,}[^`]*|~{3,}.*)$' then 'fence begins'
    when line ~ '^(diff --git |\+\+\+ \S|@@ -\d)' then 'diff'
    when in_diff and line ~ '^([-+ @\\]|index |$)' then 'diff'
    when line ~ '^ {4}' then 'indented'
    when line ~ '^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+\S' then 'item'
    when line !~ '\S' then 'blank'
    else 'text'
  end;
end
$$;
comment on function hub.line_kind(text, text, boolean) is
  'What a line of a request is, after an opening fence such as ``` (null: after none) and within or after a diff: item, text, blank, indented, code, fence begins, fence ends or diff.';

create or replace function hub.listed_items(goal text) returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_line text;
  v_kind text;
  v_fence text;
  v_indent integer; -- of the first item: what stands deeper belongs to the item above it
  v_depth integer;
  v_text text;
  v_is_open boolean := false; -- whether what follows belongs to the last item
  v_after_blank boolean := false;
  v_items text[] := array[]::text[];
begin
  foreach v_line in array regexp_split_to_array(goal, '\r\n|\r|\n') loop
    v_kind := hub.line_kind(v_line, v_fence, coalesce(v_kind = 'diff', false));
    v_fence := case v_kind
      when 'fence begins' then substring(v_line from '^[ \t]*(`{3,}|~{3,})')
      when 'code' then v_fence
    end;
    v_depth := length(substring(v_line from '^[ \t]*'));
    if v_kind = 'item' and v_depth <= coalesce(v_indent, v_depth) then
      v_indent := coalesce(v_indent, v_depth);
      v_text := substring(v_line from '^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+(.*)$');
      -- What is ticked off is done.
      v_is_open := v_text !~ '^\[[xX]\]';
      if v_is_open then
        v_items := v_items || regexp_replace(v_text, '^\[ \][ \t]+', '');
      end if;
    elsif v_kind = 'blank' and v_fence is null then
      v_after_blank := true;
      continue;
    elsif v_after_blank and v_depth = 0 and v_kind not in ('code', 'fence ends') then
      -- After a blank line an item goes on only where it is indented.
      v_is_open := false;
    elsif v_is_open then
      v_items[cardinality(v_items)] := v_items[cardinality(v_items)] || E'\n' || v_line;
    end if;
    v_after_blank := false;
  end loop;
  return case when cardinality(v_items) >= 2 then array(
    select rtrim(i.item, E' \t\n') from unnest(v_items) with ordinality as i (item, position) order by i.position
  ) end;
end
$$;
comment on function hub.listed_items(text) is
  'The items of a bullet or numbered list in a text, each with the lines that belong to it; null where there are fewer than two. Code (in a fence, a diff, or four spaces deep) has no items, and what is ticked off is done.';

create or replace function hub.is_subtasks(listed jsonb) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return jsonb_typeof(listed) = 'array' and jsonb_array_length(listed) > 0 and not exists (
    select from jsonb_array_elements(listed) as e, hub.settings as s
    where jsonb_typeof(e) <> 'string' or not hub.is_visible(e #>> '{}') or length(e #>> '{}') > s.max_content
  );
end
$$;
comment on function hub.is_subtasks(jsonb) is 'Whether it is an array of texts that each could be a request.';

create or replace function hub.subtasks_of(listed jsonb) returns text[]
language plpgsql
stable
set search_path = ''
as $$
declare
  v_settings hub.settings;
begin
  select * into v_settings from hub.settings;
  if jsonb_typeof(listed) = 'array' then
    if jsonb_array_length(listed) > v_settings.max_subtasks then
      perform hub.refuse('too_many_subtasks', array[jsonb_array_length(listed)::text, v_settings.max_subtasks::text]);
    end if;
  end if;
  if hub.is_subtasks(listed) is not true then
    perform hub.refuse('bad_argument', array[
      format('subtasks is an array of strings of 1 to %s characters, each with something visible.', v_settings.max_content)
    ]);
  end if;
  return array(
    select e from jsonb_array_elements_text(listed) with ordinality as l (e, position) order by position
  );
end
$$;
comment on function hub.subtasks_of(jsonb) is 'The subtasks of a JSON array. Errors: bad_argument, too_many_subtasks.';

create or replace function hub.parsed(content text) returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return content::jsonb;
exception when data_exception or program_limit_exceeded then
  return null;
end
$$;
comment on function hub.parsed(text) is 'The text as JSON; null where it is none.';

create or replace function hub.planned_subtasks(result text) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_plan jsonb;
  v_most integer := (select s.max_subtasks from hub.settings as s);
begin
  -- Agents like to wrap the array into a code block or sentences, which have brackets of their own: the
  -- last array of strings is the plan.
  select hub.parsed(found.match[1]) into v_plan
  from regexp_matches(
    result, '(\[\s*"(?:[^"\\]|\\.)*"(?:\s*,\s*"(?:[^"\\]|\\.)*")*\s*\])', 'g'
  ) with ordinality as found (match, position)
  where hub.is_subtasks(hub.parsed(found.match[1]))
  order by found.position desc limit 1;
  if v_plan is null then
    return to_jsonb('The plan is not a JSON array of strings.'::text);
  elsif jsonb_array_length(v_plan) > v_most then
    return to_jsonb(format('The plan has %s subtasks; %s are allowed.', jsonb_array_length(v_plan), v_most));
  end if;
  return v_plan;
end
$$;
comment on function hub.planned_subtasks(text) is
  'The array in a plan''s result, or, as a JSON string, what is wrong with it.';

create or replace function hub.plan_prompt(goal text, problem text) returns text
language sql
stable
set search_path = ''
as $$
  select concat_ws(E'\n\n',
    format(
      'Split the request below into at most %s subtasks that different agents can do at the same time, without seeing each other''s work. Each must make sense by itself. Answer with nothing but a JSON array of strings.',
      s.max_subtasks
    ),
    'The last answer to this could not be used: ' || problem,
    format(E'# Request\n\n%s', goal)
  )
  from hub.settings as s
$$;
comment on function hub.plan_prompt(text, text) is
  'What the agent that plans is asked; the second time with what was wrong with the first plan.';

create or replace function hub.middle_cut(content text, most integer) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  if length(content) <= most then
    return content;
  end if;
  return format(E'%s\n\n[… %s characters left out here …]\n\n%s',
    left(content, most / 2), length(content) - 2 * (most / 2), right(content, most / 2));
end
$$;
comment on function hub.middle_cut(text, integer) is 'The head and the tail of a text that is longer than `most`, and between them how much is missing.';

create or replace function hub.fenced(content text) returns text
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_fence text := repeat('`', greatest(4, 1 + (
    select max(length(run.ticks[1])) from regexp_matches(content, '(`+)', 'g') as run (ticks)
  )));
begin
  return format(E'%s\n%s\n%s', v_fence, content, v_fence);
end
$$;
comment on function hub.fenced(text) is
  'A text within a fence that nothing in it can end: no heading in it is one of the frame, and no fence that it leaves open reaches beyond it.';

create or replace function hub.synthesis_prompt(team public.hub_teams) returns text
language sql
stable
set search_path = ''
as $$
  with parts as (
    select (s.metadata ->> 'position')::integer as position, hub.title(s.content) as title,
      case
        when s.status = 'complete' then format('Result of %s on %s:', s.model_used, s.claimed_by)
        else 'FAILED:'
      end as head,
      coalesce(case when s.status = 'complete' then s.result else s.error end, '') as said
    from public.mac_tasks as s
    where s.team_id = team.id and s.kind = 'subtask'
    union all
    select (gone ->> 'position')::integer, gone ->> 'title', 'DELETED by somebody, so that there is no result.', null
    from jsonb_array_elements(coalesce(team.metadata -> 'deleted', '[]')) as gone
  ), measured as (
    -- 400,000 characters in all, but for what is less than its share.
    select p.*, greatest(20000, 400000 / count(*) over ())::integer as most from parts as p
  )
  select concat_ws(E'\n\n',
    'Several agents have each worked on one part of a request. Combine what they found into one answer to the request. Name what failed.',
    '# Request', hub.fenced(team.goal),
    string_agg(concat_ws(E'\n\n',
      format('# Part %s: %s', m.position, m.title), m.head, hub.fenced(hub.middle_cut(m.said, m.most))
    ), E'\n\n' order by m.position)
  )
  from measured as m
$$;
comment on function hub.synthesis_prompt(public.hub_teams) is
  'The goal and every result, failure or deletion of a team''s subtasks, each within a fence of its own.';

revoke execute on all functions in schema hub from public;

-- supabase/schemas/50_teams.sql

-- Teams: a request split into subtasks that run side by side, and one synthesis of what they found.
--
-- planning -> running -> synthesizing -> complete | failed. The team's row is locked by whoever ends or deletes
-- one of its tasks, so that exactly one of them finds that it was the last. Its words are in the chapter before.

-- Posting ----------------------------------------------------------------------------------------

insert into hub.message_events (name, meaning) values
  ('team_decomposed', 'A request was split into subtasks, which the message lists.'),
  ('team_synthesizing', 'Every subtask has ended; a task combines what they found.'),
  ('team_completed', 'A team is done; the message holds its result.'),
  ('team_failed', 'A team has failed; the message says why.')
on conflict (name) do update set meaning = excluded.meaning;

create or replace function hub.post_decomposed(task public.mac_tasks) returns void
language sql
set search_path = ''
as $$
  with listed as (
    select s.id, s.content, (s.metadata ->> 'position')::integer as position, count(*) over () as subtasks
    from public.mac_tasks as s
    where s.team_id = task.team_id and s.kind = 'subtask'
  )
  select hub.post(task, 'team_decomposed', 'system', format('Decomposed into %s subtasks', max(subtasks)), 'embed', hub.embed(
    format('Decomposed into %s subtasks', max(subtasks)), null, hub.color('queued'),
    jsonb_agg(hub.field(format('%s · %s', position, hub.short_id(id)), hub.title(content)) order by position)
      filter (where subtasks <= 25 or position < 25)
      -- An embed has 25 fields.
      || case when max(subtasks) > 25 then jsonb_build_array(
        hub.field('…', format('and %s more', max(subtasks) - 24))
      ) else '[]' end,
    hub.short_id(task.team_id)
  ))
  from listed
$$;
comment on function hub.post_decomposed(public.mac_tasks) is 'Posts the list of subtasks of a task''s team.';

create or replace function hub.post_team_outcome(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_team public.hub_teams;
  v_fields jsonb;
begin
  select * into v_team from public.hub_teams as t where t.id = task.team_id;
  select jsonb_build_array(
    hub.field('Subtasks', format('%s complete, %s failed',
      count(*) filter (where s.status = 'complete'), count(*) filter (where s.status = 'failed'))),
    hub.field('Duration', hub.duration(coalesce(v_team.finished_at, clock_timestamp()) - v_team.created_at))
  ) into v_fields
  from public.mac_tasks as s where s.team_id = v_team.id and s.kind = 'subtask';
  if v_team.status = 'complete' then
    perform hub.post(task, 'team_completed', 'agent', coalesce(task.result, ''), 'embed', hub.embed(
      'Team Complete', hub.title(v_team.goal), hub.color('success'), v_fields, hub.short_id(v_team.id)));
  elsif v_team.status = 'failed' then
    perform hub.post(task, 'team_failed', 'system', coalesce(v_team.metadata ->> 'error', 'The team failed.'), 'embed', hub.embed(
      'Team Failed', hub.title(v_team.goal), hub.color('failure'), v_fields, hub.short_id(v_team.id)));
  end if;
end
$$;
comment on function hub.post_team_outcome(public.mac_tasks) is 'Posts how the team of a plan, synthesis or last subtask ended.';

-- Steps ------------------------------------------------------------------------------------------

create or replace function hub.add_subtasks(team public.hub_teams, subtasks text[], first_id uuid) returns void
language sql
set search_path = ''
as $$
  insert into public.mac_tasks (
    id, status, project, platform, priority,
    channel_id, task_thread_id, team_id, kind, content, model_preference, created_by, metadata
  )
  select case when s.position = 1 then first_id else gen_random_uuid() end, 'pending', null, null, 0,
    team.channel_id, team.task_thread_id, team.id, 'subtask', s.content,
    coalesce(team.model_preference, 'any'), team.created_by,
    -- The goal too: "the tests" alone says little to the agent that gets it.
    jsonb_build_object('position', s.position, 'goal', team.goal)
  from unnest(subtasks) with ordinality as s (content, position)
  order by s.position
$$;
comment on function hub.add_subtasks(public.hub_teams, text[], uuid) is 'Queues the subtasks of a team; the first gets the given id.';

create or replace function hub.end_team(team public.hub_teams, status text, error text) returns void
language sql
set search_path = ''
as $$
  update public.hub_teams as t
  set status = end_team.status, finished_at = clock_timestamp(),
    metadata = t.metadata || jsonb_strip_nulls(jsonb_build_object('error', end_team.error))
  where t.id = team.id
$$;

create or replace function hub.begin_synthesis(team public.hub_teams) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  update public.hub_teams as t set status = 'synthesizing' where t.id = team.id;
  insert into public.mac_tasks (
    id, status, project, platform, priority,
    channel_id, task_thread_id, team_id, kind, content, model_preference, created_by, metadata
  ) values (
    gen_random_uuid(), 'pending', null, null, 0,
    team.channel_id, team.task_thread_id, team.id, 'synthesis', hub.synthesis_prompt(team),
    coalesce(team.model_preference, 'any'), team.created_by, jsonb_build_object('request', team.goal)
  )
  returning * into v_task;
  perform hub.post_team_step(v_task, 'synthesizing');
end
$$;
comment on function hub.begin_synthesis(public.hub_teams) is 'Queues the synthesis of a team whose subtasks have all ended.';

create or replace function hub.post_team_step(task public.mac_tasks, step text) returns void
language plpgsql
set search_path = ''
as $$
begin
  case step
    when 'decomposed' then
      perform hub.post_decomposed(task);
    when 'synthesizing' then
      perform hub.post(task, 'team_synthesizing', 'system', 'Synthesizing', 'embed', hub.embed(
        'Synthesizing', format('Task %s combines the results.', hub.short_id(task.id)),
        hub.color('synthesizing'), '[]', hub.short_id(task.team_id)));
    when 'outcome' then
      perform hub.post_team_outcome(task);
  end case;
exception when others then
  -- As with every delivery: the team goes on whether it can be shown or not.
  if step = 'outcome' and task.id is not null then
    perform hub.record_delivery_failure(task.id, 'team', sqlerrm);
  else
    raise warning 'Posting about team % failed: %', task.team_id, sqlerrm;
  end if;
end
$$;
comment on function hub.post_team_step(public.mac_tasks, text) is
  'Posts a step of a team: decomposed, synthesizing or outcome. A failure is recorded and undoes nothing.';

create or replace function hub.begin_planned(team public.hub_teams, plan public.mac_tasks) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_plan jsonb := hub.planned_subtasks(plan.result);
  v_open integer;
  v_most integer := (select s.max_open_tasks_per_user from hub.settings as s);
begin
  if jsonb_typeof(v_plan) = 'array' then
    select count(*) into v_open from hub.queue as q where q.created_by = team.created_by and q.task_id <> plan.id;
    if v_open + jsonb_array_length(v_plan) > v_most then
      v_plan := to_jsonb(format('The plan has %s subtasks; who asked has %s unfinished tasks, and %s are allowed.',
        jsonb_array_length(v_plan), v_open, v_most));
    end if;
  end if;
  if jsonb_typeof(v_plan) = 'array' then
    update public.hub_teams as t set status = 'running' where t.id = team.id;
    -- Before the lanes of the subtasks, as in every dispatch; in a thread the thread is.
    perform from public.hub_channels as c
    where c.id = team.channel_id and team.task_thread_id is null
    for no key update;
    perform hub.add_subtasks(team, hub.subtasks_of(v_plan), gen_random_uuid());
    perform hub.post_team_step(plan, 'decomposed');
    return true;
  elsif not team.metadata ? 'plan_problem' then
    -- One more try: most agents do better when they are told.
    update public.hub_teams as t set metadata = t.metadata || jsonb_build_object('plan_problem', v_plan #>> '{}')
    where t.id = team.id
    returning * into team;
    perform hub.begin_plan(team);
    return true;
  end if;
  perform hub.end_team(team, 'failed', v_plan #>> '{}');
  return false;
end
$$;
comment on function hub.begin_planned(public.hub_teams, public.mac_tasks) is
  'Queues the subtasks of a plan, or another plan where there are none in the first; false: the team has failed.';

create or replace function hub.settle_team(team_id uuid) returns void
language plpgsql
security definer -- called for whoever ends or deletes a task
set search_path = ''
as $$
declare
  v_team public.hub_teams;
  v_last public.mac_tasks;
begin
  select * into v_team from public.hub_teams as t where t.id = settle_team.team_id for no key update;
  if not found or v_team.finished_at is not null or exists (
    select from public.mac_tasks as t
    where t.team_id = v_team.id and t.status not in ('complete', 'failed')
  ) then
    return;
  end if;
  -- The task that this is about: the newest of the step that the team is in.
  select * into v_last from public.mac_tasks as t
  where t.team_id = v_team.id
    and t.kind = case v_team.status when 'planning' then 'plan' when 'running' then 'subtask' else 'synthesis' end
  order by t.finished_at desc, t.created_at desc limit 1;
  if not found then
    v_last.channel_id := v_team.channel_id;
    v_last.task_thread_id := v_team.task_thread_id;
    v_last.team_id := v_team.id;
  end if;

  if v_team.metadata ? 'cancelled_by' then
    perform hub.end_team(v_team, 'failed', format('Cancelled by %s.', v_team.metadata ->> 'cancelled_by'));
  elsif v_last.id is null then
    perform hub.end_team(v_team, 'failed', format('Somebody deleted %s.', case v_team.status
      when 'planning' then 'the plan' when 'running' then 'every subtask' else 'the synthesis' end));
  elsif v_team.status = 'planning' and v_last.status = 'complete' then
    if hub.begin_planned(v_team, v_last) then
      return;
    end if;
  elsif v_team.status = 'running' then
    if exists (
      select from public.mac_tasks as s
      where s.team_id = v_team.id and s.kind = 'subtask' and s.status = 'complete'
    ) then
      perform hub.begin_synthesis(v_team);
      return;
    end if;
    perform hub.end_team(v_team, 'failed', 'Every subtask failed.');
  elsif v_last.status = 'complete' then
    perform hub.end_team(v_team, 'complete', null);
  else
    perform hub.end_team(v_team, 'failed', v_last.error);
  end if;
  perform hub.post_team_step(v_last, 'outcome');
end
$$;
comment on function hub.settle_team(uuid) is 'Takes a team whose tasks have all ended to its next step, whatever they ended by.';

create or replace function hub.advance_team() returns trigger
language plpgsql
security definer -- teams are written by nobody else
set search_path = ''
as $$
begin
  if tg_op = 'DELETE' then
    if old.kind = 'subtask' then
      update public.hub_teams as t
      set metadata = jsonb_set(t.metadata, '{deleted}', coalesce(t.metadata -> 'deleted', '[]') || jsonb_build_object(
        'position', old.metadata -> 'position', 'title', hub.title(old.content)
      ))
      where t.id = old.team_id and t.finished_at is null;
    end if;
    perform hub.settle_team(old.team_id);
  elsif new.channel_id is not null and new.status in ('complete', 'failed') and old.status not in ('complete', 'failed') then
    perform hub.settle_team(new.team_id);
  end if;
  return null;
end
$$;
comment on function hub.advance_team() is 'What the end or the deletion of one of its tasks means for a team.';

-- After the task's own result, before the queue moves on: a follow-up in the thread waits for the team.
create or replace trigger _550_advance_team
after update on public.mac_tasks
for each row when (new.team_id is not null and old.status <> new.status)
execute function hub.advance_team();

-- The team before the thread, whose next task begins when the queue's row goes with the task.
create or replace function hub.hold_team() returns trigger
language plpgsql
security definer -- teams are written by nobody else
set search_path = ''
as $$
begin
  perform from public.hub_teams as t where t.id = old.team_id for no key update;
  return old;
end
$$;
comment on function hub.hold_team() is 'Locks the team of a task that is deleted, in the order of locks.';

create or replace trigger _100_hold_team
before delete on public.mac_tasks
for each row when (old.team_id is not null)
execute function hub.hold_team();

create or replace trigger _550_advance_team_on_delete
after delete on public.mac_tasks
for each row when (old.team_id is not null)
execute function hub.advance_team();

-- RPCs -------------------------------------------------------------------------------------------

create or replace function hub.team_result(team public.hub_teams) returns jsonb
language sql
stable
set search_path = ''
as $$
  select jsonb_build_object(
    'message', (
      select to_jsonb(m) from public.hub_channel_messages as m
      where m.id = (team.metadata ->> 'message_id')::uuid
    ),
    'team', to_jsonb(team),
    'tasks', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at, (t.metadata ->> 'position')::integer), '[]')
      from public.mac_tasks as t where t.team_id = team.id
    ),
    'thread', (select to_jsonb(t) from public.hub_task_threads as t where t.id = team.task_thread_id)
  )
$$;
comment on function hub.team_result(public.hub_teams) is '{message, team, tasks, thread} of a team.';

create or replace function hub.begin_subtasks(team public.hub_teams, subtasks text[]) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_channel record;
  v_first uuid := gen_random_uuid();
  v_team public.hub_teams := team;
  v_task public.mac_tasks;
begin
  select c.*, s.architecture_type into v_channel
  from public.hub_channels as c join public.hub_servers as s on s.id = c.server_id
  where c.id = v_team.channel_id;
  if v_channel.architecture_type = 'threaded_task_isolation' then
    insert into public.hub_task_threads (channel_id, task_id, team_id, name, next_transition_at)
    values (
      v_team.channel_id, v_first, v_team.id,
      format('%s — %s', hub.short_id(v_first), hub.title(v_team.goal)),
      clock_timestamp() + coalesce(v_channel.idle_after, (select s.idle_after from hub.settings as s))
    )
    returning id into v_team.task_thread_id;
    update public.hub_teams as t set task_thread_id = v_team.task_thread_id where t.id = v_team.id;
  end if;
  -- The messages first: whoever dispatches a task holds the channel, too, when it wants a lane.
  insert into public.hub_channel_messages (
    id, channel_id, task_thread_id, sender_type, sender_id, sender_label, content, metadata
  ) values (
    (v_team.metadata ->> 'message_id')::uuid, v_team.channel_id, v_team.task_thread_id, 'human',
    v_team.created_by::text, v_team.metadata ->> 'created_by_label', v_team.goal,
    jsonb_strip_nulls(jsonb_build_object('team_id', v_team.id, 'task_thread_id', v_team.task_thread_id))
  );
  if v_team.task_thread_id is not null then
    insert into public.hub_channel_messages (channel_id, sender_type, sender_label, content, metadata)
    values (
      v_team.channel_id, 'system', 'Aura',
      format('🧵 %s queued: %s', hub.short_id(v_first), hub.title(v_team.goal)),
      jsonb_build_object(
        'event', 'thread_opened',
        'task_id', v_first, 'task_thread_id', v_team.task_thread_id, 'team_id', v_team.id
      )
    );
  end if;
  perform hub.add_subtasks(v_team, subtasks, v_first);
  select * into v_task from public.mac_tasks as t where t.id = v_first;
  perform hub.post_decomposed(v_task);
end
$$;
comment on function hub.begin_subtasks(public.hub_teams, text[]) is
  'Opens the team''s thread where the channel has threads, queues the subtasks, and posts the request and the list.';

create or replace function hub.begin_plan(team public.hub_teams) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  insert into public.mac_tasks (
    id, status, project, platform, priority,
    channel_id, task_thread_id, team_id, kind, content, model_preference, created_by, metadata
  ) values (
    gen_random_uuid(), 'pending', null, null, 0,
    team.channel_id, team.task_thread_id, team.id, 'plan',
    hub.plan_prompt(team.goal, team.metadata ->> 'plan_problem'),
    coalesce(team.model_preference, 'any'), team.created_by,
    jsonb_build_object('message_id', team.metadata ->> 'message_id', 'request', team.goal)
  )
  returning * into v_task;
  update public.hub_teams as t set task_thread_id = v_task.task_thread_id where t.id = team.id;
end
$$;
comment on function hub.begin_plan(public.hub_teams) is 'Queues the task that splits the request into subtasks.';

create or replace function hub.dispatch_team(
  channel_id uuid, goal text, subtasks jsonb, model text, idempotency_key text
) returns jsonb
language plpgsql
security definer -- teams, tasks and system messages are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_channel public.hub_channels;
  v_team public.hub_teams;
  v_listed jsonb;
  v_subtasks text[];
begin
  perform hub.require_channel_role(dispatch_team.channel_id, 'operator');
  select * into v_channel from public.hub_channels as c where c.id = dispatch_team.channel_id;
  if v_channel.is_read_only then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  end if;
  if dispatch_team.idempotency_key is not null then
    perform hub.lock_idempotency_key(dispatch_team.channel_id, dispatch_team.idempotency_key);
    select * into v_team from public.hub_teams as t
    where t.channel_id = dispatch_team.channel_id
      and t.created_by is not distinct from auth.uid()
      and t.idempotency_key = dispatch_team.idempotency_key;
    if found then
      perform hub.require_same(dispatch_team.idempotency_key, v_team.goal, coalesce(dispatch_team.goal, ''));
      return hub.team_result(v_team);
    end if;
  end if;
  perform hub.require_content(dispatch_team.goal, 'goal');
  if dispatch_team.model is not null then
    perform hub.require_model(dispatch_team.model, with_any => true);
  end if;
  v_listed := coalesce(nullif(dispatch_team.subtasks, 'null'), to_jsonb(hub.listed_items(dispatch_team.goal)));
  if v_listed is not null then
    v_subtasks := hub.subtasks_of(v_listed);
  end if;
  perform hub.require_open_task_slots(coalesce(cardinality(v_subtasks), 1));

  insert into public.hub_teams (
    channel_id, goal, status, created_by, model_preference, idempotency_key, metadata
  ) values (
    dispatch_team.channel_id, dispatch_team.goal,
    case when v_subtasks is null then 'planning' else 'running' end,
    auth.uid(), nullif(dispatch_team.model, 'any'), dispatch_team.idempotency_key,
    jsonb_build_object('message_id', gen_random_uuid(), 'created_by_label', hub.user_label(auth.uid()))
  )
  returning * into v_team;
  if v_team.status = 'planning' then
    perform hub.begin_plan(v_team);
  else
    perform hub.begin_subtasks(v_team, v_subtasks);
  end if;
  select * into v_team from public.hub_teams as t where t.id = v_team.id;
  return hub.team_result(v_team);
end
$$;

create or replace function public.dispatch_team(
  channel_id uuid, goal text, subtasks jsonb default null, model text default null,
  idempotency_key text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.dispatch_team(
    dispatch_team.channel_id, dispatch_team.goal, dispatch_team.subtasks, dispatch_team.model,
    dispatch_team.idempotency_key
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.dispatch_team(uuid, text, jsonb, text, text) is
  'Splits a request into parallel subtasks and synthesizes their results; returns {message, team, tasks, thread}. subtasks: an array of 1 to 20 strings; without it a bullet or numbered list in the goal, else a plan task decides. Operator. Errors: those of dispatch_task, too_many_subtasks.';

create or replace function hub.cancel_team(team_id uuid, id uuid, label text) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_team public.hub_teams;
  v_held integer := -1;
  v_tasks integer := 0;
begin
  if cancel_team.team_id is null then
    perform hub.refuse('task_not_found', array[coalesce(cancel_team.id::text, 'null')]);
  end if;
  -- Tasks before team, as everywhere. The end of one may just have added others: whoever holds all of them
  -- is alone with the team.
  while v_tasks <> v_held loop
    v_held := v_tasks;
    perform from public.mac_tasks as t
    where t.team_id = cancel_team.team_id order by t.id for no key update;
    get diagnostics v_tasks = row_count;
  end loop;
  select * into v_team from public.hub_teams as t where t.id = cancel_team.team_id for no key update;
  if v_team.status in ('complete', 'failed') then
    perform hub.refuse('task_finished', array[hub.short_id(cancel_team.id), v_team.status]);
  end if;
  update public.hub_teams as t
  set metadata = t.metadata || jsonb_build_object('cancelled_by', label)
  where t.id = v_team.id;
  perform hub.cancel_one(t.id, label)
  from (
    select m.id from public.mac_tasks as m
    where m.team_id = v_team.id and m.status in ('pending', 'running')
    order by m.created_at, m.id
  ) as t;
  perform hub.settle_team(v_team.id);
  return coalesce(
    (
      select to_jsonb(t) from public.mac_tasks as t
      where t.team_id = v_team.id order by t.id = cancel_team.id desc, t.created_at limit 1
    ),
    -- Somebody has deleted all of its tasks.
    (select to_jsonb(t) from public.hub_teams as t where t.id = v_team.id)
  );
end
$$;
comment on function hub.cancel_team(uuid, uuid, text) is
  'Cancels all unfinished tasks of a team; returns the task with the id, else the first. Errors: task_not_found, task_finished.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.dispatch_team(uuid, text, jsonb, text, text) from public;
grant execute on function
  public.dispatch_team(uuid, text, jsonb, text, text), hub.dispatch_team(uuid, text, jsonb, text, text)
to anon, authenticated, service_role;

-- supabase/schemas/51_changes.sql

-- What a task changed on a branch of its own: reported with its result, reviewed, published.
--
-- The branch is in a repository on the device; the hub has the counts, and no credentials. So whatever
-- goes on with the branch is a task for that device, named by its id in the task's metadata.

create or replace function hub.is_count(value jsonb) returns boolean
language sql
immutable
set search_path = ''
as $$
  select jsonb_typeof(value) = 'number' and value::text ~ '^\d{1,9}$'
$$;

create or replace function hub.changes_problem(changes jsonb) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when jsonb_typeof(changes) is distinct from 'object' then 'is no object'
    when length(changes::text) > 262144 then 'has over 256 kB'
    when jsonb_typeof(changes -> 'branch') is distinct from 'string' or jsonb_typeof(changes -> 'base') is distinct from 'string'
      or length(changes ->> 'branch') not between 1 and 255 or length(changes ->> 'base') not between 1 and 255
      or not hub.is_one_line(changes ->> 'branch') or not hub.is_one_line(changes ->> 'base')
      then 'names no base and branch of at most 255 characters'
    when coalesce(changes ->> 'commit', '') !~ '^([0-9a-f]{40,64})?$' then 'has a commit that is none'
    when not coalesce(hub.is_count(changes -> 'additions') and hub.is_count(changes -> 'deletions'), false)
      or not coalesce(hub.is_count(changes -> 'file_count'), true)
      then 'has additions, deletions or a file_count that are no counts'
    when jsonb_typeof(changes -> 'files') is distinct from 'array' or jsonb_array_length(changes -> 'files') > 1000
      then 'has no array of at most 1000 files'
    when exists (
      select from jsonb_array_elements(changes -> 'files') as f (file)
      where jsonb_typeof(file) <> 'object'
        or jsonb_typeof(file -> 'path') is distinct from 'string' or length(file ->> 'path') not between 1 and 1000
        or length(file ->> 'old_path') > 1000
        or coalesce(file ->> 'status', '') not in ('added', 'modified', 'deleted', 'renamed', 'copied', 'type_changed')
        or not coalesce(hub.is_count(nullif(file -> 'additions', 'null')), true)
        or not coalesce(hub.is_count(nullif(file -> 'deletions', 'null')), true)
    ) then 'has a file without a path, a status or counts'
  end;
end
$$;
comment on function hub.changes_problem(jsonb) is 'What is wrong with the changes that a device reports; null if nothing is.';

create or replace function hub.checked_changes(changes jsonb, device_id uuid) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_problem text;
begin
  if changes is null or changes = 'null' then
    return null;
  end if;
  v_problem := hub.changes_problem(changes);
  if v_problem is not null then
    perform hub.refuse('bad_argument', array[format('changes %s.', v_problem)]);
  end if;
  return jsonb_build_object(
    'base', changes -> 'base', 'branch', changes -> 'branch', 'commit', changes -> 'commit',
    'files', changes -> 'files',
    'file_count', coalesce(changes -> 'file_count', to_jsonb(jsonb_array_length(changes -> 'files'))),
    'additions', changes -> 'additions', 'deletions', changes -> 'deletions',
    'device_id', device_id
  );
end
$$;
comment on function hub.checked_changes(jsonb, uuid) is
  'The changes as they are kept, with the device that has the branch. Errors: bad_argument.';

create or replace function hub.changes_line(changes jsonb) returns text
language plpgsql immutable
set search_path = ''
as $$
begin
  if changes is null then
    return null;
  end if;
  return format('%s %s +%s −%s on %s', changes ->> 'file_count',
    case when changes -> 'file_count' = '1' then 'file' else 'files' end,
    changes ->> 'additions', changes ->> 'deletions', changes ->> 'branch');
end
$$;
comment on function hub.changes_line(jsonb) is 'Changes as people read them: 3 files +40 −12 on aura/1f56ce40.';

create or replace function hub.changed_task(task_id uuid) returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  perform hub.require_channel_role(
    (select t.channel_id from public.mac_tasks as t where t.id = changed_task.task_id),
    'operator', 'task_not_found', changed_task.task_id
  );
  select * into v_task from public.mac_tasks as t
  where t.id = changed_task.task_id and t.channel_id is not null for no key update;
  if not found then
    perform hub.refuse('task_not_found', array[changed_task.task_id::text]);
  elsif v_task.changes is null then
    perform hub.refuse('no_changes', array[hub.short_id(v_task.id)]);
  elsif not exists (
    select from public.mesh_devices as d where d.id = (v_task.changes ->> 'device_id')::uuid
  ) then
    perform hub.refuse('device_not_found', array[format('%s, which has %s,', v_task.claimed_by, v_task.changes ->> 'branch')]);
  end if;
  return v_task;
end
$$;
comment on function hub.changed_task(uuid) is
  'A task that has changes on a device that is still known, for an operator of its server; locked. Errors: role_required, task_not_found, no_changes, device_not_found.';

-- Publishing -------------------------------------------------------------------------------------

create or replace function hub.publish_changes(task_id uuid, pull_request boolean) returns jsonb
language plpgsql
security definer -- tasks are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_changed public.mac_tasks;
  v_task public.mac_tasks;
begin
  v_changed := hub.changed_task(publish_changes.task_id);
  -- Asked twice, it is one task; once it has ended, git and gh know what is there already.
  select t.* into v_task
  from hub.queue as q join public.mac_tasks as t on t.id = q.task_id
  where t.channel_id = v_changed.channel_id and t.kind = 'publish'
    and t.metadata -> 'publish' ->> 'task_id' = v_changed.id::text
    and t.cancel_requested_at is null
  limit 1;
  if found then
    return to_jsonb(v_task);
  end if;
  perform hub.require_open_task_slots(1);
  insert into public.mac_tasks (
    id, status, kind, channel_id, task_thread_id, content, project, platform, model_preference, created_by, metadata
  ) values (
    gen_random_uuid(), 'pending', 'publish', v_changed.channel_id, v_changed.task_thread_id,
    format('Publish %s', v_changed.changes ->> 'branch'), v_changed.project, null, 'any', auth.uid(),
    jsonb_build_object(
      'device_id', v_changed.changes -> 'device_id',
      'publish', jsonb_build_object(
        'task_id', v_changed.id,
        'branch', v_changed.changes -> 'branch',
        'base', v_changed.changes -> 'base',
        'commit', v_changed.changes -> 'commit',
        'title', hub.title(v_changed.content),
        'pull_request', coalesce(publish_changes.pull_request, true)
      )
    )
  )
  returning * into v_task;
  return to_jsonb(v_task);
end
$$;

create or replace function public.publish_changes(task_id uuid, pull_request boolean default true) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.publish_changes(publish_changes.task_id, publish_changes.pull_request);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.publish_changes(uuid, boolean) is
  'Queues a task of kind publish for the device that has the task''s branch: it pushes the branch and, with pull_request, opens the pull request, with the credentials of its own git and gh; the address is the result. Returns the task; the same one while it is unfinished. Nothing is merged. Operator. Errors: task_not_found, no_changes, device_not_found, channel_read_only, thread_archived, too_many_open_tasks.';

create or replace function hub.announce_publishing(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_device text := coalesce((
    select d.name from public.mesh_devices as d where d.id = (task.metadata ->> 'device_id')::uuid
  ), '—');
  v_branch text := task.metadata -> 'publish' ->> 'branch';
begin
  if task.task_thread_id is null then
    perform hub.post(task, 'task_queued', 'system', format(E'⏳ Task %s queued by %s\nPublish: %s | Device: %s',
      hub.short_id(task.id), task.metadata ->> 'created_by_label', v_branch, v_device), 'text');
  else
    perform hub.post(task, 'task_queued', 'system', 'Task Queued', 'embed', hub.embed(
      'Task Queued', format('Publish, by %s', task.metadata ->> 'created_by_label'), hub.color('queued'),
      jsonb_build_array(hub.field('Branch', v_branch), hub.field('Device', v_device)), hub.short_id(task.id)
    ));
  end if;
end
$$;
comment on function hub.announce_publishing(public.mac_tasks) is 'Posts that a branch is going to be published.';

create or replace function hub.publishing_reason(task public.mac_tasks) returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
begin
  select * into v_device from public.mesh_devices as d where d.id = (task.metadata ->> 'device_id')::uuid;
  return case
    when v_device.status = 'draining' then jsonb_build_object(
      'reason', 'device_draining', 'devices', jsonb_build_array(v_device.name)
    )
    when v_device.status is distinct from 'online' then jsonb_strip_nulls(jsonb_build_object(
      'reason', 'waiting_for_device', 'device', v_device.name
    ))
    when hub.busy_slots(v_device.name) >= v_device.max_running then jsonb_build_object(
      'reason', 'devices_busy', 'devices', jsonb_build_array(v_device.name)
    )
    else jsonb_build_object('reason', 'ready')
  end;
end
$$;
comment on function hub.publishing_reason(public.mac_tasks) is
  'Why the one device that can publish a branch does not do so yet, as {reason, …}.';

-- Reviewing --------------------------------------------------------------------------------------

create or replace function hub.review_problem(comments jsonb) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when jsonb_typeof(comments) is distinct from 'array' or jsonb_array_length(comments) not between 1 and 200
      then 'comments is an array of 1 to 200 comments.'
    when exists (
      select from jsonb_array_elements(comments) as c (comment)
      where jsonb_typeof(comment) <> 'object'
        or jsonb_typeof(comment -> 'path') is distinct from 'string' or length(comment ->> 'path') not between 1 and 1000
        or not hub.is_one_line(comment ->> 'path')
        or not coalesce(hub.is_count(nullif(comment -> 'line', 'null')), true)
        or coalesce(comment ->> 'side', 'new') not in ('old', 'new')
        or jsonb_typeof(comment -> 'body') is distinct from 'string'
        or length(btrim(comment ->> 'body', E' \t\r\n')) not between 1 and 8000
    ) then 'A comment is {path, line, side: "old" or "new", body}; without line it is about the file.'
  end;
end
$$;
comment on function hub.review_problem(jsonb) is 'What is wrong with the comments of a review; null if nothing is.';

create or replace function hub.review_text(task public.mac_tasks, comments jsonb, content text) returns text
language sql
stable
set search_path = ''
as $$
  select format(E'%s\n\nReview of %s, on %s:\n\n%s',
    coalesce(nullif(btrim(content, E' \t\r\n'), ''), 'Please work in these comments.'),
    hub.short_id(task.id), task.changes ->> 'branch',
    (
      select string_agg(format(E'%s%s%s\n%s',
        c.comment ->> 'path',
        coalesce(':' || nullif(c.comment ->> 'line', ''), ''),
        case when c.comment ->> 'side' = 'old' then ' (as it was)' else '' end,
        regexp_replace(btrim(c.comment ->> 'body', E' \t\r\n'), '^', '> ', 'gn')
      ), E'\n\n' order by c.position)
      from jsonb_array_elements(comments) with ordinality as c (comment, position)
    ))
$$;
comment on function hub.review_text(public.mac_tasks, jsonb, text) is
  'A review as people and agents read it: the words, then each comment under its place.';

create or replace function hub.review_changes(task_id uuid, comments jsonb, content text, idempotency_key text)
returns jsonb
language plpgsql
security definer -- tasks and system messages are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_changed public.mac_tasks;
  v_task public.mac_tasks;
  v_problem text := hub.review_problem(review_changes.comments);
  v_content text;
begin
  v_changed := hub.changed_task(review_changes.task_id);
  if v_problem is not null then
    perform hub.refuse('bad_argument', array[v_problem]);
  end if;
  if review_changes.idempotency_key is not null then
    perform hub.lock_idempotency_key(v_changed.channel_id, review_changes.idempotency_key);
    select * into v_task from public.mac_tasks as t
    where t.channel_id = v_changed.channel_id and t.created_by is not distinct from auth.uid()
      and t.idempotency_key = review_changes.idempotency_key;
    if found then
      return hub.dispatch_result(v_task);
    end if;
  end if;
  v_content := hub.review_text(v_changed, review_changes.comments, review_changes.content);
  perform hub.require_content(v_content, 'content');
  perform hub.require_open_task_slots(1);
  insert into public.mac_tasks (
    id, status, kind, channel_id, task_thread_id, content, project, platform, model_preference, idempotency_key,
    created_by, metadata
  ) values (
    gen_random_uuid(), 'pending', 'task', v_changed.channel_id, v_changed.task_thread_id, v_content,
    v_changed.project, v_changed.platform, v_changed.model_preference, review_changes.idempotency_key, auth.uid(),
    jsonb_build_object(
      'message_id', gen_random_uuid(), 'review', review_changes.comments, 'review_of', v_changed.id,
      'branch_of', coalesce(v_changed.metadata -> 'branch_of', to_jsonb(v_changed.id)),
      'device_id', v_changed.changes -> 'device_id'
    )
  )
  returning * into v_task;
  return hub.dispatch_result(v_task);
end
$$;

create or replace function public.review_changes(
  task_id uuid, comments jsonb, content text default null, idempotency_key text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.review_changes(
    review_changes.task_id, review_changes.comments, review_changes.content, review_changes.idempotency_key
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.review_changes(uuid, jsonb, text, text) is
  'Sends comments on the lines that a task changed back to its agent, as one follow-up that goes on with the branch; returns {message, task, thread}. comments: [{path, line, side: old or new, body}], kept in the task''s metadata.review; content: words before them. Operator. Errors: task_not_found, no_changes, device_not_found, bad_argument, content_too_long, and those of dispatch_task.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.publish_changes(uuid, boolean), public.review_changes(uuid, jsonb, text, text)
from public;
grant execute on function
  public.publish_changes(uuid, boolean), hub.publish_changes(uuid, boolean),
  public.review_changes(uuid, jsonb, text, text), hub.review_changes(uuid, jsonb, text, text)
to anon, authenticated, service_role;

-- supabase/schemas/52_questions.sql

-- Questions: an agent asks, a person answers, and until then the task takes up neither a slot nor its time.
--
-- Whoever opens or closes a question holds the task's lock, and then its thread's: an answer, a cancellation,
-- an expiry, a lost lease and parking take turns, and the first of them decides.

alter table hub.settings add column if not exists approval_timeout interval not null default '1 day'
check (approval_timeout > '0' and hub.is_span(approval_timeout));
comment on column hub.settings.approval_timeout is 'How long an approval waits for an answer; then it is refused. Other questions wait for ever.';
alter table hub.settings add column if not exists max_open_questions integer not null default 20
check (max_open_questions between 1 and 1000);
comment on column hub.settings.max_open_questions is 'Questions of one task that may be open at once.';

create table if not exists public.hub_questions (
  id uuid primary key default gen_random_uuid(),
  task_id uuid not null references public.mac_tasks on delete cascade,
  channel_id uuid not null references public.hub_channels on delete cascade,
  task_thread_id uuid references public.hub_task_threads on delete cascade,
  kind text not null check (kind in ('approval', 'question')),
  title text not null,
  detail text,
  options jsonb not null default '[]',
  allow_text boolean not null default false,
  tool_call_id text not null,
  state text not null default 'open' check (state in ('open', 'answered', 'expired', 'withdrawn')),
  option_id text,
  answer text,
  answered_by uuid,
  answered_by_label text,
  asked_at timestamptz not null default clock_timestamp(),
  answered_at timestamptz,
  expires_at timestamptz,
  claim_id uuid not null,
  told_claim_id uuid,
  constraint hub_questions_closed check ((state = 'open') = (answered_at is null)),
  constraint hub_questions_answered check (state <> 'answered' or num_nonnulls(option_id, answer) > 0),
  constraint hub_questions_tool_call unique (task_id, tool_call_id)
);
comment on table public.hub_questions is
  'What agents ask people: approvals (may it do this) and questions (it needs to know something). Made by ask_question, answered by answer_question; read by every signed-in user.';
comment on column public.hub_questions.title is 'One line of at most 200 characters.';
comment on column public.hub_questions.detail is 'The whole command, difference or context, as it is; at most 32,000 characters.';
comment on column public.hub_questions.options is '[{id, label, kind: allow_once, reject_once or choice}], ten at most.';
comment on column public.hub_questions.allow_text is 'Whether an answer may be words of the person''s own.';
comment on column public.hub_questions.tool_call_id is 'The executor''s name for it, unique in its task; asking again with it returns the same question.';
comment on column public.hub_questions.state is
  'open; answered by a person; expired: nobody answered in time, refused; withdrawn: its task was cancelled, ended or began anew.';
comment on column public.hub_questions.option_id is 'The option that was chosen; of an expired approval, the one that refuses.';
comment on column public.hub_questions.answer is 'The person''s own words.';
comment on column public.hub_questions.answered_at is 'When it was answered, expired or withdrawn.';
comment on column public.hub_questions.expires_at is 'When an approval is refused if nobody answers; null: never.';
comment on column public.hub_questions.claim_id is 'The claim that asked.';
comment on column public.hub_questions.told_claim_id is 'The claim that was given the answer.';

-- What reads an open question of a task does so for each claim, heartbeat and end of a task.
create index if not exists idx_hub_questions_open on public.hub_questions (task_id) where state = 'open';
create index if not exists idx_hub_questions_due on public.hub_questions (expires_at) where state = 'open' and expires_at is not null;
create index if not exists idx_hub_questions_channel on public.hub_questions (channel_id, asked_at desc, id desc);
create index if not exists idx_hub_questions_thread on public.hub_questions (task_thread_id, asked_at) where task_thread_id is not null;

alter table public.hub_questions enable row level security;
revoke all on public.hub_questions from anon, authenticated, service_role;
grant select on public.hub_questions to authenticated;
grant select, insert, update, delete on public.hub_questions to service_role;
drop policy if exists authenticated_read_questions on public.hub_questions;
create policy authenticated_read_questions on public.hub_questions
for select to authenticated using (channel_id in (select hub.channels_with('viewer')));

insert into hub.message_events (name, meaning) values
  ('question_asked', 'An agent asks a person; the row is in hub_questions.'),
  ('question_answered', 'Somebody has answered a question.'),
  ('question_expired', 'Nobody answered an approval in time: it is refused.')
on conflict (name) do update set meaning = excluded.meaning;

-- Asking -----------------------------------------------------------------------------------------

create or replace function hub.require_question(question public.hub_questions) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_most integer := (select s.max_content from hub.settings as s);
  v_option jsonb;
begin
  if question.kind is null or question.kind not in ('approval', 'question') then
    perform hub.refuse('bad_argument', array['kind is approval or question.']);
  elsif length(question.title) > 200 or not hub.is_one_line(question.title) then
    perform hub.refuse('bad_argument', array['title is one line of at most 200 characters.']);
  elsif length(question.tool_call_id) not between 1 and 200 then
    perform hub.refuse('bad_argument', array['tool_call_id has 1 to 200 characters.']);
  elsif jsonb_typeof(question.options) <> 'array' or jsonb_array_length(question.options) > 10 then
    perform hub.refuse('bad_argument', array['options is an array of at most 10 options.']);
  elsif question.options = '[]' and not question.allow_text then
    perform hub.refuse('bad_argument', array['A question has options, or allow_text.']);
  end if;
  perform hub.require_content(question.title, 'title', 200);
  if length(question.detail) > v_most then
    perform hub.refuse('content_too_long', array['detail', length(question.detail)::text, v_most::text]);
  end if;
  for v_option in select o from jsonb_array_elements(question.options) as o loop
    if (
      jsonb_typeof(v_option) = 'object' and v_option - array['id', 'label', 'kind'] = '{}'
      and jsonb_typeof(v_option -> 'id') = 'string' and length(v_option ->> 'id') between 1 and 100
      and jsonb_typeof(v_option -> 'label') = 'string' and length(btrim(v_option ->> 'label')) between 1 and 200
      and hub.is_one_line(v_option ->> 'id') and hub.is_one_line(v_option ->> 'label')
      and v_option ->> 'kind' in ('allow_once', 'reject_once', 'choice')
    ) is not true then
      perform hub.refuse('bad_argument', array[
        'An option is {id, label, kind}: an id of 1 to 100 and a label of 1 to 200 characters, each one line; kind is allow_once, reject_once or choice.'
      ]);
    end if;
  end loop;
  if (select count(distinct o ->> 'id') < count(*) from jsonb_array_elements(question.options) as o) then
    perform hub.refuse('bad_argument', array['Each option has an id of its own.']);
  end if;
end
$$;
comment on function hub.require_question(public.hub_questions) is 'Raises bad_argument, content_empty or content_too_long for what is no question.';

create or replace function hub.post_question(task public.mac_tasks, question public.hub_questions) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_detail text := E'\n' || nullif(hub.cut(question.detail, 2000), '');
  v_metadata jsonb := jsonb_build_object('question_id', question.id);
begin
  perform hub.reopen_thread(task.task_thread_id);
  if task.task_thread_id is null then
    perform hub.post(task, 'question_asked', 'agent', concat(format('❓ %s asks: %s', hub.short_id(task.id), question.title), v_detail),
      'text', metadata => v_metadata);
  else
    perform hub.post(task, 'question_asked', 'agent', concat(question.title, v_detail), 'embed', hub.embed(
      case question.kind when 'approval' then 'Approval Needed' else 'Question' end,
      question.title, hub.color('question'),
      (
        select coalesce(jsonb_agg(hub.field(o ->> 'id', o ->> 'label') order by position), '[]')
        from jsonb_array_elements(question.options) with ordinality as listed (o, position)
      ),
      hub.short_id(task.id)
    ), metadata => v_metadata);
  end if;
exception when lock_not_available or deadlock_detected then
  raise;
when others then
  -- The question is there, and clients are told of it, whether the channel can show it or not.
  raise warning 'Posting question % failed: %', question.id, sqlerrm;
end
$$;
comment on function hub.post_question(public.mac_tasks, public.hub_questions) is 'Posts a new question where its task lives.';

create or replace function hub.ask_question(
  token text, task_id uuid, claim_id uuid, kind text, title text, detail text, options jsonb,
  allow_text boolean, tool_call_id text
) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_question public.hub_questions;
  v_settings hub.settings;
begin
  v_task := hub.held_task(hub.authenticate_device(ask_question.token), ask_question.task_id, ask_question.claim_id);
  if v_task.channel_id is null then
    perform hub.refuse('task_not_found', array[v_task.id::text], 'A task of no channel has nobody to ask.');
  end if;
  select * into v_question from public.hub_questions as q
  where q.task_id = v_task.id and q.tool_call_id = ask_question.tool_call_id;
  if found then
    if v_question.state in ('answered', 'expired') and v_question.told_claim_id is distinct from v_task.claim_id then
      update public.hub_questions as q set told_claim_id = v_task.claim_id where q.id = v_question.id;
    end if;
    return jsonb_build_object('question', to_jsonb(v_question));
  end if;

  select * into v_settings from hub.settings;
  v_question.id := gen_random_uuid();
  v_question.task_id := v_task.id;
  v_question.channel_id := v_task.channel_id;
  v_question.task_thread_id := v_task.task_thread_id;
  v_question.kind := ask_question.kind;
  v_question.title := btrim(ask_question.title);
  v_question.detail := nullif(ask_question.detail, '');
  v_question.options := coalesce(nullif(ask_question.options, 'null'), '[]');
  if v_question.kind = 'approval' and v_question.options = '[]' then
    v_question.options :=
      '[{"id": "allow", "label": "Allow once", "kind": "allow_once"}, {"id": "reject", "label": "No", "kind": "reject_once"}]';
  end if;
  v_question.allow_text := coalesce(ask_question.allow_text, v_question.options = '[]');
  v_question.tool_call_id := coalesce(ask_question.tool_call_id, v_question.id::text);
  v_question.claim_id := v_task.claim_id;
  v_question.asked_at := clock_timestamp();
  v_question.state := 'open';
  if v_question.kind = 'approval' then
    v_question.expires_at := v_question.asked_at + v_settings.approval_timeout;
  end if;
  if v_task.cancel_requested_at is not null then
    -- Too late to ask: the agent is about to be stopped.
    v_question.state := 'withdrawn';
    v_question.answered_at := v_question.asked_at;
  end if;
  perform hub.require_question(v_question);
  if (
    select count(*) >= v_settings.max_open_questions from public.hub_questions as q
    where q.task_id = v_task.id and q.state = 'open'
  ) then
    perform hub.refuse('too_many_questions', array[hub.short_id(v_task.id), v_settings.max_open_questions::text]);
  end if;
  insert into public.hub_questions values (v_question.*);
  if v_question.state = 'open' then
    perform hub.post_question(v_task, v_question);
  end if;
  return jsonb_build_object('question', to_jsonb(v_question));
end
$$;

create or replace function public.ask_question(
  token text, task_id uuid, claim_id uuid, kind text, title text, detail text default null,
  options jsonb default null, allow_text boolean default null, tool_call_id text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.ask_question(
    ask_question.token, ask_question.task_id, ask_question.claim_id, ask_question.kind, ask_question.title,
    ask_question.detail, ask_question.options, ask_question.allow_text, ask_question.tool_call_id
  );
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.ask_question(text, uuid, uuid, text, text, text, jsonb, boolean, text) is
  'Asks a person, and posts the question where the task lives; returns {question}, the hub_questions row. kind: approval or question; options: [{id, label, kind: allow_once, reject_once or choice}], for an approval allow and reject unless given; allow_text: as given, else where there are no options. The same tool_call_id returns the same question with its answer. While a question is open its task takes up no slot and none of its time. Errors: bad_device_token, task_not_found, stale_claim, bad_argument, content_empty, content_too_long (32,000 of detail), too_many_questions.';

-- Answering --------------------------------------------------------------------------------------

create or replace function hub.answer_in_words(question public.hub_questions) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return concat_ws(': ',
    (
      select o ->> 'label' from jsonb_array_elements(question.options) as o
      where o ->> 'id' = question.option_id
    ),
    question.answer
  );
end
$$;
comment on function hub.answer_in_words(public.hub_questions) is 'The label of the chosen option, and the words that were added.';

create or replace function hub.lock_asking(question_id uuid) returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  select t.* into v_task from public.mac_tasks as t
  where t.id = (select q.task_id from public.hub_questions as q where q.id = lock_asking.question_id)
  for no key update;
  perform from public.hub_task_threads as th where th.id = v_task.task_thread_id for no key update;
  return v_task;
end
$$;
comment on function hub.lock_asking(uuid) is 'The task that asks, under its own and its thread''s lock. Only then is the question as it stays.';

create or replace function hub.close_question(task public.mac_tasks, question public.hub_questions, said text)
returns public.hub_questions
language plpgsql
set search_path = ''
as $$
begin
  update public.hub_questions as q
  set state = question.state, option_id = question.option_id, answer = question.answer,
    answered_by = question.answered_by, answered_by_label = question.answered_by_label,
    answered_at = clock_timestamp()
  where q.id = question.id
  returning * into question;
  begin
    perform hub.reopen_thread(task.task_thread_id);
    perform hub.post(task, 'question_' || question.state, 'system', said, 'text',
      metadata => jsonb_build_object('question_id', question.id));
  exception when lock_not_available or deadlock_detected then
    raise;
  when others then
    -- As with asking: the answer counts whether the channel can show it or not.
    raise warning 'Posting the answer to question % failed: %', question.id, sqlerrm;
  end;
  if task.status = 'pending' then
    -- It was parked: with the last open question closed it is ready.
    perform hub.enqueue(task);
  else
    perform hub.tell_executors();
  end if;
  return question;
end
$$;
comment on function hub.close_question(public.mac_tasks, public.hub_questions, text) is
  'Closes an open question as it is given, posts what is said of it, and lets its task go on. Under the locks of task and thread.';

create or replace function hub.tell_executors() returns void
language plpgsql
set search_path = ''
as $$
begin
  perform realtime.send('{}'::jsonb, 'task_news', 'mesh:wake', false);
end
$$;
comment on function hub.tell_executors() is
  'Tells executors, on the public topic mesh:wake, that the next heartbeat has news of a running task: an answer, or an input.';

create or replace function hub.answer_question(question_id uuid, option_id text, answer text) returns jsonb
language plpgsql
security definer -- questions are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_question public.hub_questions;
  v_answer text := nullif(btrim(answer_question.answer, E' \t\r\n'), '');
begin
  perform hub.require_channel_role(
    (select q.channel_id from public.hub_questions as q where q.id = answer_question.question_id),
    'operator', 'question_not_found', answer_question.question_id
  );
  v_task := hub.lock_asking(answer_question.question_id);
  select * into v_question from public.hub_questions as q where q.id = answer_question.question_id;
  if not found then
    perform hub.refuse('question_not_found', array[answer_question.question_id::text]);
  end if;
  if v_question.state = 'answered' and v_question.option_id is not distinct from answer_question.option_id
    and v_question.answer is not distinct from v_answer
  then
    return to_jsonb(v_question);
  elsif v_question.state <> 'open' then
    perform hub.refuse('question_closed', array[v_question.id::text, v_question.state]);
  end if;
  if answer_question.option_id is null and v_answer is null then
    perform hub.refuse('bad_argument', array['An answer has an option_id, an answer in words, or both.']);
  elsif answer_question.option_id is not null and not exists (
    select from jsonb_array_elements(v_question.options) as o where o ->> 'id' = answer_question.option_id
  ) then
    perform hub.refuse('bad_argument', array['option_id is one of the question''s options.']);
  elsif v_answer is not null and not v_question.allow_text then
    perform hub.refuse('bad_argument', array['This question takes one of its options, and no words.']);
  end if;
  if v_answer is not null then
    perform hub.require_content(v_answer, 'answer');
  end if;
  v_question.state := 'answered';
  v_question.option_id := answer_question.option_id;
  v_question.answer := v_answer;
  v_question.answered_by := auth.uid();
  v_question.answered_by_label := hub.user_label(auth.uid());
  v_question := hub.close_question(v_task, v_question, format('🙋 %s answered by %s: %s', hub.short_id(v_task.id),
    v_question.answered_by_label, hub.in_one_line(hub.answer_in_words(v_question), 2000)));
  return to_jsonb(v_question);
end
$$;

create or replace function public.answer_question(question_id uuid, option_id text default null, answer text default null)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.answer_question(answer_question.question_id, answer_question.option_id, answer_question.answer);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.answer_question(uuid, text, text) is
  'Answers an open question with one of its options, with words where it takes them, or both; returns the hub_questions row. The same answer again returns it. A parked task goes on once no question of it is open. Operator. Errors: question_not_found, question_closed, bad_argument, content_too_long (32,000).';

-- The end of questions that nobody answered ------------------------------------------------------

create or replace function hub.withdraw_questions(task_id uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
  update public.hub_questions as q
  set state = 'withdrawn', answered_at = clock_timestamp()
  where q.task_id = withdraw_questions.task_id and q.state = 'open';
end
$$;
comment on function hub.withdraw_questions(uuid) is 'Withdraws the open questions of a task, which was cancelled, has ended or begins anew. Under its lock.';

create or replace function hub.has_open_question(task_id uuid) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (select from public.hub_questions as q where q.task_id = has_open_question.task_id and q.state = 'open');
end
$$;
comment on function hub.has_open_question(uuid) is 'Whether a task waits for an answer.';

create or replace function hub.expire(question public.hub_questions, task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
begin
  question.state := 'expired';
  question.option_id := (
    select o ->> 'id' from jsonb_array_elements(question.options) with ordinality as listed (o, position)
    where o ->> 'kind' = 'reject_once' order by position limit 1
  );
  perform hub.close_question(task, question, format('⌛ %s: nobody answered, refused', hub.short_id(task.id)));
end
$$;
comment on function hub.expire(public.hub_questions, public.mac_tasks) is
  'Refuses an approval that nobody answered. Under the locks of task and thread.';

create or replace function hub.expire_questions(most integer default 100) returns integer
language plpgsql
set search_path = ''
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_due record;
  v_count integer := 0;
begin
  for v_due in
    select q as question, t as task from public.hub_questions as q
    join public.mac_tasks as t on t.id = q.task_id
    where q.state = 'open' and q.expires_at <= v_now
    order by q.expires_at
    limit expire_questions.most
    -- Whoever answers holds the task first.
    for no key update of t, q skip locked
  loop
    begin
      perform hub.hold_places(v_due.task);
      perform hub.expire(v_due.question, v_due.task);
      v_count := v_count + 1;
    exception
      when lock_not_available then
        null;
      when others then
        raise warning 'Question % cannot expire: %', (v_due.question).id, sqlerrm;
    end;
  end loop;
  return v_count;
end
$$;
comment on function hub.expire_questions(integer) is
  'Refuses approvals that nobody answered in time; returns how many. Part of hub.recover().';

create or replace function hub.waited(task public.mac_tasks) returns interval
language plpgsql
stable
set search_path = ''
as $$
begin
  -- Questions may overlap: each moment of the run counts once.
  return coalesce((
    select sum(upper(span) - lower(span))
    from unnest(
      (
        select range_agg(tstzrange(q.asked_at, greatest(q.asked_at, coalesce(q.answered_at, clock_timestamp()))))
        from public.hub_questions as q where q.task_id = task.id
      ) * tstzmultirange(tstzrange(task.started_at, null))
    ) as span
  ), '0');
end
$$;
comment on function hub.waited(public.mac_tasks) is 'For how long the run of a task has waited for answers, which counts against no limit.';

-- Parking ----------------------------------------------------------------------------------------

create or replace function hub.park(task public.mac_tasks, error text default null) returns public.mac_tasks
language plpgsql
set search_path = ''
as $$
begin
  perform hub.end_attempt(task, 'parked', park.error);
  update public.mac_tasks as t
  set status = 'pending', run_at = null, attempt = greatest(t.attempt - 1, 0)
  where t.id = task.id
  returning * into task;
  return task;
end
$$;
comment on function hub.park(public.mac_tasks, text) is
  'Lets a running task wait for its answers without a device, at the cost of no attempt. Under its lock.';

create or replace function hub.park_task(token text, task_id uuid, claim_id uuid, session_id text) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  v_task := hub.held_task(hub.authenticate_device(park_task.token), park_task.task_id, park_task.claim_id);
  perform hub.remember_session(v_task, park_task.session_id);
  v_task := hub.park(v_task);
  return hub.task_result(v_task);
end
$$;

create or replace function public.park_task(token text, task_id uuid, claim_id uuid, session_id text default null)
returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.park_task(park_task.token, park_task.task_id, park_task.claim_id, park_task.session_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.park_task(text, uuid, uuid, text) is
  'Ends the agent''s process while its questions wait: the task is pending, costs no attempt, belongs to the device of its session, and is ready once no question of it is open; the next claim has the answers. Ends it as cancelled, if that was asked for. Returns {task}. Errors: bad_device_token, task_not_found, stale_claim, bad_argument.';

create or replace function hub.answers_for(task public.mac_tasks) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_answers jsonb;
begin
  -- A run that parked has worked in what it was told. One that ended otherwise may have: it is told again.
  select jsonb_agg(
    to_jsonb(q) || jsonb_build_object('told', a.claim_id is not null and a.outcome <> 'lost')
    order by q.asked_at, q.id
  )
  into v_answers
  from public.hub_questions as q
  left join public.hub_task_attempts as a on a.claim_id = q.told_claim_id
  where q.task_id = task.id and q.state in ('answered', 'expired')
    and a.outcome is distinct from 'parked';
  if v_answers is not null then
    update public.hub_questions as q
    set told_claim_id = task.claim_id
    where q.id in (select (a ->> 'id')::uuid from jsonb_array_elements(v_answers) as a);
  end if;
  return v_answers;
end
$$;
comment on function hub.answers_for(public.mac_tasks) is
  'The answers that a new claim of a task begins with, as questions with told: whether an earlier claim had them already. Null: none.';

revoke execute on all functions in schema hub from public;
revoke execute on function
  public.ask_question(text, uuid, uuid, text, text, text, jsonb, boolean, text), public.park_task(text, uuid, uuid, text)
from public, service_role;
grant execute on function
  public.ask_question(text, uuid, uuid, text, text, text, jsonb, boolean, text),
  hub.ask_question(text, uuid, uuid, text, text, text, jsonb, boolean, text),
  public.park_task(text, uuid, uuid, text), hub.park_task(text, uuid, uuid, text)
to anon, authenticated;
revoke execute on function public.answer_question(uuid, text, text) from public;
grant execute on function public.answer_question(uuid, text, text), hub.answer_question(uuid, text, text)
to anon, authenticated, service_role;

-- supabase/schemas/53_inputs.sql

-- Input: what a person says to a task that runs. It is posted like any message, taken once by the run, and
-- what no run took becomes a follow-up.

create table if not exists public.hub_task_inputs (
  id uuid primary key default gen_random_uuid(),
  task_id uuid not null references public.mac_tasks on delete cascade,
  channel_id uuid not null references public.hub_channels on delete cascade,
  message_id uuid references public.hub_channel_messages on delete set null,
  content text not null,
  interrupt boolean not null default false,
  created_by uuid,
  state text not null default 'waiting' check (state in ('waiting', 'taken', 'moved')),
  created_at timestamptz not null default clock_timestamp(),
  taken_at timestamptz,
  claim_id uuid,
  moved_to uuid references public.mac_tasks on delete set null,
  idempotency_key text,
  constraint hub_task_inputs_taken check ((state = 'taken') = (taken_at is not null) and (taken_at is null) = (claim_id is null))
);
comment on table public.hub_task_inputs is
  'What people said to unfinished tasks. Made by send_input, taken once by the run; read by every signed-in user.';
comment on column public.hub_task_inputs.message_id is 'The message that shows the words.';
comment on column public.hub_task_inputs.interrupt is 'Stop what the agent does now, and go on with this.';
comment on column public.hub_task_inputs.state is
  'waiting for the run; taken by it; moved: the task ended without taking it, and a follow-up begins with it.';
comment on column public.hub_task_inputs.claim_id is 'The claim that took it.';
comment on column public.hub_task_inputs.moved_to is 'The follow-up task.';

create index if not exists idx_hub_task_inputs_task on public.hub_task_inputs (task_id, created_at);
create index if not exists idx_hub_task_inputs_waiting on public.hub_task_inputs (task_id) where state = 'waiting';
create index if not exists idx_hub_task_inputs_channel on public.hub_task_inputs (channel_id);
create index if not exists idx_hub_task_inputs_message on public.hub_task_inputs (message_id) where message_id is not null;
create index if not exists idx_hub_task_inputs_moved on public.hub_task_inputs (moved_to) where moved_to is not null;
create unique index if not exists idx_hub_task_inputs_idempotency
on public.hub_task_inputs (task_id, created_by, idempotency_key) nulls not distinct
where idempotency_key is not null;

alter table public.hub_task_inputs enable row level security;
revoke all on public.hub_task_inputs from anon, authenticated, service_role;
grant select on public.hub_task_inputs to authenticated;
grant select, insert, update, delete on public.hub_task_inputs to service_role;
drop policy if exists authenticated_read_task_inputs on public.hub_task_inputs;
create policy authenticated_read_task_inputs on public.hub_task_inputs
for select to authenticated using (channel_id in (select hub.channels_with('viewer')));

create or replace function hub.send_input(task_id uuid, content text, interrupt boolean, idempotency_key text)
returns jsonb
language plpgsql
security definer -- inputs and messages about tasks are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_input public.hub_task_inputs;
begin
  perform hub.require_channel_role(
    (select t.channel_id from public.mac_tasks as t where t.id = send_input.task_id),
    'operator', 'task_not_found', send_input.task_id
  );
  if length(send_input.idempotency_key) not between 1 and 200 then
    perform hub.refuse('bad_argument', array['idempotency_key has 1 to 200 characters.']);
  end if;
  select * into v_task from public.mac_tasks as t
  where t.id = send_input.task_id and t.channel_id is not null for no key update;
  if not found then
    perform hub.refuse('task_not_found', array[coalesce(send_input.task_id::text, 'null')]);
  end if;
  select * into v_input from public.hub_task_inputs as i
  where i.task_id = v_task.id and i.created_by is not distinct from auth.uid()
    and i.idempotency_key = send_input.idempotency_key;
  if found then
    perform hub.require_same(send_input.idempotency_key, v_input.content, coalesce(send_input.content, ''));
  else
    if v_task.status in ('complete', 'failed') or v_task.cancel_requested_at is not null then
      perform hub.refuse('task_finished', array[hub.short_id(v_task.id),
        case when v_task.cancel_requested_at is not null then 'cancelled' else v_task.status end],
        'Dispatch it as a follow-up.');
    end if;
    perform hub.require_content(send_input.content, 'content');
    v_input.id := gen_random_uuid();
    v_input.message_id := gen_random_uuid();
    perform hub.reopen_thread(v_task.task_thread_id);
    insert into public.hub_channel_messages (
      id, channel_id, task_thread_id, sender_type, sender_id, sender_label, content, metadata
    ) values (
      v_input.message_id, v_task.channel_id, v_task.task_thread_id, 'human', auth.uid(), hub.user_label(auth.uid()),
      send_input.content, jsonb_strip_nulls(jsonb_build_object(
        'task_id', v_task.id, 'task_thread_id', v_task.task_thread_id, 'team_id', v_task.team_id,
        'input_id', v_input.id
      ))
    );
    insert into public.hub_task_inputs as i (
      id, task_id, channel_id, message_id, content, interrupt, created_by, idempotency_key
    ) values (
      v_input.id, v_task.id, v_task.channel_id, v_input.message_id, send_input.content,
      coalesce(send_input.interrupt, false), auth.uid(), send_input.idempotency_key
    )
    returning * into v_input;
    if v_task.status = 'running' then
      perform hub.tell_executors();
    end if;
  end if;
  return jsonb_build_object(
    'message', (select to_jsonb(m) from public.hub_channel_messages as m where m.id = v_input.message_id),
    'input', to_jsonb(v_input)
  );
end
$$;

create or replace function public.send_input(
  task_id uuid, content text, interrupt boolean default false, idempotency_key text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.send_input(send_input.task_id, send_input.content, send_input.interrupt, send_input.idempotency_key);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.send_input(uuid, text, boolean, text) is
  'Says something to an unfinished task: posted as the caller''s message where the task lives, and given to the agent at its next step; with interrupt, what it does now is stopped first. What no run took becomes a follow-up task when this one ends, unless it is cancelled. Returns {message, input}. The same idempotency_key returns the first result again. Operator. Errors: key_used, task_not_found, task_finished, content_empty, content_too_long (32,000), bad_argument.';

create or replace function hub.take_input(token text, task_id uuid, claim_id uuid, input_id uuid) returns jsonb
language plpgsql
security definer -- executors have no rights on tasks but by their token
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_task public.mac_tasks;
  v_input public.hub_task_inputs;
begin
  v_task := hub.held_task(hub.authenticate_device(take_input.token), take_input.task_id, take_input.claim_id);
  update public.hub_task_inputs as i
  set state = 'taken', taken_at = clock_timestamp(), claim_id = v_task.claim_id
  where i.id = take_input.input_id and i.task_id = v_task.id and i.state = 'waiting'
  returning * into v_input;
  if not found then
    -- The same claim asks again: the first answer was lost on its way.
    select * into v_input from public.hub_task_inputs as i
    where i.id = take_input.input_id and i.task_id = v_task.id;
    if not found then
      perform hub.refuse('input_not_found', array[coalesce(take_input.input_id::text, 'null'), hub.short_id(v_task.id)]);
    elsif v_input.claim_id is distinct from v_task.claim_id then
      perform hub.refuse('input_taken', array[v_input.id::text]);
    end if;
  end if;
  return jsonb_build_object('input', to_jsonb(v_input));
end
$$;

create or replace function public.take_input(token text, task_id uuid, claim_id uuid, input_id uuid) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.take_input(take_input.token, take_input.task_id, take_input.claim_id, take_input.input_id);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.take_input(text, uuid, uuid, uuid) is
  'Takes an input that a heartbeat named, to give it to the agent: one claim gets it, and gets it again if it asks again. Returns {input}. Errors: bad_device_token, task_not_found, stale_claim, input_not_found, input_taken.';

create or replace function hub.move_inputs(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_first public.hub_task_inputs;
  v_follow_up uuid := gen_random_uuid();
begin
  -- What was said to a task that was cancelled waits for its retry.
  if task.channel_id is null or task.cancelled_at is not null or not exists (
    select from public.hub_task_inputs as i where i.task_id = task.id and i.state = 'waiting'
  ) then
    return;
  end if;
  select * into v_first from public.hub_task_inputs as i
  where i.task_id = task.id and i.state = 'waiting' order by i.created_at, i.id limit 1;
  insert into public.mac_tasks (
    id, status, channel_id, task_thread_id, content, project, platform, model_preference, priority, created_by, metadata
  )
  select v_follow_up, 'pending', task.channel_id, task.task_thread_id,
    left(string_agg(i.content, E'\n\n' order by i.created_at, i.id), 1000000),
    task.project, task.platform, task.model_preference, task.priority, v_first.created_by,
    -- The words are posted already: the follow-up's request is the first of them.
    jsonb_strip_nulls(jsonb_build_object('message_id', v_first.message_id))
  from public.hub_task_inputs as i where i.task_id = task.id and i.state = 'waiting';
  update public.hub_task_inputs as i
  set state = 'moved', moved_to = v_follow_up
  where i.task_id = task.id and i.state = 'waiting';
  -- A task of no thread leaves its sessions to the one that goes on with it.
  insert into hub.sessions (task_id, device_id, model, session_id, used_at)
  select v_follow_up, s.device_id, s.model, s.session_id, s.used_at
  from hub.sessions as s where s.task_id = task.id and task.task_thread_id is null;
exception when others then
  -- The task has ended all the same; hub.recover() tries again.
  raise warning 'The inputs of task % could not be moved: %', task.id, sqlerrm;
end
$$;
comment on function hub.move_inputs(public.mac_tasks) is
  'Makes one follow-up task, in their order, of the inputs that no run of an ended task took.';

create or replace function hub.move_left_inputs(most integer default 100) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform hub.move_inputs(ended.task)
  from (
    select t as task from public.mac_tasks as t
    where t.status in ('complete', 'failed') and t.cancelled_at is null and t.id in (
      select i.task_id from public.hub_task_inputs as i
      join public.hub_channels as c on c.id = i.channel_id and not c.is_read_only
      where i.state = 'waiting'
    )
    limit move_left_inputs.most
    for no key update of t skip locked
  ) as ended;
end
$$;
comment on function hub.move_left_inputs(integer) is 'Moves the inputs of ended tasks that could not be moved at their end. Part of hub.recover().';

revoke execute on all functions in schema hub from public;
revoke execute on function public.take_input(text, uuid, uuid, uuid) from public, service_role;
grant execute on function public.take_input(text, uuid, uuid, uuid), hub.take_input(text, uuid, uuid, uuid)
to anon, authenticated;
revoke execute on function public.send_input(uuid, text, boolean, text) from public;
grant execute on function public.send_input(uuid, text, boolean, text), hub.send_input(uuid, text, boolean, text)
to anon, authenticated, service_role;

-- supabase/schemas/54_overview.sql

-- Overview: what a client asks before it shows anything: who is calling, how the mesh has done, and for whom.

create or replace function hub.whoami() returns jsonb
language plpgsql
stable
security definer -- profiles and the default role are closed to API roles
set search_path = ''
as $$
begin
  perform hub.require_role('viewer');
  return jsonb_build_object(
    'user_id', auth.uid(), 'label', hub.user_label(auth.uid()), 'role', hub.caller_role(),
    'servers', coalesce((
      select jsonb_agg(jsonb_build_object('server_id', s.id, 'name', s.name, 'role', hub.role_on(s.id)) order by s.name)
      from public.hub_servers as s where hub.role_on(s.id) is not null
    ), '[]'),
    'limits', hub.limits(), 'version', hub.version()
  );
end
$$;

create or replace function public.whoami() returns jsonb
language sql
stable
set search_path = ''
as $$
  select hub.whoami()
$$;
comment on function public.whoami() is
  'The caller: {user_id, label: the name shown beside their messages, role: the global one, servers: [{server_id, name, role}], those that exist for the caller}, and limits: the settings that a client has to know, as max_content, the longest text that a person sends; version: that of Aura Servers here. Viewer.';

create or replace function hub.mesh_activity(hours integer) returns jsonb
language plpgsql
stable
security definer -- the queue and the settings are in a schema that the API does not expose
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_since timestamptz := date_trunc('hour', now(), 'UTC') - (mesh_activity.hours - 1) * interval '1 hour';
  v_hours jsonb;
  v_servers uuid[] := array(select hub.servers_with('viewer'));
  v_channels uuid[] := array(select hub.channels_with('viewer'));
begin
  perform hub.require_role('viewer');
  if mesh_activity.hours is null or mesh_activity.hours not between 1 and 168 then
    perform hub.refuse('bad_argument', array['hours is a number from 1 to 168.']);
  end if;

  with attempts as (
    select
      a.started_at, a.ended_at, a.outcome,
      -- Only the first claim tells how long a task waited for a device; a later one waited for a retry.
      case when not exists (
        select from public.hub_task_attempts as earlier
        where earlier.task_id = a.task_id and earlier.started_at < a.started_at
      ) then greatest(0, extract(epoch from a.started_at
        - case when t.run_at <= a.started_at then greatest(t.created_at, t.run_at) else t.created_at end
      ) * 1000) end as waited_ms
    from public.hub_task_attempts as a
    join public.mac_tasks as t on t.id = a.task_id
    -- What ended in the span may have started before it, by the longest run at most.
    where a.started_at >= v_since - (select s.max_runtime from hub.settings as s)
      and (t.channel_id is null and not t.metadata ? 'created_by_label' or t.channel_id = any (v_channels))
  ),
  started as (
    select
      date_trunc('hour', started_at, 'UTC') as hour, count(*) as started,
      percentile_cont(0.5) within group (order by waited_ms) as median_ms, max(waited_ms) as longest_ms
    from attempts where started_at >= v_since group by 1
  ),
  ended as (
    select
      date_trunc('hour', ended_at, 'UTC') as hour,
      count(*) filter (where outcome = 'complete') as complete,
      count(*) filter (where outcome in ('failed', 'timed_out', 'expired')) as failed
    from attempts where ended_at >= v_since group by 1
  )
  select jsonb_agg(jsonb_build_object(
    'hour', h.hour,
    'started', coalesce(s.started, 0),
    'complete', coalesce(e.complete, 0),
    'failed', coalesce(e.failed, 0),
    'wait_median_ms', round(coalesce(s.median_ms, 0)),
    'wait_max_ms', round(coalesce(s.longest_ms, 0))
  ) order by h.hour) into v_hours
  from generate_series(v_since, now(), interval '1 hour') as h (hour)
  left join started as s on s.hour = h.hour
  left join ended as e on e.hour = h.hour;

  return jsonb_build_object('hours', v_hours) || (
    select jsonb_build_object('waiting', count(*), 'oldest_waiting_since', min(q.created_at))
    from hub.queue as q where q.state in ('ready', 'backoff', 'blocked') and q.lane_id in (
      select l.id from hub.lanes as l
      where l.server_id = '00000000-0000-0000-0000-000000000000' or l.server_id = any (v_servers)
    )
  );
end
$$;

create or replace function public.mesh_activity(hours integer default 24) returns jsonb
language sql
stable
set search_path = ''
as $$
  select hub.mesh_activity(mesh_activity.hours)
$$;
comment on function public.mesh_activity(integer) is
  'The last hours of the mesh, the present one included: {hours: [{hour, started, complete, failed, wait_median_ms, wait_max_ms}], waiting, oldest_waiting_since}. Counts are attempts by the hour they started or ended in; waits are of first attempts. Viewer. Errors: bad_argument.';

create or replace function hub.figure(usage jsonb, variadic names text[]) returns numeric
language sql immutable
set search_path = ''
as $$
  select coalesce(sum(case when jsonb_typeof(usage -> n.name) = 'number' then greatest(0, (usage ->> n.name)::numeric) end), 0)
  from unnest(names) as n (name)
$$;
comment on function hub.figure(jsonb, text[]) is
  'The sum of the figures of these names in what an agent reported; what is there and no number counts as nothing.';

create or replace function hub.usage_report(days integer, server_id uuid) returns jsonb
language plpgsql
stable
security definer -- names of people are in a schema that the API does not expose
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_since timestamptz := date_trunc('day', now(), 'UTC') - (usage_report.days - 1) * interval '1 day';
  v_channels uuid[];
begin
  perform hub.require_role('viewer');
  if usage_report.server_id is not null then
    perform hub.require_server_role(usage_report.server_id, 'viewer');
  end if;
  if usage_report.days is null or usage_report.days not between 1 and 366 then
    perform hub.refuse('bad_argument', array['days is a number from 1 to 366.']);
  end if;
  v_channels := array(
    select c.id from public.hub_channels as c
    where c.id in (select hub.channels_with('viewer'))
      and (usage_report.server_id is null or c.server_id = usage_report.server_id)
  );
  return jsonb_build_object('since', v_since, 'rows', coalesce((
    select jsonb_agg(to_jsonb(r) || jsonb_build_object('label', hub.user_label(r.user_id)) order by r.day, r.model, r.user_id)
    from (
      select
        (a.ended_at at time zone 'UTC')::date as day, a.model, t.created_by as user_id,
        count(*) filter (where a.outcome = 'complete') as complete,
        count(*) filter (where a.outcome in ('failed', 'timed_out', 'expired')) as failed,
        round(sum(extract(epoch from a.ended_at - a.started_at) * 1000)) as running_ms,
        -- Claude tells apart what it read from its cache; the others count it in.
        trunc(sum(hub.figure(
          u.usage, 'input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens', 'inputTokens'
        ))) as input_tokens,
        trunc(sum(hub.figure(u.usage, 'output_tokens', 'outputTokens'))) as output_tokens,
        trim_scale(round(sum(hub.figure(u.usage, 'total_cost_usd')), 6)) as cost_usd
      from public.hub_task_attempts as a
      join public.mac_tasks as t on t.id = a.task_id
      cross join lateral (select case a.outcome when 'complete' then t.usage end as usage) as u
      -- What ended in the span may have started before it, by the longest run at most.
      where a.started_at >= v_since - (select s.max_runtime from hub.settings as s)
        and a.ended_at >= v_since and t.channel_id = any (v_channels)
      group by 1, 2, 3
    ) as r
  ), '[]'));
end
$$;

create or replace function public.usage_report(days integer default 30, server_id uuid default null) returns jsonb
language sql
stable
set search_path = ''
as $$
  select hub.usage_report(usage_report.days, usage_report.server_id)
$$;
comment on function public.usage_report(integer, uuid) is
  'What ran in the last days, today included, for whom and with which model: {since, rows: [{day: in UTC, model, user_id, label: their name, complete, failed, running_ms, input_tokens, output_tokens, cost_usd}]}. Of channels that the caller may read; of one server, where one is named. complete and failed count attempts by the day they ended; tokens and cost are what agents told of the complete ones. Attempts older than hub.settings.history_kept are forgotten. Viewer. Errors: server_not_found, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.whoami(), public.mesh_activity(integer), public.usage_report(integer, uuid) from public;
grant execute on function
  public.whoami(), hub.whoami(), public.mesh_activity(integer), hub.mesh_activity(integer),
  public.usage_report(integer, uuid), hub.usage_report(integer, uuid)
to anon, authenticated, service_role;

-- supabase/schemas/56_leaving.sql

-- Who leaves: what goes on in the name of somebody who is no operator any more is ended.
--
-- It is read from state, so that it does not matter how somebody left: a role changed, a server became
-- private, the default was lowered, the user was deleted. Triggers do it at once; recovery does what they
-- found locked, and what no trigger of this project's sees, such as a user of the app's who is deleted.

create or replace function hub.authors() returns setof uuid
language plpgsql
stable
set search_path = ''
as $$
declare
  v_author uuid;
begin
  -- From one to the next: the queue may be long, its authors are few.
  loop
    v_author := (
      select q.created_by from hub.queue as q
      where q.created_by > coalesce(v_author, '00000000-0000-0000-0000-000000000000')
      order by q.created_by limit 1
    );
    exit when v_author is null;
    return next v_author;
  end loop;
end
$$;
comment on function hub.authors() is 'The users who have unfinished tasks.';

create or replace function hub.end_task_of_gone(task public.mac_tasks) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_label text := 'Aura: who asked for it is no operator here any more';
begin
  perform hub.hold_places(task);
  if task.kind in ('plan', 'synthesis') then
    perform hub.cancel_team(task.team_id, task.id, v_label);
  else
    perform hub.cancel_one(task.id, v_label);
  end if;
  return true;
exception when others then
  -- Whatever keeps this one from ending now keeps nobody from leaving; the next minute tries again.
  raise warning 'Task % of somebody who left cannot be cancelled yet: %', task.id, sqlerrm;
  return false;
end
$$;
comment on function hub.end_task_of_gone(public.mac_tasks) is 'Cancels one task, or the team it stands for; false where something is in the way.';

create or replace function hub.end_departed() returns integer
language plpgsql
set search_path = ''
set lock_timeout = '200ms'
as $$
declare
  v_author uuid;
  v_task public.mac_tasks;
  v_count integer := 0;
begin
  for v_author in select hub.authors() loop
    continue when hub.global_role(v_author) = 'admin';
    for v_task in
      select t.* from hub.queue as q
      join public.mac_tasks as t on t.id = q.task_id
      where q.created_by = v_author and t.channel_id is not null and t.cancel_requested_at is null
        and not exists (
          select from public.hub_channels as c
          join hub.server_roles(v_author) as own on own.server_id = c.server_id
          where c.id = t.channel_id and hub.is_at_least(own.role, 'operator')
        )
      order by t.created_at
      for no key update of t skip locked
    loop
      if hub.end_task_of_gone(v_task) then
        v_count := v_count + 1;
      end if;
    end loop;
  end loop;

  delete from hub.device_tokens as t
  using public.mesh_devices as d
  where d.id = t.device_id and d.registered_by is not null
    and not coalesce(hub.is_at_least(hub.global_role(d.registered_by), 'operator'), false)
    and not exists (
      select from hub.server_roles(d.registered_by) as own where hub.is_at_least(own.role, 'operator')
    );
  return v_count;
end
$$;
comment on function hub.end_departed() is
  'Cancels unfinished tasks of people who are no operators of their server any more, and ends the tokens of devices whose registrar is none anywhere; returns how many tasks.';

create or replace function hub.follow_roles() returns trigger
language plpgsql
security definer -- roles change in the name of whoever changes them
set search_path = ''
as $$
begin
  perform hub.bar_servers();
  perform hub.end_departed();
  return null;
end
$$;

do $$
declare
  v_table text;
begin
  foreach v_table in array array['hub_members', 'hub_server_members'] loop
    execute format(
      $trigger$
        create or replace trigger _600_follow_roles
        after insert or update or delete on public.%I
        for each statement execute function hub.follow_roles()
      $trigger$,
      v_table
    );
  end loop;
end
$$;

create or replace trigger _600_follow_new_servers
after insert or delete on public.hub_servers
for each statement execute function hub.follow_roles();

create or replace trigger _600_follow_roles
after update of default_role on public.hub_servers
for each row when (old.default_role is distinct from new.default_role)
execute function hub.follow_roles();

create or replace trigger _600_follow_default_role
after update of default_role on hub.settings
for each row when (old.default_role is distinct from new.default_role)
execute function hub.follow_roles();

revoke execute on all functions in schema hub from public;

-- supabase/schemas/60_life_cycle.sql

-- The life of a thread: active, idle after silence, decaying, archived.

insert into hub.message_events (name, meaning) values
  ('thread_idle', 'Nobody has written in a thread for a while: it will be archived.'),
  ('thread_archived', 'A thread is closed; the message sums it up. In memory-log too.')
on conflict (name) do update set meaning = excluded.meaning;

create or replace function hub.summary_of(thread public.hub_task_threads) returns text
language sql
stable
set search_path = ''
as $$
  select format('🗄 Archived after %s of silence · %s messages · tasks: %s complete, %s failed · last: %s',
    hub.duration(date_trunc('second', clock_timestamp() - thread.last_activity_at)),
    thread.message_count,
    count(*) filter (where t.status = 'complete'),
    count(*) filter (where t.status = 'failed'),
    coalesce(nullif(hub.title((
      array_agg(t.result order by t.finished_at desc) filter (where t.status = 'complete')
    )[1]), ''), '—')
  )
  from public.mac_tasks as t
  where t.task_thread_id = thread.id
$$;
comment on function hub.summary_of(public.hub_task_threads) is 'The line that closes a thread.';

create or replace function hub.life_cycle_line(thread public.hub_task_threads, step text) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return case step
    when 'archived' then hub.summary_of(thread)
    when 'idle' then (
      select format('💤 Idle after %s of silence. This thread will be archived in %s unless somebody writes.',
        hub.duration(date_trunc('second', clock_timestamp() - thread.last_activity_at)),
        hub.duration(coalesce(c.archive_after, s.archive_after)))
      from public.hub_channels as c, hub.settings as s where c.id = thread.channel_id
    )
  end;
end
$$;
comment on function hub.life_cycle_line(public.hub_task_threads, text) is 'What a thread is told when it becomes idle or archived.';

create or replace function hub.post_life_cycle(threads uuid[], step text) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_thread uuid;
begin
  insert into public.hub_channel_messages (channel_id, task_thread_id, sender_type, sender_label, content, metadata)
  select t.channel_id, t.id, 'system', 'Aura', hub.life_cycle_line(t, step),
    jsonb_build_object('task_thread_id', t.id, 'event', 'thread_' || step)
  from public.hub_task_threads as t
  where t.id = any (threads)
  order by t.id;
exception when others then
  -- As with every delivery: threads age whether they can be told or not, and one of them silences no other.
  if cardinality(threads) = 1 then
    raise warning 'Telling thread % that it is % failed: %', threads[1], step, sqlerrm;
    return;
  end if;
  foreach v_thread in array threads loop
    perform hub.post_life_cycle(array[v_thread], step);
  end loop;
end
$$;
comment on function hub.post_life_cycle(uuid[], text) is
  'Posts to threads that they become idle or archived. A failure is logged and undoes nothing.';

create or replace function hub.archive_threads(threads uuid[]) returns void
language plpgsql
set search_path = ''
as $$
begin
  perform from public.hub_task_threads as t
  where t.id = any (archive_threads.threads) order by t.id for no key update;
  insert into hub.feed_lines (feed, content, metadata)
  select 'memory-log', format(E'%s\n%s', t.name, hub.life_cycle_line(t, 'archived')),
    jsonb_build_object('event', 'thread_archived', 'task_thread_id', t.id)
  from public.hub_task_threads as t
  join public.hub_channels as c on c.id = t.channel_id
  join public.hub_servers as s on s.id = c.server_id
  where t.id = any (archive_threads.threads) and (s.name = 'cloud-hub' or hub.is_known_to_all(s.id))
  order by t.id;
  perform hub.post_life_cycle(archive_threads.threads, 'archived');
  update public.hub_task_threads as t
  set status = 'archived', archived_at = clock_timestamp(), next_transition_at = null
  where t.id = any (archive_threads.threads);
  perform hub.post_lines('memory-log');
end
$$;
comment on function hub.archive_threads(uuid[]) is 'Posts the summary of threads, archives them, and tells memory-log.';

create or replace function hub.decay_threads(most integer default 1000) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '500ms' -- what it cannot skip, such as the locks of an app's triggers
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_settings hub.settings;
  v_active uuid[];
  v_idle uuid[];
  v_decaying uuid[];
  v_busy uuid[];
begin
  select * into v_settings from hub.settings;
  -- What another tick, or a message being posted, holds now is due again in a minute.
  select array_agg(due.id) filter (where due.status = 'active'),
    array_agg(due.id) filter (where due.status = 'idle'),
    array_agg(due.id) filter (where due.status = 'decaying')
  into v_active, v_idle, v_decaying
  from (
    select t.id, t.status from public.hub_task_threads as t
    where t.next_transition_at <= v_now
    order by t.next_transition_at
    limit decay_threads.most
    for no key update skip locked
  ) as due;

  -- A thread with an unfinished task never leaves active.
  select array_agg(distinct q.thread_id) into v_busy from hub.queue as q
  where q.thread_id = any (v_active || v_idle || v_decaying);
  v_active := array(select unnest(v_active) except select unnest(v_busy));
  v_idle := array(select unnest(v_idle) except select unnest(v_busy));
  v_decaying := array(select unnest(v_decaying) except select unnest(v_busy));
  update public.hub_task_threads as t
  set status = 'active', next_transition_at = v_now + coalesce(c.idle_after, v_settings.idle_after)
  from public.hub_channels as c
  where t.id = any (v_busy) and c.id = t.channel_id;

  perform hub.post_life_cycle(v_active, 'idle');
  -- The hour counts from the warning, however late the warning came.
  update public.hub_task_threads as t
  set status = 'idle', next_transition_at = clock_timestamp() + coalesce(c.archive_after, v_settings.archive_after)
  from public.hub_channels as c
  where t.id = any (v_active) and c.id = t.channel_id;

  update public.hub_task_threads as t
  set status = 'decaying', next_transition_at = clock_timestamp()
  where t.id = any (v_idle);

  perform hub.archive_threads(v_decaying);
  return jsonb_build_object(
    'idle', cardinality(v_active), 'decaying', cardinality(v_idle), 'archived', cardinality(v_decaying)
  );
end
$$;
comment on function hub.decay_threads(integer) is
  'The tick: moves up to `most` due threads one step on and returns {idle, decaying, archived}, the numbers that became so. Safe to run twice at once; run each minute by pg_cron.';

-- A changed timeout takes effect at once: what waits for it moves by the difference.

create or replace function hub.move_transitions() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  update public.hub_task_threads as t
  set next_transition_at = t.next_transition_at
    + case t.status when 'active' then new.idle_after - old.idle_after else new.archive_after - old.archive_after end
  from public.hub_channels as c
  where c.id = t.channel_id and t.status in ('active', 'idle')
    and case t.status when 'active' then c.idle_after else c.archive_after end is null;
  return null;
end
$$;

create or replace trigger _500_move_transitions
after update of idle_after, archive_after on hub.settings
for each row when ((old.idle_after, old.archive_after) is distinct from (new.idle_after, new.archive_after))
execute function hub.move_transitions();

create or replace function hub.move_transitions_of_channel() returns trigger
language plpgsql
security definer -- threads and settings are closed to whoever changes the channel
set search_path = ''
as $$
begin
  update public.hub_task_threads as t
  set next_transition_at = t.next_transition_at + case t.status
    when 'active' then coalesce(new.idle_after, s.idle_after) - coalesce(old.idle_after, s.idle_after)
    else coalesce(new.archive_after, s.archive_after) - coalesce(old.archive_after, s.archive_after)
  end
  from hub.settings as s
  where t.channel_id = new.id and t.status in ('active', 'idle');
  return null;
end
$$;

create or replace trigger _500_move_transitions
after update of idle_after, archive_after on public.hub_channels
for each row when ((old.idle_after, old.archive_after) is distinct from (new.idle_after, new.archive_after))
execute function hub.move_transitions_of_channel();

create or replace function hub.update_thread_status(thread_id uuid, status text) returns jsonb
language plpgsql
security definer -- threads are written by nobody else
set search_path = ''
as $$
#variable_conflict use_column
declare
  v_thread public.hub_task_threads;
begin
  perform hub.require_role('viewer');
  if update_thread_status.status is null or update_thread_status.status not in ('active', 'archived') then
    perform hub.refuse('bad_argument', array['status is active, to reopen a thread, or archived, to close it.']);
  end if;
  perform hub.require_channel_role(
    (select t.channel_id from public.hub_task_threads as t where t.id = update_thread_status.thread_id),
    'operator', 'thread_not_found', update_thread_status.thread_id
  );
  select * into v_thread from public.hub_task_threads as t
  where t.id = update_thread_status.thread_id for no key update;
  if not found then
    perform hub.refuse('thread_not_found', array[update_thread_status.thread_id::text]);
  end if;
  if update_thread_status.status = 'active' then
    perform hub.reopen_thread(v_thread.id);
  elsif v_thread.status <> 'archived' then
    if exists (select from hub.queue as q where q.thread_id = v_thread.id) then
      perform hub.refuse('thread_busy', array[v_thread.id::text]);
    end if;
    perform hub.archive_threads(array[v_thread.id]);
  end if;
  return (select to_jsonb(t) from public.hub_task_threads as t where t.id = v_thread.id);
end
$$;

create or replace function public.update_thread_status(thread_id uuid, status text) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.update_thread_status(update_thread_status.thread_id, update_thread_status.status);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.update_thread_status(uuid, text) is
  'Reopens a thread (active) or archives it; returns the hub_task_threads row. Operator. Errors: thread_not_found, thread_busy, bad_argument.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.update_thread_status(uuid, text) from public;
grant execute on function public.update_thread_status(uuid, text), hub.update_thread_status(uuid, text)
to anon, authenticated, service_role;

-- supabase/schemas/62_feeds.sql

-- The feeds of Cloud Hub: memory-log, heartbeat, morning-brief.
--
-- Whatever a feed tells is told by a transaction with better things to do: a device that comes online, a
-- thread that is archived. So a line is put down first and posted then, if that can be done without waiting
-- and without an error; what cannot, hub.recover() posts later.

create table if not exists hub.feed_lines (
  id bigint generated always as identity primary key,
  feed text not null,
  content text not null,
  metadata jsonb not null default '{}',
  said_at timestamptz not null default clock_timestamp(),
  failures integer not null default 0,
  reason text,
  retry_at timestamptz not null default '-infinity'
);
comment on table hub.feed_lines is
  'Lines of the feeds that are not posted yet: their channel was locked, or posting failed, with the reason. hub.recover() tries again from retry_at on.';
comment on column hub.feed_lines.feed is 'Name of the channel of Cloud Hub.';
create index if not exists idx_feed_lines_feed on hub.feed_lines (feed, retry_at);

create or replace function hub.feed_channel(feed text) returns uuid
language sql
stable
set search_path = ''
as $$
  select c.id from public.hub_channels as c
  join public.hub_servers as s on s.id = c.server_id
  where s.name = 'cloud-hub' and c.name = feed_channel.feed
$$;
comment on function hub.feed_channel(text) is
  'The channel of a feed of Cloud Hub; null when it was renamed or deleted: then the feed is silent.';

create or replace function hub.try_lines(channel_id uuid, lines hub.feed_lines[]) returns integer
language plpgsql
set search_path = ''
set lock_timeout = '500ms' -- a trigger of an app's may want a lock that somebody holds
as $$
begin
  insert into public.hub_channel_messages (channel_id, sender_type, sender_label, content, metadata)
  select try_lines.channel_id, 'system', 'Aura',
    case
      when l.said_at > clock_timestamp() - interval '1 minute' then l.content
      else format(E'%s\n(%s UTC)', l.content, to_char(l.said_at at time zone 'utc', 'YYYY-MM-DD HH24:MI'))
    end,
    l.metadata
  from unnest(lines) as l
  order by l.id;
  delete from hub.feed_lines as l where l.id in (select posted.id from unnest(lines) as posted);
  return cardinality(lines);
exception when others then
  -- As with every delivery: what there is to tell goes on whether it can be told or not.
  update hub.feed_lines as l
  set failures = l.failures + 1, reason = sqlerrm,
    retry_at = clock_timestamp() + hub.backoff('1 minute', l.failures, '6 hours')
  where l.id in (select failed.id from unnest(lines) as failed);
  return 0;
end
$$;
comment on function hub.try_lines(uuid, hub.feed_lines[]) is
  'Posts lines to their channel, or records why not; returns how many were posted.';

create or replace function hub.post_lines(feed text, most integer default 1000) returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_channel uuid := hub.feed_channel(post_lines.feed);
  v_fresh hub.feed_lines[];
  v_failed hub.feed_lines[];
  v_line hub.feed_lines;
  v_posted integer := 0;
begin
  if v_channel is null then
    delete from hub.feed_lines as l where l.feed = post_lines.feed;
    return 0;
  end if;
  perform from public.hub_channels as c where c.id = v_channel for no key update skip locked;
  if not found then
    return 0;
  end if;
  select array_agg(l.line order by (l.line).id) filter (where (l.line).failures = 0),
    array_agg(l.line order by (l.line).id) filter (where (l.line).failures > 0)
  into v_fresh, v_failed
  from (
    select due as line from hub.feed_lines as due
    where due.feed = post_lines.feed and due.retry_at <= v_now
    order by due.id limit post_lines.most
    for update skip locked
  ) as l;
  -- What failed goes alone, so that one bad line does not keep the others back.
  foreach v_line in array coalesce(v_failed, '{}') loop
    v_posted := v_posted + hub.try_lines(v_channel, array[v_line]);
  end loop;
  if v_fresh is not null then
    v_posted := v_posted + hub.try_lines(v_channel, v_fresh);
  end if;
  return v_posted;
end
$$;
comment on function hub.post_lines(text, integer) is
  'Posts the lines of a feed that are due, waiting for nobody: while its channel is locked they stay where they are. Returns how many were posted.';

create or replace function hub.post_feed(feed text, content text, metadata jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  insert into hub.feed_lines (feed, content, metadata)
  values (post_feed.feed, post_feed.content, post_feed.metadata);
  perform hub.post_lines(post_feed.feed);
end
$$;
comment on function hub.post_feed(text, text, jsonb) is
  'Says a line in a feed of Cloud Hub: now, or as soon as that can be done. Never fails, never waits. metadata names the event.';

-- What they say -----------------------------------------------------------------------------------

insert into hub.message_events (name, meaning) values
  ('device_online', 'In heartbeat: a device is there.'),
  ('device_offline', 'In heartbeat: a device was not heard of.'),
  ('device_draining', 'In heartbeat: a device was told to finish what it runs.'),
  ('device_registered', 'In heartbeat: a known device was registered anew, by whom.'),
  ('device_rate_limited', 'In heartbeat: a model is throttled on a device, until when.'),
  ('brief', 'In morning-brief: the last 24 hours in figures.')
on conflict (name) do update set meaning = excluded.meaning;

create or replace function hub.told_channels() returns setof public.hub_channels
language sql
stable
set search_path = ''
as $$
  select c.* from public.hub_channels as c
  join public.hub_servers as s on s.id = c.server_id
  where s.name = 'cloud-hub' or hub.is_known_to_all(s.id)
$$;
comment on function hub.told_channels() is
  'The channels whose doings the feeds may tell: those of Cloud Hub, which holds the feeds, and of servers that are hidden from nobody.';

create or replace function hub.feed_device() returns trigger
language plpgsql
security definer -- posts as the system
set search_path = ''
as $$
begin
  if not hub.is_known_device(new) then
    return null;
  end if;
  perform hub.post_feed('heartbeat',
    case new.status
      when 'offline' then format('🔴 %s is offline', new.name)
      when 'online' then format('🟢 %s is online', new.name)
      else format('🟠 %s is draining', new.name)
    end,
    jsonb_build_object('event', 'device_' || new.status, 'device_id', new.id));
  return null;
end
$$;

create or replace trigger _500_feed_device
after update on public.mesh_devices
for each row when (old.status is distinct from new.status)
execute function hub.feed_device();

create or replace function hub.feed_registration(device public.mesh_devices) returns void
language plpgsql
set search_path = ''
as $$
begin
  if hub.is_known_device(device) then
    perform hub.post_feed('heartbeat',
      format('🔑 %s (%s) was registered anew by %s: its old token has stopped working', device.name, device.platform, hub.user_label(auth.uid())),
      jsonb_build_object('event', 'device_registered', 'device_id', device.id));
  end if;
end
$$;
comment on function hub.feed_registration(public.mesh_devices) is 'Says in heartbeat that a known device has a new token.';

create or replace function hub.feed_throttle() returns trigger
language plpgsql
security definer -- posts as the system
set search_path = ''
as $$
begin
  perform hub.post_feed('heartbeat', format('🟡 %s is rate limited on %s until %s UTC', new.model, d.name,
    to_char(new.rate_limited_until at time zone 'utc', 'YYYY-MM-DD HH24:MI')),
    jsonb_build_object('event', 'device_rate_limited', 'device_id', new.device_id, 'model', new.model))
  from public.mesh_devices as d where d.id = new.device_id and hub.is_known_device(d);
  return null;
end
$$;

create or replace trigger _500_feed_throttle
after update on public.mesh_device_models
for each row when (
  new.rate_limited_until > clock_timestamp() and old.rate_limited_until is distinct from new.rate_limited_until
)
execute function hub.feed_throttle();

create or replace function hub.morning_brief() returns text
language plpgsql
set search_path = ''
as $$
declare
  v_since timestamptz := now() - interval '24 hours';
  v_brief text;
begin
  select format(
    E'☀️ The last 24 hours, to %s UTC\nTasks: %s complete, %s failed, %s cancelled, %s waiting or running\nChannels: %s\nDevices: %s\nThreads: %s opened, %s archived\nUndelivered results: %s',
    to_char(now() at time zone 'utc', 'YYYY-MM-DD HH24:MI'),
    count(*) filter (where t.status = 'complete'),
    count(*) filter (where t.status = 'failed' and t.cancelled_at is null),
    count(*) filter (where t.cancelled_at is not null),
    (
      select count(*) from hub.queue as q join hub.lanes as l on l.id = q.lane_id
      where l.server_id = '00000000-0000-0000-0000-000000000000' or l.server_id in (select c.server_id from hub.told_channels() as c)
    ),
    coalesce((
      select string_agg(format('#%s %s', busy.name, busy.tasks), ', ' order by busy.tasks desc, busy.name)
      from (
        select c.name, count(*) as tasks
        from hub.told_channels() as c
        join public.mac_tasks as m on m.channel_id = c.id and m.created_at > v_since
        group by c.id, c.name order by count(*) desc, c.name limit 5
      ) as busy
    ), 'quiet'),
    coalesce((select string_agg(format('%s %s', d.name, d.status), ', ' order by d.name) from public.mesh_devices as d where hub.is_known_device(d)), 'none'),
    (select count(*) from hub.told_channels() as c join public.hub_task_threads as h on h.channel_id = c.id and h.created_at > v_since),
    (select count(*) from hub.told_channels() as c join public.hub_task_threads as h on h.channel_id = c.id and h.archived_at > v_since),
    (
      select count(*) from hub.delivery_failures as f join public.mac_tasks as t on t.id = f.task_id
      where t.channel_id in (select c.id from hub.told_channels() as c)
    )
  )
  into v_brief
  from hub.told_channels() as c
  join public.mac_tasks as t on t.channel_id = c.id and t.finished_at > v_since;
  perform hub.post_feed('morning-brief', v_brief, '{"event": "brief"}');
  return v_brief;
end
$$;
comment on function hub.morning_brief() is
  'Posts the digest of the last 24 hours to morning-brief and returns it; run daily at 07:00 UTC by pg_cron.';

revoke execute on all functions in schema hub from public;

-- supabase/schemas/64_recovery.sql

-- Recovery: what a crash, a lost device or a failed delivery left, put right from nothing but state.

-- What somebody holds is skipped and taken next minute, so that a lock held for long costs no one else
-- anything. A lock that cannot be skipped, such as one that a trigger of the app's wants, is waited for 200 ms.

create table if not exists hub.clock (
  id boolean primary key default true check (id),
  ticked_at timestamptz,
  resumed_at timestamptz,
  resumed_from timestamptz
);
comment on table hub.clock is
  'One row: when recovery ran last, and where its last gap of more than 70 s began and ended, in which the database was down or its clock was set.';
insert into hub.clock default values on conflict do nothing;

create or replace function hub.tick() returns void
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
begin
  update hub.clock as c
  set ticked_at = v_now,
    resumed_at = case
      when v_now > c.ticked_at + interval '70 seconds' then v_now
      when v_now >= c.resumed_at then c.resumed_at
    end,
    resumed_from = case when v_now > c.ticked_at + interval '70 seconds' then c.ticked_at else c.resumed_from end
  where c.id in (select free.id from hub.clock as free for no key update skip locked);
  -- A clock set back left times ahead of it, in which nobody can be found missing.
  update public.mesh_devices as d set last_seen_at = v_now
  where d.id in (
    select early.id from public.mesh_devices as early
    where early.last_seen_at > v_now + interval '1 second' for no key update skip locked
  );
  update public.mac_tasks as t set lease_expires_at = v_now + s.task_lease
  from hub.settings as s
  where t.id in (
    select early.id from hub.queue as q join public.mac_tasks as early on early.id = q.task_id
    where q.state = 'running' and early.claim_id is not null
      and early.lease_expires_at > v_now + (select own.task_lease from hub.settings as own) + interval '1 second'
    for no key update of early skip locked
  );
end
$$;
comment on function hub.tick() is 'Notes that recovery runs, and puts right what a clock set back would keep alive.';

create or replace function hub.is_excused(device public.mesh_devices) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (
    select from hub.clock as c, hub.settings as s
    where clock_timestamp() < c.resumed_at + s.device_offline_after
      and device.last_seen_at >= c.resumed_from - s.device_offline_after
  );
end
$$;
comment on function hub.is_excused(public.mesh_devices) is
  'Whether a device was there before a gap in the database''s own time and has had no chance yet to be heard of since.';

create or replace function hub.retire_devices() returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_device public.mesh_devices;
  v_count integer := 0;
begin
  for v_device in
    select d.* from public.mesh_devices as d, hub.settings as s
    where d.status <> 'offline' and d.last_seen_at < clock_timestamp() - s.device_offline_after
      and not hub.is_excused(d)
    order by random()
    for no key update of d skip locked
  loop
    begin
      update public.mesh_devices as d set status = 'offline' where d.id = v_device.id;
      delete from hub.idle_devices as i where i.device_id = v_device.id;
      v_count := v_count + 1;
    exception when others then
      raise warning 'Device % cannot be marked as offline: %', v_device.name, sqlerrm;
    end;
  end loop;
  return jsonb_build_object('devices_offline', v_count);
end
$$;
comment on function hub.retire_devices() is 'Marks devices that were not heard of as offline; returns how many.';

create or replace function hub.hold_places(task public.mac_tasks) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_free boolean := true;
begin
  if task.team_id is not null then
    perform from public.hub_teams as t where t.id = task.team_id for no key update skip locked;
    v_free := found;
  end if;
  if v_free and task.task_thread_id is not null then
    perform from public.hub_task_threads as t where t.id = task.task_thread_id for no key update skip locked;
    v_free := found;
  elsif v_free and task.channel_id is not null then
    perform from public.hub_channels as c where c.id = task.channel_id for no key update skip locked;
    v_free := found;
  end if;
  if not v_free then
    -- Raised, so that what was locked up to here is given back at once.
    raise exception using errcode = 'lock_not_available', message = 'Somebody holds what the end of the task would write.';
  end if;
end
$$;
comment on function hub.hold_places(public.mac_tasks) is
  'Locks, without waiting, the team of a task and where it posts. Errors: 55P03.';

create or replace function hub.reclaim(task public.mac_tasks) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_settings hub.settings;
  v_task public.mac_tasks;
begin
  select * into v_settings from hub.settings;
  if task.started_at < clock_timestamp() - v_settings.max_runtime - hub.waited(task) then
    perform hub.end_attempt(task, 'timed_out', null);
    perform hub.end_as_failed(task, format('timed_out: it ran for more than %s.', hub.duration(v_settings.max_runtime)));
    return 'timed_out';
  end if;
  if hub.has_open_question(task.id) then
    -- Its device went while a person thinks: the task waits for the answer, not for the device.
    perform hub.park(task, format('%s was not heard of', task.claimed_by));
    return 'requeued';
  end if;
  v_task := hub.lose(task, 'expired', format('%s was not heard of', task.claimed_by));
  return case v_task.status when 'pending' then 'requeued' else 'failed' end;
end
$$;
comment on function hub.reclaim(public.mac_tasks) is 'Takes one task back; returns what became of it: requeued, failed or timed_out.';

create or replace function hub.reclaim_tasks() returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_oldest timestamptz := v_now - (select s.max_runtime from hub.settings as s);
  v_task public.mac_tasks;
  v_ends text[] := array[]::text[];
begin
  for v_task in
    -- Running tasks are few; only those that claim_tasks claimed have a claim_id.
    select t.* from hub.queue as q
    join public.mac_tasks as t on t.id = q.task_id
    where q.state = 'running' and t.status = 'running' and t.claim_id is not null
      and (t.lease_expires_at < v_now or t.started_at < v_oldest - hub.waited(t))
      and not exists (select from public.mesh_devices as d where d.name = t.claimed_by and hub.is_excused(d))
    order by random() -- nobody is always behind the same one that cannot be taken back
    for no key update of t skip locked
  loop
    exit when clock_timestamp() > v_now + interval '5 seconds';
    begin
      perform hub.hold_places(v_task);
      v_ends := v_ends || hub.reclaim(v_task);
    exception
      when lock_not_available then
        null;
      when others then
        raise warning 'Task % cannot be taken back: %', v_task.id, sqlerrm;
    end;
  end loop;
  return jsonb_build_object(
    'requeued', cardinality(array_positions(v_ends, 'requeued')),
    'failed', cardinality(array_positions(v_ends, 'failed')),
    'timed_out', cardinality(array_positions(v_ends, 'timed_out'))
  );
end
$$;
comment on function hub.reclaim_tasks() is
  'Takes back tasks whose lease has expired, or that have run too long. Tasks claimed by an UPDATE have no lease and are left alone.';

create or replace function hub.redeliver(most integer default 100) returns integer
language plpgsql
set search_path = ''
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_due record;
  v_task public.mac_tasks;
  v_tried integer := 0;
  v_count integer := 0;
  v_is_free boolean;
begin
  for v_due in
    select f.what, t as task from hub.delivery_failures as f
    join public.mac_tasks as t on t.id = f.task_id
    where f.retry_at <= v_now
    order by f.retry_at, f.what
    for no key update of f, t skip locked
  loop
    exit when v_tried = redeliver.most or clock_timestamp() > v_now + interval '5 seconds';
    v_task := v_due.task;
    v_is_free := false;
    begin
      perform hub.hold_places(v_task);
      v_is_free := true;
      v_tried := v_tried + 1;
      if v_task.channel_id is not null and v_task.status in ('complete', 'failed') then
        perform hub.reopen_thread(v_task.task_thread_id);
        if v_due.what = 'team' then
          perform hub.post_team_outcome(v_task);
        else
          perform hub.post_outcome(v_task);
        end if;
        v_count := v_count + 1;
      end if;
      delete from hub.delivery_failures as f where f.task_id = v_task.id and f.what = v_due.what;
      update public.mac_tasks as t set delivered_at = clock_timestamp()
      where t.id = v_task.id and t.channel_id is not null and t.status in ('complete', 'failed')
        and not exists (select from hub.delivery_failures as f where f.task_id = t.id);
    exception when others then
      if v_is_free then
        perform hub.record_delivery_failure(v_task.id, v_due.what, sqlerrm);
      end if;
    end;
  end loop;
  return v_count;
end
$$;
comment on function hub.redeliver(integer) is 'Posts outcomes whose delivery failed and is due again; returns how many now arrived.';

create or replace function hub.repair_running() returns void
language plpgsql
set search_path = ''
as $$
declare
  -- No claim is older than the longest run and an outage. A variable, so that the index can be used.
  v_oldest timestamptz := clock_timestamp() - (select s.max_runtime from hub.settings as s) - interval '1 day';
  v_task uuid;
begin
  for v_task in
    select t.id from public.hub_task_attempts as a
    join public.mac_tasks as t on t.id = a.task_id
    left join hub.queue as q on q.task_id = t.id
    where a.ended_at is null and a.started_at > v_oldest
      and (t.claim_id is distinct from a.claim_id or t.status = 'running' and q.state is distinct from 'running')
    union
    select q.task_id from hub.queue as q
    join public.mac_tasks as t on t.id = q.task_id
    where q.state = 'running' and t.status <> 'running'
  loop
    begin
      perform hub.repair_task(v_task);
    exception when others then
      raise warning 'Task % cannot be repaired: %', v_task, sqlerrm;
    end;
  end loop;
end
$$;
comment on function hub.repair_running() is
  'Repairs what recovery meets: tasks that run, or that an attempt or the queue says run. What was taken away by hand ends its attempt here.';

create or replace function hub.try_recovery(step text) returns jsonb
language plpgsql
set search_path = ''
-- It looks things up by their keys, whatever the planner believes of the tables: it costs what is lost.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
set lock_timeout = '200ms'
as $$
begin
  case step
    when 'clock' then
      perform hub.tick();
    when 'devices' then
      return hub.retire_devices();
    when 'tasks' then
      return hub.reclaim_tasks();
    when 'questions' then
      perform hub.expire_questions();
    when 'inputs' then
      perform hub.move_left_inputs();
    when 'deliveries' then
      return jsonb_build_object('redelivered', hub.redeliver());
    when 'feeds' then
      perform hub.post_lines(waiting.feed) from (select distinct l.feed from hub.feed_lines as l) as waiting;
    when 'files' then
      perform hub.fail_missing_files();
    when 'queue' then
      perform hub.admit_due_tasks(1000);
      perform hub.offer_elsewhere();
    when 'running' then
      perform hub.repair_running();
    when 'departed' then
      perform hub.end_departed();
  end case;
  return '{}'::jsonb;
exception when others then
  -- The other steps do not depend on it, and the next minute tries again.
  raise warning 'Recovery of % failed: %', step, sqlerrm;
  return '{}'::jsonb;
end
$$;
comment on function hub.try_recovery(text) is 'One step of recovery; its failure is logged and keeps no other step from being taken.';

create or replace function hub.recover() returns jsonb
language plpgsql
security definer -- the recover edge function calls it with the service key
set search_path = ''
as $$
declare
  v_report jsonb := '{"requeued": 0, "failed": 0, "redelivered": 0, "devices_offline": 0, "timed_out": 0}'::jsonb;
  v_step text;
begin
  foreach v_step in array array[
    'clock', 'running', 'devices', 'tasks', 'questions', 'inputs', 'deliveries', 'feeds', 'files', 'queue', 'departed'
  ] loop
    v_report := v_report || hub.try_recovery(v_step);
  end loop;
  return v_report;
end
$$;
comment on function hub.recover() is
  'Takes back orphaned tasks, posts undelivered outcomes, marks silent devices offline and files that never came as failed; returns {requeued, failed, redelivered, devices_offline, timed_out}. Reads nothing but state and waits for nobody: safe to run twice, and twice at once.';

create or replace function public.recover() returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return hub.recover();
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.recover() is 'hub.recover() for the recover edge function. service_role.';

create or replace function hub.prune() returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_before timestamptz := now() - (select s.history_kept from hub.settings as s);
  v_attempts integer;
  v_failures integer;
  v_runs integer := 0;
begin
  delete from public.hub_task_attempts as a where a.started_at < v_before and a.ended_at is not null;
  get diagnostics v_attempts = row_count;
  delete from hub.delivery_failures as f where f.failed_at < v_before;
  get diagnostics v_failures = row_count;
  delete from hub.feed_lines as l where l.said_at < v_before;
  -- A lane that a task is being put into is locked, and stays.
  delete from hub.lanes as l where l.id in (
    select empty.id from hub.lanes as empty
    where not exists (select from hub.queue as q where q.lane_id = empty.id)
    for update skip locked
  );
  if to_regclass('cron.job_run_details') is not null then
    -- A week of the project's own runs: two jobs a minute would be 260,000 rows in 90 days.
    execute $cron$
      delete from cron.job_run_details as d
      where d.start_time < now() - interval '7 days' and case
        -- Of a job that is gone only the command is known.
        when exists (select from cron.job as j where j.jobid = d.jobid)
          then exists (select from cron.job as j where j.jobid = d.jobid and j.jobname like 'hub-%')
        else d.command ~ '^select hub\.[a-z_]+\(\)$'
      end
    $cron$;
    get diagnostics v_runs = row_count;
  end if;
  return jsonb_build_object(
    'attempts', v_attempts, 'delivery_failures', v_failures, 'cron_runs', v_runs, 'files', hub.prune_files(),
    'kept_no_longer', hub.prune_channels()
  );
end
$$;
comment on function hub.prune() is
  'Deletes attempts and delivery failures older than hub.settings.history_kept, cron runs older than a week, empty lanes, and files that no request has named for a day, and takes one step of hub.prune_channels(), told as kept_no_longer; returns the counts. Daily by pg_cron.';

revoke execute on all functions in schema hub from public;
revoke execute on function public.recover() from public, anon, authenticated;
grant execute on function public.recover(), hub.recover() to service_role;

-- supabase/schemas/65_keeping.sql

-- Keeping: what channels forget after keep_for, in steps that hold no lock for long.

alter table public.hub_channels
  add column if not exists keep_for interval check (keep_for > '0' and keep_for <= '100 years');
comment on column public.hub_channels.keep_for is
  'How long messages, archived threads and files are kept; null: for ever. Older ones go each night; a thread with unfinished work stays whole.';
grant insert (keep_for), update (keep_for) on public.hub_channels to authenticated;

create or replace function hub.prune_channel(channel public.hub_channels, most integer) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '500ms'
as $$
#variable_conflict use_column
declare
  v_before timestamptz := now() - channel.keep_for;
  v_files integer;
  v_threads integer;
  v_messages integer;
begin
  -- Files before the messages that show them, and threads before flat messages: each by its own age.
  with gone as (
    delete from public.hub_files as f where f.id in (
      select old.id from public.hub_files as old
      where old.channel_id = channel.id and old.created_at < v_before
        and not exists (select from hub.queue as q where q.task_id = old.task_id or q.thread_id = old.task_thread_id)
      order by old.created_at limit most for update skip locked
    ) returning f.id
  )
  select count(*) into v_files from gone;

  -- Whole threads, of which a long one is first emptied from its oldest message on.
  with gone as (
    delete from public.hub_channel_messages as m where m.id in (
      select old.id from public.hub_task_threads as t
      join public.hub_channel_messages as old on old.task_thread_id = t.id
      where t.channel_id = channel.id and t.status = 'archived' and t.archived_at < v_before
        and not exists (select from hub.queue as q where q.thread_id = t.id)
      limit most for update of old skip locked
    ) returning m.id
  )
  select count(*) into v_messages from gone;
  with gone as (
    delete from public.hub_task_threads as t where t.id in (
      select old.id from public.hub_task_threads as old
      where old.channel_id = channel.id and old.status = 'archived' and old.archived_at < v_before
        and not exists (select from hub.queue as q where q.thread_id = old.id)
        and not exists (select from public.hub_channel_messages as m where m.task_thread_id = old.id)
      limit most for update skip locked
    ) returning t.id
  )
  select count(*) into v_threads from gone;

  with gone as (
    delete from public.hub_channel_messages as m where m.id in (
      select old.id from public.hub_channel_messages as old
      where old.channel_id = channel.id and old.task_thread_id is null and old.created_at < v_before
        -- The request and the news of a task that is not over.
        and not exists (
          select from hub.queue as q where q.task_id = case
            when old.metadata ->> 'task_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (old.metadata ->> 'task_id')::uuid
          end
        )
        and not exists (select from hub.queue as q where q.thread_id = case
            when old.metadata ->> 'task_thread_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (old.metadata ->> 'task_thread_id')::uuid
          end)
      order by old.created_at limit greatest(most - v_messages, 0) for update skip locked
    ) returning m.id
  )
  select count(*) + v_messages into v_messages from gone;
  return jsonb_build_object('messages', v_messages, 'threads', v_threads, 'files', v_files);
end
$$;
comment on function hub.prune_channel(public.hub_channels, integer) is
  'Deletes up to so many messages, threads and files of a channel that are older than its keep_for; returns the counts.';

create or replace function hub.prune_channels(most integer default 2000) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  v_began timestamptz := clock_timestamp();
  v_channel public.hub_channels;
  v_step jsonb;
  v_done jsonb := '{"messages": 0, "threads": 0, "files": 0}'::jsonb;
begin
  for v_channel in select * from public.hub_channels as c where c.keep_for is not null order by random() loop
    -- One step of a channel a transaction: its counters are locked until the end.
    exit when clock_timestamp() > v_began + interval '300 milliseconds';
    begin
      v_step := hub.prune_channel(v_channel, prune_channels.most);
      v_done := jsonb_build_object(
        'messages', (v_done ->> 'messages')::integer + (v_step ->> 'messages')::integer,
        'threads', (v_done ->> 'threads')::integer + (v_step ->> 'threads')::integer,
        'files', (v_done ->> 'files')::integer + (v_step ->> 'files')::integer
      );
    exception when others then
      raise warning 'Channel % cannot be pruned now: %', v_channel.name, sqlerrm;
    end;
  end loop;
  return v_done;
end
$$;
comment on function hub.prune_channels(integer) is
  'One step of pruning what channels keep no longer: short, since it holds their counters until its end. By pg_cron, each minute from 2 to 5 at night (UTC), and by hub.prune(); returns {messages, threads, files}.';

revoke execute on all functions in schema hub from public;

-- supabase/schemas/66_repair.sql

-- What is derived from the tables, compared with them and put right: the queue, the counters, delivery.
--
-- Triggers keep it in step. Rows that were written with triggers off are not: by a restore, by replication,
-- with session_replication_role = replica.

create or replace function hub.is_lane_of(lane hub.lanes, task public.mac_tasks, server_id uuid) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  -- A bound lane has the model of the session that waits for an answer; what needs no agent has none.
  return lane.server_id = coalesce(is_lane_of.server_id, '00000000-0000-0000-0000-000000000000')
    and lane.platform = case task.kind when 'publish' then '' else coalesce(task.platform, '') end
    and (lane.bound or lane.model = case task.kind when 'publish' then '' else coalesce(task.model_preference, 'any') end);
end
$$;
comment on function hub.is_lane_of(hub.lanes, public.mac_tasks, uuid) is 'Whether a task of this server may be in the lane.';

create or replace function hub.check() returns table (what text, id uuid, problem text)
language sql -- one statement: all of it is of one moment
stable
set search_path = ''
as $$
  -- The queue: a row for each unfinished task that executors may be offered, and for no other.
  select 'queue', t.id, format('%s, and not in the queue', t.status)
  from public.mac_tasks as t, hub.settings as s
  where t.status in ('pending', 'running') and (t.channel_id is not null or s.claims_foreign_tasks)
    and not exists (select from hub.queue as q where q.task_id = t.id)
  union all
  select 'queue', t.id, 'of no channel, and in the queue'
  from hub.queue as q join public.mac_tasks as t on t.id = q.task_id, hub.settings as s
  where t.channel_id is null and not s.claims_foreign_tasks and q.state <> 'running'
  union all
  select 'queue', t.id, case
      when t.status not in ('pending', 'running') then format('%s, and still in the queue as %s', t.status, q.state)
      when (t.status = 'running') <> (q.state = 'running') then format('%s, and in the queue as %s', t.status, q.state)
      when q.device is distinct from case t.status when 'running' then t.claimed_by end then 'with another device in the queue'
      when (q.thread_id, q.team_id) is distinct from (t.task_thread_id, t.team_id) then 'with another thread or team in the queue'
      when q.priority <> t.priority then 'with another priority in the queue'
      when not hub.is_lane_of(l, t, c.server_id) then 'in the lane of other devices'
      when q.state not in ('running', 'parked') and hub.has_open_question(t.id) then format('%s, and a question of it is open', q.state)
      when q.state in ('ready', 'blocked') and t.run_at > clock_timestamp() then format('%s, and not due', q.state)
      when q.state in ('scheduled', 'backoff') and t.run_at is null then format('in the queue as %s, and due', q.state)
      when q.state = 'parked' then 'parked, and no question of it is open'
      when q.state = 'blocked' then 'blocked, and nothing of its thread is at work'
    end
  from hub.queue as q
  join public.mac_tasks as t on t.id = q.task_id
  join hub.lanes as l on l.id = q.lane_id
  left join public.hub_channels as c on c.id = t.channel_id
  where (t.status = 'running') <> (q.state = 'running') or t.status not in ('pending', 'running')
    or q.device is distinct from case t.status when 'running' then t.claimed_by end
    or (q.thread_id, q.team_id, q.priority) is distinct from (t.task_thread_id, t.team_id, t.priority)
    or not hub.is_lane_of(l, t, c.server_id)
    or q.state not in ('running', 'parked') and hub.has_open_question(t.id)
    or q.state in ('ready', 'blocked') and t.run_at > clock_timestamp()
    or q.state in ('scheduled', 'backoff') and t.run_at is null
    or q.state = 'parked' and not hub.has_open_question(t.id)
    or q.state = 'blocked' and not exists (
      select from hub.queue as busy
      where busy.thread_id = q.thread_id and busy.state in ('ready', 'running', 'backoff', 'parked')
    )
  union all
  select 'attempt', t.id, format('its attempt %s is open, and its claim is over', a.attempt)
  from public.hub_task_attempts as a
  join public.mac_tasks as t on t.id = a.task_id
  where a.ended_at is null and t.claim_id is distinct from a.claim_id
  union all
  select 'question', t.id, 'it has ended, and asks'
  from public.mac_tasks as t
  where t.status in ('complete', 'failed') and hub.has_open_question(t.id)
  union all
  select 'delivery', t.id, format('%s, not delivered, and nobody will try', t.status)
  from public.mac_tasks as t
  where t.channel_id is not null and t.status in ('complete', 'failed') and t.delivered_at is null
    and not exists (select from hub.delivery_failures as f where f.task_id = t.id)
  union all
  select 'team', team.id, format('%s, and no task of it is unfinished', team.status)
  from public.hub_teams as team
  where team.finished_at is null and not exists (
    select from public.mac_tasks as t where t.team_id = team.id and t.status in ('pending', 'running')
  )
  union all
  select 'channel', c.id, format('%s messages counted, and %s there', c.message_count, count(m.id))
  from public.hub_channels as c
  left join public.hub_channel_messages as m on m.channel_id = c.id and m.task_thread_id is null
  group by c.id
  having c.message_count <> count(m.id) or c.last_message_at is distinct from max(m.created_at)
  union all
  select 'thread', t.id, format('%s messages counted, and %s there', t.message_count, count(m.id))
  from public.hub_task_threads as t
  left join public.hub_channel_messages as m on m.task_thread_id = t.id
  group by t.id
  having t.message_count <> count(m.id)
  union all
  select 'server', s.id, format('%s channels counted, and %s there', s.channel_count, count(c.id))
  from public.hub_servers as s
  left join public.hub_channels as c on c.server_id = s.id
  group by s.id
  having s.channel_count <> count(c.id)
$$;
comment on function hub.check() is
  'What derived state disagrees with the tables: {what: queue, attempt, question, delivery, team, channel, thread or server; id; problem}. Reads all messages and tasks. No row: all is well.';

create or replace function hub.repair_task(task_id uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  v_task public.mac_tasks;
begin
  select * into v_task from public.mac_tasks as t
  where t.id = repair_task.task_id for no key update skip locked;
  if not found then
    return;
  end if;
  if v_task.status in ('complete', 'failed') or v_task.channel_id is null and v_task.status <> 'running'
    and not (select s.claims_foreign_tasks from hub.settings as s)
  then
    perform hub.withdraw_questions(v_task.id);
    delete from hub.queue as q where q.task_id = v_task.id;
  else
    perform hub.enqueue(v_task);
    if v_task.task_thread_id is not null then
      perform hub.begin_next(v_task.task_thread_id);
    end if;
  end if;
  update public.hub_task_attempts as a
  set ended_at = clock_timestamp(),
    outcome = case
      when v_task.cancelled_at is not null then 'cancelled'
      when v_task.status in ('complete', 'failed') then v_task.status
      else 'released'
    end
  where a.task_id = v_task.id and a.ended_at is null and a.claim_id is distinct from v_task.claim_id;
  if v_task.channel_id is not null and v_task.status in ('complete', 'failed') and v_task.delivered_at is null then
    insert into hub.delivery_failures (task_id, what, reason, retry_at)
    values (
      v_task.id, case when v_task.kind in ('plan', 'synthesis') then 'team' else 'task' end,
      'It ended while triggers were off.', clock_timestamp()
    )
    on conflict do nothing;
  end if;
end
$$;
comment on function hub.repair_task(uuid) is
  'Makes the queue, the attempts and the delivery of a task what the task says. Skips one that somebody holds.';

create or replace function hub.repair_count(what text, id uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Locked first, so that what is being posted is either counted here or adds itself afterwards.
  case what
    when 'channel' then
      perform from public.hub_channels as c where c.id = repair_count.id for no key update skip locked;
      if found then
        update public.hub_channels as c
        set message_count = messages.count, last_message_at = messages.newest
        from (
          select count(*) as count, max(m.created_at) as newest from public.hub_channel_messages as m
          where m.channel_id = repair_count.id and m.task_thread_id is null
        ) as messages
        where c.id = repair_count.id;
      end if;
    when 'thread' then
      perform from public.hub_task_threads as t where t.id = repair_count.id for no key update skip locked;
      if found then
        update public.hub_task_threads as t
        set message_count = (
          select count(*) from public.hub_channel_messages as m where m.task_thread_id = repair_count.id
        )
        where t.id = repair_count.id;
      end if;
    when 'server' then
      perform from public.hub_servers as s where s.id = repair_count.id for no key update skip locked;
      if found then
        update public.hub_servers as s
        set channel_count = (select count(*) from public.hub_channels as c where c.server_id = repair_count.id)
        where s.id = repair_count.id;
      end if;
  end case;
end
$$;
comment on function hub.repair_count(text, uuid) is
  'Counts anew what a channel, thread or server has. Skips one that somebody holds.';

create or replace function hub.repair() returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '500ms'
as $$
declare
  v_found record;
  v_report jsonb := '{}'::jsonb;
begin
  -- What has ended first, since it keeps others back; then in the order the tasks came in.
  for v_found in
    select c.what, c.id, c.problem from hub.check() as c
    left join public.mac_tasks as t on t.id = c.id and c.what in ('queue', 'attempt', 'question', 'delivery')
    order by t.status in ('pending', 'running'), t.created_at, c.id
  loop
    begin
      case
        when v_found.what in ('queue', 'attempt', 'question', 'delivery') then
          perform hub.repair_task(v_found.id);
        when v_found.what = 'team' then
          perform hub.settle_team(v_found.id);
        else
          perform hub.repair_count(v_found.what, v_found.id);
      end case;
      v_report := v_report || jsonb_build_object(
        v_found.what, coalesce((v_report ->> v_found.what)::integer, 0) + 1
      );
    exception when others then
      raise warning 'The % % (%) cannot be repaired: %', v_found.what, v_found.id, v_found.problem, sqlerrm;
    end;
  end loop;
  return v_report;
end
$$;
comment on function hub.repair() is
  'Puts right what hub.check() finds, from the tables, and returns how many of what: {queue: 2, channel: 1}. What somebody holds is left for the next time. Nightly by pg_cron, and after a restore.';

-- Truncating -------------------------------------------------------------------------------------

create or replace function hub.reset_counters() returns trigger
language plpgsql
security definer -- counters are not writable by API roles
set search_path = ''
as $$
begin
  if tg_table_name = 'hub_channels' then
    update public.hub_servers as s set channel_count = 0 where s.channel_count <> 0;
  else
    update public.hub_channels as c set message_count = 0, last_message_at = null where c.message_count <> 0;
    update public.hub_task_threads as t set message_count = 0 where t.message_count <> 0;
  end if;
  return null;
end
$$;
comment on function hub.reset_counters() is 'Where all messages or channels are truncated, nothing is left to count.';

create or replace trigger _500_reset_counters
after truncate on public.hub_channel_messages
for each statement execute function hub.reset_counters();

create or replace trigger _500_reset_counters
after truncate on public.hub_channels
for each statement execute function hub.reset_counters();

revoke execute on all functions in schema hub from public;

-- supabase/schemas/70_koji.sql

-- Koji: the sales data behind the commands. Prospects come from sweeps of a city, get a sample and a
-- follow-up, and become accounts that order, or are lost.
--
-- Nothing here is exposed: people reach it through the commands of the next chapters alone. Every
-- day and month is one of UTC.

create schema if not exists koji;
comment on schema koji is
  'Aura Servers, not exposed by the API: the sales data of the Koji Pipeline and its commands.';
grant usage on schema koji to anon, authenticated, service_role;

alter table hub.settings
add column if not exists follow_up_after interval not null default '7 days' check (follow_up_after > '0' and hub.is_span(follow_up_after)),
add column if not exists max_samples integer not null default 25 check (max_samples between 1 and 1000);
comment on column hub.settings.follow_up_after is 'Time from shipping a sample to its follow-up.';
comment on column hub.settings.max_samples is 'Samples that one send-samples may ship.';

-- Words ------------------------------------------------------------------------------------------

-- In plpgsql, though each is one expression: as constraints they run for every row stored, and a SQL
-- function that sets its search_path is planned anew each time.

create or replace function koji.fold(value text) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return lower(btrim(regexp_replace(value, '\s+', ' ', 'g')));
end
$$;
comment on function koji.fold(text) is 'The form in which names and places are compared: one space between words, lower case.';

create or replace function koji.is_line(value text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return length(value) <= 200 and value ~ '^\S(.*\S)?$' and hub.is_one_line(value);
end
$$;
comment on function koji.is_line(text) is
  'Whether a text is one line of 1 to 200 characters that neither begins nor ends with a space; null of null.';

create or replace function koji.is_place(value text) returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return length(value) <= 80 and koji.is_line(value)
    and value ~ '^([A-Za-z0-9 .,''()-]|[^\x01-\x7f])+$' and value ~ '[A-Za-z]|[^\x01-\x7f]';
end
$$;
comment on function koji.is_place(text) is 'Whether a text may name a city: letters, digits, spaces and .,''()-; null of null.';

do $$
begin
  if to_regtype('koji.line') is null then
    create domain koji.line as text check (koji.is_line(value));
  end if;
  if to_regtype('koji.place') is null then
    create domain koji.place as text check (koji.is_place(value) and value = koji.fold(value));
  end if;
  if to_regtype('koji.temperature') is null then
    create type koji.temperature as enum ('hot', 'warm', 'cold');
  end if;
end
$$;
comment on domain koji.line is 'See koji.is_line.';
comment on domain koji.place is 'A city or market, folded. See koji.is_place.';
comment on type koji.temperature is 'How likely a prospect is to buy; in the order in which prospects are served.';

-- Tables -----------------------------------------------------------------------------------------

create table if not exists koji.sweeps (
  id uuid primary key default gen_random_uuid(),
  city koji.place not null,
  status text not null default 'queued' check (status in ('queued', 'running', 'complete', 'failed')),
  requested_at timestamptz not null default clock_timestamp(),
  claimed_at timestamptz,
  finished_at timestamptz,
  found integer not null default 0,
  added integer not null default 0,
  error koji.line,
  constraint sweeps_terminal check ((status in ('complete', 'failed')) = (finished_at is not null)),
  constraint sweeps_failed check ((status = 'failed') = (error is not null))
);
comment on table koji.sweeps is
  'Searches of a city for prospects: asked for with !sweep, run by a consumer through claim_sweep and complete_sweep.';
comment on column koji.sweeps.found is 'Different prospects in the consumer''s report.';
comment on column koji.sweeps.added is 'Those of them that were not known before.';

create unique index if not exists sweeps_one_active_per_city on koji.sweeps (city)
where finished_at is null;
create index if not exists sweeps_active on koji.sweeps (requested_at, id) where finished_at is null;
create index if not exists sweeps_finished on koji.sweeps (finished_at desc) where finished_at is not null;

create table if not exists koji.prospects (
  id bigint primary key generated always as identity,
  name koji.line not null,
  market koji.place not null,
  temperature koji.temperature not null default 'cold',
  stage text not null default 'new'
    check (stage in ('new', 'outreach', 'sample', 'follow_up', 'won', 'lost')),
  rating numeric(2, 1) check (rating between 0 and 5),
  address koji.line,
  phone koji.line,
  email koji.line,
  website koji.line,
  sampled_at timestamptz,
  follow_up_at timestamptz,
  closed_at timestamptz,
  sweep_id uuid references koji.sweeps on delete set null,
  created_at timestamptz not null default clock_timestamp(),
  constraint prospects_sampled check (stage <> 'sample' or sampled_at is not null),
  constraint prospects_terminal check ((stage in ('won', 'lost')) = (closed_at is not null))
);
comment on table koji.prospects is
  'Places that may buy. One that is not won or lost is an active lead. A name stands once in a market.';
comment on column koji.prospects.rating is 'Stars, 0 to 5; null: nobody rated it.';
comment on column koji.prospects.sampled_at is 'When its sample was shipped; null: not yet.';
comment on column koji.prospects.follow_up_at is 'When somebody should get in touch again; null: no such plan.';
comment on column koji.prospects.sweep_id is 'The sweep that found it first.';

-- One index per command: each reads the rows that it shows.
create unique index if not exists prospects_name_in_market on koji.prospects (market, koji.fold(name));
create index if not exists prospects_best_in_market
on koji.prospects (market, temperature, rating desc nulls last, id) where closed_at is null;
create index if not exists prospects_best
on koji.prospects (temperature, rating desc nulls last, id) where closed_at is null;
create index if not exists prospects_unsampled
on koji.prospects (temperature, rating desc nulls last, id) where closed_at is null and sampled_at is null;
create index if not exists prospects_due on koji.prospects (follow_up_at)
where closed_at is null and follow_up_at is not null;
create index if not exists prospects_active on koji.prospects (temperature) where closed_at is null;
create index if not exists prospects_created on koji.prospects (created_at);
create index if not exists prospects_sweep on koji.prospects (sweep_id) where sweep_id is not null;

create table if not exists koji.shipments (
  id bigint primary key generated always as identity,
  -- Unique: nobody gets a second sample, whoever asks for it at the same time.
  prospect_id bigint not null unique references koji.prospects on delete cascade,
  shipped_at timestamptz not null default clock_timestamp()
);
comment on table koji.shipments is 'Samples sent, recorded by !send-samples.';
create index if not exists shipments_shipped on koji.shipments (shipped_at);

create table if not exists koji.follow_ups (
  id bigint primary key generated always as identity,
  prospect_id bigint not null references koji.prospects on delete cascade,
  from_stage text not null,
  due_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp()
);
comment on table koji.follow_ups is 'Prospects moved to stage follow_up when they were due, recorded by !followup.';
create index if not exists follow_ups_prospect on koji.follow_ups (prospect_id);
create index if not exists follow_ups_created on koji.follow_ups (created_at);

create table if not exists koji.accounts (
  id bigint primary key generated always as identity,
  prospect_id bigint not null unique references koji.prospects on delete restrict,
  opened_at timestamptz not null default clock_timestamp()
);
comment on table koji.accounts is 'Prospects that were won.';

create table if not exists koji.orders (
  id bigint primary key generated always as identity,
  account_id bigint not null references koji.accounts on delete restrict,
  total numeric(10, 2) not null check (total >= 0),
  placed_at timestamptz not null default clock_timestamp(),
  cancelled_at timestamptz
);
comment on table koji.orders is 'What accounts ordered. Revenue is the total of orders that were not cancelled.';
comment on column koji.orders.total is 'US dollars.';
create index if not exists orders_account on koji.orders (account_id);
create index if not exists orders_placed on koji.orders (placed_at) include (total)
where cancelled_at is null;

revoke execute on all functions in schema koji from public;

-- supabase/schemas/72_koji_commands.sql

-- Koji's commands: the registry, the one way in, and help.
--
-- A command is a row of koji.commands and one function koji.command_…(argument text) returns text;
-- docs/koji.md shows how to add one. What a caller wrote is kept nowhere.

create or replace function koji.is_handler(handler name) returns boolean
language sql
stable
set search_path = ''
as $$
  select handler::text like 'command\_%' and exists (
    select from pg_catalog.pg_proc as p
    where p.oid = to_regprocedure(format('koji.%I(text)', handler))
      and p.prokind = 'f' and p.prorettype = 'text'::regtype and not p.proretset
  )
$$;
comment on function koji.is_handler(name) is
  'Whether schema koji has a function of this name that a command may call: command_…(text) returns text.';

create table if not exists koji.commands (
  name text primary key check (name ~ '^[a-z][a-z0-9-]{0,31}$'),
  usage text not null,
  description text not null,
  -- A name, not a regprocedure: pg_upgrade refuses databases with columns of that type.
  handler name not null check (koji.is_handler(handler)),
  changes_data boolean not null,
  constraint commands_usage check (
    usage = '!' || name or usage ~ ('^!' || name || ' (<[^<>]+>|\[[^][]+\])$')
  )
);
comment on table koji.commands is 'The commands of command_dispatch servers. Adding one touches nothing else.';
comment on column koji.commands.usage is
  '!name, !name <argument> or !name [argument]: takes none, needs one, may have one. execute_command checks that much.';
comment on column koji.commands.handler is
  'A function of schema koji: command_…(argument text) returns text. The argument is trimmed and '''' when there is none.';
comment on column koji.commands.changes_data is 'Needs the role operator.';

-- Refusals ---------------------------------------------------------------------------------------

create or replace function koji.edit_distance(a text, b text) returns integer
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_before integer[] := array(select generate_series(0, length(b)));
  v_row integer[];
begin
  for i in 1 .. length(a) loop
    v_row := array[i];
    for j in 1 .. length(b) loop
      v_row[j + 1] := least(
        v_before[j + 1] + 1,
        v_row[j] + 1,
        v_before[j] + (substr(a, i, 1) <> substr(b, j, 1))::integer
      );
    end loop;
    v_before := v_row;
  end loop;
  return v_before[length(b) + 1];
end
$$;
comment on function koji.edit_distance(text, text) is
  'Levenshtein distance of two short words. Not fuzzystrmatch: an extension would add to the owner''s schemas, for a dozen names.';

create or replace function koji.unknown_command(name text) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_name text := left(unknown_command.name, 40);
  v_nearest text;
begin
  -- A command that begins like the word, or that the word begins with, is nearer than any slip.
  select c.name into v_nearest
  from koji.commands as c
  cross join lateral (
    select koji.edit_distance(c.name, v_name) as slips,
      length(v_name) > 1 and (starts_with(c.name, v_name) or starts_with(v_name, c.name)) as begins_so
  ) as near
  where near.slips < greatest(length(c.name), length(v_name)) -- something in common
  order by case when near.begins_so then 1 else near.slips end, near.slips, c.name
  limit 1;
  perform hub.refuse('unknown_command', array['"!' || v_name || '"'],
    hint => 'Did you mean !' || v_nearest || '? Send !help for the list of commands.');
end
$$;
comment on function koji.unknown_command(text) is 'Raises unknown_command; the hint names the nearest command, if one has anything in common with the name.';

create or replace function koji.bad_argument(command text, problem text) returns void
language plpgsql
stable
set search_path = ''
as $$
begin
  perform hub.refuse('bad_argument', array[problem], hint => 'Usage: ' || coalesce(
    (select c.usage from koji.commands as c where c.name = bad_argument.command), '!name [argument]'
  ));
end
$$;
comment on function koji.bad_argument(text, text) is
  'Raises bad_argument with the problem, a sentence, as message and the command''s usage line as hint.';

-- Chunks -----------------------------------------------------------------------------------------

create or replace function koji.chunks(content text, size integer) returns text[]
language plpgsql
immutable
set search_path = ''
as $$
declare
  v_chunks text[] := array[]::text[];
  v_chunk text := '';
  v_length integer := 0;
  v_line text;
  v_cut integer;
begin
  if length(content) <= size then
    return array[content];
  end if;
  -- Every line but the last gets its line end back.
  foreach v_line in array string_to_array(content, E'\n') loop
    if v_length + length(v_line) >= size then
      if v_length > 0 then
        v_chunks := v_chunks || v_chunk;
        v_chunk := '';
        v_length := 0;
      end if;
      while length(v_line) >= size loop
        v_cut := size - (substr(v_line || E'\n', size, 2) = E'\r\n')::integer;
        v_chunks := v_chunks || left(v_line, v_cut);
        v_line := substr(v_line, v_cut + 1);
      end loop;
    end if;
    v_chunk := v_chunk || v_line || E'\n';
    v_length := v_length + length(v_line) + 1;
  end loop;
  v_chunk := left(v_chunk, -1);
  return case when v_chunk = '' then v_chunks else v_chunks || v_chunk end;
end
$$;
comment on function koji.chunks(text, integer) is
  'Cuts a text into chunks of at most size characters, at line ends where one exists. A line end stays with the line before it: the chunks, joined with nothing between, are the text.';

-- The way in -------------------------------------------------------------------------------------

create or replace function koji.execute_command(channel_id uuid, command text) returns jsonb
language plpgsql
security definer -- the sales data and its handlers are closed to API roles
set search_path = ''
-- Handlers count days and months in UTC and write them as 2026-11-24, whatever the session prefers.
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
declare
  v_channel record;
  v_line text;
  v_name text;
  v_argument text;
  v_command koji.commands;
  v_text text;
begin
  perform hub.require_channel_role(execute_command.channel_id, 'viewer');
  select c.display_name, c.is_read_only, s.architecture_type, s.paused_at, s.display_name as server
  into v_channel
  from public.hub_channels as c
  join public.hub_servers as s on s.id = c.server_id
  where c.id = execute_command.channel_id;
  if v_channel.architecture_type <> 'command_dispatch' then
    perform hub.refuse('wrong_architecture',
      array[v_channel.display_name, v_channel.architecture_type, 'commands'],
      hint => 'Send it with dispatch_task.');
  elsif v_channel.is_read_only then
    perform hub.refuse('channel_read_only', array[v_channel.display_name]);
  elsif v_channel.paused_at is not null then
    perform hub.refuse('server_paused', array[v_channel.server]);
  end if;

  perform hub.require_content(execute_command.command, 'command', 2000);
  v_line := regexp_replace(translate(execute_command.command, E'\t', ' '), '^\s*!?\s*|\s+$', '', 'g');
  v_name := substring(v_line from '^\S*');
  v_argument := ltrim(substr(v_line, length(v_name) + 1));
  v_name := lower(v_name);
  if v_line ~ '[\x01-\x1f\x7f-\x9f\u2028\u2029]' then
    perform koji.bad_argument(v_name, 'A command is one line without control characters.');
  end if;

  select * into v_command from koji.commands as c where c.name = v_name;
  if not found then
    perform koji.unknown_command(v_name);
  end if;
  if v_command.changes_data then
    perform hub.require_channel_role(execute_command.channel_id, 'operator');
  end if;
  if v_argument = '' and v_command.usage like '%>' then
    perform koji.bad_argument(v_name, format('!%s needs an argument.', v_name));
  elsif v_argument <> '' and v_command.usage = '!' || v_name then
    perform koji.bad_argument(v_name, format('!%s takes no argument.', v_name));
  end if;

  execute format('select koji.%I($1)', v_command.handler) into v_text using v_argument;
  return jsonb_build_object(
    'command', v_command.name,
    'chunks', koji.chunks(v_text, (select s.chunk_size from hub.settings as s))
  );
end
$$;

create or replace function public.execute_command(channel_id uuid, command text) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return koji.execute_command(execute_command.channel_id, execute_command.command);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.execute_command(uuid, text) is
  'Runs one command, as "!hot brooklyn", in a channel of a command_dispatch server; returns {command, chunks: [text]}. The chunks, joined with nothing between, are the answer. Viewer; operator where changes_data. Errors: channel_not_found, wrong_architecture, channel_read_only, server_paused, content_empty, content_too_long, unknown_command, bad_argument, role_required.';

create or replace function koji.list_commands() returns jsonb
language plpgsql
stable
security definer -- the registry is closed to API roles
set search_path = ''
as $$
begin
  perform hub.require_role('viewer');
  return coalesce(
    (
      select jsonb_agg(jsonb_build_object(
        'name', c.name, 'description', c.description, 'usage', c.usage, 'changes_data', c.changes_data
      ) order by c.name)
      from koji.commands as c
    ),
    '[]'
  );
end
$$;

create or replace function public.list_commands() returns jsonb
language sql
stable
set search_path = ''
as $$
  select koji.list_commands()
$$;
comment on function public.list_commands() is
  'All commands in the order of their names: [{name, description, usage, changes_data}]. Viewer.';

-- Help -------------------------------------------------------------------------------------------

create or replace function koji.command_help(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_name text := lower(ltrim(argument, '!'));
  v_help text;
begin
  select string_agg(
    c.usage || ' - ' || c.description || case when c.changes_data then ' (operator)' else '' end,
    E'\n' order by c.name
  ) into v_help
  from koji.commands as c
  where v_name in ('', c.name);
  if v_help is null then
    perform koji.unknown_command(v_name);
  end if;
  return v_help;
end
$$;

insert into koji.commands (name, usage, description, handler, changes_data) values
  ('help', '!help [command]', 'What each command does', 'command_help', false)
on conflict (name) do update
  set usage = excluded.usage, description = excluded.description,
    handler = excluded.handler, changes_data = excluded.changes_data;

revoke execute on all functions in schema koji from public;
revoke execute on function public.execute_command(uuid, text), public.list_commands() from public;
grant execute on function
  public.execute_command(uuid, text), koji.execute_command(uuid, text),
  public.list_commands(), koji.list_commands()
to anon, authenticated, service_role;

-- supabase/schemas/74_koji_pipeline.sql

-- Koji's commands over the pipeline: figures, lists, samples, follow-ups and the export.
--
-- execute_command calls a handler with the time zone UTC and ISO dates.

-- How things are written -------------------------------------------------------------------------

create or replace function koji.dollars(amount numeric) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return '$' || to_char(amount, case when amount % 1 = 0 then 'FM999,999,999,990' else 'FM999,999,999,990.00' end);
end
$$;
comment on function koji.dollars(numeric) is '$4,200, and $4,200.50 where there are cents.';

create or replace function koji.counted(number bigint, noun text) returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return number || ' ' || noun || case when number = 1 then '' else 's' end;
end
$$;
comment on function koji.counted(bigint, text) is '1 order, 2 orders.';

create or replace function koji.require_place(command text, argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  if not koji.is_place(argument) then
    perform koji.bad_argument(command, 'A city is 1 to 80 letters, digits and spaces, as "new york".');
  end if;
  return koji.fold(argument);
end
$$;
comment on function koji.require_place(text, text) is 'The city or market that an argument names, folded, or raises bad_argument.';

-- Figures ----------------------------------------------------------------------------------------

create or replace function koji.revenue(since timestamptz, until timestamptz) returns numeric
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select coalesce(sum(o.total), 0) from koji.orders as o
    where o.cancelled_at is null and o.placed_at >= since and o.placed_at < until
  );
end
$$;
comment on function koji.revenue(timestamptz, timestamptz) is 'US dollars of the orders from since to before until.';

create or replace function koji.command_stats(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
-- Takes no argument. @plpgsql_check_options: extra_warnings = false
declare
  v_hot bigint;
  v_warm bigint;
  v_cold bigint;
begin
  -- Three counts of one stretch of the index each: faster than one statement that groups it all.
  select count(*) into v_hot from koji.prospects as p where p.closed_at is null and p.temperature = 'hot';
  select count(*) into v_warm from koji.prospects as p where p.closed_at is null and p.temperature = 'warm';
  select count(*) into v_cold from koji.prospects as p where p.closed_at is null and p.temperature = 'cold';
  return concat_ws(E'\n',
    'Pipeline: ' || koji.counted(v_hot + v_warm + v_cold, 'active lead'),
    format('Hot: %s | Warm: %s | Cold: %s', v_hot, v_warm, v_cold),
    'Revenue MTD: ' || koji.dollars(koji.revenue(date_trunc('month', now()), clock_timestamp()))
  );
end
$$;

create or replace function koji.day_figures(since timestamptz, until timestamptz) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return concat_ws(' | ',
    koji.counted(
      (select count(*) from koji.prospects as p where p.created_at >= since and p.created_at < until),
      'new lead'
    ),
    koji.counted(
      (select count(*) from koji.sweeps as s where s.finished_at >= since and s.finished_at < until),
      'sweep'
    ),
    koji.counted(
      (select count(*) from koji.shipments as s where s.shipped_at >= since and s.shipped_at < until),
      'sample'
    ),
    koji.counted(
      (select count(*) from koji.follow_ups as f where f.created_at >= since and f.created_at < until),
      'follow-up'
    ),
    koji.counted(
      (
        select count(*) from koji.orders as o
        where o.cancelled_at is null and o.placed_at >= since and o.placed_at < until
      ),
      'order'
    ) || ', ' || koji.dollars(koji.revenue(since, until))
  );
end
$$;
comment on function koji.day_figures(timestamptz, timestamptz) is 'What was done from since to before until, in one line.';

create or replace function koji.command_digest(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
-- Takes no argument. @plpgsql_check_options: extra_warnings = false
declare
  v_today timestamptz := date_trunc('day', now());
begin
  return concat_ws(E'\n',
    format('Digest of %s (UTC)', v_today::date),
    'Yesterday: ' || koji.day_figures(v_today - interval '1 day', v_today),
    'Today: ' || koji.day_figures(v_today, v_today + interval '1 day'),
    'Due now: ' || koji.counted(
      (select count(*) from koji.prospects as p where p.closed_at is null and p.follow_up_at <= now()),
      'follow-up'
    )
  );
end
$$;

-- Lists ------------------------------------------------------------------------------------------

create or replace function koji.best_leads(temperature koji.temperature, argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_market text;
  v_leads text;
begin
  -- Two statements: one that served both cases could use neither index.
  if argument = '' then
    select string_agg(format('%s. %s (%s) - %s', best.place, best.name, best.stars, best.stage),
      E'\n' order by best.place)
    into v_leads
    from (
      select row_number() over (order by p.rating desc nulls last, p.id) as place,
        p.name, coalesce('★' || p.rating, 'unrated') as stars, p.stage
      from koji.prospects as p
      where p.closed_at is null and p.temperature = best_leads.temperature
      order by p.rating desc nulls last, p.id
      limit 10
    ) as best;
    return coalesce(v_leads, format('There are no %s leads.', temperature));
  end if;

  v_market := koji.require_place(temperature::text, argument);
  select string_agg(format('%s. %s (%s) - %s', best.place, best.name, best.stars, best.stage),
    E'\n' order by best.place)
  into v_leads
  from (
    select row_number() over (order by p.rating desc nulls last, p.id) as place,
      p.name, coalesce('★' || p.rating, 'unrated') as stars, p.stage
    from koji.prospects as p
    where p.closed_at is null and p.temperature = best_leads.temperature and p.market = v_market
    order by p.rating desc nulls last, p.id
    limit 10
  ) as best;
  return coalesce(v_leads, format('There are no %s leads in %s.', temperature, initcap(v_market)));
end
$$;
comment on function koji.best_leads(koji.temperature, text) is 'The ten best leads of a temperature, of one market or of all.';

create or replace function koji.command_hot(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return koji.best_leads('hot', argument);
end
$$;

create or replace function koji.command_warm(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
begin
  return koji.best_leads('warm', argument);
end
$$;

create or replace function koji.command_lead(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_lead koji.prospects;
begin
  if argument !~ '^#?[0-9]{1,18}$' then
    perform koji.bad_argument('lead', 'The id of a lead is a whole number of at most 18 digits.');
  end if;
  select * into v_lead from koji.prospects as p where p.id = ltrim(argument, '#')::bigint;
  if not found then
    perform koji.bad_argument('lead', format('There is no lead %s.', argument));
  end if;
  return concat_ws(E'\n',
    format('Lead %s: %s (%s)', v_lead.id, v_lead.name, coalesce('★' || v_lead.rating, 'unrated')),
    concat_ws(' | ', initcap(v_lead.market), v_lead.temperature, v_lead.stage),
    'Address: ' || v_lead.address,
    'Phone: ' || v_lead.phone,
    'Email: ' || v_lead.email,
    'Website: ' || v_lead.website,
    'Added: ' || v_lead.created_at::date,
    'Sample sent: ' || v_lead.sampled_at::date,
    'Follow-up due: ' || v_lead.follow_up_at::date,
    'Closed: ' || v_lead.closed_at::date
  );
end
$$;

-- Export -----------------------------------------------------------------------------------------

create or replace function koji.command_export(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
declare
  v_market text := case when argument <> '' then koji.require_place('export', argument) end;
  v_rows text;
begin
  -- A cell has no control characters (see koji.line), so one of them parts the cells until they are quoted.
  -- A spreadsheet would run what begins with = + - or @, of either width, as a formula, and one that takes
  -- the semicolon for the separator, what follows a semicolon: the apostrophe makes it text. And every cell
  -- is quoted, so that none is cut up.
  select string_agg(
    '"' || replace(replace(r.cells, '"', '""'), E'\x1f', '","') || E'"\r\n', '' order by r.id
  ) into v_rows
  from (
    select e.id, case
      when octet_length(e.cells) = length(e.cells) and strpos(e.cells, ';') = 0 then e.cells
      else regexp_replace(e.cells, E'([\x1f;] *"? *)([=+@＝＋－＠-])', E'\\1''\\2', 'g')
    end as cells
    from (
      select p.id, replace(replace(replace(replace(
        concat(
          p.id, E'\x1f', p.name, E'\x1f', p.market, E'\x1f', p.temperature, E'\x1f', p.stage, E'\x1f',
          p.rating, E'\x1f', p.address, E'\x1f', p.phone, E'\x1f', p.email, E'\x1f', p.website, E'\x1f',
          p.sampled_at::date, E'\x1f', p.follow_up_at::date, E'\x1f', p.created_at::date
        ),
        E'\x1f=', E'\x1f''='), E'\x1f+', E'\x1f''+'), E'\x1f-', E'\x1f''-'), E'\x1f@', E'\x1f''@') as cells
      from koji.prospects as p
      where v_market is null or p.market = v_market
      offset 0 -- keeps the planner from building cells once for each time they are named
    ) as e
    offset 0
  ) as r;
  return E'id,name,market,temperature,stage,rating,address,phone,email,website,sampled_at,follow_up_at,created_at\r\n'
    || coalesce(v_rows, '');
end
$$;

-- Actions ----------------------------------------------------------------------------------------
-- Two at once pass each other's rows by: none waits, and nobody gets two samples.

create or replace function koji.command_send_samples(argument text) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_settings hub.settings;
  v_best bigint[];
  v_sent bigint;
  v_list text;
begin
  select * into v_settings from hub.settings;
  if argument !~ '^[0-9]{1,4}$' or argument::integer not between 1 and v_settings.max_samples then
    perform koji.bad_argument('send-samples', format('n is a number from 1 to %s.', v_settings.max_samples));
  end if;
  -- By themselves first: joined to a limit not known when planned, the update would scan the table.
  v_best := array(
    select p.id from koji.prospects as p
    where p.closed_at is null and p.sampled_at is null
    order by p.temperature, p.rating desc nulls last, p.id
    limit argument::integer
    for update skip locked
  );
  with moved as (
    update koji.prospects as p
    set stage = 'sample', sampled_at = clock_timestamp(),
      follow_up_at = clock_timestamp() + v_settings.follow_up_after
    where p.id = any (v_best)
    returning p.*
  ), shipped as (
    insert into koji.shipments (prospect_id, shipped_at) select m.id, m.sampled_at from moved as m
  )
  select count(*), string_agg(
    format('%s. %s (%s) - %s', l.place, l.name, coalesce('★' || l.rating, 'unrated'), initcap(l.market)),
    E'\n' order by l.place
  )
  into v_sent, v_list
  from (
    select row_number() over (order by m.temperature, m.rating desc nulls last, m.id) as place, m.*
    from moved as m
  ) as l;
  return concat_ws(E'\n', koji.counted(v_sent, 'sample') || ' sent', v_list);
end
$$;

create or replace function koji.command_followup(argument text) returns text
language plpgsql
set search_path = ''
as $$
-- Takes no argument. @plpgsql_check_options: extra_warnings = false
declare
  v_moved bigint;
  v_list text;
begin
  with due as materialized (
    select p.id, p.stage, p.follow_up_at from koji.prospects as p
    where p.closed_at is null and p.follow_up_at <= now()
    order by p.follow_up_at, p.id
    for update skip locked
  ), moved as (
    update koji.prospects as p
    set stage = 'follow_up', follow_up_at = null
    from due
    where p.id = due.id
    returning p.id, p.name, p.rating, due.stage as from_stage, due.follow_up_at as due_at
  ), recorded as (
    insert into koji.follow_ups (prospect_id, from_stage, due_at)
    select m.id, m.from_stage, m.due_at from moved as m
  )
  select count(*), string_agg(
    format('%s. %s (%s) - due %s', l.place, l.name, coalesce('★' || l.rating, 'unrated'), l.due_at::date),
    E'\n' order by l.place
  )
  into v_moved, v_list
  from (select row_number() over (order by m.due_at, m.id) as place, m.* from moved as m) as l;
  return concat_ws(E'\n', koji.counted(v_moved, 'lead') || ' moved to follow_up', v_list);
end
$$;

insert into koji.commands (name, usage, description, handler, changes_data) values
  ('stats', '!stats', 'The pipeline in figures', 'command_stats', false),
  ('digest', '!digest', 'Yesterday and today in figures', 'command_digest', false),
  ('hot', '!hot [market]', 'The ten best hot leads', 'command_hot', false),
  ('warm', '!warm [market]', 'The ten best warm leads', 'command_warm', false),
  ('lead', '!lead <id>', 'Everything about one lead', 'command_lead', false),
  ('export', '!export [market]', 'All prospects as CSV', 'command_export', false),
  ('send-samples', '!send-samples <n>', 'Ship samples to the best n leads without one', 'command_send_samples', true),
  ('followup', '!followup', 'Move every lead that is due to follow_up', 'command_followup', true)
on conflict (name) do update
  set usage = excluded.usage, description = excluded.description,
    handler = excluded.handler, changes_data = excluded.changes_data;

revoke execute on all functions in schema koji from public;

-- supabase/schemas/76_koji_sweeps.sql

-- Koji's sweeps: asked for by command, run by a consumer that holds the service key.

create or replace function koji.command_sweep(argument text) returns text
language plpgsql
set search_path = ''
as $$
declare
  v_id uuid := gen_random_uuid();
  v_sweep koji.sweeps;
begin
  -- Updating nothing returns the active sweep of the city, even one that a caller beside makes just now.
  insert into koji.sweeps as s (id, city) values (v_id, koji.require_place('sweep', argument))
  on conflict (city) where finished_at is null do update set city = s.city
  returning s.* into v_sweep;
  if v_sweep.id = v_id then
    return format('Sweep of %s queued.', initcap(v_sweep.city));
  end if;
  return format('A sweep of %s is already %s, since %s.', initcap(v_sweep.city), v_sweep.status,
    to_char(coalesce(v_sweep.claimed_at, v_sweep.requested_at), 'YYYY-MM-DD HH24:MI "UTC"'));
end
$$;

create or replace function koji.command_sweep_status(argument text) returns text
language plpgsql
stable
set search_path = ''
as $$
-- Takes no argument. @plpgsql_check_options: extra_warnings = false
begin
  return (
    select coalesce(
      string_agg(s.line, E'\n' order by s.finished_at desc nulls first, s.requested_at, s.id),
      'No sweep was requested yet.'
    )
    from (
      select a.id, a.requested_at, a.finished_at, format('%s - %s since %s',
        initcap(a.city), a.status, to_char(coalesce(a.claimed_at, a.requested_at), 'YYYY-MM-DD HH24:MI "UTC"')) as line
      from koji.sweeps as a
      where a.finished_at is null
      union all
      (
        select f.id, f.requested_at, f.finished_at, format('%s - %s %s: %s found, %s new',
          initcap(f.city), f.status, to_char(f.finished_at, 'YYYY-MM-DD HH24:MI "UTC"'), f.found, f.added) || coalesce('; ' || f.error, '')
        from koji.sweeps as f
        where f.finished_at is not null
        order by f.finished_at desc
        limit 10
      )
    ) as s
  );
end
$$;

insert into koji.commands (name, usage, description, handler, changes_data) values
  ('sweep', '!sweep <city>', 'Search a city for new prospects', 'command_sweep', true),
  ('sweep-status', '!sweep-status', 'Active sweeps and the last ten finished', 'command_sweep_status', false)
on conflict (name) do update
  set usage = excluded.usage, description = excluded.description,
    handler = excluded.handler, changes_data = excluded.changes_data;

-- The consumer's side ----------------------------------------------------------------------------

create or replace function koji.claim_sweep() returns jsonb
language plpgsql
security definer -- the sales data is closed to API roles
set search_path = ''
as $$
declare
  v_sweep koji.sweeps;
begin
  -- A sweep whose consumer was never heard of again is offered once more.
  update koji.sweeps as s
  set status = 'running', claimed_at = clock_timestamp()
  where s.id = (
    select waiting.id from koji.sweeps as waiting
    where waiting.finished_at is null and (
      waiting.status = 'queued'
      or waiting.claimed_at < clock_timestamp() - (select c.max_runtime from hub.settings as c)
    )
    order by waiting.requested_at, waiting.id
    limit 1
    for update skip locked
  )
  returning s.* into v_sweep;
  return jsonb_build_object('sweep', case when found then to_jsonb(v_sweep) end);
end
$$;

create or replace function public.claim_sweep() returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return koji.claim_sweep();
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.claim_sweep() is
  'Claims the sweep that waits longest; returns {sweep: {id, city, …}}, or {sweep: null} when none waits. Consumers that claim at once get different sweeps; one not completed within max_runtime is offered again. Service key.';

create or replace function koji.prospect_problem(item jsonb) returns text
language sql
immutable
set search_path = ''
as $$
  select case
    when jsonb_typeof(item) <> 'object' then 'is not an object'
    when item - array['name', 'temperature', 'rating', 'address', 'phone', 'email', 'website'] <> '{}'
      then 'has a key other than name, temperature, rating, address, phone, email, website'
    when jsonb_typeof(item -> 'name') is distinct from 'string' or not koji.is_line(item ->> 'name')
      then 'has no name: a line of 1 to 200 characters'
    when coalesce(item ->> 'temperature', 'cold') not in ('hot', 'warm', 'cold')
      then 'has a temperature other than hot, warm, cold'
    when coalesce(jsonb_typeof(item -> 'rating'), 'null') not in ('number', 'null')
      then 'has a rating that is no number'
    when (item ->> 'rating')::numeric not between 0 and 5 then 'has a rating outside of 0 to 5'
    else (
      select format('has as %s something other than a line of 1 to 200 characters', f.key)
      from jsonb_each(item) as f
      where f.key in ('address', 'phone', 'email', 'website') and jsonb_typeof(f.value) <> 'null'
        and (jsonb_typeof(f.value) <> 'string' or not koji.is_line(f.value #>> '{}'))
      limit 1
    )
  end
$$;
comment on function koji.prospect_problem(jsonb) is 'What is wrong with one prospect of a sweep''s report, in words; null if nothing is.';

create or replace function koji.check_prospects(prospects jsonb) returns void
language plpgsql
stable
set search_path = ''
as $$
declare
  v_problem text;
begin
  if jsonb_typeof(prospects) is distinct from 'array' or jsonb_array_length(prospects) > 10000 then
    v_problem := 'prospects is an array of at most 10000 objects.';
  else
    select format('prospects[%s] %s.', i.position - 1, koji.prospect_problem(i.item)) into v_problem
    from jsonb_array_elements(prospects) with ordinality as i (item, position)
    where koji.prospect_problem(i.item) is not null
    order by i.position
    limit 1;
  end if;
  if v_problem is not null then
    perform hub.refuse('bad_argument', array[v_problem],
      hint => 'Nothing was stored and the sweep is still running: correct the report and send all of it again.');
  end if;
end
$$;
comment on function koji.check_prospects(jsonb) is 'Raises bad_argument, naming the first malformed item, unless the report is in order.';

create or replace function koji.complete_sweep(sweep_id uuid, prospects jsonb, error text) returns jsonb
language plpgsql
security definer -- the sales data is closed to API roles
set search_path = ''
as $$
declare
  v_sweep koji.sweeps;
  v_error text := left(nullif(btrim(regexp_replace(
    complete_sweep.error, '[\x01-\x1f\x7f-\x9f\u2028\u2029\s]+', ' ', 'g'
  )), ''), 200);
begin
  select * into v_sweep from koji.sweeps as s
  where s.id = complete_sweep.sweep_id and s.status = 'running'
  for update;
  if not found then
    perform hub.refuse('sweep_not_found', array[coalesce(complete_sweep.sweep_id::text, 'null')]);
  end if;
  perform koji.check_prospects(complete_sweep.prospects);

  with listed as (
    -- In the order of the key, so that two reports that meet in one market cannot cross; of a place
    -- that is named twice, the last mention counts.
    select distinct on (koji.fold(i.item ->> 'name')) i.item
    from jsonb_array_elements(complete_sweep.prospects) with ordinality as i (item, position)
    order by koji.fold(i.item ->> 'name'), i.position desc
  ), stored as (
    insert into koji.prospects as p (
      name, market, temperature, rating, address, phone, email, website, sweep_id
    )
    select btrim(l.item ->> 'name'), v_sweep.city,
      coalesce((l.item ->> 'temperature')::koji.temperature, 'cold'), (l.item ->> 'rating')::numeric,
      l.item ->> 'address', l.item ->> 'phone', l.item ->> 'email', l.item ->> 'website', v_sweep.id
    from listed as l
    -- Of a known prospect a sweep brings its facts up to date; temperature and stage are the sellers'.
    on conflict (market, koji.fold(name)) do update
      set rating = coalesce(excluded.rating, p.rating), address = coalesce(excluded.address, p.address),
        phone = coalesce(excluded.phone, p.phone), email = coalesce(excluded.email, p.email),
        website = coalesce(excluded.website, p.website)
    returning p.sweep_id
  )
  update koji.sweeps as s
  set status = case when v_error is null then 'complete' else 'failed' end,
    error = v_error, finished_at = clock_timestamp(), found = n.found, added = n.added
  from (
    select count(*) as found, count(*) filter (where stored.sweep_id = v_sweep.id) as added from stored
  ) as n
  where s.id = v_sweep.id
  returning s.* into v_sweep;
  return jsonb_build_object('sweep', to_jsonb(v_sweep));
end
$$;

create or replace function public.complete_sweep(
  sweep_id uuid, prospects jsonb default '[]', error text default null
) returns jsonb
language plpgsql
set search_path = ''
set lock_timeout = '2500ms'
as $$
begin
  return koji.complete_sweep(complete_sweep.sweep_id, complete_sweep.prospects, complete_sweep.error);
exception when lock_not_available or deadlock_detected or query_canceled then
  return hub.busy();
end
$$;
comment on function public.complete_sweep(uuid, jsonb, text) is
  'Ends a running sweep with what it found, or as failed with an error (of which 200 characters are kept); returns {sweep}. prospects: [{name, temperature?, rating?, address?, phone?, email?, website?}], 10000 at most. New ones are added to the city''s market, known ones (the same name there) brought up to date. Service key. Errors: sweep_not_found, bad_argument.';

revoke execute on all functions in schema koji from public;
revoke execute on function public.claim_sweep(), public.complete_sweep(uuid, jsonb, text)
from public, anon, authenticated;
grant execute on function
  public.claim_sweep(), koji.claim_sweep(),
  public.complete_sweep(uuid, jsonb, text), koji.complete_sweep(uuid, jsonb, text)
to service_role;

-- supabase/schemas/80_realtime.sql

-- Realtime: private topics channel:<id>, thread:<id> and mesh, the public topic mesh:wake, and the
-- publication for clients that use postgres_changes.

create or replace function hub.broadcast_messages() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
declare
  -- Realtime limits the size of a message: what is longer is read over REST.
  v_most constant integer := 32000;
begin
  perform realtime.send(
    case
      when length(n.content) > v_most
        then to_jsonb(n) || jsonb_build_object('content', left(n.content, v_most), 'truncated', true)
      else to_jsonb(n)
    end,
    'message',
    case when n.task_thread_id is null then 'channel:' || n.channel_id else 'thread:' || n.task_thread_id end,
    true
  )
  from (select * from new_rows order by created_at) as n;
  return null;
end
$$;

create or replace trigger _700_broadcast_new_messages
after insert on public.hub_channel_messages referencing new table as new_rows
for each statement execute function hub.broadcast_messages();

create or replace trigger _700_broadcast_changed_messages
after update on public.hub_channel_messages referencing new table as new_rows
for each statement execute function hub.broadcast_messages();

create or replace function hub.broadcast_thread() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
begin
  perform realtime.send(to_jsonb(new), 'thread', 'channel:' || new.channel_id, true);
  return null;
end
$$;

create or replace trigger _700_broadcast_new_thread
after insert on public.hub_task_threads
for each row execute function hub.broadcast_thread();

create or replace trigger _700_broadcast_changed_thread
after update on public.hub_task_threads
for each row when (old.* is distinct from new.*)
execute function hub.broadcast_thread();

create or replace function hub.broadcast_file() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
begin
  perform realtime.send(
    to_jsonb(new), 'file',
    case when new.task_thread_id is null then 'channel:' || new.channel_id else 'thread:' || new.task_thread_id end,
    true
  );
  return null;
end
$$;

-- A file that no request names yet is nobody's news.
create or replace trigger _700_broadcast_new_file
after insert on public.hub_files
for each row when (new.task_id is not null)
execute function hub.broadcast_file();

create or replace trigger _700_broadcast_changed_file
after update on public.hub_files
for each row when (new.task_id is not null and old.* is distinct from new.*)
execute function hub.broadcast_file();

create or replace function hub.broadcast_question() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
begin
  perform realtime.send(to_jsonb(new), 'question', topic, true)
  from unnest(array['channel:' || new.channel_id, 'thread:' || new.task_thread_id]) as topic
  where topic is not null;
  return null;
end
$$;

create or replace trigger _700_broadcast_new_question
after insert on public.hub_questions
for each row execute function hub.broadcast_question();

create or replace trigger _700_broadcast_changed_question
after update on public.hub_questions
for each row when (old.state is distinct from new.state)
execute function hub.broadcast_question();

create or replace function hub.broadcast_device() returns trigger
language plpgsql
security definer -- nobody but the database broadcasts to these topics
set search_path = ''
as $$
declare
  v_id uuid := (to_jsonb(new) ->> case tg_table_name when 'mesh_devices' then 'id' else 'device_id' end)::uuid;
begin
  perform realtime.send(hub.device_json(d), 'device', 'mesh', true)
  from public.mesh_devices as d where d.id = v_id and hub.is_known_device(d);
  return null;
end
$$;

create or replace trigger _700_broadcast_new_device
after insert on public.mesh_devices
for each row execute function hub.broadcast_device();

-- Being heard of alone is no news: it happens each second.
create or replace trigger _700_broadcast_changed_device
after update on public.mesh_devices
for each row when (
  (old.registered_by, old.server_ids, old.name, old.platform, old.status, old.draining, old.agent_version, old.max_running, old.metadata)
    is distinct from (new.registered_by, new.server_ids, new.name, new.platform, new.status, new.draining, new.agent_version, new.max_running, new.metadata)
)
execute function hub.broadcast_device();

create or replace trigger _700_broadcast_new_model
after insert on public.mesh_device_models
for each row execute function hub.broadcast_device();

create or replace trigger _700_broadcast_changed_model
after update on public.mesh_device_models
for each row when (old.* is distinct from new.*)
execute function hub.broadcast_device();

create or replace function hub.server_of_topic(topic text) returns uuid
language sql
stable
set search_path = ''
as $$
  select c.server_id from public.hub_channels as c
  where c.id = case
    when topic !~ '^(channel|thread):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then null
    when topic like 'channel:%' then split_part(topic, ':', 2)::uuid
    else (select t.channel_id from public.hub_task_threads as t where t.id = split_part(topic, ':', 2)::uuid)
  end
$$;
comment on function hub.server_of_topic(text) is 'The server of a topic channel:<id> or thread:<id>; null where there is no such channel or thread.';

create or replace function hub.is_topic(topic text) returns boolean
language sql
stable
security definer -- whether a topic is this project's is the same for everybody
set search_path = ''
as $$
  select coalesce(topic = 'mesh', false) or hub.server_of_topic(topic) is not null
$$;
comment on function hub.is_topic(text) is
  'Whether a private topic belongs to a channel or thread that exists, or is mesh. An app beside this may name its own topics channel:<id>: they stay its own.';

create or replace function hub.may_listen(topic text) returns boolean
language sql
stable
security definer -- the channel of a topic may be one that the caller does not see
set search_path = ''
as $$
  select case topic
    when 'mesh' then hub.has_role('viewer')
    else hub.role_on(hub.server_of_topic(topic)) is not null
  end
$$;
comment on function hub.may_listen(text) is 'Whether the caller may join a private topic: mesh, or that of a channel or thread they may read.';

-- Who may listen: whoever may read.
drop policy if exists hub_authenticated_read_topics on realtime.messages;
create policy hub_authenticated_read_topics on realtime.messages
for select to authenticated
using (extension = 'broadcast' and (select hub.may_listen(realtime.topic())));
-- Nobody but the database speaks on these topics, whatever other policies of the app allow.
drop policy if exists hub_only_the_database_speaks on realtime.messages;
create policy hub_only_the_database_speaks on realtime.messages
as restrictive for insert to anon, authenticated
with check (not hub.is_topic(topic) and not (select hub.is_topic(realtime.topic())));

do $$
declare
  v_table text;
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    return;
  end if;
  for v_table in
    select t.name from unnest(array[
      'hub_models', 'hub_servers', 'hub_channels', 'hub_channel_messages', 'hub_task_threads', 'hub_teams',
      'hub_task_attempts', 'hub_files', 'hub_questions', 'hub_reads', 'hub_task_inputs', 'mesh_devices', 'mesh_device_models', 'mac_tasks'
    ]) as t (name)
    -- Another app's mac_tasks is published or not as its owner has it.
    where (t.name <> 'mac_tasks' or (select s.claims_foreign_tasks from hub.settings as s))
      and not exists (
        select from pg_catalog.pg_publication_tables as p
        where p.pubname = 'supabase_realtime' and p.schemaname = 'public' and p.tablename = t.name
      )
  loop
    execute format('alter publication supabase_realtime add table public.%I', v_table);
  end loop;
end
$$;

revoke execute on all functions in schema hub from public;
-- Asked by the policies, as whoever joins.
grant execute on function hub.is_topic(text) to anon, authenticated;
grant execute on function hub.may_listen(text) to authenticated;

-- supabase/schemas/82_views.sql

-- Views for whoever administers the database with SQL. docs/operations.md shows them at work.

create or replace view hub.open_tasks with (security_invoker = true) as
select hub.short_id(t.id) as short_id, q.state, s.name || '/' || c.name as channel, t.kind,
  t.model_preference as model, t.platform, t.priority, clock_timestamp() - t.created_at as age,
  q.run_at, q.device, t.lease_expires_at, t.attempt, t.max_attempts, t.cancel_requested_at is not null as cancelling,
  hub.title(t.content) as title, t.id as task_id
from hub.queue as q
join public.mac_tasks as t on t.id = q.task_id
left join public.hub_channels as c on c.id = t.channel_id
left join public.hub_servers as s on s.id = c.server_id
order by q.state, q.priority desc, q.created_at;
comment on view hub.open_tasks is 'Every unfinished task, in the order of claims within each state. Why one waits: select hub.explain_task(task_id).';

create or replace view hub.device_load with (security_invoker = true) as
select d.name, d.platform, d.status, clock_timestamp() - d.last_seen_at as not_heard_for,
  (select count(*) from hub.queue as q where q.state = 'running' and q.device = d.name) as running,
  d.max_running,
  (
    select string_agg(
      m.model || case
        when m.rate_limited_until > clock_timestamp()
          then ' (throttled until ' || to_char(m.rate_limited_until at time zone 'utc', 'YYYY-MM-DD HH24:MI') || ' UTC)'
        else ''
      end, ', ' order by m.model)
    from public.mesh_device_models as m where m.device_id = d.id
  ) as models,
  exists (select from hub.idle_devices as i where i.device_id = d.id) as idle
from public.mesh_devices as d
order by d.name;
comment on view hub.device_load is 'Every device with what it runs, what it could run, and its throttles.';

create or replace view hub.undelivered with (security_invoker = true) as
select hub.short_id(t.id) as short_id, c.name as channel, t.status, f.reason, f.failures, f.failed_at, f.retry_at, t.id as task_id
from hub.delivery_failures as f
join public.mac_tasks as t on t.id = f.task_id
left join public.hub_channels as c on c.id = t.channel_id
order by f.failed_at;
comment on view hub.undelivered is 'Outcomes that could not be posted, why, and when hub.recover() tries again.';

revoke all on hub.open_tasks, hub.device_load, hub.undelivered from public;

-- supabase/schemas/90_schedules.sql

-- The clock: named pg_cron jobs, one function each. Times are UTC.

do $$
begin
  if not exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    create extension pg_cron;
  end if;
end
$$;

-- Scheduling a name again changes the job.
select cron.schedule('hub-decay-threads', '* * * * *', 'select hub.decay_threads()');
select cron.schedule('hub-recover', '* * * * *', 'select hub.recover()');
select cron.schedule('hub-morning-brief', '0 7 * * *', 'select hub.morning_brief()');
select cron.schedule('hub-prune', '30 3 * * *', 'select hub.prune()');
select cron.schedule('hub-prune-channels', '* 2-4 * * *', 'select hub.prune_channels()');
select cron.schedule('hub-repair', '45 3 * * *', 'select hub.repair()');

create or replace view hub.job_runs with (security_invoker = true) as
select j.jobname, j.schedule, j.active, r.start_time, r.end_time, r.status, r.return_message
from cron.job as j
left join lateral (
  select * from cron.job_run_details as d where d.jobid = j.jobid order by d.start_time desc limit 5
) as r on true
where j.jobname like 'hub-%'
order by j.jobname, r.start_time desc;
comment on view hub.job_runs is 'The project''s jobs with their last five runs each.';
revoke all on hub.job_runs from public;
