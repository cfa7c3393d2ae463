// pg_cron's interface, as the migrations use it: the stand-in, or the real one where that is there.
import assert from "node:assert/strict";
import { connect, until } from "../stack.ts";

const JOB = `test-${crypto.randomUUID()}`;

Deno.test("cron.schedule() changes the job when its name is scheduled again", async () => {
  await using sql = connect();
  const [first] = await sql`select cron.schedule(${JOB}, '0 0 1 1 *', 'select 1') as id`;
  const [second] = await sql`select cron.schedule(${JOB}, '0 0 2 1 *', 'select 2') as id`;
  assert.equal(second!.id, first!.id);
  const jobs = await sql`
    select schedule, command, username, active from cron.job where jobname = ${JOB}`;
  assert.deepEqual([...jobs], [
    { schedule: "0 0 2 1 *", command: "select 2", username: "postgres", active: true },
  ]);
  await sql`select cron.unschedule(${JOB})`;
  assert.equal((await sql`select from cron.job where jobname = ${JOB}`).count, 0);
});

Deno.test("cron.schedule() refuses what is no schedule", async () => {
  await using sql = connect();
  await assert.rejects(
    async () => await sql`select cron.schedule('x', 'now and then', 'select 1')`,
    /invalid schedule/,
  );
  await assert.rejects(
    async () => await sql`select cron.unschedule(${JOB})`,
    /could not find valid entry/,
  );
});

Deno.test("the clock runs a job as its owner and records the run", async () => {
  await using sql = connect();
  const [{ standIn }] = await sql`
    select obj_description(oid, 'pg_extension') like '%stand-in%' as "standIn"
    from pg_extension where extname = 'pg_cron'` as unknown as [{ standIn: boolean }];
  // The pg_cron of Debian 12 knows minutes only.
  const schedule = standIn ? "1 second" : "* * * * *";
  const [{ id }] = await sql`
    select cron.schedule(${JOB}, ${schedule}, 'select current_user') as id` as unknown as [
    { id: string },
  ];
  try {
    const run = await until(
      async () =>
        (await sql`
          select status, username, return_message, end_time is not null as ended
          from cron.job_run_details
          where jobid = ${id} and end_time is not null order by runid limit 1`)[0],
      "the first run",
      90_000,
    );
    assert.deepEqual([run.status, run.username, run.ended], ["succeeded", "postgres", true]);
    await sql`select cron.schedule(${JOB}, ${schedule}, 'select no_such_column')`;
    const failed = await until(
      async () =>
        (await sql`
          select return_message from cron.job_run_details
          where jobid = ${id} and status = 'failed' limit 1`)[0],
      "the failed run",
      90_000,
    );
    assert.match(failed.return_message, /no_such_column/);
  } finally {
    await sql`select cron.unschedule(${JOB})`;
  }
});
