// Tasks that happened: each is dispatched, claimed, reported and ended through the API, and then moved
// into the past, so that a screenshot shows a working day and not one second of it.
import type { AuraClient, Channel, Model, Thread } from "../../../client/index.ts";
import type { Connection } from "../../stack.ts";
import type { Device } from "../../device.ts";

export interface Happening {
  channel: Channel;
  by: AuraClient;
  content: string;
  device?: Device;
  model?: Model;
  /** The thread that is continued. */
  thread?: Thread;
  /** Minutes before now that it was asked for. */
  ago: number;
  /** Seconds from the claim to the end, or to now. */
  took?: number;
  progress?: string[];
  result?: string;
  error?: string;
  usage?: Record<string, number>;
}

export class Story {
  /** `admin` is a connection of the superuser's, who may write without waking a trigger. */
  constructor(readonly admin: Connection) {}

  async tell(event: Happening): Promise<Thread | null> {
    const { channel, by, content, device, model, took = 0 } = event;
    const start = new Date();
    const { task, thread } = await by.dispatchTask(channel.id, content, {
      model,
      task_thread_id: event.thread?.id,
    });
    if (device) {
      const claimed = await device.claim();
      let output = "";
      for (const line of event.progress ?? []) {
        await device.progress(claimed, output += `${line}\n`);
      }
      await this.#unwatched(async (sql) => {
        await sql`
          update mac_tasks set started_at = clock_timestamp() - make_interval(secs => ${took})
          where id = ${task.id}`;
      });
      if (event.result) await device.complete(claimed, event.result, { usage: event.usage });
      if (event.error) await device.fail(claimed, event.error);
    }
    await this.#move(task.id, thread?.id ?? null, start, event);
    return thread;
  }

  /** The mesh had other work, too: attempts of each of the last 24 hours. */
  async fillDay(channel: Channel): Promise<void> {
    const perHour = [4, 2, 1, 0, 0, 0, 1, 3, 7, 11, 14, 12, 6, 9, 13, 16, 12, 10, 8, 5, 7, 9, 6, 3];
    await this.#unwatched(async (sql) => {
      await sql`
        with past as (
          insert into mac_tasks (content, channel_id, status, attempt, created_at, started_at, finished_at)
          select 'Earlier work', ${channel.id}, case when n % 9 = 4 then 'failed' else 'complete' end, 1,
            t - make_interval(secs => 1 + (n * 7 + h * 13) % 9 + case when h in (10, 15) then n * 3 else 0 end),
            t, t + interval '3 minutes'
          from unnest(${perHour}::int[]) with ordinality as hours (tasks, h)
          cross join generate_series(1, tasks) as n
          cross join lateral (
            select date_trunc('hour', now()) - make_interval(hours => 24 - h::int, mins => -n * 3) as t
          ) as at
          returning *
        )
        insert into hub_task_attempts (claim_id, task_id, attempt, device, model, started_at, ended_at, outcome)
        select gen_random_uuid(), id, 1, 'studio', 'claude', started_at, finished_at, status from past`;
    });
  }

  async age(thread: Thread, status: Thread["status"], hours: number): Promise<void> {
    await this.#unwatched(async (sql) => {
      await sql`
        update hub_task_threads set status = ${status},
          next_transition_at = case when ${status} <> 'archived' then now() + interval '40 minutes' end,
          archived_at = case when ${status} = 'archived' then now() end,
          last_activity_at = now() - make_interval(hours => ${hours})
        where id = ${thread.id}`;
    });
  }

  async #move(task: string, thread: string | null, start: Date, { ago, took = 0 }: Happening) {
    await this.#unwatched(async (sql) => {
      const back = sql`make_interval(secs => ${ago * 60})`;
      await sql`
        update hub_channel_messages as m
        set created_at = ${start}::timestamptz - ${back} + make_interval(secs => ${took} * place)
        from (
          select id, coalesce((row_number() over (order by created_at) - 1)::float
            / nullif(count(*) over () - 1, 0), 0) as place
          from hub_channel_messages where created_at >= ${start}
        ) as o
        where o.id = m.id`;
      await sql`
        update mac_tasks set created_at = created_at - ${back}, finished_at = finished_at - ${back}
          + make_interval(secs => ${took}), started_at = started_at - ${back} + make_interval(secs => ${took})
        where id = ${task}`;
      await sql`
        update hub_task_attempts as a set started_at = t.started_at, ended_at = t.finished_at
        from mac_tasks as t where t.id = a.task_id and a.task_id = ${task}`;
      await sql`
        update hub_task_threads set created_at = least(created_at, ${start}::timestamptz - ${back}),
          last_activity_at = last_activity_at - ${back}
        where id = ${thread}`;
    });
  }

  async #unwatched(write: (sql: Connection) => Promise<unknown>): Promise<void> {
    await this.admin.begin(async (sql) => {
      await sql`set local session_replication_role = replica`;
      await write(sql as unknown as Connection);
    });
  }
}
