import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { until } from "../stack.ts";
import { browserTest } from "./browser.ts";
import { Device } from "../device.ts";

/** A red pixel. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==",
  "base64",
);

/** Whether the red pixel is drawn. */
const SHOWN = "[...document.images].some((img) => img.complete && img.naturalWidth === 1)";

browserTest("TaskComposer() sends files that are picked, dropped and pasted", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("flat_task_pipeline");
  await using device = await Device.join(fixture, user);
  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
  const box = page.getByRole("textbox", { name: "Message" });
  await box.waitFor();

  await page.getByLabel("Files", { exact: true }).setInputFiles([
    { name: "red.png", mimeType: "image/png", buffer: PNG },
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("line one\nline two") },
  ]);
  const listed = page.getByRole("list", { name: "Files to send" }).getByRole("listitem");
  // What is pasted and what is dropped are events with files in them.
  await page.evaluate(`{
    const give = (type, key, name) => {
      const data = new DataTransfer();
      data.items.add(new File(["pasted or dropped"], name, { type: "text/plain" }));
      document.querySelector("form textarea").dispatchEvent(
        Object.assign(type === "paste"
          ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
          : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })));
    };
    give("paste", "clipboardData", "pasted.txt");
    give("drop", "dataTransfer", "dropped.txt");
  }`);
  await until(async () => await listed.count() === 4, "four files");
  await page.getByRole("button", { name: "Leave out dropped.txt" }).click();
  assert.equal(await listed.count(), 3);

  // A request may be files alone.
  await until(() => page.getByRole("button", { name: "Send", exact: true }).isEnabled(), "sending");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await until(async () => await listed.count() === 0, "nothing left to send");
  const task = await device.claim();
  const files = await user.aura.fetchTaskFiles(task.id);
  assert.deepEqual(files.map(({ name }) => name).sort(), ["notes.txt", "pasted.txt", "red.png"]);

  await page.getByRole("region", { name: "File red.png" }).getByRole("img").waitFor();
  await until(() => page.evaluate(SHOWN), "the picture");
  const notes = page.getByRole("region", { name: "File notes.txt" });
  await notes.getByRole("button", { name: "Show notes.txt" }).click();
  await notes.getByText("line two").waitFor();
  const [saved] = await Promise.all([
    page.waitForEvent("download"),
    notes.getByRole("button", { name: "Save notes.txt" }).click(),
  ]);
  assert.equal(saved.suggestedFilename(), "notes.txt");
});

browserTest(
  "FileCard() shows what an agent left, and why something is missing",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("threaded_task_isolation");
    await using device = await Device.join(fixture, user);
    const { thread } = await user.aura.dispatchTask(channel.id, "Draw something");
    const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}/${thread!.id}`);
    const task = await device.claim();
    await device.leaveFile(task, "red.png", PNG);
    await page.getByRole("region", { name: "File red.png" }).getByRole("img").waitFor();
    await until(() => page.evaluate(SHOWN), "the picture");
  },
);
