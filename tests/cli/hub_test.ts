import assert from "node:assert/strict";
import { join } from "node:path";
import { type Fixture, stackTest } from "../client/fixture.ts";
import { Hub, openHub } from "./hub.ts";

stackTest(
  "hub login keeps the session in a private file, and logout forgets it",
  async (fixture) => {
    const user = await fixture.user("viewer");
    await using hub = await Hub.open(fixture, user, false);

    const before = await hub.run("servers");
    assert.deepEqual([before.code, before.out], [3, ""]);
    assert.match(before.err, /Nobody is signed in\.\n.*hub login/);
    const wrong = await hub.runWith({ env: { AURA_USER_PASSWORD: "wrong" } }, "login");
    assert.equal(wrong.code, 3, wrong.err);

    const login = await hub.run("login");
    assert.equal(login.code, 0, login.err);
    assert.equal(Deno.statSync(hub.sessionFile).mode! & 0o777, 0o600);
    assert.equal((await hub.json("whoami")).user_id, user.id);
    assert.equal((await hub.run("logout")).code, 0);
    assert.throws(() => Deno.statSync(hub.sessionFile), Deno.errors.NotFound);
  },
);

stackTest("hub login takes the local stack's first user without a word", async (fixture) => {
  const { email, password } = await fixture.user("viewer");
  await using hub = await Hub.open(fixture, await fixture.user("viewer"), false);
  const state = await Deno.makeTempDir();
  await Deno.writeTextFile(
    join(state, "env"),
    [
      ...[`SUPABASE_URL=${fixture.url}`, `SUPABASE_PUBLISHABLE_KEY=${fixture.key}`],
      ...[`AURA_USER_EMAIL=${email}`, `AURA_USER_PASSWORD=${password}`],
    ].join("\n"),
  );
  // A newcomer's environment: nothing is set but, here, where the state is.
  const cleared = Object.fromEntries(
    ["SUPABASE_URL", "SUPABASE_PUBLISHABLE_KEY", "AURA_USER_EMAIL", "AURA_USER_PASSWORD"]
      .map((name) => [name, ""]),
  );
  const { code, out, err } = await hub.runWith(
    { env: { ...cleared, AURA_STATE_DIR: state } },
    "login",
  );
  await Deno.remove(state, { recursive: true });

  assert.equal(code, 0, err);
  assert(out.includes(email));
});

stackTest("hub servers, channels and threads list with tabs in a pipe", async (fixture) => {
  await using hub = await openHub(fixture);
  const channel = await fixture.channel("threaded_task_isolation");
  const servers = await hub.run("servers");
  const channels = await hub.run("channels", "koji-pipeline");
  await hub.run("send", channel.name, "Look at the disks");
  const threads = await hub.run("threads", `${channel.name}/${channel.name}`);

  assert(servers.out.includes("cloud-hub\tthreaded_task_isolation\t6\trunning\t"));
  assert(channels.out.split("\n").some((line) => line.startsWith("koji-pipeline/leads\t")));
  assert.match(threads.out, /^active\t\d+\t\S+\t[0-9a-f]{8} — Look at the disks\n$/);
  assert.equal((await hub.json("servers")).length > 2, true);
  assert.equal((await hub.json("threads", channel.name))[0].status, "active");
});

stackTest("hub koji runs a command", async (fixture) => {
  await using hub = await openHub(fixture, "viewer");

  assert.match((await hub.run("koji", "!stats")).out, /^Pipeline: \d+ active leads\n/);
  assert.equal((await hub.json("koji", "stats", "--in", "koji-pipeline/leads")).command, "stats");
  const unknown = await hub.run("koji", "!stat");
  assert.equal(unknown.code, 4);
});

