// AURA_SEED repeats the choices of a storm, though not the order in which its sessions meet.
import assert from "node:assert/strict";
import { Random } from "../random.ts";
import { connect } from "../stack.ts";
import { Mesh } from "./mesh.ts";
import { Storm } from "./storm.ts";

const SESSIONS = 10;
const EVENTS = Number(Deno.env.get("AURA_STORM_EVENTS") ?? 2_000);

const EXPECTED = ["stale_claim", "task_finished", "thread_archived", "thread_busy"];

/** Each query lists what breaks its rule, whenever no session is at work. */
const RULES: Record<string, string> = {
  "every unfinished task is in the queue, and no other": `
    select t.id, t.status, q.state from mac_tasks as t full join hub.queue as q on q.task_id = t.id
    where (t.status in ('pending', 'running')) is distinct from (q.task_id is not null)
      or (t.status = 'running') <> (q.state = 'running')`,
  "a task that waits for its thread waits for one that is at work": `
    select q.task_id, q.thread_id from hub.queue as q
    where q.state = 'blocked' and not exists (
      select from hub.queue as o
      where o.thread_id = q.thread_id and o.state in ('ready', 'running', 'backoff')
    )`,
  "a thread with an unfinished task is active": `
    select t.id, t.status from hub_task_threads as t join hub.queue as q on q.thread_id = t.id
    where t.status <> 'active'`,
  "an unfinished team has an unfinished task": `
    select t.id, t.status from hub_teams as t
    where t.finished_at is null and not exists (
      select from hub.queue as q where q.team_id = t.id
    )`,
  "a team has one synthesis and one outcome, at most": `
    select team_id from mac_tasks where kind = 'synthesis' and team_id is not null
    group by team_id having count(*) > 1
    union all
    select (m.metadata ->> 'team_id')::uuid from hub_channel_messages as m
    where m.embed_data ->> 'title' in ('Team Complete', 'Team Failed') group by 1 having count(*) > 1`,
  "no device runs more than it may": `
    select d.name from mesh_devices as d join hub.queue as q on q.device = d.name and q.state = 'running'
    group by d.id having count(*) > d.max_running`,
  "every outcome is delivered": `select task_id, reason from hub.delivery_failures`,
  "every counter is exact": `
    select c.id from hub_channels as c where c.message_count <> (
      select count(*) from hub_channel_messages as m where m.channel_id = c.id and m.task_thread_id is null
    )
    union all
    select t.id from hub_task_threads as t where t.message_count <> (
      select count(*) from hub_channel_messages as m where m.task_thread_id = t.id
    )`,
};

Deno.test("whatever happens at once, nothing is lost, stuck, done twice or locked out", async () => {
  const random = Random.fromEnvironment();
  console.log(`AURA_SEED=${random.seed} repeats the choices of this storm of ${EVENTS} events.`);
  await using mesh = await Mesh.idle();
  await mesh.sql`update hub.settings set retry_backoff = '0 seconds'`;
  const warnings: string[] = [];
  const sessions = Array.from({ length: SESSIONS }, () =>
    connect({
      max: 1,
      onnotice: ({ severity, message }) => severity === "WARNING" && warnings.push(message!),
    }));
  const unexpected: string[] = [];
  try {
    const storm = await Storm.over(mesh, random);
    await Promise.all(sessions.map(async (session) => {
      for (let n = 0; n < EVENTS / SESSIONS; n++) {
        const { name, error } = await storm.happen(session);
        if (error && !EXPECTED.includes(error.detail ?? "")) {
          unexpected.push(`${name}: ${error.message}\n${error.detail}\n${error.where}`);
        }
      }
    }));
    const broken: Record<string, unknown> = {};
    for (const [rule, query] of Object.entries(RULES)) {
      const rows = await mesh.sql.unsafe(query);
      if (rows.length > 0) broken[rule] = rows.slice(0, 3).map((row) => ({ ...row }));
    }
    assert.deepEqual(broken, {});
    assert.deepEqual(unexpected, []);
    assert.deepEqual(warnings, []);
  } finally {
    await Promise.all(sessions.map((session) => session.end()));
    await mesh.sql`update hub.settings set retry_backoff = default`;
  }
});
