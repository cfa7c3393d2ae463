import assert from "node:assert/strict";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import type { Fixture, User } from "../client/fixture.ts";
import { stackTest } from "../client/fixture.ts";
import { executorCommand, meshTest } from "./mesh.ts";

/** A folder whose `claude` and `codex` are the programs on PATH, and a place for a configuration. */
function machine() {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  for (
    const [name, version] of [["claude", "2.1.330 (Claude Code)"], ["codex", "codex-cli 0.169.0"]]
  ) {
    const path = join(folder, name!);
    Deno.writeTextFileSync(path, `#!/bin/sh\necho "${version}"\n`, { mode: 0o700 });
  }
  Deno.mkdirSync(join(folder, "projects"));
  return {
    folder,
    config: join(folder, "executor.toml"),
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}

function enroll(fixture: Fixture, user: User, config: string, path: string, ...more: string[]) {
  const root = join(config, "../projects");
  return executorCommand(["enroll", "--config", config, "--root", root, ...more], {
    SUPABASE_URL: fixture.url,
    SUPABASE_PUBLISHABLE_KEY: fixture.key,
    AURA_USER_EMAIL: user.email,
    AURA_USER_PASSWORD: user.password,
    PATH: `${path}:/usr/bin:/bin`,
  });
}

stackTest(
  "enroll registers what is on PATH and writes a private configuration",
  async (fixture) => {
    using here = machine();
    const operator = await fixture.user();
    const name = `enrolled-${crypto.randomUUID().slice(0, 8)}`;
    const enrolled = await enroll(fixture, operator, here.config, here.folder, "--name", name);
    assert.equal(enrolled.code, 0, enrolled.stderr);
    assert.match(enrolled.stdout, /with claude 2\.1\.330, codex 0\.169\.0\. Its configuration is/);
    assert.equal(Deno.statSync(here.config).mode! & 0o777, 0o600);
    assert.equal((enrolled.stdout + enrolled.stderr).includes("aura_"), false);

    const device = (await operator.aura.fetchDevices()).find((device) => device.name === name)!;
    assert.deepEqual(
      device.models.map(({ model, version }) => [model, version]).sort(),
      [["claude", "2.1.330"], ["codex", "0.169.0"]],
    );
    assert.equal(parse(Deno.readTextFileSync(here.config)).device_id, device.id);

    const again = await enroll(fixture, operator, here.config, here.folder, "--name", name);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /is there already.*--replace/);
    const replaced = await enroll(
      fixture,
      operator,
      here.config,
      here.folder,
      "--name",
      name,
      "--replace",
      "--server",
      "cloud-hub",
      "--server",
      "buf-barista",
    );
    assert.equal(replaced.code, 0, replaced.stderr);
    const limited = (await operator.aura.fetchDevices()).find((device) => device.name === name)!;
    assert.equal(limited.server_ids?.length, 2);
    assert.equal(Deno.statSync(`${here.config}.old`).mode! & 0o777, 0o600);
    await fixture.sql`delete from mesh_devices where name = ${name}`;
  },
);

stackTest("enroll says what to do instead of a stack trace", async (fixture) => {
  using here = machine();
  const viewer = await fixture.user("viewer");
  const cases: [Promise<{ code: number; stderr: string }>, RegExp][] = [
    [enroll(fixture, viewer, here.config, here.folder), /needs the role operator/],
    [
      enroll(fixture, viewer, here.config, here.folder, "--server", "nowhere"),
      /no server "nowhere" for this account; there are .*cloud-hub/,
    ],
    [
      enroll(fixture, { ...viewer, password: "wrong" }, here.config, here.folder),
      /Signing in at .* failed: /,
    ],
    [enroll(fixture, viewer, here.config, "/nowhere"), /is on PATH\. Install one, run it once/],
    [
      enroll(
        { ...fixture, url: "http://127.0.0.1:9" } as Fixture,
        viewer,
        here.config,
        here.folder,
      ),
      /No answer from "http:\/\/127.0.0.1:9"/,
    ],
    [
      enroll(fixture, viewer, here.config, here.folder, "--root", here.folder),
      /cannot be the root: its configuration is in it/,
    ],
    [
      executorCommand(["enroll", "--url", "http://x", "--key", "x"], { AURA_USER_EMAIL: "x" }),
      /--root/,
    ],
    [executorCommand(["run", "--config", here.config]), /There is no configuration .* enroll/],
    [executorCommand(["fly"]), /unknown command 'fly'/],
  ];
  for (const [running, expected] of cases) {
    const { code, stderr } = await running;
    assert.equal(code, 1, stderr);
    assert.match(stderr, expected);
    assert.equal(stderr.includes("    at "), false, stderr);
  }
});

meshTest("status, drain and a second run speak of the running executor", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await mesh.device();
  const account = {
    AURA_USER_EMAIL: mesh.operator.email,
    AURA_USER_PASSWORD: mesh.operator.password,
  };
  const command = (...args: string[]) =>
    executorCommand([...args, "--config", device.config], account);
  assert.match((await command("status")).stdout, /Executor not running/);
  await device.start();
  const task = await mesh.task(channel, "work 60");
  await mesh.until(task.id, ({ status }) => status === "running");
  const { stdout } = await command("status");
  assert.match(stdout, /Executor running/);
  assert.ok(stdout.includes(`Tasks    1 of 1\n  ${task.id.slice(0, 8)}  claude  Desktop`), stdout);
  assert.match((await command("run")).stderr, /is running already/);

  const drained = await command("drain", "--wait");
  assert.equal(drained.code, 0, drained.stderr);
  assert.match(drained.stdout, /takes no new tasks; none running/);
  assert.equal((await mesh.ended(task.id)).result, "worked");
  const waiting = await mesh.task(channel, "say later");
  const { reason } = await mesh.operator.aura.explainTask(waiting.id);
  assert.equal(reason, "device_draining");
  assert.equal((await command("drain", "--off")).code, 0);
  assert.equal((await mesh.ended(waiting.id)).result, "later");
});

meshTest("run needs one of the configured programs", async (mesh) => {
  const device = await mesh.device();
  const config = parse(Deno.readTextFileSync(device.config));
  config.models = { claude: { command: ["no-such-program"], format: "claude" } };
  Deno.writeTextFileSync(device.config, stringify(config));
  const { code, stderr } = await executorCommand(["run", "--config", device.config]);
  assert.equal(code, 1);
  assert.match(stderr, /None of the configured programs \(no-such-program\) is on PATH/);
});
