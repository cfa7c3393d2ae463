SET local check_function_bodies = off;

DROP TRIGGER IF EXISTS "_600_sync_queue_on_insert" ON "public"."mac_tasks";

CREATE OR REPLACE FUNCTION hub.enqueue (
  task public.mac_tasks
)
  RETURNS void
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
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
  v_state := hub.state_by_time(task.status, task.run_at, task.attempt, task.error);
  -- A new task has asked nothing yet.
  if v_state <> 'running' and task.updated_at > task.created_at and hub.has_open_question(task.id) then
    v_state := 'parked';
  elsif v_state = 'ready' and v_thread.id is not null and hub.must_wait(task) then
    v_state := 'blocked';
  end if;
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
$function$;

CREATE OR REPLACE FUNCTION hub.enqueue_new()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  SET jit TO 'off'
  AS $function$
declare
  v_task public.mac_tasks;
  v_lane integer;
begin
  for v_task in
    select t.* from new_rows as t
    where t.channel_id is not null and t.status in ('pending', 'running')
    order by t.created_at, t.id
  loop
    perform hub.enqueue(v_task);
  end loop;
  -- Those of no channel have no thread and no session: what shares a lane is queued at once, however many.
  v_task := null;
  for v_task.model_preference, v_task.platform in
    select distinct t.model_preference, t.platform from new_rows as t
    where t.channel_id is null and t.status in ('pending', 'running')
      and (select s.claims_foreign_tasks from hub.settings as s)
  loop
    v_lane := hub.lane_of(v_task, null);
    insert into hub.queue (task_id, lane_id, state, priority, created_at, run_at, created_by, device)
    select
      t.id, v_lane, hub.state_by_time(t.status, t.run_at, t.attempt, t.error), t.priority, t.created_at,
      t.run_at, t.created_by, case when t.status = 'running' then t.claimed_by end
    from new_rows as t
    where t.channel_id is null and t.status in ('pending', 'running')
      and t.model_preference is not distinct from v_task.model_preference
      and t.platform is not distinct from v_task.platform
    -- A trigger of the app's may have changed it since: the queue has that already.
    on conflict (task_id) do nothing;
  end loop;
  if v_lane is not null and exists (
    select from new_rows as t
    where t.channel_id is null and t.status = 'pending' and (t.run_at > clock_timestamp()) is not true
  ) then
    perform hub.wake_mesh();
  end if;
  return null;
end
$function$;

CREATE OR REPLACE FUNCTION hub.state_by_time (
  status  text,
  run_at  timestamp with time zone,
  attempt integer,
  error   text
)
  RETURNS text
  LANGUAGE plpgsql
  SET search_path TO ''
  AS $function$
begin
  return case
    when state_by_time.status = 'running' then 'running'
    when state_by_time.run_at > clock_timestamp()
    then case when state_by_time.attempt > 0 or state_by_time.error is not null then 'backoff' else 'scheduled' end
    else 'ready'
  end;
end
$function$;

CREATE OR REPLACE FUNCTION hub.sync_queue()
  RETURNS TRIGGER
  LANGUAGE plpgsql
  SECURITY DEFINER
  SET search_path TO ''
  SET enable_seqscan TO 'off'
  SET jit TO 'off'
  AS $function$
begin
  if new.status in ('complete', 'failed') then
    perform hub.withdraw_questions(new.id);
    delete from hub.queue as q where q.task_id = new.id;
    perform hub.move_inputs(new);
  elsif new.status = 'running' and old.status <> 'running' then
    -- The claim's path: nothing but the state changes, and no lock of the thread is needed.
    update hub.queue as q set state = 'running', device = new.claimed_by, since = clock_timestamp() where q.task_id = new.id;
  elsif new.status in ('pending', 'running') then
    perform hub.enqueue(new);
  end if;
  return null;
end
$function$;

CREATE OR REPLACE TRIGGER _600_enqueue_new_tasks
  AFTER INSERT ON public.mac_tasks REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT
  EXECUTE FUNCTION hub.enqueue_new();

COMMENT ON FUNCTION "hub"."enqueue_new"() IS 'Puts the new tasks of a statement into the queue: those of channels one after the other, the others lane by lane.';

COMMENT ON FUNCTION "hub"."state_by_time"(text, timestamp with time zone, integer, text) IS 'The state in the queue of an unfinished task that waits for nothing but its time: running, backoff, scheduled or ready.';

REVOKE ALL ON FUNCTION "hub"."enqueue_new"() FROM PUBLIC;

REVOKE ALL ON FUNCTION "hub"."state_by_time"(text, timestamp WITH time zone, integer, text) FROM PUBLIC;