stackTest("hub names the nearest server and channel when one is misspelt", async (fixture) => {
  await using hub = await openHub(fixture, "viewer");

  const channel = await hub.run("tail", "cloud-hub/dispach");
  assert.deepEqual([channel.code, channel.out], [4, ""]);
  assert.equal(
    channel.err,
    'There is no channel "cloud-hub/dispach".\nDid you mean cloud-hub/dispatch?\n',
  );
  const server = await hub.run("--json", "channels", "buf-brista");
  assert.deepEqual(JSON.parse(server.err), {
    error: {
      name: "server_not_found",
      status: 404,
      message: 'There is no server "buf-brista".',
      hint: "Did you mean buf-barista?",
    },
  });
  const device = await hub.run("devices", "drain", "nowhere");
  assert.equal(device.code, 4);
});

stackTest(
  "hub send queues, show, explain, cancel and retry know the task's short id",
  async (fixture) => {
    await using hub = await openHub(fixture);
    const channel = await fixture.channel("flat_task_pipeline");

    const sent = await hub.run("send", "--at", "2h", channel.name, "Count", "the lines");
    const [, id] = /^⏳ ([0-9a-f]{8}) queued\n$/.exec(sent.out)!;
    assert.match((await hub.run("show", id!)).out, /\nstatus +pending\n/);
    assert.match((await hub.run("explain", id!)).out, new RegExp(`^${id} is pending: scheduled`));
    assert.match((await hub.run("cancel", id!)).out, /^🚫/);
    assert.equal((await hub.run("cancel", id!)).code, 1);
    assert.match((await hub.run("retry", id!)).out, /^🔁/);
    const shown = await hub.json("show", id!);
    assert.equal(shown.content, "Count the lines");
    assert(Array.isArray(shown.attempts));
    assert.equal((await hub.run("show", "00000000")).code, 4);
  },
);

stackTest("hub send reads the standard input and passes on its options", async (fixture) => {
  await using hub = await openHub(fixture);
  const channel = await fixture.channel("flat_task_pipeline");

  const args = ["--json", "send", channel.name, "-m", "gemini", "-p", "7", "--key", "k"];
  const first = JSON.parse((await hub.runWith({ input: "line one\nline two\n" }, ...args)).out);
  const again = JSON.parse((await hub.runWith({ input: "line one\nline two\n" }, ...args)).out);

  assert.equal(first.task.content, "line one\nline two");
  assert.deepEqual([first.task.model_preference, first.task.priority], ["gemini", 7]);
  assert.equal(again.task.id, first.task.id);
});

stackTest("hub send --follow shows the progress and ends as the task ends", async (fixture) => {
  await using hub = await openHub(fixture);
  const channel = await fixture.channel("flat_task_pipeline");
  const follow = async (states: Record<string, string>[]) => {
    const ended = hub.run("send", channel.name, "--follow", "Work");
    const task = await pendingTask(fixture, channel.id);
    for (const state of states) {
      await fixture.sql`update mac_tasks set ${fixture.sql(state)} where id = ${task}`;
    }
    return await ended;
  };

  const good = await follow([
    { status: "running", claimed_by: "mac", model_used: "claude", partial_output: "one\n" },
    { status: "complete", result: "All \x1b[31mred" },
  ]);
  assert.equal(good.code, 0, good.err);
  assert.match(good.out, /one\n✅ [0-9a-f]{8} complete \[claude\/mac\]\nAll red\n$/);
  const bad = await follow([
    { status: "running", claimed_by: "mac" },
    { status: "failed", error: "No disk" },
  ]);
  assert.equal(bad.code, 5, bad.err);
  assert.match(bad.out, /❌ [0-9a-f]{8} failed \[[^\]]*\/mac\]\nNo disk\n$/);
});

stackTest(
  "hub tail prints the newest messages, then what comes, until interrupted",
  async (fixture) => {
    await using hub = await openHub(fixture, "viewer");
    const channel = await fixture.channel("flat_task_pipeline");
    const post = (content: string) =>
      fixture.sql`
      insert into hub_channel_messages (channel_id, sender_type, sender_label, content)
      values (${channel.id}, 'agent', 'mac', ${content})`;
    for (const content of ["a", "b", "c"]) await post(content);

    const page = await hub.run("tail", channel.name, "-n", "2", "--no-follow");
    assert.match(page.out, /^\S+Z mac: b\n\S+Z mac: c\n$/);

    const child = hub.spawn(["--json", "tail", channel.name, "-n", "1"]);
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal(JSON.parse((await lines.read()).value!).content, "c");
    await post("d");
    assert.equal(JSON.parse((await lines.read()).value!).content, "d");
    child.kill("SIGINT");
    assert.equal((await child.status).code, 130);
  },
);

