import assert from "node:assert/strict";
import { until } from "../stack.ts";
import { browserTest } from "./browser.ts";

const COUNT = 20_000;

browserTest("MessageList() draws what is seen of 20,000 messages", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  const last = await user.aura.postChannelMessage(channel.id, "the last line");
  const end = Date.parse(last.created_at);
  const before = Array.from({ length: COUNT - 1 }, (_, n) => ({
    ...last,
    id: crypto.randomUUID(),
    content: `line ${COUNT - 1 - n}` + " and so on".repeat(n % 40),
    created_at: new Date(end - (n + 1) * 10_000).toISOString(),
  }));
  const page = await visitors.visitor(user, "/c/koji-pipeline/leads");
  // One page of them all, as after hours of scrolling back.
  await page.route(
    /hub_channel_messages\?.*limit=50(&|$)/,
    (route) => route.fulfill({ json: [last, ...before] }),
  );
  await page.evaluate(`location.hash = "/c/${channel.name}/${channel.name}"`);
  await page.getByText("the last line").waitFor();
  const list = page.getByRole("region", { name: "Messages in" });
  const drawn = () => list.getByRole("article").count();
  assert(await drawn() < 100);
  const box = page.getByRole("textbox", { name: "Message" });
  await box.pressSequentially("Typing here waits for none of them", { delay: 20 });
  await page.getByLabel("Send as").selectOption({ label: "Note, no task" });
  await box.press("Enter");
  await page.getByRole("article").getByText("Typing here").waitFor();
  await list.hover();
  for (let turn = 0; turn < 20; turn++) await page.mouse.wheel(0, -2000);
  await page.getByRole("button", { name: "Latest" }).waitFor();
  await until(async () => {
    await list.press("Home");
    return await list.getByText(/^line 1( |$)/).count() === 1;
  }, "the first line");
  assert(await drawn() < 100);
  await page.getByRole("button", { name: "Latest" }).click();
  await page.getByText("Typing here").waitFor();
});
