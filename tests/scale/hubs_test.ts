// One machine for three projects: an executor works for all of them at once and shares its slots.
import assert from "node:assert/strict";
import { join } from "node:path";
import { stringify } from "smol-toml";
import type { Channel, Task } from "../../client/index.ts";
import { Fixture, type User } from "../client/fixture.ts";
import { agentFor, Device, executorCommand, until } from "../executor/mesh.ts";
import { OwnStack } from "../runner/own_stack.ts";

const SLOTS = 2;

Deno.test({
  name: "an executor works for three hubs with the slots of one machine",
  // supabase-js and postgres.js leave timers behind that end by themselves.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    await using stacks = new AsyncDisposableStack();
    const hubs: Hub[] = [];
    for (let count = 0; count < 3; count++) {
      const stack = stacks.use(await OwnStack.start());
      hubs.push(await Hub.of(stack, stacks.use(new Fixture(stack.env))));
    }
    const [first, second, third] = hubs as [Hub, Hub, Hub];
    const device = await enrolled(hubs);
    stacks.defer(async () => {
      await device.end("SIGKILL");
      Deno.removeSync(device.folder, { recursive: true });
    });
    await device.start();
    for (const { url } of hubs) await device.says(` to ${url}`);
    let held: Task;

    await t.step(
      "their tasks share its slots, and one hub's long task leaves the others one",
      async () => {
        const blockers = [await first.task("begin one.txt"), await first.task("begin two.txt")];
        for (const { id } of blockers) await first.until(id, ({ status }) => status === "running");
        held = blockers[0]!;
        const waiting = await Promise.all(
          hubs.flatMap((hub) =>
            [1, 2, 3].map(async () => [hub, await hub.task("work 1")] as const)
          ),
        );
        await first.user.aura.cancelTask(blockers[1]!.id);
        for (const [hub, { id }] of waiting) {
          const ended = await hub.until(id, ({ finished_at }) => finished_at !== null);
          assert.equal(ended.result, "worked", ended.error ?? "");
        }
        assert.equal((await first.user.aura.fetchTask(held.id)).status, "running");
        assert.equal(await mostAtOnce(hubs), SLOTS);
      },
    );

    await t.step("what a crash has left goes back to the hub that it is of", async () => {
      const other = await second.task("begin three.txt");
      // Once the agent speaks, the run is written down.
      await second.until(other.id, ({ partial_output }) => !!partial_output);
      await device.end("SIGKILL");
      await device.start();
      for (const [hub, { id }] of [[first, held], [second, other]] as const) {
        await hub.until(
          id,
          ({ error }) => /^The executor or its machine went down/.test(error ?? ""),
        );
        await hub.user.aura.cancelTask(id);
      }
    });

    await t.step(
      "a hub that hangs or that has removed the device takes nothing from the others",
      async () => {
        await third.fixture.sql`delete from mesh_devices`;
        await device.says("does not accept this device's token any more");
        const task = await second.task("work 1");
        const ended = await second.until(task.id, ({ finished_at }) => finished_at !== null);
        assert.equal(ended.result, "worked", ended.error ?? "");
        // It hangs: its port takes connections, and nobody answers.
        second.stack.kill("SIGSTOP");
        stacks.defer(() => second.stack.kill("SIGCONT"));
        const more = await Promise.all([1, 2, 3].map(() => first.task("work 1")));
        for (const { id } of more) {
          const ended = await first.until(id, ({ finished_at }) => finished_at !== null);
          assert.equal(ended.result, "worked", ended.error ?? "");
        }
      },
    );
  },
});

class Hub {
  private constructor(
    readonly stack: OwnStack,
    readonly fixture: Fixture,
    readonly user: User,
    readonly channel: Channel,
  ) {}

  static async of(stack: OwnStack, fixture: Fixture): Promise<Hub> {
    return new Hub(
      stack,
      fixture,
      await fixture.user(),
      await fixture.channel("flat_task_pipeline"),
    );
  }

  get url(): string {
    return this.fixture.url;
  }

  async task(content: string): Promise<Task> {
    return (await this.user.aura.dispatchTask(this.channel.id, content, { model: "codex" })).task;
  }

  until(id: string, wanted: (task: Task) => boolean): Promise<Task> {
    return until(async () => {
      const task = await this.user.aura.fetchTask(id);
      return wanted(task) ? task : null;
    }, () => `${id} at ${this.url}`);
  }
}

/** A device of the first hub, to which `enroll --add` adds the others. */
async function enrolled([first, ...others]: Hub[]): Promise<Device> {
  const { fixture, user } = first!;
  const { device, token } = await user.aura.registerDevice("shared", "linux", ["codex"], {
    max_running: SLOTS,
  });
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  const root = join(folder, "root");
  Deno.mkdirSync(join(root, "Desktop"), { recursive: true });
  const path = join(folder, "executor.toml");
  const config = {
    url: fixture.url,
    publishable_key: fixture.key,
    device: device.name,
    device_id: device.id,
    token,
    root,
    max_running: SLOTS,
    models: { codex: agentFor("codex") },
  };
  Deno.writeTextFileSync(path, stringify(config), { mode: 0o600 });
  const add = ({ fixture, user }: Hub) =>
    executorCommand(["enroll", "--add", "--config", path], {
      SUPABASE_URL: fixture.url,
      SUPABASE_PUBLISHABLE_KEY: fixture.key,
      AURA_USER_EMAIL: user.email,
      AURA_USER_PASSWORD: user.password,
    });
  for (const hub of others) {
    const { code, stderr } = await add(hub);
    assert.equal(code, 0, stderr);
  }
  assert.match((await add(others[0]!)).stderr, /has a device at .* already/);
  const { stdout } = await executorCommand(["status", "--config", path]);
  for (const { url } of [first!, ...others]) assert.ok(stdout.includes(`shared at ${url}`), stdout);
  return new Device(device.id, device.name, token, folder, path);
}

/** How many attempts of all hubs were at work at the same time, at most: they share a clock. */
async function mostAtOnce(hubs: Hub[]): Promise<number> {
  const attempts =
    (await Promise.all(hubs.map(({ fixture }) =>
      fixture.sql<{ from: number; to: number }[]>`
      select extract(epoch from started_at)::float8 as from,
        extract(epoch from coalesce(ended_at, 'infinity'))::float8 as to
      from hub_task_attempts`
    ))).flat();
  return Math.max(
    ...attempts.map(({ from }) =>
      attempts.filter((other) => other.from <= from && from < other.to).length
    ),
  );
}