stackTest(
  "hub ends with 130 and leaves no child when its own process is told to",
  async (fixture) => {
    await using hub = await openHub(fixture, "viewer");
    const channel = await fixture.channel("flat_task_pipeline");
    await fixture.sql`
    insert into hub_channel_messages (channel_id, sender_type, sender_label, content)
    values (${channel.id}, 'agent', 'mac', 'a')`;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      const wrapper = hub.spawnWrapper(["--json", "tail", channel.name, "-n", "1"]);
      const lines = wrapper.stdout.getReader();
      await lines.read();
      const { stdout } = await new Deno.Command("ps", {
        args: ["-o", "pid=", "--ppid", String(wrapper.pid)],
      }).output();
      const child = Number(new TextDecoder().decode(stdout));
      assert(child > 0);
      wrapper.kill(signal);
      assert.equal((await wrapper.status).code, 130, signal);
      assert.throws(() => Deno.kill(child, "SIGCONT"), Deno.errors.NotFound);
      await Promise.all([lines.cancel(), wrapper.stderr.cancel(), wrapper.stdin.close()]);
    }
  },
);

stackTest(
  "hub devices registers, lists, drains, resumes and limits to servers",
  async (fixture) => {
    await using hub = await openHub(fixture);
    const name = `test-${crypto.randomUUID()}`;

    const { out } = await hub.run(
      "devices",
      "register",
      name,
      "--model",
      "claude",
      "--platform",
      "macos",
      "--server",
      "cloud-hub",
    );
    assert.match(out, /^aura_[0-9a-f]{64}\n$/);
    assert.equal((await hub.run("devices", "drain", name)).code, 0);
    assert.match(
      (await hub.run("devices")).out,
      new RegExp(`${name}\toffline, draining\tmacos\tclaude\t1\tcloud-hub\tyou\t`),
    );
    assert.equal((await hub.run("devices", "resume", name)).code, 0);
    const { out: limited } = await hub.run("devices", "servers", name, "buf-barista", "cloud-hub");
    assert.equal(limited, `${name} works for buf-barista, cloud-hub\n`);
    assert.equal((await hub.run("devices", "servers", name)).code, 2);
    assert.equal(
      (await hub.run("devices", "servers", name, "--all")).out,
      `${name} works for all servers\n`,
    );
    await fixture.sql`update mesh_devices set agent_version = '99.0.0' where name = ${name}`;
    assert.match(
      (await hub.run("devices")).out,
      new RegExp(`${name}\toffline, executor 99\\.0\\.0 does not fit\t`),
    );
    assert.equal((await hub.run("devices", "remove", name)).code, 0);
    assert.equal((await hub.run("devices", "remove", name)).code, 4);
  },
);

stackTest("hub search finds messages by their words, everywhere or in a place", async (fixture) => {
  await using hub = await openHub(fixture);
  const { id, name } = await fixture.channel("flat_task_pipeline");
  const word = `heron${crypto.randomUUID().slice(0, 6)}`;
  await fixture.sql`
    insert into hub_channel_messages (channel_id, sender_label, content)
    values (${id}, 'Ann', ${`A ${word} at the grey lake`}), (${id}, 'Ann', ${`A ${word} at a lake, grey`})`;

  assert.equal((await hub.json("search", word)).length, 2);
  const { out } = await hub.run("search", word, "grey lake", "--in", `${name}/${name}`);
  assert.deepEqual(out.trim().split("\t").slice(1), [
    `${name}/${name}`,
    "Ann",
    `A ${word} at the grey lake`,
  ]);
  assert.equal((await hub.json("search", word, "--in", "cloud-hub")).length, 0);
  assert.equal((await hub.run("search", "--", "-alone")).code, 1);
});

