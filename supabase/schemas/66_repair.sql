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
