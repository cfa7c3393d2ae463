import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest, visit } from "./browser.ts";
import { Device } from "../device.ts";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const overflows = (page: Page) =>
  page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth");

browserTest("Shell() shows lists and conversation one at a time on a phone", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("threaded_task_isolation");
  await using device = await Device.join(fixture, user);
  const page = await visitors.visitor(user, "/", PHONE);

  await page.getByRole("navigation", { name: "Servers" }).getByRole("link", { name: channel.name })
    .tap();
  await page.getByRole("navigation", { name: "Channels of" }).getByRole("link", {
    name: channel.name,
  })
    .tap();
  await page.getByRole("textbox", { name: "Message" }).fill("x".repeat(300));
  await page.getByRole("button", { name: "Send" }).tap();
  await page.getByRole("article", { name: "Task Queued" }).waitFor();
  await device.complete(
    await device.claim(),
    `\`\`\`\n${"y".repeat(300)}\n\`\`\`\n\n${"z".repeat(300)}`,
  );
  await page.getByRole("article", { name: "Task Complete" }).waitFor();
  assert.equal(await overflows(page), false);

  await page.getByRole("link", { name: "All threads" }).tap();
  await page.getByRole("link", { name: /^Active/ }).waitFor();
  await page.getByRole("link", { name: "All channels" }).tap();
  await page.getByRole("navigation", { name: "Channels of" }).waitFor();

  await visit(page, `/c/${channel.name}/${channel.name}/${crypto.randomUUID()}`);
  await page.getByText("The thread could not be read").waitFor();
  await page.getByRole("link", { name: "All threads" }).tap();
  await visit(page, `/c/${channel.name}/nowhere`);
  await page.getByRole("link", { name: "All channels" }).tap();
  await page.getByRole("navigation", { name: "Channels of" }).waitFor();

  for (const path of ["/mesh", "/c/koji-pipeline/leads", "/c/buf-barista/cc-runtime"]) {
    await visit(page, path);
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    assert.equal(await overflows(page), false, path);
  }
});