stackTest(
  "hub members lists people, and gives them roles everywhere or on a server",
  async (fixture) => {
    await using hub = await openHub(fixture, "admin");
    const { email } = await fixture.user("viewer");

    const listed = async (...more: string[]) =>
      (await hub.run("members", "list", email, ...more)).out.trim().split("\t").slice(1);
    assert.deepEqual(await listed(), [email, "viewer", "viewer"]);
    assert.equal((await hub.run("members", "set", email, "operator")).code, 0);
    assert.equal(
      (await hub.run("members", "set", email, "none", "--server", "koji-pipeline")).code,
      0,
    );
    assert.deepEqual(await listed(), [email, "operator", "operator, none on koji-pipeline"]);
    assert.deepEqual(await listed("--server", "koji-pipeline"), [
      email,
      "none",
      "operator, none on koji-pipeline",
    ]);
    const back = await hub.run("members", "set", email, "default", "--server", "koji-pipeline");
    assert.match(back.out, /has the default role on koji-pipeline/);
    assert.deepEqual(await listed(), [email, "operator", "operator"]);

    assert.equal((await hub.run("members", "set", email, "none")).code, 1);
    assert.equal((await hub.run("members", "set", email, "owner")).code, 1);
    assert.equal((await hub.run("members", "set", "nobody-of-this-name", "viewer")).code, 4);
    await using other = await openHub(fixture);
    assert.equal((await other.run("members")).code, 3);
  },
);

stackTest("hub route tells what a request would become", async (fixture) => {
  await using hub = await openHub(fixture);
  const { name } = await fixture.channel("flat_task_pipeline");
  const { out } = await hub.run("route", name, "Build", "the", "iOS app");
  assert.match(out, /^type +\S+\nmodel +\S+.*\nplatform +macos\nby +rule \d+\n$/);
  assert.equal((await hub.run("route", "no-such-channel", "Build")).code, 4);
});

stackTest("hub usage sums what ran by model, person or day", async (fixture) => {
  await using hub = await openHub(fixture);
  const { id, name } = await fixture.channel("flat_task_pipeline");
  await fixture.sql`
    with task as (
      insert into mac_tasks (channel_id, content, status, usage)
      select ${id}, 'Work', 'complete', '{"input_tokens": 12, "output_tokens": 3, "total_cost_usd": 0.5}'
      from generate_series(1, 2) returning id
    )
    insert into hub_task_attempts (claim_id, task_id, attempt, device, model, started_at, ended_at, outcome)
    select gen_random_uuid(), id, 1, 'mac', 'claude', now() - interval '3 minutes', now(), 'complete' from task`;
  const { out } = await hub.run("usage", "--server", name);
  assert.equal(out, "claude\t2\t0\t6\t24\t6\t1.00\n");
  const [row] = await hub.json("usage", "--server", name, "--by", "day", "--days", "2");
  assert.equal(row.model, "claude");
  assert.equal((await hub.run("usage", "--by", "moon")).code, 2);
  assert.equal((await hub.run("usage", "--server", "nowhere")).code, 4);
  assert.equal((await hub.run("usage", "--days", "4000")).code, 1);
});

stackTest(
  "hub ends with codes that tell wrong usage, refusal and absence apart",
  async (fixture) => {
    await using hub = await openHub(fixture, "viewer");

    assert.equal((await hub.run("--help")).code, 0);
    assert.equal((await hub.run("nonsense")).code, 2);
    assert.equal((await hub.run("send")).code, 2);
    assert.equal((await hub.run("tail", "bridge", "-n", "many")).code, 2);
    assert.equal((await hub.run("send", "bridge", "Work")).code, 3);
    const away = {
      SUPABASE_URL: "http://127.0.0.1:9",
      AURA_SESSION_FILE: `${hub.sessionFile}.away`,
    };
    assert.equal((await hub.runWith({ env: away }, "login")).code, 6);
  },
);

