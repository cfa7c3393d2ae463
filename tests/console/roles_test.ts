import assert from "node:assert/strict";
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
  await user.aura.postChannelMessage(id, "Anybody here?");
  await page.getByRole("link", { name: `${name}, unread` }).click();
  await page.getByText("Anybody here?").waitFor();
  await visit(page, "/c/koji-pipeline/leads");
  await page.getByRole("link", { name, exact: true }).waitFor();
});
