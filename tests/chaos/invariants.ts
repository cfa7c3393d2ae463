// What must hold once everything has come to rest, whatever happened before.
import type { Sql } from "postgres";

/** Each query lists what breaks its rule. */
const RULES: Record<string, string> = {
  "every task has ended": `
    select id, status from mac_tasks where channel_id is not null and finished_at is null`,
  "every outcome is delivered": `
    select id, status from mac_tasks where channel_id is not null and delivered_at is null`,
  "every task has exactly one outcome in its channel or thread": `
    select t.id, t.status, t.kind, count(m.id) as outcomes
    from mac_tasks as t
    left join hub_channel_messages as m
      on m.metadata ->> 'task_id' = t.id::text and not m.is_progress
      and m.metadata ->> 'event' in ('task_completed', 'task_failed', 'task_cancelled')
    where t.channel_id is not null and t.kind in ('task', 'subtask')
    group by t.id
    having count(m.id) <> 1`,
  "every message of the system and of agents has a known event": `
    select m.sender_type, m.content, m.metadata from hub_channel_messages as m
    where (m.sender_type = 'human') = (m.metadata ->> 'event' in (select e.name from hub.message_events as e))
      or m.sender_type <> 'human' and m.metadata ->> 'event' is null`,
  "no task has more than fifteen progress messages": `
    select metadata ->> 'task_id' as id, count(*) from hub_channel_messages
    where is_progress group by 1 having count(*) > 15`,
  "every team has ended with exactly one outcome": `
    select t.id, t.status, count(m.id) as outcomes
    from hub_teams as t
    left join hub_channel_messages as m
      on m.metadata ->> 'team_id' = t.id::text
      and m.metadata ->> 'event' in ('team_completed', 'team_failed')
    group by t.id
    having t.finished_at is null or count(m.id) <> 1`,
  "every team was synthesized at most once": `
    select team_id, count(*) from mac_tasks where kind = 'synthesis' group by team_id having count(*) > 1`,
  "what is derived from the tables agrees with them": `select * from hub.check()`,
  "the queue is empty": `select task_id, state from hub.queue`,
  "every attempt is closed":
    `select claim_id, task_id from hub_task_attempts where ended_at is null`,
  "no question is open": `select id, task_id from hub_questions where state = 'open'`,
  "every question was shown once, and so was its answer": `
    select x.id, x.state, count(m.id) filter (where m.metadata ->> 'event' = 'question_asked') as asked,
      count(m.id) filter (where m.metadata ->> 'event' = 'question_answered') as answered
    from hub_questions as x
    left join hub_channel_messages as m on m.metadata ->> 'question_id' = x.id::text
    where x.answered_at > x.asked_at -- not asked while it was being cancelled already
    group by x.id
    having count(m.id) <> case x.state when 'withdrawn' then 1 else 2 end`,
  "every input was taken once, has moved, or waits for the retry of a cancelled task": `
    select i.id, i.state, t.status from hub_task_inputs as i join mac_tasks as t on t.id = i.task_id
    where i.state = 'waiting' and t.cancelled_at is null or i.state = 'moved' and i.moved_to is null`,
  "what a person said is there once": `
    select i.id, count(m.id) from hub_task_inputs as i
    left join hub_channel_messages as m on m.metadata ->> 'input_id' = i.id::text
    group by i.id having count(m.id) <> 1`,
  "no key made two tasks": `
    select idempotency_key, count(*) from mac_tasks
    where idempotency_key is not null group by channel_id, created_by, idempotency_key having count(*) > 1`,
};

/** The rules that are broken, each with a few rows that break it. */
export async function brokenRules(sql: Sql): Promise<string[]> {
  const broken: string[] = [];
  for (const [rule, query] of Object.entries(RULES)) {
    const rows = await sql.unsafe(query);
    if (rows.length > 0) {
      broken.push(
        `not: ${rule}\n  ${rows.slice(0, 3).map((row) => JSON.stringify(row)).join("\n  ")}`,
      );
    }
  }
  return broken;
}
