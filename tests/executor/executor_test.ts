import assert from "node:assert/strict";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import { VERSION } from "../../client/version.ts";
import { meshTest } from "./mesh.ts";

meshTest(
  "run completes a task and posts progress, result, usage and session",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    await (await mesh.device({ models: ["codex"] })).start();
    const task = await mesh.task(channel, "work 30", "codex");
    const ended = await mesh.ended(task.id);
    assert.equal(ended.status, "complete");
    assert.equal(ended.result, "worked");
    assert.equal(ended.model_used, "codex");
    assert.match(ended.session_id!, /^[0-9a-f-]{36}$/);
    assert.deepEqual(ended.usage, { input_tokens: 1, output_tokens: 2 });
    const messages = await mesh.operator.aura.fetchChannelMessages(channel.id);
    assert.ok(
      messages.some(({ is_progress, content }) => is_progress && content.includes("step 1")),
    );
    assert.equal(messages.filter(({ content }) => content.startsWith("✅")).length, 1);
  },
);

meshTest(
  "run resumes the session of a thread, and begins anew when it is gone",
  async (mesh, fixture) => {
    const channel = await fixture.channel("threaded_task_isolation");
    await (await mesh.device()).start();
    const first = await mesh.ended((await mesh.task(channel, "session")).id);
    assert.equal(first.result, "a new session");
    const thread = first.task_thread_id!;
    const second = await mesh.ended((await mesh.task(channel, "session", "claude", thread)).id);
    assert.equal(second.result, `resumed ${first.session_id}`);
    const third = await mesh.ended((await mesh.task(channel, "forgotten", "claude", thread)).id);
    assert.equal(third.result, "begun anew");
  },
);

meshTest("run fails a task whose folder is missing or outside the root", async (mesh, fixture) => {
  const device = await (await mesh.device()).start();
  Deno.symlinkSync("/", join(device.root, "out"));
  for (
    const [project, problem] of [
      [
        "Desktop/none",
        /^The folder "Desktop\/none" does not exist below .* then retry the task\.$/,
      ],
      ["out/etc", /^The project "out\/etc" is outside the root folder/],
      ["../..", /^The project "\.\.\/\.\." is outside the root folder/],
    ] as const
  ) {
    const channel = await fixture.channel("flat_task_pipeline");
    await fixture.sql`update hub_channels set project_path = ${project} where id = ${channel.id}`;
    const ended = await mesh.ended((await mesh.task(channel, "where")).id);
    assert.equal(ended.status, "failed");
    assert.equal(ended.attempt, 1);
    assert.match(ended.error!, problem);
  }
});

meshTest(
  "run says how an agent crashed, and leaves the retry to the hub",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    await (await mesh.device()).start();
    const task = await mesh.task(channel, "crash");
    const failed = await mesh.until(
      task.id,
      ({ status, error }) => status === "pending" && !!error,
    );
    assert.equal(failed.error, "claude ended with exit code 3.\nit broke here");
    assert.ok(failed.run_at);
  },
);

meshTest("run cuts a result of 50 MB, keeps it whole and says where", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const ended = await mesh.ended((await mesh.task(channel, "huge")).id);
  assert.equal(ended.status, "complete");
  const path = /52428800 characters. The whole result is in "(.*)" on/.exec(ended.result!)![1]!;
  assert.equal(path, join(device.folder, `executor/results/${ended.id.slice(0, 8)}-1.txt`));
  assert.equal(Deno.statSync(path).size, 50 * 1024 * 1024);
});

meshTest("run posts what an agent garbles", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  await (await mesh.device()).start();
  const ended = await mesh.ended((await mesh.task(channel, "garble")).id);
  assert.equal(ended.result, "garbled \ufffd  red end");
});

