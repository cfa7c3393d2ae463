// The schedule runs by itself: on the real pg_cron where the stack has it, else on its stand-in.
import assert from "node:assert/strict";
import { connect, until } from "./stack.ts";

Deno.test("hub-decay-threads archives a due thread when its minute comes", async () => {
  await using sql = connect();
  const [thread] = await sql`
    insert into hub_task_threads (channel_id, name, status, last_activity_at, next_transition_at)
    select id, 'A quiet thread', 'decaying', now() - interval '3 hours', now()
    from hub_channels where name = 'infrastructure'
    returning id`;
  const archived = await until(
    async () => {
      const rows = await sql`
        select archived_at from hub_task_threads where id = ${thread!.id} and status = 'archived'`;
      return rows[0];
    },
    "the job to archive the thread",
    130_000,
  );
  // The run is recorded a moment after its transaction, with an end that pg_cron sets too early.
  await until(
    async () => {
      const rows = await sql`
        select r.status from cron.job_run_details as r join cron.job as j on j.jobid = r.jobid
        where j.jobname = 'hub-decay-threads' and r.start_time <= ${archived.archived_at}
        order by r.start_time desc limit 1`;
      return rows[0]?.status === "succeeded";
    },
    "the run to be recorded",
  );

  const messages = await sql`
    select m.content from hub_channel_messages as m where m.task_thread_id = ${thread!.id}`;
  assert.match(messages[0]!.content, /^🗄 Archived after 3 h 0 min of silence · 0 messages/);
});
