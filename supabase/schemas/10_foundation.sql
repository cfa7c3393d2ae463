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
    'order_channels(uuid, uuid[])', 'order_servers(uuid[])', 'set_device_servers(uuid, uuid[])',
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
