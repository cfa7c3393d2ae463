import assert from "node:assert/strict";
import type { Channel } from "../../client/index.ts";
import { browserTest } from "./browser.ts";
import { until } from "../stack.ts";
import { Device } from "../device.ts";

const pathOf = (channel: Channel) => `/c/${channel.name}/${channel.name}`;

browserTest("FlatChannel() shows a task from queue to result, to everybody", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user);
  const page = await visitors.visitor(user, pathOf(channel));
  const other = await visitors.visitor(await fixture.user("viewer"), pathOf(channel));

  await page.getByRole("textbox", { name: "Message" }).fill("Count the beans");
  await page.keyboard.press("Enter");
  for (const at of [page, other]) {
    await at.getByRole("article").getByText("Count the beans").waitFor();
    await at.getByRole("article", { name: /queued/ }).getByText("queued", { exact: true })
      .waitFor();
  }

  const task = await device.claim();
  await device.progress(task, "Counting the first jar");
  for (const at of [page, other]) {
    await at.getByRole("article", { name: /queued/ }).getByText("running").waitFor();
    await at.getByRole("article", { name: "Progress" }).getByText("Counting the first jar")
      .waitFor();
    await at.getByRole("group", { name: "Open tasks" }).getByText(`on ${device.name}`).waitFor();
  }

  await page.reload();
  await page.getByText("Counting the first jar").waitFor();

  await device.complete(task, "There are **412** beans.");
  for (const at of [page, other]) {
    const result = at.getByRole("article", { name: /complete \[claude/ });
    await result.getByText("There are 412 beans.").waitFor();
    assert.equal(await result.locator("strong").innerText(), "412");
    await at.getByRole("article", { name: /queued/ }).getByText("complete").waitFor();
    await at.getByRole("group", { name: "Open tasks" }).waitFor({ state: "detached" });
  }
});

browserTest("Markdown() shows an agent's HTML and scripts as text", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user);
  await user.aura.dispatchTask(channel.id, "<b>Do</b> your worst");
  const worst = [
    "<script>window.ran = 1</script> <img src=x onerror='window.ran = 2'>",
    "<iframe srcdoc='<script>parent.ran = 3</script>'></iframe>",
    "[press](javascript:window.ran=4) ![pixel](https://example.com/pixel.png)",
  ].join("\n\n");
  await device.complete(await device.claim(), worst);

  const page = await visitors.visitor(user, pathOf(channel));
  const result = page.getByRole("article", { name: /complete \[claude/ });
  await result.getByText("<script>window.ran = 1</script>").waitFor();
  await page.getByText("<b>Do</b> your worst").waitFor();
  await result.getByText("press").click({ modifiers: ["ControlOrMeta"] });
  assert.equal(await result.locator("img, script, iframe").count(), 0);
  assert.equal(await page.evaluate("window.ran"), undefined);
});

browserTest("MessageList() pages back through the history in order", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await fixture.sql`
    insert into hub_channel_messages (channel_id, sender_type, sender_id, sender_label, content, created_at)
    select ${channel.id}, 'human', ${user.id}, 'Ada', 'line ' || n, now() - (200 - n) * interval '1 minute'
    from generate_series(1, 130) as n`;
  const page = await visitors.visitor(user, pathOf(channel));
  const list = page.getByRole("region", { name: "Messages in" });
  const drawn = async () =>
    (await list.locator("article p").allInnerTexts()).map((line) => Number(line.slice(5)));
  await page.getByText("line 130", { exact: true }).waitFor();
  const seen = new Set<number>();
  let before = "";
  await until(async () => {
    const lines = await drawn();
    // A page further up only once the list is at rest: what it passes on its way nobody sees.
    const now = `${await list.evaluate((element) => element.scrollTop)}: ${lines}`;
    if (now !== before) {
      before = now;
      return false;
    }
    // In order and without a gap, as soon as what is drawn has settled.
    if (lines.some((line, index) => line !== lines[0]! + index)) return false;
    lines.forEach((line) => seen.add(line));
    before = "";
    await list.press("PageUp");
    return seen.has(1);
  }, "the first line");
  assert.equal(seen.size, 130);
  assert.equal((await drawn()).includes(130), false, "what is far away is not drawn");

  await page.getByRole("button", { name: "Latest" }).click();
  await page.getByText("line 130", { exact: true }).waitFor();
  await user.aura.postChannelMessage(channel.id, "line 131");
  await page.getByText("line 131", { exact: true }).waitFor();
});

browserTest("Composer() keeps a draft through a reload, and a refused one", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const page = await visitors.visitor(user, pathOf(channel));
  const box = page.getByRole("textbox", { name: "Message" });
  await box.fill("Half a thought");
  await page.reload();
  await box.waitFor();
  assert.equal(await box.inputValue(), "Half a thought");

  await fixture.sql`update hub_members set role = 'viewer' where user_id = ${user.id}`;
  await box.press("Enter");
  await page.getByRole("alert").filter({ hasText: "This needs the role operator" }).waitFor();
  assert.equal(await box.inputValue(), "Half a thought");
});
