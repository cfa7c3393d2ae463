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
