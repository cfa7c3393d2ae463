// Dispatches and executes tasks on a stack of its own while its parts are killed without warning, then
// lets everything come to rest and compares what was acknowledged with what is there.
import { join } from "node:path";
import { Random } from "../random.ts";
import { OwnStack } from "../runner/own_stack.ts";
import { connect, type Connection, until } from "../stack.ts";
import { end, killDatabase, restart } from "./kill.ts";
import { answerAll, comeToRest, problemsAtRest } from "./rest.ts";
import { call, type Rpc, unless } from "./rpc.ts";

const WORKERS = 3;
const DISPATCHERS = 3;
/** Executors more often: they are killed the most in real life. */
const VICTIMS = ["postgres", "backend", "gateway", "executor", "executor"] as const;
/** Dispatches acknowledged between two kills, at least. */
const CALM = 6;

export interface StormReport {
  seed: number;
  kills: Record<string, number>;
  dispatched: number;
  completed: number;
  /** What is wrong, in words; empty when nothing is. */
  problems: string[];
}

export class Storm {
  readonly #random: Random;
  readonly #dispatched = new Map<string, string>();
  readonly #completed = new Map<string, string>();
  /** The claim that took each input. */
  readonly #taken = new Map<string, string>();
  readonly #rest = new AbortController();
  readonly #kills: Record<string, number> = {};
  readonly #problems: string[] = [];
  readonly #calm = new AbortController();
  #stack: OwnStack;
  #rpc!: Rpc;
  #channels: { id: string }[] = [];
  #workers: { token: string; process: Deno.ChildProcess }[] = [];

  private constructor(stack: OwnStack, random: Random) {
    this.#stack = stack;
    this.#random = random;
  }

