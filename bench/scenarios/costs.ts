// What each call of a task's life costs the database: processor time of its sessions, from /proc, and so
// on Linux alone. The simulation and docs/scaling.md reckon with these.
import type { ReservedSql, Sql } from "postgres";
import { interleave, type Run } from "../measure.ts";
import { compare } from "../result.ts";
import type { Scenario } from "../scenario.ts";
import { clearTasks, makeChannels } from "../seed.ts";
import { makeDevices, tokenOf } from "../tokens.ts";

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
  run: async ({ sql, admin, rounds, quick }) => {
    if (Deno.build.os !== "linux") return [];
    const tasks = quick ? 5 : TASKS;
    const channels = await makeChannels(admin, 50);
    await makeDevices(admin, SESSIONS);
    await admin`update hub.settings set default_role = 'operator', max_open_tasks_per_user = 1000000`;
    const sessions = await openSessions(sql);
    let claimed: Task[][] = [];

    const dispatch = measured(sessions, tasks, (session, n) =>
      session`
        select public.dispatch_task(
          ${channels[n % channels.length]!}::uuid, ${`Fix the build error in module ${n}`}
        )`);
    const claim = measured(sessions, tasks, async (session, _, owner) => {
      const [row] = await session`select public.claim_tasks(${tokenOf(owner)}) as tasks`;
      claimed[owner]!.push(row!.tasks[0]);
    });
    const progress = measured(sessions, tasks, (session, n, owner) => {
      const { id, claim_id } = claimed[owner]![Math.floor(n / SESSIONS)]!;
      return session`
        select public.report_progress(${
        tokenOf(owner)
      }, ${id}, ${claim_id}, 'Half of it is done.')`;
    });
    const complete = measured(sessions, tasks, (session, n, owner) => {
      const { id, claim_id } = claimed[owner]![Math.floor(n / SESSIONS)]!;
      return session`
        select public.complete_task(${
        tokenOf(owner)
      }, ${id}, ${claim_id}, 'Done: all tests pass.')`;
    });
    // In the order of a task's life: each round is a life of its own.
    const samples = await interleave({
      "dispatch_task": async () => {
        await clearTasks(admin);
        claimed = sessions.map(() => []);
        return await dispatch();
      },
      "claim_tasks": claim,
      "report_progress": progress,
      "complete_task": complete,
    }, rounds);
    for (const session of sessions) {
      await session`reset role`;
      session.release();
    }
    await clearTasks(admin);
    return Object.keys(samples).map((name) =>
      compare("costs", `processor time of ${name}`, "ms", samples, [name])
    );
  },
};

/** Sessions of one signed-in operator. */
function openSessions(sql: Sql): Promise<ReservedSql[]> {
  const claims = JSON.stringify({ role: "authenticated", sub: crypto.randomUUID() });
  return Promise.all(Array.from({ length: SESSIONS }, async () => {
    const session = await sql.reserve();
    await session`
      select set_config('request.jwt.claims', ${claims}, false), set_config('role', 'authenticated', false)`;
    return session;
  }));
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
