// A device that does what a test says, through the executors' RPCs: so that a task is in the state
// the test wants to look at for as long as it looks.
import type { Model } from "../../client/index.ts";
import type { Fixture, User } from "../client/fixture.ts";
import { until } from "../stack.ts";

interface Claimed {
  id: string;
  claim_id: string;
  content: string;
  short_id: string;
}

export class Device implements AsyncDisposable {
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
    { name, models = ["claude"], max_running = 4 }: {
      name?: string;
      models?: Model[];
      max_running?: number;
    } = {},
  ): Promise<Device> {
    const wanted = name ?? `device-${crypto.randomUUID().slice(0, 8)}`;
    const { device, token } = await operator.aura.registerDevice(wanted, "macos", models, {
      max_running,
    });
    const made = new Device(fixture, operator, device.id, device.name, token);
    await made.#call("device_heartbeat", { running: [] });
    return made;
  }

  /** Claims the next task, which somebody may only just have sent. */
  claim(): Promise<Claimed> {
    const next = async () => (await this.#call<Claimed[]>("claim_tasks", { max_tasks: 1 }))[0];
    return until(next, `a task for ${this.name}`);
  }

  progress({ id, claim_id }: Claimed, partial_output: string): Promise<unknown> {
    return this.#call("report_progress", { task_id: id, claim_id, partial_output });
  }

  complete({ id, claim_id }: Claimed, result: string, usage?: object): Promise<unknown> {
    const end = { task_id: id, claim_id, result, model_used: "claude", usage };
    return this.#call("complete_task", end);
  }

  fail({ id, claim_id }: Claimed, error: string): Promise<unknown> {
    return this.#call("fail_task", { task_id: id, claim_id, error, retryable: false });
  }

  throttle({ id, claim_id }: Claimed, model: Model, until: Date): Promise<unknown> {
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
