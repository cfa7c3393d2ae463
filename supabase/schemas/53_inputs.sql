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
