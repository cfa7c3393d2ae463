import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { Device } from "../device.ts";
import { browserTest } from "./browser.ts";

/** The role and name of what has the focus, as screen readers say it. */
async function focused(page: Page): Promise<string> {
  const focus = page.locator("*:focus");
  // The page itself has it before the first Tab, and after the last.
  if (await focus.count() === 0) return "";
  const snapshot = await focus.ariaSnapshot();
  return snapshot.split("\n", 1)[0]!;
}

/** Presses Tab until what has the focus is called so; fails once it has been everywhere. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < 120; presses++) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (name.test(now)) return;
    seen.push(now);
  }
  assert.fail(`Tab leads to nothing like ${name}, but to:\n${seen.join("\n")}`);
}

browserTest("by keyboard alone one signs in, gives work, answers and reads", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user);

  const page = await visitors.stranger();
  await page.getByLabel("E-mail").waitFor();
  await tabTo(page, /textbox "E-mail"/);
  await page.keyboard.type(user.email);
  await tabTo(page, /textbox "Password"/);
  await page.keyboard.type(user.password);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation", { name: "Servers" }).waitFor();

  // Past what stands on every page.
  await tabTo(page, /link "Skip to the conversation"/);
  await page.keyboard.press("Enter");
  assert.match(await focused(page), /^- main/);

  // To a channel by its name.
  await page.keyboard.press("ControlOrMeta+k");
  await page.getByRole("combobox", { name: "Go to" }).waitFor();
  await page.keyboard.type(channel.name);
  await page.getByRole("option", { name: channel.name, selected: true }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: channel.name, level: 1 }).waitFor();

  await tabTo(page, /textbox "Message #/);
  await page.keyboard.type("Sort the shelf");
  await page.keyboard.press("Enter");
  const task = await device.claim();
  assert.equal(task.content, "Sort the shelf");

  // A question is answered where it stands.
  await device.ask(task, { kind: "approval", title: "May I?", detail: "rm -rf build" });
  await page.getByRole("button", { name: "Allow once" }).waitFor();
  await tabTo(page, /button "Allow once"/);
  await page.keyboard.press("Enter");
  await page.getByText(/Allow once.*by|Allowed/).first().waitFor();
  await device.complete(task, "Sorted");
  await page.getByText("Sorted", { exact: true }).waitFor();

  // What opens closes again, and the focus is where it was.
  await tabTo(page, /button "Task .* details"/);
  const opener = await focused(page);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("Has ended.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await focused(page), opener);

  // Found again by its words.
  await page.keyboard.press("ControlOrMeta+k");
  await page.keyboard.type("sort shelf");
  await page.getByRole("option", { name: /Sort the shelf/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("Has ended.").waitFor();
});
