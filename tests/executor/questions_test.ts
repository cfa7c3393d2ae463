// Agents that ask, people who answer or do not, and words for a task that runs.
import assert from "node:assert/strict";
import type { Channel, Model, Task } from "../../client/index.ts";
import type { Fixture } from "../client/fixture.ts";
import { askingDevice } from "./asking.ts";
import { type Device, type Mesh, meshTest, until } from "./mesh.ts";

interface Question {
  id: string;
  kind: string;
  title: string;
  detail: string | null;
  options: { id: string; label: string; kind: string }[];
  state: string;
}

function questions(fixture: Fixture, task: Task): Promise<Question[]> {
  return fixture.sql<Question[]>`
    select id, kind, title, detail, options, state from hub_questions
    where task_id = ${task.id} order by asked_at`;
}

function openQuestion(fixture: Fixture, device: Device, task: Task): Promise<Question> {
  return until(
    async () => (await questions(fixture, task)).find(({ state }) => state === "open") ?? null,
    () => device.log,
  );
}

async function answer(mesh: Mesh, question: Question, option: string | null, words?: string) {
  const { error } = await mesh.operator.supabase.rpc("answer_question", {
    question_id: question.id,
    ...(option && { option_id: option }),
    ...(words && { answer: words }),
  });
  assert.equal(error, null);
}

async function begin(mesh: Mesh, fixture: Fixture, model: Model, content: string, settings = {}) {
  const channel: Channel = await fixture.channel("threaded_task_isolation");
  const device = await (await askingDevice(mesh, model, settings)).start();
  const task = await mesh.task(channel, content, model);
  return { channel, device, task };
}

for (const model of ["claude", "codex", "gemini"] as const) {
  const format = model === "gemini" ? "acp" : model;
  meshTest(`run asks a person what ${format} may do, once or not`, async (mesh, fixture) => {
    const { device, task } = await begin(mesh, fixture, model, "approve rm -rf build|npm test");
    const question = await openQuestion(fixture, device, task);
    assert.equal(question.kind, "approval");
    assert.equal(question.title, "$ rm -rf build");
    assert.equal(question.detail, "rm -rf build");
    assert.deepEqual(question.options.map(({ kind }) => kind), ["allow_once", "reject_once"]);
    await answer(mesh, question, "once");
    assert.equal((await mesh.ended(task.id)).result, "allowed, allowed");
    // What the table allows was not asked.
    assert.equal((await questions(fixture, task)).length, 1);
  });
}

meshTest(
  "run tells an agent that a person said no, and says so of the result",
  async (mesh, fixture) => {
    const { device, task } = await begin(mesh, fixture, "claude", "approve git push");
    await answer(mesh, await openQuestion(fixture, device, task), "no", "not today");
    const ended = await mesh.ended(task.id);
    assert.equal(ended.result, "refused (A person said no: not today)");
    const messages = await mesh.operator.aura.fetchThreadMessages(ended.task_thread_id!);
    const shown = JSON.stringify(messages.map(({ embed_data }) => embed_data));
    assert.match(shown, /Refused/);
  },
);

for (const model of ["claude", "codex"] as const) {
  meshTest(`run brings a choice or a person's own words to ${model}`, async (mesh, fixture) => {
    const { channel, device, task } = await begin(mesh, fixture, model, "choose Which?|red|blue");
    const question = await openQuestion(fixture, device, task);
    assert.equal(question.kind, "question");
    assert.deepEqual(question.options.map(({ label }) => label), ["red", "blue"]);
    await answer(mesh, question, "2");
    assert.equal((await mesh.ended(task.id)).result, "chose blue");
    const other = await mesh.task(channel, "choose Which?|red|blue", model);
    await answer(mesh, await openQuestion(fixture, device, other), null, "neither");
    assert.equal((await mesh.ended(other.id)).result, "chose neither");
  });
}

meshTest("run never asks what the device denies", async (mesh, fixture) => {
  const settings = { permissions: { deny: ["git push"] } };
  const { task } = await begin(mesh, fixture, "codex", "approve git push --force", settings);
  assert.equal((await mesh.ended(task.id)).result, "refused (decline)");
  assert.equal((await questions(fixture, task)).length, 0);
});

meshTest("run shows no secret of its device in a question", async (mesh, fixture) => {
  const channel = await fixture.channel("flat_task_pipeline");
  const device = await (await askingDevice(mesh, "claude")).start();
  const task = await mesh.task(channel, `approve curl -H ${device.token} http://x`, "claude");
  const question = await openQuestion(fixture, device, task);
  assert.equal(question.title, "$ curl -H aura_… http://x");
  assert.equal(question.detail, "curl -H aura_… http://x");
  await answer(mesh, question, "no");
  await mesh.ended(task.id);
});

