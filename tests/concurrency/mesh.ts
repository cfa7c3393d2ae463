// What tests of simultaneous sessions start from: a server, channels and devices of the test's own,
// and sessions that can be held in the middle of a transaction.
import { connect, type Connection, until } from "../stack.ts";

export interface Task {
  id: string;
  claim_id: string;
  content: string;
  kind: string;
  task_thread_id: string | null;
}

type Architecture = "flat_task_pipeline" | "threaded_task_isolation";

export class Mesh implements AsyncDisposable {
  readonly sql: Connection = connect({ max: 1 });
  readonly #sessions: Connection[] = [];
  readonly #servers: string[] = [];
  readonly #devices: string[] = [];

  /**
   * A mesh with nothing to do: what earlier tests left unfinished is ended, so that no device here gets it, and
   * the clock stands, so that nothing ticks but what a test lets tick.
   */
  static async idle(): Promise<Mesh> {
    const mesh = new Mesh();
    await mesh.#setClock(false);
    await mesh.sql`update hub.clock set ticked_at = null, resumed_at = null`;
    await mesh.sql`update mac_tasks set status = 'failed' where status in ('pending', 'running')`;
    await mesh.sql`delete from mesh_devices`;
    return mesh;
  }

  /** A session of its own: one connection. */
  session(): Connection {
    const session = connect({ max: 1 });
    this.#sessions.push(session);
    return session;
  }

  sessions(count: number): Connection[] {
    return Array.from({ length: count }, () => this.session());
  }

  /** A channel on a new server; its id. */
  async channel(architecture_type: Architecture): Promise<string> {
    const name = `test-${crypto.randomUUID().slice(0, 13)}`;
    const [server] = await this.sql`
      insert into hub_servers ${
      this.sql({ name, display_name: name, architecture_type })
    } returning id`;
    this.#servers.push(server!.id);
    const row = { server_id: server!.id, name, display_name: `#${name}` };
    const [channel] = await this.sql`insert into hub_channels ${this.sql(row)} returning id`;
    return channel!.id;
  }

  /** An online device for all models; its token. */
  async device(max_running = 1): Promise<string> {
    const name = `test-${crypto.randomUUID().slice(0, 13)}`;
    const [row] = await this.sql`
      select register_device(${name}, 'linux', '["claude", "codex", "gemini"]', ${max_running}) as made`;
    this.#devices.push(row!.made.device.id);
    await this.sql`select device_heartbeat(${row!.made.token})`;
    return row!.made.token;
  }

  async dispatch(channel: string, content: string, thread: string | null = null): Promise<Task> {
    const [row] = await this
      .sql`select dispatch_task(${channel}, ${content}, ${thread}) -> 'task' as task`;
    return row!.task;
  }

  async task(id: string): Promise<Record<string, unknown>> {
    const [task] = await this.sql`select * from mac_tasks where id = ${id}`;
    return task!;
  }

  /** The contents of the messages about a task, those of its thread and of its channel. */
  async said(taskId: string): Promise<string[]> {
    const rows = await this.sql`
      select coalesce(embed_data ->> 'title' || ': ', '') || content as content from hub_channel_messages
      where metadata ->> 'task_id' = ${taskId} order by created_at, id`;
    return rows.map((row) => row.content);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.end()));
    await this.sql`delete from hub_servers where id = any (${this.#servers})`;
    await this.sql`delete from mesh_devices where id = any (${this.#devices})`;
    await this.#setClock(true);
    await this.sql.end();
  }

  async #setClock(active: boolean): Promise<void> {
    await this.sql`
      select cron.alter_job(jobid, active => ${active}) from cron.job where jobname like 'hub-%'`;
  }
}

export async function claim(session: Connection, token: string, most = 1): Promise<Task[]> {
  const [row] = await session`select claim_tasks(${token}, ${most}) as tasks`;
  return row!.tasks;
}

export async function complete(session: Connection, token: string, task: Task, result = "Done") {
  await session`select complete_task(${token}, ${task.id}, ${task.claim_id}, ${result})`;
}

/**
 * Runs `work` in a transaction of `session` and leaves that open: the function that is returned commits it.
 */
export async function held(
  session: Connection,
  work: (tx: Connection) => Promise<unknown>,
): Promise<() => Promise<void>> {
  const done = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const transaction = session.begin(async (tx) => {
    await work(tx as unknown as Connection);
    done.resolve();
    await release.promise;
  });
  await Promise.race([done.promise, transaction]);
  return async () => {
    release.resolve();
    await transaction;
  };
}

/** Starts `work` on `session` and waits until another session's lock holds it up; its outcome follows. */
export async function blocked<T>(
  mesh: Mesh,
  session: Connection,
  work: (session: Connection) => Promise<T>,
): Promise<{ outcome: Promise<Outcome<T>> }> {
  const [row] = await session`select pg_backend_pid() as pid`;
  let over = false;
  const outcome = settle(work(session)).finally(() => over = true);
  await until(async () => {
    const [lock] = await mesh.sql`select cardinality(pg_blocking_pids(${row!.pid})) as count`;
    return over || lock!.count > 0;
  }, "a session to be held up");
  return { outcome };
}

/** What a call ended in: its value, or the name of the refusal (or the SQLSTATE). */
export type Outcome<T> = { value: T; error?: undefined } | { value?: undefined; error: string };

export async function settle<T>(promise: Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await promise };
  } catch (error) {
    const { code, detail } = error as { code?: string; detail?: string };
    if (!code) throw error;
    return { error: code.startsWith("PT") ? detail! : code };
  }
}
