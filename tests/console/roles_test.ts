import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { browserTest } from "./browser.ts";
import { visit } from "./browser.ts";

browserTest("Shell() gives viewers no way to write or act", async (visitors) => {
  const { fixture } = visitors;
  const flat = await fixture.channel("flat_task_pipeline");
  const threaded = await fixture.channel("threaded_task_isolation");
  const page = await visitors.visitor(await fixture.user("viewer"));
  for (const { name } of [flat, threaded]) {
    await visit(page, `/c/${name}/${name}`);
    await page.getByRole("heading", { name, level: 1 }).waitFor();
    await page.getByText("Nobody has asked for anything here yet.").waitFor();
    assert.equal(await page.getByRole("textbox").count(), 0);
    assert.equal(await page.getByRole("button", { name: "Pause this server" }).count(), 0);
  }
  await visit(page, "/mesh");
  await page.getByRole("heading", { name: "Mesh", level: 1 }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Add device" }).count(), 0);
  assert.equal(await page.getByRole("switch").count(), 0);
});

browserTest("Shell() gives nobody a composer in a read-only channel", async (visitors) => {
  const page = await visitors.visitor(
    await visitors.fixture.user("admin"),
    "/c/cloud-hub/heartbeat",
  );
  await page.getByRole("heading", { name: "heartbeat", level: 1 }).waitFor();
  await page.getByRole("region", { name: "Messages in heartbeat" })
    .or(page.getByText("The system posts here when there is news.")).waitFor();
  assert.equal(await page.getByRole("textbox").count(), 0);
});

browserTest("ChannelList() marks what came while one looked elsewhere", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const { id, name } = await fixture.channel("flat_task_pipeline");
  const page = await visitors.visitor(user, "/c/koji-pipeline/leads");
  await page.getByRole("link", { name, exact: true }).waitFor();
  await firstVisit(page);
  await user.aura.postChannelMessage(id, "Anybody here?");
  await page.getByRole("link", { name: `${name}, unread` }).click();
  await page.getByText("Anybody here?").waitFor();
  await visit(page, "/c/koji-pipeline/leads");
  await page.getByRole("link", { name, exact: true }).waitFor();
});

browserTest(
  "useReads() agrees between two devices of one person, and tells nobody else",
  async (visitors) => {
    const { fixture } = visitors;
    const [user, other] = [await fixture.user(), await fixture.user()];
    const { id, name } = await fixture.channel("flat_task_pipeline");
    const [here, there] = [
      await visitors.visitor(user, "/c/koji-pipeline/leads"),
      await visitors.visitor(user, "/c/koji-pipeline/leads"),
    ];
    const elsewhere = await visitors.visitor(other, "/c/koji-pipeline/leads");
    for (const page of [here, there, elsewhere]) await firstVisit(page);
    await user.aura.postChannelMessage(id, "The first");
    const unread = (page: typeof here) => page.getByRole("link", { name: `${name}, unread` });
    await unread(there).waitFor();
    await unread(elsewhere).waitFor();
    await unread(here).click();
    await here.getByText("The first").waitFor();
    await unread(there).waitFor({ state: "detached" });
    assert.equal(await unread(elsewhere).count(), 1);
    assert.ok((await other.aura.fetchReads()).every(({ user_id }) => user_id === other.id));

    // What came while one was away stands below a line.
    await visit(here, "/c/koji-pipeline/leads");
    await user.aura.postChannelMessage(id, "The second");
    await unread(here).click();
    await here.getByText("New", { exact: true }).waitFor();
    await here.getByText("The second").waitFor();
  },
);

/** What is there when somebody comes for the first time is marked as read: what comes then is news. */
async function firstVisit(page: Page): Promise<void> {
  await page.getByRole("navigation", { name: "Servers" }).waitFor();
  await page.waitForLoadState("networkidle");
}
