// Real executors on the real stack: a device, its configuration, and the process that runs it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "smol-toml";
import type { Channel, Model, Task } from "../../client/index.ts";
import { lines } from "../../executor/lines.ts";
import { Fixture, stackTest, type User } from "../client/fixture.ts";

const MAIN = fileURLToPath(new URL("../../executor/main.ts", import.meta.url));
const AGENT = fileURLToPath(new URL("agent.ts", import.meta.url));

/** The test's agent program in the place of a model. */
export function agentFor(model: Model) {
  const command = [Deno.execPath(), "run", "-A", "--no-config", AGENT, model];
  const format = { claude: "claude-headless", codex: "codex-exec" }[model] ?? model;
  return { command, resume: [...command, "--resume", "{session}"], format };
}

/** Runs one command of the executor to its end. */
export async function executorCommand(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, ...args],
    env,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

export interface DeviceOptions {
  name?: string;
  models?: Model[];
  /** More settings, e.g. `isolation`. */
  settings?: Record<string, unknown>;
  url?: string;
  /** What is started; by default the executor of this checkout. */
  program?: string[];
}

export class Mesh {
  readonly fixture: Fixture;
  readonly operator: User;
  readonly #devices: Device[] = [];

  private constructor(fixture: Fixture, operator: User) {
    this.fixture = fixture;
    this.operator = operator;
  }

  static async create(fixture: Fixture): Promise<Mesh> {
    // Devices of tests before this one count as online for another minute.
    await fixture.sql`update mesh_devices set status = 'offline' where status = 'online'`;
    return new Mesh(fixture, await fixture.user());
  }

  /** Lets what has failed be tried again at once, until the test ends. */
  async hurry(): Promise<void> {
    await this.fixture.sql`update hub.settings set retry_backoff = '1 ms'`;
  }

  /** Registers a device and writes its configuration; its root holds the folder `Desktop`. */
  async device(options: DeviceOptions = {}) {
    const { name, models = ["claude"], settings = {}, url, program } = options;
    const { device, token } = await this.operator.aura.registerDevice(
      name ?? `test-${crypto.randomUUID().slice(0, 8)}`,
      "linux",
      models,
      { max_running: Number(settings.max_running ?? 1) },
    );
    const folder = Deno.realPathSync(Deno.makeTempDirSync());
    const root = join(folder, "root");
    Deno.mkdirSync(join(root, "Desktop"), { recursive: true });
    const config = {
      url: url ?? this.fixture.url,
      publishable_key: this.fixture.key,
      device: device.name,
      device_id: device.id,
      token,
      root,
      models: Object.fromEntries(models.map((model) => [model, agentFor(model)])),
      ...settings,
    };
    const path = join(folder, "executor.toml");
    Deno.writeTextFileSync(path, stringify(config), { mode: 0o600 });
    const made = new Device(device.id, device.name, token, folder, path, program);
    this.#devices.push(made);
    return made;
  }

  async task(channel: Channel, content: string, model: Model = "claude", thread?: string) {
    const { task } = await this.operator.aura.dispatchTask(channel.id, content, {
      model,
      ...(thread && { task_thread_id: thread }),
    });
    return task;
  }

  /** Waits until the task is as wanted, and returns it. */
  async until(taskId: string, wanted: (task: Task) => boolean): Promise<Task> {
    return await until(async () => {
      const task = await this.operator.aura.fetchTask(taskId);
      return wanted(task) ? task : null;
    }, () => this.#devices.map(({ log }) => log).join("\n"));
  }

  ended(taskId: string): Promise<Task> {
    return this.until(taskId, ({ status }) => status === "complete" || status === "failed");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture.sql`update hub.settings set retry_backoff = default`;
    for (const device of this.#devices) {
      await device.end("SIGKILL");
      await this.fixture.sql`delete from mesh_devices where id = ${device.id}`;
      Deno.removeSync(device.folder, { recursive: true });
    }
    // Tasks outlive their channel, and would go to the next test's device.
    await this.fixture.sql`delete from mac_tasks where created_by = ${this.operator.id}`;
  }
}

export class Device {
  log = "";
  /** Variables of the executor, beside those of the tests. */
  environment: Record<string, string> = {};
  #process: Deno.ChildProcess | null = null;
  #reading: Promise<void> = Promise.resolve();

  constructor(
    readonly id: string,
    readonly name: string,
    readonly token: string,
    readonly folder: string,
    readonly config: string,
    readonly program = [Deno.execPath(), "run", "-A", MAIN],
  ) {}

  get root(): string {
    return join(this.folder, "root");
  }

  get pid(): number {
    return this.#process!.pid;
  }

  get running(): boolean {
    return this.#process !== null && alive([this.pid]).length === 1;
  }

  /** Starts `executor run` and waits until it offers its models. */
  async start(...args: string[]): Promise<this> {
    const [program, ...rest] = this.program;
    this.#process = new Deno.Command(program!, {
      args: [...rest, "run", "--config", this.config, ...args],
      env: this.environment,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read(this.#process.stderr);
    await this.says(" offers ");
    return this;
  }

  async #read(stream: ReadableStream<Uint8Array>) {
    for await (const line of lines(stream)) this.log += line + "\n";
  }

  /** Waits for a line of the log. */
  says(text: string): Promise<true> {
    return until(() => Promise.resolve(this.log.includes(text) || null), () => this.log);
  }

  async ended(): Promise<Deno.CommandStatus> {
    const status = await this.#process!.status;
    this.#process = null;
    // Not the end of the log: its watcher, too, holds the pipe until it has done its work.
    await this.#reading;
    return status;
  }

  signal(name: Deno.Signal): void {
    this.#process!.kill(name);
  }

  async end(name: Deno.Signal = "SIGTERM"): Promise<void> {
    if (!this.#process) return;
    this.signal(name);
    await this.ended();
  }
}

/** Asks until there is an answer; fails after a minute with what `told` says. */
export async function until<Result>(
  ask: () => Promise<Result | null>,
  told: () => string = () => "",
): Promise<Result> {
  const patience = AbortSignal.timeout(60_000);
  while (!patience.aborted) {
    const result = await ask();
    if (result !== null) return result;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new assert.AssertionError({ message: `Waited in vain.\n${told()}` });
}

/** The pids in the list that still run. */
export function alive(pids: number[]): number[] {
  return pids.filter((pid) => {
    try {
      return !Deno.readTextFileSync(`/proc/${pid}/stat`).includes(") Z ");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  });
}

/** A test with executors on the real stack. */
export function meshTest(name: string, run: (mesh: Mesh, fixture: Fixture) => Promise<void>): void {
  stackTest(name, async (fixture) => {
    await using mesh = await Mesh.create(fixture);
    await run(mesh, fixture);
  });
}
