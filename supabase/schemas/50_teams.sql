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
