// A device that does what a test says, through the executors' RPCs: so that a task is in the state
// the test wants to look at for as long as it looks.
import { mediaTypeOf } from "../../client/files.ts";
import type { Model, Platform, Question } from "../../client/index.ts";
import type { Fixture, User } from "../client/fixture.ts";
import { until } from "../stack.ts";

interface Input {
  id: string;
  content: string;
  interrupt: boolean;
}

interface Claimed {
  id: string;
  claim_id: string;
  content: string;
  short_id: string;
}

export class Device implements AsyncDisposable {
  readonly #running = new Set<string>();

  private constructor(
    readonly fixture: Fixture,
    readonly operator: User,
    readonly id: string,
    readonly name: string,
    readonly token: string,
  ) {}

  static async join(
    fixture: Fixture,
    operator: User,
    { name, platform = "macos", models = ["claude"], max_running = 4 }: {
      name?: string;
      platform?: Platform;
      models?: Model[];
      max_running?: number;
    } = {},
  ): Promise<Device> {
    const wanted = name ?? `device-${crypto.randomUUID().slice(0, 8)}`;
    const { device, token } = await operator.aura.registerDevice(wanted, platform, models, {
      max_running,
    });
    const made = new Device(fixture, operator, device.id, device.name, token);
    await made.heartbeat();
    return made;
  }

  heartbeat(): Promise<unknown> {
    return this.#call("device_heartbeat", { running: [...this.#running] });
  }

  /** Claims the next task, which somebody may only just have sent. */
  async claim(): Promise<Claimed> {
    const next = async () => (await this.#call<Claimed[]>("claim_tasks", { max_tasks: 1 }))[0];
    const task = await until(next, `a task for ${this.name}`);
    this.#running.add(task.id);
    return task;
  }

  progress({ id, claim_id }: Claimed, partial_output: string): Promise<unknown> {
    return this.#call("report_progress", { task_id: id, claim_id, partial_output });
  }

  /** Asks a person, and returns the question. */
  async ask({ id, claim_id }: Claimed, question: object): Promise<Question> {
    const asked = { task_id: id, claim_id, ...question };
    return (await this.#call<{ question: Question }>("ask_question", asked)).question;
  }

  /** Takes the inputs that wait for what it runs, as its heartbeat names them. */
  async takeInput({ id, claim_id }: Claimed): Promise<{ content: string; interrupt: boolean }> {
    const [input] = await until(async () => {
      const { inputs } = await this.heartbeat() as { inputs: Input[] };
      return inputs.length > 0 ? inputs : null;
    }, "an input");
    await this.#call("take_input", { task_id: id, claim_id, input_id: input!.id });
    return input!;
  }

  /** Leaves a file for people, as the executor does with what its agent made. */
  async leaveFile({ id, claim_id }: Claimed, name: string, bytes: Uint8Array): Promise<void> {
    const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
    const response = await fetch(`${this.fixture.url}/functions/v1/files`, {
      method: "POST",
      headers: { apikey: this.fixture.key },
      body: JSON.stringify({
        token: this.token,
        task_id: id,
        claim_id,
        name,
        media_type: mediaTypeOf(name),
        size: bytes.length,
        sha256: new Uint8Array(digest).toHex(),
      }),
    });
    const { url } = await response.json();
    const put = await fetch(new URL(url, this.fixture.url), {
      method: "PUT",
      headers: { "content-type": mediaTypeOf(name) },
      body: new Uint8Array(bytes),
    });
    if (!put.ok) throw new Error(await put.text());
    await put.body?.cancel();
  }

  complete({ id, claim_id }: Claimed, result: string, more: object = {}): Promise<unknown> {
    this.#running.delete(id);
    const end = { task_id: id, claim_id, result, model_used: "claude", ...more };
    return this.#call("complete_task", end);
  }

  fail({ id, claim_id }: Claimed, error: string): Promise<unknown> {
    this.#running.delete(id);
    return this.#call("fail_task", { task_id: id, claim_id, error, retryable: false });
  }

  throttle({ id, claim_id }: Claimed, model: Model, until: Date): Promise<unknown> {
    this.#running.delete(id);
    return this.#call("report_rate_limit", { task_id: id, claim_id, model, until });
  }

  async #call<Result>(name: string, args: object): Promise<Result> {
    const { data, error } = await this.operator.supabase.rpc(name, { token: this.token, ...args });
    if (error) throw new Error(`${name}: ${error.message}`);
    return data as Result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture.sql`delete from mesh_devices where id = ${this.id}`;
  }
}
