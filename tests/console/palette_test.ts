import assert from "node:assert/strict";
import { browserTest } from "./browser.ts";

browserTest(
  "Palette() goes to channels, threads, tasks and commands by keyboard",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("threaded_task_isolation");
    const name = `Water ${crypto.randomUUID().slice(0, 8)}`;
    const { thread, task } = await user.aura.dispatchTask(channel.id, name);
    const page = await visitors.visitor(user, "/c/koji-pipeline/leads");
    await page.getByRole("heading", { name: "leads", level: 1 }).waitFor();

    const field = page.getByRole("combobox", { name: "Go to" });
    const go = async (text: string, option: RegExp) => {
      await page.keyboard.press("ControlOrMeta+k");
      await field.fill(text);
      await page.getByRole("option", { name: option, selected: true }).waitFor();
      await field.press("Enter");
      await field.waitFor({ state: "detached" });
    };
    await go(channel.name, new RegExp(`^${channel.name}`));
    await page.getByRole("heading", { name: channel.name, level: 1 }).waitFor();
    await go(name, new RegExp(name));
    await page.getByRole("region", { name: `Thread ${thread!.name}` }).waitFor();
    await go(task.id.slice(0, 8), new RegExp(`^${task.id.slice(0, 8)}`));
    await page.getByRole("dialog", { name: `Task ${task.id.slice(0, 8)}` }).waitFor();
    await page.keyboard.press("Escape");
    await go("!stats", /^!stats/);
    assert.equal(await page.getByLabel("Command", { exact: true }).inputValue(), "stats");
    await go("mesh", /^Mesh/);
    await page.getByRole("heading", { name: "Mesh" }).waitFor();
  },
);

browserTest("Palette() leads admins to people and panels, and nobody else", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const { email } = (await user.supabase.auth.getUser()).data.user!;
  for (const who of [await fixture.user("admin"), user]) {
    const page = await visitors.visitor(who, "/mesh");
    await page.getByRole("heading", { name: "Mesh" }).waitFor();
    await page.keyboard.press("ControlOrMeta+k");
    const field = page.getByRole("combobox", { name: "Go to" });
    await field.fill(email!);
    await page.getByRole("option", { name: "search messages" }).waitFor();
    const found = await page.getByRole("option").count();
    if (who === user) {
      assert.equal(found, 1);
      await field.fill("routing");
      await page.getByRole("option", { name: "search messages" }).waitFor();
      assert.equal(await page.getByRole("option", { name: "administration" }).count(), 0);
      continue;
    }
    await field.press("Enter");
    const people = page.getByRole("region", { name: "People" });
    assert.equal(await people.getByLabel("Find somebody").inputValue(), email);
    await people.getByText(email!).waitFor();
    await page.keyboard.press("ControlOrMeta+k");
    await field.fill("routing");
    await field.press("Enter");
    await page.getByRole("region", { name: "Routing" }).waitFor();
  }
});
