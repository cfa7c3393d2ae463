// Everything that can happen to tasks, at random and from many sessions at once.
import postgres, { type PostgresError } from "postgres";
import type { Connection } from "../stack.ts";
import type { Random } from "../random.ts";
import { claim, type Mesh, type Task } from "./mesh.ts";

type Held = Task & { token: string };

export class Storm {
  readonly #held: Held[] = [];

  private constructor(
    readonly random: Random,
    readonly channels: string[],
    readonly tokens: string[],
  ) {}

  /** A storm over two channels of each kind and three devices, all of this mesh's own. */
  static async over(mesh: Mesh, random: Random): Promise<Storm> {
    const channels: string[] = [];
    for (const kind of ["flat_task_pipeline", "threaded_task_isolation"] as const) {
      channels.push(await mesh.channel(kind), await mesh.channel(kind));
    }
    return new Storm(random, channels, [
      await mesh.device(6),
      await mesh.device(6),
      await mesh.device(6),
    ]);
  }

  /** One thing that happens: its name, and how the database refused it. */
  async happen(sql: Connection): Promise<{ name: string; error?: PostgresError }> {
    const [name, event] = this.random.pick(Object.entries(this.#events));
    try {
      await event(sql);
      return { name };
    } catch (error) {
      if (error instanceof postgres.PostgresError) return { name, error };
      throw error;
    }
  }

  readonly #events: Record<string, (sql: Connection) => Promise<unknown>> = {
    task: (sql) => sql`select dispatch_task(${this.#channel()}, 'Work', model => ${this.#model()})`,
    team: (sql) =>
      sql`select dispatch_team(${this.#channel()}, 'Work', '["a", "b", "c"]', ${this.#model()})`,
    plan: (sql) => sql`select dispatch_team(${this.#channel()}, 'Work')`,
    follow: async (sql) => {
      const thread = await this.#thread(sql);
      if (thread) await sql`select dispatch_task(${thread.channel_id}, 'More', ${thread.id})`;
    },
    claim: (sql) => this.#claim(sql),
    claimMore: (sql) => this.#claim(sql),
    complete: (sql) =>
      this.#write(
        sql,
        ({ token, id, claim_id, kind }) =>
          sql`select complete_task(${token}, ${id}, ${claim_id}, ${
            kind === "plan" ? '["x", "y"]' : "Done"
          }, session_id => ${this.random.pick(["session", null])})`,
      ),
    completeMore: (sql) =>
      this.#write(
        sql,
        ({ token, id, claim_id }) =>
          sql`select complete_task(${token}, ${id}, ${claim_id}, 'Done')`,
      ),
    fail: (sql) =>
      this.#write(
        sql,
        ({ token, id, claim_id }) =>
          sql`select fail_task(${token}, ${id}, ${claim_id}, 'No', ${this.random.below(2) === 0})`,
      ),
    release: (sql) =>
      this.#write(
        sql,
        ({ token, id, claim_id }) => sql`select release_task(${token}, ${id}, ${claim_id})`,
      ),
    limit: (sql) =>
      this.#write(
        sql,
        ({ token, id, claim_id }) =>
          sql`select report_rate_limit(${token}, ${id}, ${claim_id}, ${this.#model()},
          clock_timestamp() + interval '100 milliseconds')`,
      ),
    progress: async (sql) => {
      const task = this.random.pick([undefined, ...this.#held]);
      if (!task) return;
      await sql`select report_progress(${task.token}, ${task.id}, ${task.claim_id}, ${
        String(this.random.next())
      })`;
    },
    ask: (sql) => this.#ask(sql),
    askMore: (sql) => this.#ask(sql),
    answer: async (sql) => {
      const [question] = await this.#any(sql, "id from hub_questions where state = 'open'");
      if (question) {
        await sql`select answer_question(${question.id}, ${this.random.pick(["allow", "reject"])})`;
      }
    },
    expire: async (sql) => {
      const [question] = await this.#any(sql, "id from hub_questions where state = 'open'");
      if (!question) return;
      await sql`update hub_questions set expires_at = now() where id = ${question.id}`;
      await sql`select hub.recover()`;
    },
    park: (sql) =>
      this.#write(
        sql,
        ({ token, id, claim_id }) =>
          sql`select park_task(${token}, ${id}, ${claim_id}, ${
            this.random.pick(["session", null])
          })`,
      ),
    tell: async (sql) => {
      const [task] = await this.#any(sql, "task_id as id from hub.queue");
      if (task) await sql`select send_input(${task.id}, ${`Say ${this.random.next()}`})`;
    },
    take: async (sql) => {
      const task = this.random.pick([undefined, ...this.#held]);
      if (!task) return;
      await sql`select take_input(${task.token}, ${task.id}, ${task.claim_id}, i.id)
        from hub_task_inputs as i where i.task_id = ${task.id} and i.state = 'waiting' limit 1`;
    },
    beat: async (sql) => {
      const token = this.random.pick(this.tokens);
      const ids = this.#held.filter((task) => task.token === token).map((task) => task.id);
      await sql`select device_heartbeat(${token}, ${ids}::uuid[], '["claude", "codex", "gemini"]')`;
    },
    cancel: async (sql) => {
      const [task] = await this.#any(sql, "task_id as id from hub.queue");
      if (task) await sql`select cancel_task(${task.id})`;
    },
    cancelTeam: async (sql) => {
      const [team] = await this.#any(sql, "id from hub_teams where finished_at is null");
      if (team) await sql`select cancel_task(${team.id})`;
    },
    retry: async (sql) => {
      const [task] = await this.#any(
        sql,
        "id from mac_tasks where status = 'failed' and channel_id is not null",
      );
      if (task) await sql`select retry_task(${task.id})`;
    },
    reorder: async (sql) => {
      const [task] = await this.#any(sql, "task_id as id from hub.queue where state = 'ready'");
      if (!task) return;
      await sql`update mac_tasks set priority = ${this.random.below(100)} where id = ${task.id}`;
    },
    legacy: async (sql) => {
      const [task] = await this.#any(sql, "id from mac_tasks where status = 'pending'");
      if (!task) return;
      await sql`update mac_tasks set status = 'running', claimed_by = 'old'
        where id = ${task.id} and status = 'pending'`;
      await sql`update mac_tasks set status = 'complete', result = 'Done'
        where id = ${task.id} and status = 'running' and claimed_by = 'old'`;
    },
    status: async (sql) => {
      const thread = await this.#thread(sql);
      const status = this.random.pick(["active", "archived"]);
      if (thread) await sql`select update_thread_status(${thread.id}, ${status})`;
    },
    decay: async (sql) => {
      const due = await this.#any(sql, "id from hub_task_threads where status <> 'archived'", 3);
      // One by one: in one statement, two sessions could lock the same threads in different orders.
      for (const { id } of due) {
        await sql`update hub_task_threads set next_transition_at = now()
          where id = ${id} and status <> 'archived'`;
      }
      await sql`select hub.decay_threads()`;
    },
    rename: async (sql) => {
      const [device] = await this.#any(sql, "id from mesh_devices");
      if (!device) return;
      await sql`update mesh_devices set name = ${`test-${crypto.randomUUID().slice(0, 13)}`}
        where id = ${device.id}`;
    },
    move: async (sql) => {
      const thread = await this.#thread(sql);
      if (!thread) return;
      const [to] = await this.#any(
        sql,
        `c.id from hub_channels as c join hub_servers as s on s.id = c.server_id
        where s.architecture_type = 'threaded_task_isolation' and c.id in ('${
          this.channels.join("', '")
        }')`,
      );
      await sql.begin(async (tx) => {
        // In the order of locks: tasks, teams, the thread.
        await tx`select from mac_tasks where task_thread_id = ${thread.id} order by id for no key update`;
        await tx`select from hub_teams where task_thread_id = ${thread.id} order by id for no key update`;
        await tx`update hub_task_threads set channel_id = ${to!.id} where id = ${thread.id}`;
      });
    },
    remove: async (sql) => {
      const [task] = await this.#any(
        sql,
        "id from mac_tasks where kind = 'subtask' and status = 'pending'",
      );
      if (task) await sql`delete from mac_tasks where id = ${task.id}`;
    },
    hold: (sql) =>
      sql.begin(async (tx) => {
        await tx`update hub_channels set description = 'held' where id = ${this.#channel()}`;
        await tx`select pg_sleep(0.05)`;
      }),
    leap: async (sql) => {
      // The clock set forward, and back.
      await sql`update hub.clock set ticked_at = ticked_at - interval '1 hour'`;
      await sql`select hub.recover()`;
      const [device] = await this.#any(sql, "id from mesh_devices");
      if (device) {
        await sql`update mesh_devices set last_seen_at = now() + interval '1 hour'
          where id = ${device.id}`;
      }
      await sql`select hub.recover()`;
    },
    recover: async (sql) => {
      const lost = await this.#any(sql, "id from mac_tasks where claim_id is not null", 2);
      for (const { id } of lost) {
        await sql`update mac_tasks set lease_expires_at = now() where id = ${id} and claim_id is not null`;
      }
      await sql`select hub.recover()`;
    },
  };

  async #ask(sql: Connection): Promise<void> {
    const task = this.random.pick([undefined, ...this.#held]);
    if (!task) return;
    const call = `call ${this.random.below(3)}`;
    await sql`select ask_question(${task.token}, ${task.id}, ${task.claim_id}, 'approval', 'Go on?',
      tool_call_id => ${call})`;
  }

  async #claim(sql: Connection): Promise<void> {
    const token = this.random.pick(this.tokens);
    for (const task of await claim(sql, token, 3)) this.#held.push({ ...task, token });
  }

  async #write(sql: Connection, write: (task: Held) => Promise<unknown>): Promise<void> {
    if (this.#held.length === 0) return await this.#claim(sql);
    const [task] = this.#held.splice(this.random.below(this.#held.length), 1);
    await write(task!);
  }

  async #thread(sql: Connection): Promise<{ id: string; channel_id: string } | undefined> {
    const [thread] = await this.#any(sql, "id, channel_id from hub_task_threads");
    return thread as { id: string; channel_id: string } | undefined;
  }

  /** Some of the rows, by a choice of the storm's own. */
  async #any(sql: Connection, rows: string, most = 1): Promise<{ id: string }[]> {
    return await sql.unsafe(
      `select * from (select ${rows}) as r order by md5(r.id::text || $1) limit $2`,
      [String(this.random.next()), most],
    );
  }

  #channel = () => this.random.pick(this.channels);
  #model = () => this.random.pick(["claude", "codex", "gemini"]);
}