meshTest("run shows no token in arguments, logs or messages", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const running = await mesh.task(channel, "work 20");
  await mesh.until(running.id, ({ status }) => status === "running");
  const shown = new Deno.Command("ps", { args: ["-axww", "-o", "args"] }).outputSync().stdout;
  assert.equal(new TextDecoder().decode(shown).includes(device.token), false);
  const told = await mesh.ended((await mesh.task(channel, `say ${device.token}`)).id);
  assert.equal(told.result, "aura_…");
  assert.equal(device.log.includes(device.token), false);
});

meshTest("run loses no result to a side field that the hub refuses", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  await (await mesh.device()).start();
  const ended = await mesh.ended((await mesh.task(channel, "odd")).id);
  assert.equal(ended.status, "complete");
  assert.equal(ended.result, "odd usage");
});

meshTest(
  "run withdraws a model that cannot be started, and goes on with the others",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    const device = await mesh.device({ models: ["claude", "codex"] });
    const program = `${device.folder}/claude`;
    Deno.writeTextFileSync(program, "#!/nowhere/interpreter\n", { mode: 0o700 });
    const config = parse(Deno.readTextFileSync(device.config)) as {
      models: Record<string, unknown>;
    };
    config.models.claude = { command: [program], format: "text" };
    Deno.writeTextFileSync(device.config, stringify(config));
    await device.start();
    const task = await mesh.task(channel, "say it");
    const failed = await mesh.until(task.id, ({ error }) => !!error);
    assert.match(failed.error!, /^claude cannot be started on "/);
    await device.says("claude is not offered any more");
    // The task goes to the next model of its chain, which this device still offers.
    await fixture.sql`update mac_tasks set run_at = null where id = ${task.id}`;
    const ended = await mesh.ended(task.id);
    assert.equal(ended.result, "it");
    assert.equal(ended.model_used, "codex");
  },
);

meshTest("run leaves a task to the device that has its folder", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  await fixture.sql`update hub_channels set project_path = 'Only' where id = ${channel.id}`;
  const [one, other] = [await mesh.device(), await mesh.device()];
  Deno.mkdirSync(join(other.root, "Only"));
  await Promise.all([one.start(), other.start()]);
  const tasks = await Promise.all([1, 2, 3, 4].map(() => mesh.task(channel, "where")));
  for (const { id } of tasks) {
    const ended = await mesh.ended(id);
    assert.equal(ended.result, `in ${join(other.root, "Only")}`);
    assert.equal(ended.claimed_by, other.name);
    assert.equal(ended.attempt, 1);
  }
});

meshTest("run gives up a task that brings its executor down each time", async (mesh, fixture) => {
  await mesh.hurry();
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const task = await mesh.task(channel, "work 1000");
  for (let crash = 1; crash <= 3; crash++) {
    await mesh.until(task.id, ({ status, attempt }) => status === "running" && attempt === crash);
    // Its log goes on from one start to the next; once the agent speaks, the run is written down.
    await mesh.until(task.id, ({ partial_output }) => !!partial_output);
    await device.end("SIGKILL");
    await device.start();
  }
  const ended = await mesh.ended(task.id);
  assert.equal(ended.status, "failed");
  assert.match(ended.error!, /went down while the task ran/);
  assert.equal(ended.attempt, 3);
});

meshTest("run tells its version, and says when the hub's does not fit", async (mesh, fixture) => {
  const { sql } = fixture;
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await mesh.device()).start();
  const [row] = await sql`select agent_version from mesh_devices where id = ${device.id}`;
  assert.equal(row!.agent_version, VERSION);
  await device.end();
  assert(!device.log.includes("too old"), device.log);
  const [own] = await sql`select pg_get_functiondef('hub.version()'::regprocedure) as text`;
  try {
    await sql.unsafe(own!.text.replace(VERSION, "99.0.0"));
    await device.start();
    await device.says(
      `The server is Aura Servers 99.0.0 and aura-executor ${VERSION} is too old for it: upgrade aura-executor.`,
    );
    // It tries all the same.
    assert.equal((await mesh.ended((await mesh.task(channel, "work 30")).id)).status, "complete");
  } finally {
    await sql.unsafe(own!.text);
  }
});
