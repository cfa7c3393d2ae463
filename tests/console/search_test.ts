import assert from "node:assert/strict";
import { browserTest } from "./browser.ts";

browserTest(
  "SearchPage() marks the words, and leads to a message in its place",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const channel = await fixture.channel("flat_task_pipeline");
    const other = await fixture.channel("flat_task_pipeline");
    const word = `zebra${crypto.randomUUID().slice(0, 4)}`;
    const line = (n: number) => n === 60 ? `The ${word} <b>crosses</b> here` : `Line ${n} of many`;
    await fixture.sql`
    insert into hub_channel_messages ${
      fixture.sql(Array.from({ length: 200 }, (_, n) => ({
        channel_id: channel.id,
        sender_label: "Ann",
        content: line(n),
        created_at: new Date(Date.UTC(2026, 0, 1, 0, n)),
      })))
    }`;
    await user.aura.postChannelMessage(other.id, `Another ${word}`);

    const page = await visitors.visitor(user);
    await page.getByRole("link", { name: "Search", exact: true }).click();
    await page.getByLabel("Search messages").fill(`${word} or nothing-at-all`);
    const found = page.getByRole("region", { name: "Found messages" });
    await found.locator("mark").nth(1).waitFor();
    await page.getByLabel("Where").selectOption({ label: `#${channel.name}` });
    await found.locator("mark").nth(1).waitFor({ state: "detached" });
    assert.equal(await found.locator("mark").textContent(), word);
    await found.getByText("<b>crosses</b> here").waitFor();

    // The address keeps what is looked for, and a way back leads to it.
    await page.reload();
    await found.locator("mark").waitFor();
    await found.getByRole("link").click();
    const around = page.getByRole("log");
    const message = around.locator("[aria-current]");
    await message.getByText(word).waitFor();
    // It has the focus, so that one reads on from there.
    await around.locator("[aria-current]:focus").waitFor();
    await around.getByText("Line 59 of many").waitFor();
    await around.getByText("Line 61 of many").waitFor();
    // Also when what is around it has been read.
    await page.waitForLoadState("networkidle");
    const box = (await message.boundingBox())!;
    assert.ok(box.y > 0 && box.y < 800, `in view, at ${box.y}`);
    // Reading on from there reaches the newest.
    const list = page.getByRole("region", { name: "The message, and those around it" });
    await list.hover();
    while (await around.getByText("Line 199 of many").count() === 0) {
      await page.mouse.wheel(0, 2000);
      await page.waitForTimeout(20);
    }
    await page.getByRole("button", { name: "Back" }).click();
    await found.locator("mark").waitFor();
    await page.goForward();
    await page.getByRole("button", { name: "Open the channel" }).click();
    await page.getByRole("heading", { name: channel.name, level: 1 }).waitFor();
    await page.getByText("Line 199 of many").waitFor();
  },
);

browserTest(
  "SearchPage() says what it did not find, and what it cannot look for",
  async (visitors) => {
    const page = await visitors.visitor(
      await visitors.fixture.user(),
      "/search/all/nobody-said-this-word",
    );
    await page.getByRole("status").filter({ hasText: "No message has these words." }).waitFor();
    await page.getByLabel("Search messages").fill("-only-unwanted");
    await page.getByText(/at least one word/).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Go to" }).fill("teapot in the kitchen");
    await page.getByRole("option", { name: /search messages/ }).click();
    await page.getByRole("status").filter({ hasText: "No message has these words." }).waitFor();
    assert.equal(await page.getByLabel("Search messages").inputValue(), "teapot in the kitchen");

    await page.setViewportSize({ width: 390, height: 800 });
    const field = (await page.getByLabel("Search messages").boundingBox())!;
    assert.ok(field.x + field.width <= 390);
  },
);

browserTest("SearchPage() keeps any words in its address", async (visitors) => {
  const user = await visitors.fixture.user();
  const page = await visitors.visitor(user, "/search/all");
  const field = page.getByLabel("Search messages");
  for (const words of ["a/b?c#d & e+f", "100% of %2F, 50%25", "für @du: ,;=$"]) {
    const before = page.url();
    await field.fill(words);
    await page.waitForURL((url) => url.href !== before);
    await page.reload();
    await field.waitFor();
    assert.equal(await field.inputValue(), words);
  }
});

browserTest("SearchPage() leads to a message of a thread, on a phone", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("threaded_task_isolation");
  const word = `yak${crypto.randomUUID().slice(0, 4)}`;
  const { thread } = await user.aura.dispatchTask(channel.id, "Shear the animals");
  await user.aura.postChannelMessage(channel.id, `And the ${word} too`, {
    task_thread_id: thread!.id,
  });

  const page = await visitors.visitor(user, "/search", { viewport: { width: 390, height: 800 } });
  await page.getByLabel("Search messages").fill(word);
  const found = page.getByRole("region", { name: "Found messages" }).getByRole("link");
  await found.getByText(", in a thread").waitFor();
  await found.click();
  const around = page.getByRole("log");
  await around.locator("[aria-current]").getByText(word).waitFor();
  await around.getByText("Shear the animals").first().waitFor();
  assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
  await page.getByRole("button", { name: "Open the thread" }).click();
  await page.getByRole("heading", { name: "Shear the animals" }).waitFor();
  await page.getByText(word).waitFor();
});
