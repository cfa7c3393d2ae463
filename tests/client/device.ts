// A device of a test's own, with a model of its own, so that it claims nobody else's tasks.
import type { Database } from "../../client/database.types.ts";
import type { Task } from "../../client/index.ts";
import type { Fixture } from "./fixture.ts";

type Functions = Database["public"]["Functions"];

export type Claimed = Task & { claim_id: string };

export class Device implements AsyncDisposable {
  private constructor(
    readonly fixture: Fixture,
    /** Also the name of its model. */
    readonly name: string,
    readonly token: string,
  ) {}

  static async register(fixture: Fixture): Promise<Device> {
    const name = `test-${crypto.randomUUID().slice(0, 13)}`;
    await fixture.sql`insert into hub_models (name, label) values (${name}, ${name})`;
    const [row] = await fixture.sql`
      select register_device(${name}, 'linux', ${
      fixture.sql.json([name])
    }, 10) ->> 'token' as token`;
    const device = new Device(fixture, name, row!.token);
    await device.call("device_heartbeat", {});
    return device;
  }

  /** Calls an executor's RPC as any executor does: with the publishable key and its token. */
  async call<Answer>(
    name: keyof Functions & string,
    args: Record<string, unknown>,
  ): Promise<Answer> {
    const response = await fetch(`${this.fixture.url}/rest/v1/rpc/${name}`, {
      method: "POST",
      headers: { apikey: this.fixture.key, "content-type": "application/json" },
      body: JSON.stringify({ token: this.token, ...args }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${name}: ${JSON.stringify(answer)}`);
    return answer;
  }

  async claim(): Promise<Claimed> {
    const [task] = await this.call<Claimed[]>("claim_tasks", { max_tasks: 1 });
    if (!task) throw new Error("There was nothing to claim.");
    return task;
  }

  /** What every call about a claimed task names. */
  held({ id, claim_id }: Claimed) {
    return { task_id: id, claim_id };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture.sql`delete from mesh_devices where name = ${this.name}`;
    await this.fixture.sql`delete from hub_models where name = ${this.name}`;
  }
}
