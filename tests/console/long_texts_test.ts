// Texts made to take a page down: each is a few kilobytes of an agent's output.
import assert from "node:assert/strict";
import { isQuickMarkdown } from "../../console/src/ui/markdownCost.ts";
import { browserTest } from "./browser.ts";
import { Device } from "../device.ts";

const BAD: Record<string, string> = {
  "quotes in quotes": ">".repeat(4000),
  "lists in lists": "- ".repeat(2000),
  "numbered lists in lists": "1. ".repeat(2000),
  "quotes and lists": "> - ".repeat(1000),
  "emphasis that never ends": "*a_".repeat(3000),
  "links in links": "[".repeat(3000) + "]".repeat(3000),
  "images in images": "![".repeat(2000),
  "code that never ends": "`a".repeat(3000),
  "addresses": "a@".repeat(3000),
  "a wide table": `|${"a|".repeat(1000)}\n|${"-|".repeat(1000)}\n${"|\n".repeat(1000)}`,
  "an ever deeper list": Array.from({ length: 100 }, (_, n) => `${" ".repeat(2 * n)}- a`).join(
    "\n",
  ),
  "a log": "2026-01-01 ok\n".repeat(2000),
};

Deno.test("isQuickMarkdown() takes what agents write, and nothing that takes long", () => {
  const result =
    "# Done\n\n- [x] *one* `two`\n  - three\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> so\n";
  assert.equal(isQuickMarkdown(result.repeat(20)), true);
  for (const [what, text] of Object.entries(BAD)) assert.equal(isQuickMarkdown(text), false, what);
});

browserTest("RichText() shows plain what would take a page down", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user, { max_running: 20 });
  for (const text of Object.values(BAD)) {
    await user.aura.dispatchTask(channel.id, "Do your worst");
    await device.complete(await device.claim(), text);
  }
  await user.aura.dispatchTask(channel.id, "Be brief");
  const { id } = await device.claim().then(async (task) => {
    await device.complete(task, "All **done**.");
    return task;
  });

  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  await page.locator("strong", { hasText: "done" }).waitFor();
  await page.getByRole("button", { name: "Format as markdown" }).last().waitFor();

  // The one who asks for it gets what can be had of it, and the page stays.
  const log = page.getByRole("article", { name: /complete/ }).filter({ hasText: "2026-01-01 ok" });
  await log.getByRole("button", { name: "Format as markdown" }).click();
  await log.getByRole("button", { name: "Show as plain text" }).waitFor();
  await page.getByRole("button", { name: `Task ${id.slice(0, 8)}, details` }).first().click();
  await page.getByRole("dialog").getByText("Has ended.").waitFor();
});

browserTest("TaskDrawer() shows a result of a megabyte by its start", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user);
  const { task } = await user.aura.dispatchTask(channel.id, "Show the log");
  await device.complete(await device.claim(), "line of a log\n".repeat(70_000) + "the end");
  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  await page.getByRole("button", { name: `Task ${task.id.slice(0, 8)}, details` }).first().click();
  const drawer = page.getByRole("dialog");
  assert.equal(await drawer.getByText("the end").count(), 0);
  await drawer.getByRole("button", { name: /^Show all 980,007 characters/ }).click();
  await drawer.getByText("the end").waitFor();
});
