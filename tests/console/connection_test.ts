import { Proxy } from "../client/proxy.ts";
import { browserTest } from "./browser.ts";

browserTest(
  "ConnectionBanner() shows that one is offline, and what came then",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("flat_task_pipeline");
    await user.aura.postChannelMessage(channel.id, "Before");
    const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
    await page.getByText("Before").waitFor();

    await page.context().setOffline(true);
    await page.getByText("You are offline. What you see may be old.").waitFor();
    await user.aura.postChannelMessage(channel.id, "Meanwhile");
    await page.context().setOffline(false);
    await page.getByText("Meanwhile").waitFor();
    await page.getByText("What you see may be old.").waitFor({ state: "detached" });
  },
);

browserTest("ConnectionBanner() shows that the server is gone, and back", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await user.aura.postChannelMessage(channel.id, "Before");
  using proxy = new Proxy(Number(new URL(fixture.url).port));
  const path = `/c/${channel.name}/${channel.name}`;
  const page = await visitors.visitor(user, path, { url: proxy.url });
  await page.getByText("Before").waitFor();

  proxy.down = true;
  proxy.cut();
  await page.getByText("Reconnecting. What you see may be old.").waitFor();
  await page.getByRole("textbox", { name: "Message" }).fill("Into the dark");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "The server cannot be reached." }).waitFor();
  await user.aura.postChannelMessage(channel.id, "Meanwhile");
  proxy.down = false;
  await page.getByText("Meanwhile").waitFor();
  await page.getByText("What you see may be old.").waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await page.getByRole("article").getByText("Into the dark").waitFor();
});
