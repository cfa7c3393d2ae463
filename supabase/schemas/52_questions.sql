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
