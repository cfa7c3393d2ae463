// What each call of a task's life costs the database: processor time of its sessions, from /proc, and so
// on Linux alone. The simulation and docs/scaling.md reckon with these.
import type { ReservedSql } from "postgres";
import { interleave, type Run, type Samples } from "../measure.ts";
import { compare } from "../result.ts";
import type { Context, Scenario } from "../scenario.ts";
import { clearTasks, makeChannels } from "../seed.ts";
import { makeDevices, tokenOf } from "../tokens.ts";
import { asUsers, makeUsers } from "../users.ts";

const SESSIONS = 16;
/** Of each session: as many as its device may run at once. */
const TASKS = 100;

interface Task {
  id: string;
  claim_id: string;
}

export const costs: Scenario = {
  name: "costs",
  needs: "postgres",
  run: async (context) => {
    const { sql, admin } = context;
    if (Deno.build.os !== "linux") return [];
    await makeDevices(admin, SESSIONS);
    await admin`update hub.settings set max_open_tasks_per_user = 1000000`;
    // One each: requests of one user wait for each other, to be counted.
    const users = await makeUsers(admin, SESSIONS, "operator");
    const samples = await asUsers(sql, users, (sessions) => lives(context, sessions));
    await clearTasks(admin);
    return Object.keys(samples).map((name) =>
      compare("costs", `processor time of ${name}`, "ms", samples, [name])
    );
  },
};

/** In the order of a task's life: each round is a life of its own. */
async function lives(
  { admin, rounds, quick }: Context,
  sessions: ReservedSql[],
): Promise<Samples> {
  const tasks = quick ? 5 : TASKS;
  const channels = await makeChannels(admin, 50);
  let claimed: Task[][] = [];
  const held = (n: number, owner: number) => claimed[owner]![Math.floor(n / SESSIONS)]!;
  const dispatch = measured(sessions, tasks, (session, n) =>
    session`
      select public.dispatch_task(
        ${channels[n % channels.length]!}::uuid, ${`Fix the build error in module ${n}`}
      )`);
  return await interleave({
    "dispatch_task": async () => {
      await clearTasks(admin);
      claimed = sessions.map(() => []);
      return await dispatch();
    },
    "claim_tasks": measured(sessions, tasks, async (session, _, owner) => {
      // Near the queue's end all that waits may be held by the other sessions' claims.
      let task: Task | undefined;
      while (!task) {
        const [row] = await session`select public.claim_tasks(${tokenOf(owner)}) as tasks`;
        task = row!.tasks[0];
      }
      claimed[owner]!.push(task);
    }),
    "report_progress": measured(sessions, tasks, (session, n, owner) => {
      const { id, claim_id } = held(n, owner);
      return session`
        select public.report_progress(${tokenOf(owner)}, ${id}, ${claim_id}, 'Half is done.')`;
    }),
    "complete_task": measured(sessions, tasks, (session, n, owner) => {
      const { id, claim_id } = held(n, owner);
      return session`
        select public.complete_task(${tokenOf(owner)}, ${id}, ${claim_id}, 'Done: all pass.')`;
    }),
  }, rounds);
}

/** All sessions at once call so many times each; resolves to the processor time of one call, in ms. */
function measured(
  sessions: ReservedSql[],
  times: number,
  call: (session: ReservedSql, n: number, owner: number) => Promise<unknown>,
): Run {
  return async () => {
    const before = await processorTime(sessions);
    await Promise.all(sessions.map(async (session, owner) => {
      for (let time = 0; time < times; time++) await call(session, time * SESSIONS + owner, owner);
    }));
    return (await processorTime(sessions) - before) / (times * sessions.length);
  };
}

/** Of the processes behind the sessions, in milliseconds. */
async function processorTime(sessions: ReservedSql[]): Promise<number> {
  const times = await Promise.all(sessions.map(async (session) => {
    const [row] = await session`select pg_backend_pid() as pid`;
    const schedule = await Deno.readTextFile(`/proc/${row!.pid}/schedstat`);
    return Number(schedule.split(" ")[0]) / 1e6;
  }));
  return times.reduce((total, time) => total + time, 0);
}
