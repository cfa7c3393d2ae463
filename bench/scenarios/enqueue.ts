// Enqueueing: 16 clients, one task at a time, and many in one statement. dispatch_task makes the request's
// message, the task, the "queued" message and, where threaded, the thread; a bare task is its row alone.
import { interleave, rate, type Run, timed } from "../measure.ts";
import { ask, peers, seedPeer } from "../peers.ts";
import { compare, type Result } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, makeChannels, settle } from "../seed.ts";

const CLIENTS = 16;

export const enqueue: Scenario = {
  name: "enqueue",
  needs: "postgres",
  run: async (context) => {
    await makePlainTable(context.admin);
    const results = [...await single(context), ...await batched(context)];
    await context.admin.unsafe("drop schema plain cascade");
    return results;
  },
};

async function single(context: Context): Promise<Result[]> {
  const { machine, sql, admin, rounds, quick } = context;
  const { graphile } = await peers(machine);
  const flat = await makeChannels(admin, 50);
  const threaded = await makeChannels(admin, 50, "threaded");
  const total = quick ? 200 : 3000;
  const measured = (step: (call: number) => Promise<unknown>): Run => async () => {
    await empty(context);
    await rate(CLIENTS * 10, CLIENTS, step);
    return await rate(total, CLIENTS, step);
  };
  const dispatch = (channels: string[]) =>
    measured((call) =>
      sql`
        select public.dispatch_task(
          ${channels[call % channels.length]!}::uuid, ${content(call)}
        )`
    );
  const samples = await interleave({
    "flat dispatch_task": dispatch(flat),
    "threaded dispatch_task": dispatch(threaded),
    "bare task": measured((call) =>
      sql`insert into public.mac_tasks (content, project) values (${content(call)}, 'bench')`
    ),
    "plain insert": measured((call) =>
      sql`insert into plain.tasks (content, project) values (${content(call)}, 'bench')`
    ),
    "add_job": measured((call) =>
      graphile`select graphile_worker.add_job('bench', ${
        graphile.json({ content: content(call) })
      }::json)`
    ),
    "pg-boss send": async () => {
      await empty(context);
      const url = machine.url("pgboss", "supabase_admin");
      const config = { url, clients: CLIENTS };
      return (await ask<{ perSecond: number }>("pgbossSend", config, [[CLIENTS * 10], [total]]))
        .perSecond;
    },
  }, rounds);
  const line = (subject: string, against: string) =>
    compare("enqueue", "enqueue one at a time", "tasks/s", samples, [subject, against]);
  return [
    line("flat dispatch_task", "add_job"),
    line("threaded dispatch_task", "add_job"),
    line("flat dispatch_task", "pg-boss send"),
    line("bare task", "plain insert"),
    line("bare task", "add_job"),
  ];
}

async function batched(context: Context): Promise<Result[]> {
  const { machine, sql, rounds, quick } = context;
  const { graphile } = await peers(machine);
  const total = quick ? 500 : 10_000;
  const measured = (statement: () => Promise<unknown>): Run => async () => {
    await empty(context);
    return total / await timed(statement) * 1000;
  };
  const samples = await interleave({
    "bare tasks": measured(() =>
      sql`
        insert into public.mac_tasks (content, project)
        select 'Fix the build error in module ' || n, 'bench'
        from generate_series(1, ${total}::integer) as n`
    ),
    "plain inserts": measured(() =>
      sql`
        insert into plain.tasks (content, project)
        select 'Fix the build error in module ' || n, 'bench'
        from generate_series(1, ${total}::integer) as n`
    ),
    "add_jobs": measured(() =>
      graphile`
        select count(*) from graphile_worker.add_jobs(array(
          select row('bench', json_build_object('content', 'Fix the build error in module ' || n), null,
            null, null, null, null, null)::graphile_worker.job_spec
          from generate_series(1, ${total}::integer) as n
        ))`
    ),
  }, rounds);
  const label = `enqueue ${total.toLocaleString("en")} in one statement`;
  return ["add_jobs", "plain inserts"].map((against) =>
    compare("enqueue", label, "tasks/s", samples, ["bare tasks", against])
  );
}

function content(call: number): string {
  return `Fix the build error in module ${call}`;
}

/** A table of a task's bare facts, with the index of its key and of its queue: what Postgres itself can do. */
async function makePlainTable(admin: Context["admin"]): Promise<void> {
  await admin.unsafe(`
    create schema plain;
    create table plain.tasks (
      id uuid primary key default gen_random_uuid(), content text not null, project text,
      status text not null default 'pending', priority integer not null default 0,
      created_at timestamptz not null default clock_timestamp()
    );
    create index on plain.tasks (priority desc, created_at, id)
    where status = 'pending';
    grant usage on schema plain to postgres;
    grant select, insert on plain.tasks to postgres`);
}

async function empty({ machine, admin }: Context): Promise<void> {
  const { graphile, pgboss } = await peers(machine);
  await clearTasks(admin);
  await admin.unsafe("truncate plain.tasks");
  await seedPeer(graphile, "graphile", 0);
  await seedPeer(pgboss, "pgboss", 0);
  await settle(admin, "public.mac_tasks", "hub.queue", "plain.tasks");
}