stackTest("hub send --file sends files, with words or without", async (fixture) => {
  await using hub = await openHub(fixture);
  const channel = await fixture.channel("flat_task_pipeline");
  const folder = await Deno.makeTempDir();
  const [shot, log] = [join(folder, "shot.png"), join(folder, "a log.txt")];
  await Deno.writeFile(shot, new Uint8Array([137, 80, 78, 71]));
  await Deno.writeTextFile(log, "PK\x03\x04 a log");

  const { task } = await hub.json(
    "send",
    channel.name,
    "--file",
    shot,
    "--file",
    log,
    "--at",
    "2h",
  );
  assert.equal(task.content, "📎 shot.png, a log.txt");
  const files = await hub.json("files", task.id);
  assert.deepEqual(
    files.map((file: Record<string, unknown>) => [file.name, file.media_type, file.state]),
    [["shot.png", "image/png", "stored"], ["a log.txt", "text/plain", "stored"]],
  );
  assert.match((await hub.run("files", task.id)).out, /^in\tstored\t4\tshot\.png\t\n/);
  const worded = await hub.json("send", channel.name, "--file", shot, "--at", "2h", "Look at it");
  assert.equal(worded.task.content, "Look at it");

  // What cannot be sent is no task.
  assert.equal((await hub.run("send", channel.name, "--file", folder)).code, 1);
  assert.equal((await hub.run("send", channel.name, "--file", join(folder, "none"), "x")).code, 1);
  const large = join(folder, "large.bin");
  await Deno.writeTextFile(large, "");
  await Deno.truncate(large, 25_000_001);
  const { code, err } = await hub.run("send", channel.name, "--file", shot, "--file", large);
  assert.deepEqual([code, /25000000 are allowed/.test(err)], [1, true]);
  const tasks = await fixture.sql`select id from mac_tasks where channel_id = ${channel.id}`;
  assert.equal(tasks.length, 2);
  await Deno.remove(folder, { recursive: true });
});

stackTest("hub files --save replaces nothing, and tells what is missing", async (fixture) => {
  await using hub = await openHub(fixture);
  const channel = await fixture.channel("flat_task_pipeline");
  const { aura } = await fixture.user();
  const file = await aura.sendFile(channel.id, "notes.txt", new Blob(["new"]));
  const { task } = await aura.dispatchTask(channel.id, "x", {
    file_ids: [file.id],
    run_at: new Date(Date.now() + 3_600_000).toISOString(),
  });
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "notes.txt"), "old");
  await Deno.symlink(join(folder, "elsewhere"), join(folder, "notes (2).txt"));

  const saved = await hub.run("files", task.id, "--save", folder, "--all");
  assert.deepEqual([saved.code, saved.out], [0, `${join(folder, "notes (3).txt")}\n`]);
  assert.equal(await Deno.readTextFile(join(folder, "notes (3).txt")), "new");
  assert.equal(await Deno.readTextFile(join(folder, "notes.txt")), "old");
  await assert.rejects(Deno.stat(join(folder, "elsewhere")), Deno.errors.NotFound);
  assert.equal((await hub.run("files", task.id, "--save", folder)).out, "");

  await fixture.sql`
    insert into hub_files (channel_id, task_id, name, size, direction, state, error)
    values (${channel.id}, ${task.id}, 'big.bin', 9, 'out', 'failed', 'it is too large')`;
  const missing = await hub.run("files", task.id, "--save", folder);
  assert.equal(missing.code, 1);
  assert.equal(missing.err, "big.bin could not be delivered: it is too large\n");
  await Deno.remove(folder, { recursive: true });
});

async function pendingTask(fixture: Fixture, channelId: string): Promise<string> {
  while (true) {
    const [task] = await fixture.sql`
      select id from mac_tasks where channel_id = ${channelId} and status = 'pending'`;
    if (task) return task.id;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
