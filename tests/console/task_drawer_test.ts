import { browserTest } from "./browser.ts";
import { Device } from "../device.ts";

browserTest("TaskDrawer() explains, cancels and retries a task", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user);
  await user.aura.setDeviceDraining(device.id, true);
  const { task } = await user.aura.dispatchTask(channel.id, "Wait for me");

  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  const opener = page.getByRole("button", { name: /^Task .* details/ }).first();
  await opener.click();
  const drawer = page.getByRole("dialog", { name: `Task ${task.id.slice(0, 8)}` });
  await drawer.getByText("Wait for me").waitFor();
  await drawer.getByText("Waits: the device that can do it is draining.").waitFor();
  await drawer.getByRole("button", { name: "Cancel task" }).click();
  await drawer.getByText("cancelled", { exact: true }).waitFor();

  await drawer.getByRole("button", { name: "Retry" }).click();
  await drawer.getByText("queued", { exact: true }).waitFor();
  await user.aura.setDeviceDraining(device.id, false);
  const claimed = await device.claim();
  await drawer.getByRole("region", { name: "Attempts" }).getByText(`claude on ${device.name}`)
    .waitFor();
  await device.fail(claimed, "Ran out of patience");
  await drawer.getByRole("region", { name: "Error" }).first().getByText("Ran out of patience")
    .waitFor();
  await drawer.getByRole("button", { name: "Close" }).click();
  await drawer.waitFor({ state: "hidden" });
  await opener.and(page.locator(":focus")).waitFor();
});
