-- Foundation: the private schema, the settings row, the registry of errors, members and roles.
--
-- Everything clients see is in `public`; everything else is in `hub`, which the API does not expose.
-- A public RPC is a thin `security invoker` function over a `security definer` function of the same
-- name in `hub`. Every statement of every chapter may run again over what an earlier run left.
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
    'cancel_task(uuid)', 'claim_sweep()', 'claim_tasks(text, integer)', 'complete_sweep(uuid, jsonb, text)',
    'complete_task(text, uuid, uuid, text, text, text, jsonb)', 'create_task_thread(uuid, uuid)',
    'device_heartbeat(text, uuid[], jsonb)', 'dispatch_task(uuid, text, uuid, text, integer, timestamptz, text)',
    'dispatch_team(uuid, text, jsonb, text, text)', 'execute_command(uuid, text)', 'explain_task(uuid)',
    'fail_task(text, uuid, uuid, text, boolean)', 'list_commands()', 'mesh_activity(integer)', 'recover()',
    'register_device(text, text, jsonb, integer)', 'release_task(text, uuid, uuid)',
    'report_progress(text, uuid, uuid, text)', 'report_rate_limit(text, uuid, uuid, text, timestamptz)',
    'retry_task(uuid)', 'set_device_draining(uuid, boolean)', 'set_member_role(uuid, text)',
    'set_server_paused(uuid, boolean)', 'update_settings(jsonb)', 'update_thread_status(uuid, text)', 'whoami()',
    'hub_members', 'hub_servers', 'hub_channels', 'hub_channel_messages', 'hub_task_attempts',
    'hub_task_threads', 'hub_teams', 'mesh_devices', 'mesh_device_models'
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

-- Settings ---------------------------------------------------------------------------------------

create table if not exists hub.settings (
  id boolean primary key default true check (id),
  default_role text not null default 'viewer' check (default_role in ('viewer', 'operator', 'admin')),
  task_lease interval not null default '90 seconds' check (task_lease > '0' and task_lease <= '10 years'),
  max_attempts integer not null default 3 check (max_attempts between 1 and 100),
  max_runtime interval not null default '2 hours' check (max_runtime > '0' and max_runtime <= '10 years'),
  retry_backoff interval not null default '10 seconds' check (retry_backoff >= '0' and retry_backoff <= '10 years'),
  max_retry_backoff interval not null default '10 minutes' check (max_retry_backoff >= '0' and max_retry_backoff <= '10 years'),
  max_open_tasks_per_user integer not null default 100 check (max_open_tasks_per_user > 0),
  max_subtasks integer not null default 20 check (max_subtasks between 1 and 100),
  progress_limit integer not null default 15 check (progress_limit between 1 and 1000),
  chunk_size integer not null default 2000 check (chunk_size between 100 and 100000),
  idle_after interval not null default '2 hours' check (idle_after > '0' and idle_after <= '10 years'),
  archive_after interval not null default '1 hour' check (archive_after > '0' and archive_after <= '10 years'),
  device_offline_after interval not null default '60 seconds' check (device_offline_after > '0' and device_offline_after <= '10 years'),
  history_kept interval not null default '90 days' check (history_kept > '0' and history_kept <= '10 years'),
  claims_foreign_tasks boolean not null default true
);
comment on table hub.settings is 'One row: every number and limit of the product. A change takes effect at once.';
comment on column hub.settings.default_role is 'The role of a signed-in user who has no row in hub_members.';
comment on column hub.settings.task_lease is 'How long a claim holds without a heartbeat.';
comment on column hub.settings.max_attempts is 'Claims of one task before a retryable failure or an expired lease becomes final.';
comment on column hub.settings.max_runtime is 'A claimed task that runs longer fails as timed_out.';
comment on column hub.settings.retry_backoff is 'After the n-th failed attempt a task waits retry_backoff * 2^n, max_retry_backoff at most.';
comment on column hub.settings.max_retry_backoff is 'The longest wait between two attempts.';
comment on column hub.settings.max_open_tasks_per_user is 'Unfinished tasks one user may have; more are refused with too_many_open_tasks.';
comment on column hub.settings.max_subtasks is 'Subtasks of one team.';
comment on column hub.settings.progress_limit is 'Progress messages of one task; later progress rewrites the last of them.';
comment on column hub.settings.chunk_size is 'The longest text, in characters, of one chunk of a command''s answer.';
comment on column hub.settings.idle_after is 'Silence after which an active thread becomes idle, unless its channel says otherwise.';
comment on column hub.settings.archive_after is 'Time from the idle warning to decay, unless the channel says otherwise.';
comment on column hub.settings.device_offline_after is 'A device not heard of for this long is offline.';
comment on column hub.settings.history_kept is 'How long attempts, cron runs and recorded delivery failures are kept.';
comment on column hub.settings.claims_foreign_tasks is
  'Whether claim_tasks offers tasks of no channel. Set to false at install time where mac_tasks existed already: its pending rows belong to the app that was there.';

-- Errors -----------------------------------------------------------------------------------------