  /** Goes on until `isOver` says so, asked after each kill. */
  static async run(random: Random, isOver: (kills: number) => boolean): Promise<StormReport> {
    const storm = new Storm(await OwnStack.start(), random);
    console.log(`The stack is in ${storm.#stack.settings.AURA_STATE_DIR}.`);
    try {
      await storm.#prepare();
      const dispatching = Promise.all(
        Array.from({ length: DISPATCHERS }, (_, i) => storm.#dispatch(i)),
      );
      const answering = answerAll(storm.#rpc, storm.#random, storm.#rest.signal, 200);
      for (let kills = 0; !isOver(kills); kills++) {
        await storm.#waitForDispatches(CALM);
        await storm.#kill();
      }
      storm.#calm.abort();
      await dispatching;
      await comeToRest(storm.#stack, 180_000);
      storm.#rest.abort();
      await answering;
      await storm.#compare();
    } catch (error) {
      const log = join(storm.#stack.settings.AURA_STATE_DIR!, "logs/postgres.log");
      throw new Error(
        `${(error as Error).message}\nThe stack said:\n${storm.#stack.output}\n` +
          (await Deno.readTextFile(log)).slice(-5000),
        { cause: error },
      );
    } finally {
      for (const { process } of storm.#workers) end(process);
      await Promise.all(storm.#workers.map(({ process }) => process.status));
      await storm.#stack[Symbol.asyncDispose]();
    }
    return {
      seed: random.seed,
      kills: storm.#kills,
      dispatched: storm.#dispatched.size,
      completed: storm.#completed.size,
      problems: storm.#problems,
    };
  }

  /** For a moment: the driver does not outlive a database that is killed. */
  #connect(): Connection {
    return connect({ max: 1 }, this.#stack.env);
  }

  async #prepare(): Promise<void> {
    // Short times, so that what a kill leaves behind is taken back within the test.
    await using sql = this.#connect();
    await sql`
      update hub.settings
      set task_lease = '3 seconds', device_offline_after = '3 seconds', max_attempts = 50,
        max_losses = 1000, max_releases = 1000, retry_backoff = '100 milliseconds', max_open_tasks_per_user = 100000
      where id`;
    this.#channels = await sql`
      select c.id from hub_channels as c join hub_servers as s on s.id = c.server_id
      where s.architecture_type <> 'command_dispatch' and not c.is_read_only
      order by c.name limit 6`;
    const { env } = this.#stack;
    const key = env.SUPABASE_PUBLISHABLE_KEY!;
    const signedIn = await fetch(`${env.SUPABASE_URL}/auth/v1/token?grant_type=password`, {
      method: "POST",
      headers: { apikey: key, "content-type": "application/json" },
      body: JSON.stringify({ email: env.AURA_USER_EMAIL, password: env.AURA_USER_PASSWORD }),
    });
    const { access_token, user } = await signedIn.json();
    await sql`select set_member_role(${user.id}, 'operator')`;
    this.#rpc = { url: env.SUPABASE_URL!, key, accessToken: access_token };
    for (let i = 0; i < WORKERS; i++) {
      const { token } = await call(this.#rpc, "register_device", {
        name: `storm-${i}`,
        platform: "linux",
        models: ["claude", "gemini", "codex"],
        max_running: 4,
      });
      this.#workers.push({ token, process: this.#startWorker(token) });
    }
  }

  #startWorker(token: string): Deno.ChildProcess {
    const process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", join(import.meta.dirname!, "worker.ts")],
        ...[this.#rpc.url, this.#rpc.key, token, String(this.#random.below(2 ** 32))],
      ],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    this.#readCompletions(process.stdout);
    return process;
  }

  async #readCompletions(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const { id, result, input, claim } = JSON.parse(line);
        if (input) {
          if ((this.#taken.get(input) ?? claim) !== claim) {
            this.#problems.push(`Input ${input} was taken twice.`);
          }
          this.#taken.set(input, claim);
          continue;
        }
        if (this.#completed.has(id)) this.#problems.push(`Task ${id} was acknowledged twice.`);
        this.#completed.set(id, result);
      }
    }
  }

  /** Dispatches tasks, follow-ups and teams, and cancels some, until the calm. */
  async #dispatch(dispatcher: number): Promise<void> {
    const random = new Random(this.#random.seed + dispatcher);
    const threads: { channel_id: string; id: string }[] = [];
    for (let n = 0; !this.#calm.signal.aborted; n++) {
      const content = `work ${dispatcher}-${n}`;
      const key = { idempotency_key: `${this.#random.seed}-${dispatcher}-${n}` };
      const chance = random.below(20);
      if (chance === 0) {
        const { tasks } = await call(this.#rpc, "dispatch_team", {
          channel_id: random.pick(this.#channels).id,
          goal: content,
          subtasks: ["one", "two", "three"].map((part) => `${content} ${part}`),
          ...key,
        });
        for (const task of tasks) this.#dispatched.set(task.id, task.content);
        continue;
      }
      const thread = chance < 6 && threads.length > 0 ? random.pick(threads) : undefined;
      const answer = await call(this.#rpc, "dispatch_task", {
        channel_id: thread?.channel_id ?? random.pick(this.#channels).id,
        task_thread_id: thread?.id,
        content,
        ...key,
      });
      this.#dispatched.set(answer.task.id, content);
      if (answer.thread) threads.push(answer.thread);
      const task_id = answer.task.id;
      if (chance === 19) await unless("task_finished", call(this.#rpc, "cancel_task", { task_id }));
      if (chance === 18) {
        const said = { task_id, content: `also ${content}`, ...key };
        await unless("task_finished", call(this.#rpc, "send_input", said));
      }
      // Faster than the executors would only fill the queue.
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  }

  async #waitForDispatches(more: number): Promise<void> {
    const goal = this.#dispatched.size + more;
    await until(() => this.#dispatched.size >= goal, `${more} more dispatches`, 60_000);
  }

  async #kill(): Promise<void> {
    const victim = this.#random.pick(VICTIMS);
    this.#kills[victim] = (this.#kills[victim] ?? 0) + 1;
    console.log(
      `${this.#dispatched.size} dispatched, ${this.#completed.size} completed: kill ${victim}`,
    );
    if (victim === "executor") {
      const worker = this.#random.pick(this.#workers);
      end(worker.process);
      await worker.process.status;
      worker.process = this.#startWorker(worker.token);
    } else if (victim === "gateway") {
      this.#stack = await restart(this.#stack);
    } else {
      await killDatabase(this.#stack, victim);
      await this.#stack.ready();
    }
  }

  async #compare(): Promise<void> {
    await using sql = this.#connect();
    this.#problems.push(...await problemsAtRest(this.#stack));
    const tasks = await sql`select id, content, status, result from mac_tasks`;
    const found = new Map(tasks.map((task) => [task.id, task]));
    for (const [id, content] of this.#dispatched) {
      if (found.get(id)?.content !== content) this.#problems.push(`Task ${id} was lost.`);
    }
    for (const [id, result] of this.#completed) {
      const task = found.get(id);
      if (task?.status !== "complete" || task.result !== result) {
        this.#problems.push(`The completion of task ${id} was lost.`);
      }
    }
  }
}
