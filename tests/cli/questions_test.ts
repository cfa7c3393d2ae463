import assert from "node:assert/strict";
import { stackTest } from "../client/fixture.ts";
import { Device } from "../device.ts";
import { openHub } from "./hub.ts";

stackTest(
  "hub questions, answer and tail show what agents ask and how to answer",
  async (fixture) => {
    await using hub = await openHub(fixture);
    await using device = await Device.apart(fixture, await fixture.user());
    const channel = await fixture.channel("flat_task_pipeline");
    await hub.run("send", channel.name, "--model", device.name, "Deploy");
    const task = await device.claim();
    const question = await device.ask(task, {
      kind: "approval",
      title: "npm publish",
      detail: "npm publish --tag \x1b[31mnext",
    });
    const id = question.id.slice(0, 8);
    const short = task.id.slice(0, 8);

    const list = await hub.run("questions", channel.name);
    assert.match(
      list.out,
      new RegExp(`^${id}\t${short}\t\\S+/${channel.name}\t\\S+Z\t\\S+Z\tnpm publish\n$`),
    );
    const tail = await hub.run("tail", channel.name, "--no-follow");
    assert.match(
      tail.out,
      new RegExp(`❓ ${short} asks: npm publish\n.*\n  → hub answer ${id}\n$`),
    );
    const shown = await hub.run("answer", short);
    assert.equal(
      shown.out.split("refused if")[0],
      `❓ ${short} asks: npm publish\n  npm publish --tag next\n` +
        `→ hub answer ${id} allow  Allow once\n→ hub answer ${id} reject  No\n`,
    );
    const wrong = await hub.run("answer", id, "always");
    assert.equal(wrong.code, 2);
    assert.match(wrong.err, /Its options: allow, reject\./);
    const answered = await hub.run("answer", id, "no");
    assert.equal(answered.out, `🙋 ${short}: No\n`);
    assert.equal((await hub.run("answer", id, "allow")).code, 1, "another answer is refused");
    assert.equal((await hub.run("questions", channel.name)).out, "");
  },
);

stackTest("hub send to a task tells it, and --follow shows what it asks", async (fixture) => {
  await using hub = await openHub(fixture);
  await using device = await Device.apart(fixture, await fixture.user());
  const channel = await fixture.channel("threaded_task_isolation");
  const follow = hub.spawn(["send", channel.name, "--follow", "--model", device.name, "Deploy"]);
  const task = await device.claim();
  const question = await device.ask(task, { kind: "question", title: "Which city?" });

  const told = await hub.run("send", task.id.slice(0, 8), "--interrupt", "Not", "Paris");
  assert.equal(told.out, `💬 ${task.id.slice(0, 8)} will hear it\n`);
  const [input] = await fixture.sql`
    select content, interrupt from hub_task_inputs where task_id = ${task.id}`;
  assert.deepEqual({ ...input }, { content: "Not Paris", interrupt: true });
  assert.equal((await hub.run("send", channel.name, "--interrupt", "Stop")).code, 1);
  assert.equal((await hub.run("answer", question.id, "--text", "Berlin")).code, 0);
  await device.takeInput(task);
  await device.complete(task, "Shipped", {
    refusals: [{ tool: "Bash", detail: "npm publish" }],
  });
  const { code, stdout } = await follow.output();
  const out = new TextDecoder().decode(stdout);
  assert.equal(code, 0, out);
  assert.match(out, /❓ [0-9a-f]{8} asks: Which city\?\n/);
  assert.match(out, /⚠️ [0-9a-f]{8} complete, 1 action refused \[[^\]]*\]\nShipped\n$/);
});
