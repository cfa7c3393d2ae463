import { browserTest } from "./browser.ts";
import { Device } from "../device.ts";

browserTest("MeshPage() shows devices, throttles, tasks and drains, live", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user, { models: ["claude", "codex"] });
  const page = await visitors.visitor(user, "/mesh");
  const card = page.getByRole("article", { name: `Device ${device.name}` });
  await card.getByText("online").waitFor();

  await user.aura.dispatchTask(channel.id, "Sort the shelf", { model: "claude" });
  const first = await device.claim();
  await card.getByText("Sort the shelf").waitFor();
  await card.getByText("1 of 4 running").waitFor();
  await device.throttle(first, "claude", new Date(Date.now() + 3_600_000));
  await card.getByText("throttled until").waitFor();

  await device.complete(await device.claim(), "Sorted.");
  await card.getByText("0 of 4 running").waitFor();
  await page.getByRole("row").filter({ hasText: "complete" }).first().waitFor({
    state: "attached",
  });

  await card.getByRole("switch").click();
  await card.getByText("draining", { exact: true }).waitFor();

  await fixture.sql`update mesh_devices set agent_version = '0.0.9' where name = ${device.name}`;
  await card.getByText("this device's executor 0.0.9 is too old for it").waitFor();
});

browserTest(
  "RegisterDevice() adds a device and shows its token once; it can be removed",
  async (visitors) => {
    const { fixture } = visitors;
    const page = await visitors.visitor(await fixture.user(), "/mesh");
    const name = `device-${crypto.randomUUID().slice(0, 8)}`;
    await page.getByRole("button", { name: "Add device" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("cloud-hub").check();
    await dialog.getByRole("button", { name: "Add device" }).click();
    await dialog.getByText(/^aura_[0-9a-f]{64}$/).waitFor();
    await dialog.getByRole("button", { name: "Done" }).click();
    const card = page.getByRole("article", { name: `Device ${name}` });
    await card.getByText("never seen").waitFor();
    await card.getByText("for cloud-hub alone · registered by you").waitFor();
    await card.getByRole("button", { name: "Servers" }).click();
    await dialog.getByLabel("cloud-hub").uncheck();
    await dialog.getByLabel("buf-barista").check();
    await dialog.getByRole("button", { name: "Save" }).click();
    await card.getByText("for buf-barista alone · registered by you").waitFor();
    page.once("dialog", (asked) => void asked.accept());
    await card.getByRole("button", { name: "Remove" }).click();
    await card.waitFor({ state: "detached" });
  },
);
