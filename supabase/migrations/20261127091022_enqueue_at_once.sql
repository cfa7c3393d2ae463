SET local check_function_bodies = off;

DROP TRIGGER IF EXISTS "_600_sync_queue_on_insert" ON "public"."mac_tasks";

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
      t.id, v_lane,
      case
        when t.status = 'running' then 'running'
        when t.run_at > clock_timestamp() then case when t.attempt > 0 or t.error is not null then 'backoff' else 'scheduled' end
        else 'ready'
      end,
      t.priority, t.created_at, t.run_at, t.created_by, case when t.status = 'running' then t.claimed_by end
    from new_rows as t
    where t.channel_id is null and t.status in ('pending', 'running')
      and t.model_preference is not distinct from v_task.model_preference
      and t.platform is not distinct from v_task.platform
    -- A trigger of the app's may have changed it since: the queue has that already.
    on conflict (task_id) do nothing;
    if found then
      perform hub.wake_mesh();
    end if;
  end loop;
  return null;
end
$function$;

CREATE OR REPLACE TRIGGER _600_enqueue_new_tasks
  AFTER INSERT ON public.mac_tasks REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT
  EXECUTE FUNCTION hub.enqueue_new();

COMMENT ON FUNCTION "hub"."enqueue_new"() IS 'Puts the new tasks of a statement into the queue: those of channels one after the other, the others lane by lane.';

REVOKE ALL ON FUNCTION "hub"."enqueue_new"() FROM PUBLIC;
