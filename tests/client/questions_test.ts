import assert from "node:assert/strict";
import { AuraError, type Change, type Question, type SentInput } from "../../client/index.ts";
import { Device } from "../device.ts";
import { stackTest } from "./fixture.ts";

stackTest(
  "answerQuestion() reaches the device that asked, and one of two people",
  async (fixture) => {
    const user = await fixture.user();
    const { aura } = user;
    const { aura: other } = await fixture.user();
    await using device = await Device.apart(fixture, user);
    const channel = await fixture.channel("flat_task_pipeline");
    await aura.dispatchTask(channel.id, "Deploy", { model: device.name });
    const task = await device.claim();
    const ask = () =>
      device.ask(task, { kind: "approval", title: "npm publish", tool_call_id: "call-1" });
    const question = await ask();

    assert.deepEqual(await aura.askedQuestions({ channel_id: channel.id }), [question]);
    assert.deepEqual(await aura.findQuestions(question.id.slice(0, 8)), [question]);
    const answers = await Promise.allSettled([
      aura.answerQuestion(question.id, { option_id: "allow" }),
      other.answerQuestion(question.id, { option_id: "reject" }),
    ]);

    const [won] = answers.filter((answer) => answer.status === "fulfilled");
    const [lost] = answers.filter((answer) => answer.status === "rejected");
    assert.equal((lost?.reason as AuraError).name, "question_closed");
    assert.deepEqual((await device.heartbeat()).answered, [question.id]);
    assert.equal((await ask()).option_id, won!.value.option_id);
    assert.deepEqual(await aura.askedQuestions({ channel_id: channel.id }), []);
  },
);

stackTest("subscribeToQuestions() tells what is asked and what becomes of it", async (fixture) => {
  const user = await fixture.user();
  const { aura } = user;
  await using device = await Device.apart(fixture, user);
  const channel = await fixture.channel("threaded_task_isolation");
  const { thread } = await aura.dispatchTask(channel.id, "Deploy", { model: device.name });
  const task = await device.claim();
  const stop = new AbortController();
  const feeds = [{ channelId: channel.id }, { threadId: thread!.id }].map((view) =>
    take(aura.subscribeToQuestions(view, { held: [], signal: stop.signal }), 2)
  );

  const question = await device.ask(task, { kind: "question", title: "Which city?" });
  // The first is only seen once the feeds listen.
  const seen = await Promise.race(feeds.map((feed) => feed.first));
  assert.deepEqual([seen.kind, seen.row.state], ["new", "open"]);
  await Promise.all(feeds.map((feed) => feed.first));
  await aura.answerQuestion(question.id, { answer: "Berlin" });

  for (const { all } of feeds) {
    const changes = await all;
    assert.deepEqual(changes.map(({ row }) => [row.id, row.state, row.answer]), [
      [question.id, "open", null],
      [question.id, "answered", "Berlin"],
    ]);
  }
  stop.abort();
});

stackTest("sendInput() is taken once by the run, or becomes a follow-up", async (fixture) => {
  const user = await fixture.user();
  const { aura } = user;
  await using device = await Device.apart(fixture, user);
  const channel = await fixture.channel("flat_task_pipeline");
  await aura.dispatchTask(channel.id, "Deploy", { model: device.name });
  const task = await device.claim();
  const first = await aura.sendInput(task.id, "The other branch", { idempotency_key: "k" });
  const again = await aura.sendInput(task.id, "The other branch", { idempotency_key: "k" });
  const second = await aura.sendInput(task.id, "And stop", { interrupt: true });
  assert.equal(again.input.id, first.input.id);

  const { inputs } = await device.heartbeat();
  assert.deepEqual(
    inputs,
    [first, second].map(({ input }: SentInput) => ({
      id: input.id,
      task_id: task.id,
      content: input.content,
      interrupt: input.interrupt,
    })),
  );
  await device.hub.takeInput(task, first.input.id);
  await device.complete(task, "Done");

  const states = (await aura.fetchTaskInputs(task.id)).map(({ state }) => state);
  assert.deepEqual(states, ["taken", "moved"]);
  const follow = await device.claim();
  const { content, created_by } = await aura.fetchTask(follow.id);
  assert.deepEqual([content, created_by], ["And stop", user.id]);
});

/** The first and the first so many changes of a feed. */
function take(feed: AsyncGenerator<Change<Question>, void, void>, count: number) {
  const first = Promise.withResolvers<Change<Question>>();
  const all = (async () => {
    const changes: Change<Question>[] = [];
    for await (const change of feed) {
      first.resolve(change);
      if (changes.push(change) === count) break;
    }
    return changes;
  })();
  return { first: first.promise, all };
}
