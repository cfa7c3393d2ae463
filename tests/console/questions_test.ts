import assert from "node:assert/strict";
import { until } from "../stack.ts";
import { browserTest, visit } from "./browser.ts";
import { Device } from "../device.ts";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

browserTest("QuestionCard() is answered in place, and everybody sees by whom", async (visitors) => {
  const { fixture } = visitors;
  const [ada, bob] = [await fixture.user(), await fixture.user()];
  const channel = await fixture.channel("threaded_task_isolation");
  const path = `/c/${channel.name}/${channel.name}`;
  await using device = await Device.join(fixture, ada);
  const { thread } = await ada.aura.dispatchTask(channel.id, "Tidy up");
  const task = await device.claim();

  const page = await visitors.visitor(ada, `${path}/${thread!.id}`);
  const other = await visitors.visitor(bob, "/waiting", PHONE);
  const viewer = await visitors.visitor(await fixture.user("viewer"), `${path}/${thread!.id}`);
  await page.getByText("Tidy up").first().waitFor();

  const command = "rm -rf build && git clean -fdx\n# all of it";
  await device.ask(task, { kind: "approval", title: "May I run this?", detail: command });
  const card = page.getByRole("region", { name: "Question: May I run this?" });
  await card.getByText("rm -rf build && git clean -fdx").waitFor();
  await page.getByRole("link", { name: /^Waiting for you: \d+/ }).waitFor();
  await until(async () => /^\(\d+\) /.test(await page.title()), "the count in the title");
  await viewer.getByText("Waits for an operator's answer.").waitFor();
  assert.equal(await viewer.getByRole("button", { name: "Allow once" }).count(), 0);

  const onPhone = other.getByRole("region", { name: "Question: May I run this?" });
  const allow = onPhone.getByRole("button", { name: "Allow once" });
  await allow.waitFor();
  assert((await allow.boundingBox())!.height >= 44, "as high as a thumb");

  // Both decide at once: the second one is told.
  await page.route("**/rpc/answer_question", async (route) => {
    await bob.aura.answerQuestion(
      (await ada.aura.askedQuestions({ channel_id: channel.id }))[0]!.id,
      { option_id: "allow" },
    );
    await route.continue();
  });
  await card.getByRole("button", { name: "No" }).click();
  const said = `${bob.email.split("@")[0]} answered: Allow once`;
  for (const at of [page, viewer]) await at.getByText(said).first().waitFor();
  await onPhone.waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Waiting for you", exact: true }).waitFor();
});

browserTest("QuestionCard() takes words where it may", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user);
  await user.aura.dispatchTask(channel.id, "Paint it");
  const task = await device.claim();
  const options = [{ id: "red", label: "Red", kind: "choice" as const }];
  const asked = await device.ask(task, {
    kind: "question",
    title: "Which colour?",
    options,
    allow_text: true,
  });
  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  const card = page.getByRole("region", { name: "Question: Which colour?" });
  await card.getByLabel("Answer", { exact: true }).fill("A light blue");
  await card.getByRole("button", { name: "Answer" }).click();
  await card.getByText(/answered: A light blue/).waitFor();
  const [answered] = await user.aura.fetchQuestions([asked.id]);
  assert.deepEqual([answered!.state, answered!.answer], ["answered", "A light blue"]);
  await visit(page, "/waiting");
  await page.getByRole("heading", { name: "Waiting for you" }).waitFor();
});

browserTest(
  "TaskComposer() tells a running task something, and says what it does",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("threaded_task_isolation");
    await using device = await Device.join(fixture, user);
    const { thread } = await user.aura.dispatchTask(channel.id, "Write a poem");
    const task = await device.claim();
    const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}/${thread!.id}`);
    const box = page.getByRole("textbox", { name: "Follow up" });
    await page.getByText("gets it at its next step").waitFor();
    await box.fill("Let it rhyme");
    await box.press("Enter");
    await page.getByText("waits to be taken by").waitFor();
    assert.equal((await device.takeInput(task)).content, "Let it rhyme");
    await page.getByText("was taken by").waitFor();

    await page.getByLabel("Send as").last().selectOption({
      label: `Stop ${task.short_id} and go on`,
    });
    await page.getByText("stops what it does now, and goes on with this").waitFor();
    await box.fill("Stop: prose instead");
    await box.press("Enter");
    await page.getByText("stops what runs, and waits to be taken by").waitFor();
    await device.complete(task, "Roses are red");
    await page.getByText("became the follow-up").waitFor();
    assert.equal((await device.claim()).content, "Stop: prose instead");
  },
);
