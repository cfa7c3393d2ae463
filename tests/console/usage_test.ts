import assert from "node:assert/strict";
import { browserTest } from "./browser.ts";
import { Device } from "../device.ts";

browserTest("UsagePanel() shows what ran by day, model and person", async (visitors) => {
  const { fixture } = visitors;
  const admin = await fixture.user("admin");
  const person = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, admin);
  for (const input_tokens of [1_000, 234]) {
    await person.aura.dispatchTask(channel.id, "Succeed");
    const usage = { input_tokens, output_tokens: 7, total_cost_usd: 1.25 };
    await device.complete(await device.claim(), "Done", { usage });
  }
  await person.aura.dispatchTask(channel.id, "Fail");
  await device.fail(await device.claim(), "It broke");

  const page = await visitors.visitor(admin, "/admin/usage");
  await page.getByLabel("Where").selectOption({ label: channel.name });
  const chart = page.getByRole("figure");
  await chart.getByText("2 complete, 1 failed").first().waitFor();
  const figures = async (by: string) => {
    const row = page.getByRole("region", { name: by }).getByRole("row").nth(1);
    return (await row.getByRole("cell").allTextContents()).filter((_, at) => at !== 2);
  };
  assert.deepEqual(await figures("By model"), ["2", "1", "1,234", "14", "US$2.50"]);
  assert.deepEqual(await figures("By person"), ["2", "1", "1,234", "14", "US$2.50"]);
  await page.getByRole("button", { name: "Cost" }).click();
  await chart.getByText("US$2.50 as agents told").first().waitFor();
  // Today alone has a bar.
  assert.equal(await chart.getByRole("rowheader").count(), 1);

  await page.setViewportSize({ width: 390, height: 800 });
  const { width } = (await chart.boundingBox())!;
  assert.ok(width <= 390);
});
