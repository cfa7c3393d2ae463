import assert from "node:assert/strict";
import { until } from "../stack.ts";
import { browserTest } from "./browser.ts";
import { Device } from "../device.ts";

browserTest(
  "notices tell of questions and results, unless a channel is quiet",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("flat_task_pipeline");
    await using device = await Device.join(fixture, user);
    const path = `/c/${channel.name}/${channel.name}`;
    const page = await visitors.visitor(user, path, { permissions: ["notifications"] });
    // The page as it is behind others, and what it asks the browser to show.
    await page.context().addInitScript(`
    window.told = [];
    window.Notification = class {
      static permission = "granted";
      static requestPermission = async () => "granted";
      constructor(title, { body }) { window.told.push(title + ": " + body); }
    };
    document.hasFocus = () => false;
  `);
    await page.reload();
    await page.getByRole("button", { name: /^Account of/ }).click();
    await page.getByLabel("Notify me").check();
    await page.keyboard.press("Escape");
    const told = () => page.evaluate("window.told") as Promise<string[]>;

    const { task } = await user.aura.dispatchTask(channel.id, "Paint it");
    const id = task.id.slice(0, 8);
    const claimed = await device.claim();
    await device.ask(claimed, { kind: "question", title: "Which colour?", allow_text: true });
    await until(async () => (await told()).includes(`${id} asks: Which colour?`), "the question");
    await device.complete(claimed, "Red.");
    await until(async () => (await told()).includes(`${id} complete: Paint it`), "the result");

    await page.reload();
    await page.getByRole("button", { name: "No notices of this channel" }).click();
    const second = await user.aura.dispatchTask(channel.id, "Paint it again");
    await device.complete(await device.claim(), "Blue.");
    await page.getByText("Blue.").waitFor();
    assert.deepEqual((await told()).filter((one) => one.includes(second.task.id.slice(0, 8))), []);
  },
);

browserTest("the console can be installed", async (visitors) => {
  const page = await visitors.stranger();
  const address = await page.getAttribute("link[rel=manifest]", "href");
  const manifest = await (await page.request.get(new URL(address!, page.url()).href)).json();
  assert.equal(manifest.display, "standalone");
  for (const { src } of manifest.icons) {
    const icon = await page.request.get(new URL(src, page.url()).href);
    assert.match(icon.headers()["content-type"]!, /^image\//);
  }
});
