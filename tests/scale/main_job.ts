// What every arrangement of engines must do: dispatch → claim → progress → complete, by many at once.
import assert from "node:assert/strict";
import type { Sql } from "postgres";
import { brokenRules } from "../chaos/invariants.ts";
import type { Connection } from "../stack.ts";

export interface Job {
  /** Each dispatches one task after the other. */
  people: Sql[];
  /** Each works for a device of its own. */
  executors: { sql: Sql; token: string }[];
  /** Ids. */
  channels: string[];
  /** How many tasks there are in all. */
  tasks: number;
}

/** A device with a fresh heartbeat for all models; its token. */
export async function registerDevice(sql: Sql, name: string): Promise<string> {
  const [row] = await sql`
    select register_device(${name}, 'linux', '["claude", "codex", "gemini"]'::jsonb, 4) ->> 'token' as token`;
  await sql`select device_heartbeat(${row!.token})`;
  return row!.token;
}

/** The ids of the channels that take tasks, flat and threaded. */
export async function taskChannels(sql: Sql): Promise<string[]> {
  const rows = await sql`
    select c.id from hub_channels as c join hub_servers as s on s.id = c.server_id
    where s.architecture_type <> 'command_dispatch' and not c.is_read_only order by c.name`;
  return rows.map((row) => row.id);
}

/** Runs the job to its end; resolves to the ids of the tasks whose completion was acknowledged. */
export async function runJob({ people, executors, channels, tasks }: Job): Promise<string[]> {
  const completed: string[] = [];
  let next = 0;
  const dispatch = async (sql: Sql) => {
    for (let n = next++; n < tasks; n = next++) {
      const channel = channels[n % channels.length]!;
      await untilFree(() => sql`select dispatch_task(${channel}::uuid, ${`Work ${n}`})`);
    }
  };
  const execute = async ({ sql, token }: Job["executors"][number]) => {
    while (completed.length < tasks) {
      const [row] = await untilFree(() => sql`select claim_tasks(${token}, 2) as tasks`);
      if (row!.tasks.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      for (const { id, claim_id } of row!.tasks) {
        await untilFree(() =>
          sql`select report_progress(${token}, ${id}::uuid, ${claim_id}::uuid, 'Half of it')`
        );
        await untilFree(() =>
          sql`select complete_task(${token}, ${id}::uuid, ${claim_id}::uuid, ${`Did ${id}`})`
        );
        completed.push(id);
      }
    }
  };
  await Promise.all([...people.map(dispatch), ...executors.map(execute)]);
  return completed;
}

/** Each of the tasks has the result that its executor gave, and everything else is right too. */
export async function assertRight(sql: Connection, completed: string[]): Promise<void> {
  const rows =
    await sql`select id from mac_tasks where status = 'complete' and result = 'Did ' || id`;
  const done = new Set(rows.map((row) => row.id));
  assert.deepEqual(completed.filter((id) => !done.has(id)), []);
  assert.deepEqual(await brokenRules(sql), []);
}

/** As every client does: what waited too long for a lock has changed nothing, and is asked again. */
async function untilFree<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if ((error as { code?: string }).code !== "PT503") throw error;
    }
  }
}
