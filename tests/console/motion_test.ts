// The console for somebody who has asked their system for less motion.
import { until } from "../stack.ts";
import { browserTest } from "./browser.ts";
import { Device } from "../device.ts";

browserTest("reduced motion moves nothing, and hides nothing", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user);
  for (let line = 1; line <= 20; line++) {
    const text = `Line ${line}: and **more** of it. `.repeat(1 + line % 4 * 40);
    await user.aura.postChannelMessage(channel.id, text);
  }
  await user.aura.dispatchTask(channel.id, "Work on it");
  await device.claim();

  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`, {
    reducedMotion: "reduce",
  });
  const list = page.getByRole("region", { name: "Messages in" });
  await list.getByText("Work on it").first().waitFor();
  const moving = () => page.evaluate("document.getAnimations().length");
  await until(async () => await moving() === 0, "what moves to have come to rest");
  await until(async () => {
    await list.press("Home");
    return await list.getByText("Line 1: ").first().isVisible();
  }, "the first line");
});