create table if not exists hub.errors (
  name text primary key check (name ~ '^[a-z_]+$'),
  status integer not null check (status between 400 and 499),
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
  ('stale_claim', 409, 'This claim no longer holds task %s.', 'Stop working on the task: it was requeued, cancelled or finished.'),
  ('task_finished', 409, 'Task %s is already %s.', null),
  ('last_admin', 409, 'The last admin cannot be removed.', 'Make somebody else an admin first.')
on conflict (name) do update
  set status = excluded.status, message = excluded.message, hint = excluded.hint;

create or replace function hub.fail(
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
  select * into strict v_error from hub.errors as e where e.name = fail.name;
  raise exception using
    errcode = 'PT' || v_error.status,
    message = format(v_error.message, variadic fail.args),
    detail = v_error.name,
    hint = coalesce(fail.hint, v_error.hint, '');
end
$$;
comment on function hub.fail(text, text[], text) is
  'Raises the registered error. `args` fill its message; `hint` replaces its hint.';

-- Members and roles ------------------------------------------------------------------------------

create table if not exists public.hub_members (
  user_id uuid primary key references auth.users on delete cascade,
  role text not null check (role in ('viewer', 'operator', 'admin')),
  created_at timestamptz not null default now()
);
comment on table public.hub_members is
  'Who has which role. A user without a row has the default role of the settings row. Written by set_member_role.';
comment on column public.hub_members.role is
  'viewer reads and runs read-only commands; operator also posts, dispatches and enrols devices; admin also manages servers, channels and members.';

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
  elsif v_role = 'authenticated' and auth.uid() is not null then
    return coalesce(
      (select m.role from public.hub_members as m where m.user_id = auth.uid()),
      -- The token of a user who was deleted is valid until it expires; the member's row is gone.
      (select s.default_role from hub.settings as s, auth.users as u where u.id = auth.uid())
    );
  end if;
  return null;
end
$$;
comment on function hub.caller_role() is
  'viewer, operator or admin; null for an API caller who is not signed in. The service key and direct SQL sessions count as admin.';

create or replace function hub.has_role(role text) returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return coalesce(
    array_position(array['viewer', 'operator', 'admin'], hub.caller_role())
      >= array_position(array['viewer', 'operator', 'admin'], has_role.role),
    false
  );
end
$$;
comment on function hub.has_role(text) is 'Whether the caller has this role or a higher one.';

create or replace function hub.require_role(role text) returns void
language plpgsql
stable
security definer -- reads the registry of errors
set search_path = ''
as $$
begin
  if not hub.has_role(require_role.role) then
    if hub.caller_role() is null then
      perform hub.fail('not_signed_in');
    end if;
    perform hub.fail('role_required', array[require_role.role, hub.caller_role()]);
  end if;
end
$$;
comment on function hub.require_role(text) is
  'Raises not_signed_in or role_required unless the caller has this role or a higher one.';

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
      nullif(hub.one_line(u.raw_user_meta_data ->> 'name'), ''),
      nullif(hub.one_line(u.raw_user_meta_data ->> 'full_name'), ''),
      nullif(hub.one_line(split_part(u.email, '@', 1)), ''),
      'user'
    )
    into v_label from auth.users as u where u.id = user_label.user_id;
  end if;
  return coalesce(v_label, case when hub.api_role() = 'service_role' then 'service' else 'admin' end);
end
$$;
comment on function hub.user_label(uuid) is
  'The name shown for a user: name or full_name of the profile, else the e-mail address before the @.';

-- The settings row is made once; whoever is a user at that moment becomes an admin. A later run of
-- this chapter must not promote people who signed up since.
do $$
begin
  insert into hub.settings (id) values (true) on conflict do nothing;
  if found then
    insert into public.hub_members (user_id, role)
    select u.id, 'admin' from auth.users as u
    on conflict do nothing;
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
    perform hub.fail('last_admin');
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
    perform hub.fail('bad_argument', array['role is one of viewer, operator, admin.']);
  end if;
  if not exists (select from auth.users as u where u.id = set_member_role.user_id) then
    perform hub.fail('user_not_found', array[coalesce(set_member_role.user_id::text, 'null')]);
  end if;
  insert into public.hub_members as m (user_id, role)
  values (set_member_role.user_id, set_member_role.role)
  on conflict on constraint hub_members_pkey do update set role = excluded.role
  returning * into v_member;
  return to_jsonb(v_member);
end
$$;

create or replace function public.set_member_role(user_id uuid, role text) returns jsonb
language sql
set search_path = ''
as $$
  select hub.set_member_role(set_member_role.user_id, set_member_role.role)
$$;
comment on function public.set_member_role(uuid, text) is
  'Gives a user the role viewer, operator or admin; returns the hub_members row. Admin. Errors: role_required, user_not_found, last_admin, bad_argument.';

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
    perform hub.fail('bad_argument', array['changes is an object of settings, as {"max_attempts": 5}.']);
  end if;
  select k into v_unknown from jsonb_object_keys(update_settings.changes) as k
  where k = 'id' or not to_jsonb(v_settings) ? k limit 1;
  if v_unknown is not null then
    perform hub.fail('bad_argument', array[format('There is no setting "%s".', v_unknown)]);
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
language sql
set search_path = ''
as $$
  select hub.update_settings(update_settings.changes)
$$;
comment on function public.update_settings(jsonb) is
  'Changes settings, as {"idle_after": "4 hours"}, and returns all of them; with {} only returns them. Admin. Errors: role_required, bad_argument; a value out of range is refused by the table''s check.';

revoke execute on all functions in schema hub from public;
grant execute on function hub.api_role(), hub.caller_role(), hub.has_role(text), hub.require_role(text)
to anon, authenticated, service_role;
revoke execute on function public.set_member_role(uuid, text), public.update_settings(jsonb) from public;
grant execute on function
  public.set_member_role(uuid, text), hub.set_member_role(uuid, text),
  public.update_settings(jsonb), hub.update_settings(jsonb)
to anon, authenticated, service_role;
