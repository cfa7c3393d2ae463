// A device that does what a test says, with the client that executors use: so that a task is in the state
// the test wants to look at for as long as it looks.
import { mediaTypeOf } from "../client/files.ts";
import type { Model, Platform, Question } from "../client/index.ts";
import {
  type Claim,
  type ClaimedTask,
  type Completion,
  Hub,
  type NewQuestion,
  type TaskInput,
} from "../executor/hub.ts";
import type { Fixture, User } from "./client/fixture.ts";
import { until } from "./stack.ts";

interface Options {
  name?: string;
  platform?: Platform;
  models?: Model[];
  max_running?: number;
}

export class Device implements AsyncDisposable {
  readonly hub: Hub;
  readonly #running = new Set<string>();

  private constructor(
    readonly fixture: Fixture,
    readonly id: string,
    readonly name: string,
    token: string,
    readonly ownModel?: string,
  ) {
    this.hub = new Hub({ url: fixture.url, publishableKey: fixture.key, token });
  }

  /** Registered by this person, and online. */
  static async join(
    fixture: Fixture,
    operator: User,
    { name, platform = "macos", models = ["claude"], max_running = 4 }: Options = {},
    ownModel?: string,
  ): Promise<Device> {
    const wanted = name ?? `device-${crypto.randomUUID().slice(0, 8)}`;
    const { device, token } = await operator.aura.registerDevice(wanted, platform, models, {
      max_running,
    });
    const made = new Device(fixture, device.id, device.name, token, ownModel);
    await made.hub.heartbeat([]);
    return made;
  }

  /** With a model of its own, which is called as it is: it claims nobody else's tasks. */
  static async apart(fixture: Fixture, operator: User): Promise<Device> {
    const name = `test-${crypto.randomUUID().slice(0, 13)}`;
    await fixture.sql`insert into hub_models (name, label) values (${name}, ${name})`;
    return await Device.join(fixture, operator, { name, models: [name], max_running: 10 }, name);
  }

  heartbeat() {
    return this.hub.heartbeat([...this.#running]);
  }

  /** Claims the next task, which somebody may only just have sent. */
  async claim(): Promise<ClaimedTask> {
    const task = await until(async () => (await this.hub.claim(1))[0], `a task for ${this.name}`);
    this.#running.add(task.id);
    return task;
  }

  progress(task: Claim, text: string): Promise<unknown> {
    return this.hub.progress(task, text);
  }

  /** Asks a person, and returns the question. */
  async ask(task: Claim, question: Partial<NewQuestion>): Promise<Question> {
    return await this.hub.ask(task, question as NewQuestion) as unknown as Question;
  }

  /** Takes the inputs that wait for what it runs, as its heartbeat names them. */
  async takeInput(task: Claim): Promise<TaskInput> {
    const input = await until(async () => (await this.heartbeat()).inputs?.[0], "an input");
    await this.hub.takeInput(task, input.id);
    return input;
  }

  /** Leaves a file for people, as the executor does with what its agent made. */
  async leaveFile(task: Claim, name: string, bytes: Uint8Array): Promise<void> {
    const body = new Uint8Array(bytes);
    const digest = await crypto.subtle.digest("SHA-256", body);
    const media_type = mediaTypeOf(name);
    const sha256 = new Uint8Array(digest).toHex();
    const { url } = await this.hub.offerFile(task, { name, media_type, size: body.length, sha256 });
    const put = await fetch(url!, {
      method: "PUT",
      headers: { "content-type": media_type },
      body,
    });
    if (!put.ok) throw new Error(await put.text());
    await put.body?.cancel();
  }

  complete(task: Claim, result: string, details: Completion = {}): Promise<unknown> {
    this.#running.delete(task.id);
    return this.hub.complete(task, result, { model: "claude", ...details });
  }

  fail(task: Claim, error: string): Promise<unknown> {
    this.#running.delete(task.id);
    return this.hub.fail(task, error, { retryable: false });
  }

  throttle(task: Claim, model: Model, until: Date): Promise<unknown> {
    this.#running.delete(task.id);
    return this.hub.rateLimit(task, model, until);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture.sql`delete from mesh_devices where id = ${this.id}`;
    if (this.ownModel) await this.fixture.sql`delete from hub_models where name = ${this.ownModel}`;
  }
}
