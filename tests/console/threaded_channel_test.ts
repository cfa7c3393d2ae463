import assert from "node:assert/strict";
import type { Locator } from "playwright-core";
import { until } from "../stack.ts";
import { browserTest } from "./browser.ts";
import { Device } from "../device.ts";

browserTest("ThreadedChannel() opens a thread, follows it up and closes it", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("threaded_task_isolation");
  const path = `/c/${channel.name}/${channel.name}`;
  await using device = await Device.join(fixture, user);
  const page = await visitors.visitor(user, path);
  const other = await visitors.visitor(await fixture.user("viewer"), path);
  await other.getByText("No threads yet").waitFor();

  await page.getByRole("textbox", { name: "Message" }).fill("Water the garden\nall of it");
  await page.keyboard.press("Enter");
  await page.getByRole("article", { name: "Task Queued" }).waitFor();
  await other.getByRole("link", { name: /Water the garden/ }).click();

  const first = await device.claim();
  await device.progress(first, "Opening the tap");
  await device.complete(first, "The garden is wet.");
  for (const at of [page, other]) {
    await at.getByText("Opening the tap").waitFor();
    const embed = at.getByRole("article", { name: "Task Complete" });
    await embed.getByText("The garden is wet.").waitFor();
    assert.match(await embed.locator("section").getAttribute("style") ?? "", /#57f287/);
  }

  await page.getByRole("textbox", { name: "Follow up" }).fill("And the roof?");
  await page.keyboard.press("Enter");
  await device.fail(await device.claim(), "No ladder");
  await other.getByRole("article").getByText("And the roof?").first().waitFor();
  await other.getByRole("article", { name: "Task Failed" }).getByText("No ladder").waitFor();

  await page.getByRole("button", { name: "Archive" }).click();
  await page.getByText("This thread is archived. Reopen it to write.").waitFor();
  await other.getByText("This thread is archived.").waitFor();
  await other.getByRole("heading", { name: "Archived" }).waitFor();
  await page.getByRole("button", { name: "Reopen" }).click();
  await page.getByRole("textbox", { name: "Follow up" }).waitFor();
});

browserTest("TaskComposer() splits a goal's list among a team", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("threaded_task_isolation");
  await using device = await Device.join(fixture, user);
  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  await page.getByLabel("Send as").selectOption({ label: "Team of tasks" });
  await page.getByRole("textbox", { name: "Message" }).fill("Tidy up\n- the attic\n- the cellar");
  await page.keyboard.press("Enter");
  await page.getByRole("article", { name: "Decomposed into 2 subtasks" }).waitFor();
  for (const part of [await device.claim(), await device.claim()]) {
    await device.complete(part, "Done.");
  }
  await device.complete(await device.claim(), "All is tidy.");
  await page.getByRole("article", { name: "Team Complete" }).getByText("All is tidy.").waitFor();
});

browserTest("ThreadList() pages back through archived threads", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user("viewer");
  const channel = await fixture.channel("threaded_task_isolation");
  await fixture.sql`
    insert into hub_task_threads (channel_id, name, status, archived_at, created_at)
    select ${channel.id}, 'thread ' || n, 'archived', now(), now() - (100 - n) * interval '1 minute'
    from generate_series(1, 70) as n`;
  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  const list = page.getByRole("region", { name: "Threads" });
  const older = page.getByRole("button", { name: "Older threads" });
  const toEnd = (what: Locator) =>
    until(async () => {
      await list.press("End");
      return await what.count() === 1;
    }, "the end of the list");
  const rows = list.getByRole("link");
  await rows.filter({ hasText: /^thread 70(?!\d)/ }).waitFor();
  for (const last of [41, 11]) {
    await toEnd(rows.filter({ hasText: new RegExp(`^thread ${last}(?!\\d)`) }));
    await older.click();
  }
  await toEnd(rows.filter({ hasText: /^thread 1(?!\d)/ }));
  await older.waitFor({ state: "detached" });
  assert(await rows.count() < 70, "what is far away is not drawn");
});
