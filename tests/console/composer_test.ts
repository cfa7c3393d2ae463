import assert from "node:assert/strict";
import type { Route } from "playwright-core";
import { until } from "../stack.ts";
import { Device } from "../device.ts";
import { browserTest } from "./browser.ts";

browserTest("Composer() sends once what is sent again after a lost answer", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  const box = page.getByRole("textbox", { name: "Message" });
  const tasks = async () => (await user.aura.fetchTasks({ channel_id: channel.id })).length;

  // The server does what it is asked, and its answer is lost.
  const lose = "**/rpc/dispatch_task";
  await page.route(lose, async (route) => {
    await route.fetch();
    await route.abort();
  });
  await box.fill("Deploy to production");
  await box.press("Enter");
  await page.getByRole("alert").filter({ hasText: "cannot be reached" }).waitFor();
  assert.equal(await tasks(), 1);

  await page.reload();
  await page.unroute(lose);
  await box.waitFor();
  assert.equal(await box.inputValue(), "Deploy to production");
  await box.press("Enter");
  await until(async () => await box.inputValue() === "", "an empty box");
  assert.equal(await tasks(), 1, "the same request is the same task");

  await box.fill("Deploy to production");
  await box.press("Enter");
  await until(async () => await box.inputValue() === "", "an empty box");
  assert.equal(await tasks(), 2, "the same words said again are another task");
});

browserTest(
  "Composer() sends an edited text as what it is after a lost answer",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("flat_task_pipeline");
    const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
    const box = page.getByRole("textbox", { name: "Message" });
    const lose = "**/rpc/dispatch_task";
    await page.route(lose, async (route) => {
      await route.fetch();
      await route.abort();
    });
    await box.fill("Delete evrything");
    await box.press("Enter");
    await page.getByRole("alert").filter({ hasText: "cannot be reached" }).waitFor();
    await page.unroute(lose);
    await box.fill("Delete nothing");
    await box.press("Enter");
    await until(async () => await box.inputValue() === "", "an empty box");
    const contents = (await user.aura.fetchTasks({ channel_id: channel.id }))
      .map(({ content }) => content);
    assert.deepEqual(contents, ["Delete nothing", "Delete evrything"]);
  },
);

browserTest("Composer() posts a note once", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  const box = page.getByRole("textbox", { name: "Message" });
  await page.getByLabel("Send as").selectOption({ label: "Note, no task" });
  const lose = (url: URL) => url.pathname === "/rest/v1/hub_channel_messages";
  const loses = async (route: Route) => {
    if (route.request().method() !== "POST") return route.continue();
    await route.fetch();
    await route.abort();
  };
  await page.route(lose, loses);
  await box.fill("Lunch at noon");
  await box.press("Enter");
  await page.getByRole("alert").filter({ hasText: "cannot be reached" }).waitFor();
  await page.unroute(lose, loses);
  await box.press("Enter");
  await until(async () => await box.inputValue() === "", "an empty box");
  assert.equal((await user.aura.fetchChannelMessages(channel.id)).length, 1);
});

browserTest(
  "Composer() says how much of a paste is too much, and cuts nothing",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("flat_task_pipeline");
    const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
    const box = page.getByRole("textbox", { name: "Message" });
    await box.fill("😀".repeat(32_000));
    await page.getByText("0 left").waitFor();
    assert.equal(await page.getByRole("button", { name: "Send" }).isEnabled(), true);
    await box.fill("x".repeat(40_000));
    await page.getByRole("alert").filter({ hasText: "8000 characters too many" }).waitFor();
    assert.equal(await page.getByRole("button", { name: "Send" }).isEnabled(), false);
    assert.equal((await box.inputValue()).length, 40_000);
  },
);

browserTest("Composer() sends nothing while an input method is at work", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  const box = page.getByRole("textbox", { name: "Message" });
  await box.fill("日本");
  // Safari tells of Enter after the composition, with this code alone.
  await box.dispatchEvent("keydown", { key: "Enter", keyCode: 229 });
  await box.dispatchEvent("keydown", { key: "Enter", isComposing: true });
  assert.equal(await box.inputValue(), "日本");
  assert.equal((await user.aura.fetchTasks({ channel_id: channel.id })).length, 0);
});

browserTest(
  "TaskComposer() makes a follow-up of words for a task that has just ended",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("threaded_task_isolation");
    await using device = await Device.join(fixture, user);
    const { thread } = await user.aura.dispatchTask(channel.id, "Water the garden");
    const task = await device.claim();
    const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}/${thread!.id}`);
    await page.getByText("gets it at its next step.").waitFor();
    await page.route("**/rpc/send_input", async (route) => {
      await device.complete(task, "Done");
      await route.continue();
    });
    const box = page.getByRole("textbox", { name: "Follow up" });
    await box.fill("And the roof?");
    await box.press("Enter");
    const next = await device.claim();
    assert.deepEqual([next.content, next.task_thread_id], ["And the roof?", thread!.id]);
    await until(async () => await box.inputValue() === "", "an empty box");
  },
);