for (const model of ["claude", "codex", "gemini"] as const) {
  meshTest(`run parks ${model}'s question, and goes on with the answer`, async (mesh, fixture) => {
    const settings = { hold_minutes: 0.01 };
    const { channel, device, task } = await begin(mesh, fixture, model, "approve rm x", settings);
    const question = await openQuestion(fixture, device, task);
    await mesh.until(task.id, ({ status }) => status === "pending");
    // Meanwhile the device does something else.
    const other = await mesh.task(channel, "say hello", model);
    assert.equal((await mesh.ended(other.id)).result, "said say hello");
    await answer(mesh, question, "once");
    const ended = await mesh.ended(task.id);
    assert.equal(ended.result, "resumed, allowed");
    assert.equal(ended.attempt, 1);
    assert.equal((await questions(fixture, task)).length, 1);
  });
}

meshTest(
  "run goes on with an answer that came while its executor was dead",
  async (mesh, fixture) => {
    const { device, task } = await begin(mesh, fixture, "claude", "approve rm x");
    const question = await openQuestion(fixture, device, task);
    await device.end("SIGKILL");
    await answer(mesh, question, "once");
    await device.start();
    assert.equal((await mesh.ended(task.id)).result, "resumed, allowed");
  },
);

meshTest("run ends a task that is cancelled while it asks", async (mesh, fixture) => {
  const { device, task } = await begin(mesh, fixture, "codex", "approve rm x");
  const question = await openQuestion(fixture, device, task);
  await mesh.operator.aura.cancelTask(task.id);
  assert.ok((await mesh.ended(task.id)).cancelled_at);
  const [after] = await questions(fixture, task);
  assert.equal(after!.id, question.id);
  assert.equal(after!.state, "withdrawn");
});

meshTest("run takes another task while an agent waits for a person", async (mesh, fixture) => {
  const { channel, device, task } = await begin(mesh, fixture, "claude", "approve rm x");
  const question = await openQuestion(fixture, device, task);
  const other = await mesh.task(channel, "say hello", "claude");
  assert.equal((await mesh.ended(other.id)).result, "said say hello");
  await answer(mesh, question, "once");
  assert.equal((await mesh.ended(task.id)).result, "allowed");
});

for (const model of ["claude", "codex"] as const) {
  meshTest(`run gives ${model} what a person says meanwhile`, async (mesh, fixture) => {
    const { device, task } = await begin(mesh, fixture, model, "listen");
    await mesh.until(task.id, ({ partial_output }) => !!partial_output?.includes("listening"));
    const { error } = await mesh.operator.supabase.rpc("send_input", {
      task_id: task.id,
      content: "use the other branch",
    });
    assert.equal(error, null);
    assert.equal((await mesh.ended(task.id)).result, "heard use the other branch", device.log);
    const inputs = await fixture.sql`select state from hub_task_inputs where task_id = ${task.id}`;
    assert.deepEqual(inputs.map(({ state }) => state), ["taken"]);
  });
}

meshTest(
  "run interrupts an agent that hears nothing, and resumes it with the words",
  async (mesh, fixture) => {
    const channel = await fixture.channel("flat_task_pipeline");
    const device = await (await mesh.device()).start();
    const task = await mesh.task(channel, "work 1000");
    await mesh.until(task.id, ({ partial_output }) => !!partial_output?.includes("step"));
    const { error } = await mesh.operator.supabase.rpc("send_input", {
      task_id: task.id,
      content: "session",
      interrupt: true,
    });
    assert.equal(error, null);
    const ended = await mesh.ended(task.id);
    assert.equal(ended.result, `resumed ${ended.session_id}`, device.log);
  },
);

meshTest("run gives what nobody took to a follow-up", async (mesh, fixture) => {
  const channel = await fixture.channel("threaded_task_isolation");
  await (await mesh.device()).start();
  const task = await mesh.task(channel, "work 40");
  await mesh.until(task.id, ({ partial_output }) => !!partial_output?.includes("step"));
  const { error } = await mesh.operator.supabase.rpc("send_input", {
    task_id: task.id,
    content: "say and this",
  });
  assert.equal(error, null);
  const first = await mesh.ended(task.id);
  assert.equal(first.result, "worked");
  const result = await until(async () => {
    const [row] = await fixture.sql`
      select result from mac_tasks
      where task_thread_id = ${first.task_thread_id} and id <> ${task.id} and status = 'complete'`;
    return row?.result ?? null;
  });
  assert.equal(result, "and this");
});
