import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest } from "./browser.ts";

const CHANNEL = "/c/koji-pipeline/leads";
const answer = (page: Page, command: string) =>
  page.getByRole("article", { name: command }).locator("pre").last();

browserTest("CommandChannel() completes, runs and answers !stats", async (visitors) => {
  const page = await visitors.visitor(await visitors.fixture.user("viewer"), CHANNEL);
  const prompt = page.getByLabel("Command", { exact: true });
  await prompt.fill("sta");
  await page.getByRole("option", { name: "!stats" }).waitFor();
  await prompt.press("Tab");
  assert.equal(await prompt.inputValue(), "stats");
  await prompt.press("Enter");
  await answer(page, "!stats").filter({ hasText: /^Pipeline: \d+ active leads\nHot: / }).waitFor();

  await prompt.press("ArrowUp");
  assert.equal(await prompt.inputValue(), "stats");
});

browserTest("CommandPrompt() lets one choose by arrows and by a press", async (visitors) => {
  const page = await visitors.visitor(await visitors.fixture.user("viewer"), CHANNEL);
  const prompt = page.getByRole("combobox", { name: "Command" });
  const options = page.getByRole("option");
  await prompt.fill("s");
  await options.first().waitFor();
  assert.equal(await prompt.getAttribute("aria-expanded"), "true");
  await prompt.press("ArrowDown");
  await page.locator("[role=option][data-highlighted]", { hasText: "!stats" }).waitFor();
  assert.equal(
    await prompt.getAttribute("aria-activedescendant"),
    await options.first().getAttribute("id"),
  );
  await prompt.press("Enter");
  assert.equal(await prompt.inputValue(), "stats");

  await prompt.fill("h");
  await options.filter({ hasText: "!hot" }).click();
  assert.equal(await prompt.inputValue(), "hot ");
  await prompt.and(page.locator(":focus")).waitFor();

  await prompt.fill("e");
  await options.first().waitFor();
  await prompt.press("Escape");
  await options.first().waitFor({ state: "detached" });
  assert.equal(await prompt.getAttribute("aria-expanded"), "false");
});

browserTest("CommandChannel() shows what is refused, with its hint", async (visitors) => {
  const page = await visitors.visitor(await visitors.fixture.user("viewer"), CHANNEL);
  const prompt = page.getByLabel("Command", { exact: true });
  await prompt.fill("statz");
  await prompt.press("Enter");
  await page.getByRole("alert").filter({ hasText: "There is no command" }).waitFor();

  await prompt.fill("send-samples 1");
  await prompt.press("Enter");
  await page.getByRole("alert").filter({ hasText: "This needs the role operator" }).waitFor();
});

browserTest("CommandChannel() keeps its history in this browser only", async (visitors) => {
  const user = await visitors.fixture.user("viewer");
  const page = await visitors.visitor(user, CHANNEL);
  await page.getByRole("button", { name: "!stats" }).click();
  await answer(page, "!stats").waitFor();
  await page.reload();
  await answer(page, "!stats").waitFor();

  const elsewhere = await visitors.visitor(user, CHANNEL);
  await elsewhere.getByRole("heading", { name: "Ask #leads" }).waitFor();
});
