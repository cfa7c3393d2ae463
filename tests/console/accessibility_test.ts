import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { browserTest, visit } from "./browser.ts";
import { Device } from "../device.ts";

const axe = await Deno.readTextFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"));

interface Fault {
  id: string;
  impact: string;
  nodes: { html: string }[];
}

/** What axe finds serious or critical on the page as it is. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate("axe.run()") as { violations: Fault[] };
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
}

for (const colorScheme of ["light", "dark"] as const) {
  browserTest(`axe finds no serious fault in any ${colorScheme} view`, async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user();
    const flat = await fixture.channel("flat_task_pipeline");
    const threaded = await fixture.channel("threaded_task_isolation");
    await using device = await Device.join(fixture, user);
    await user.aura.dispatchTask(flat.id, "Succeed");
    const result =
      "# Done\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\n> so\n\n```\ncode\n```\n\n- [x] [link](https://example.com)";
    await device.complete(await device.claim(), result, { usage: { input_tokens: 12 } });
    await user.aura.dispatchTask(flat.id, "Fail");
    await device.fail(await device.claim(), "It broke");
    await user.aura.dispatchTask(flat.id, "Wait", {
      run_at: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const { thread } = await user.aura.dispatchTask(threaded.id, "In a thread");
    const running = await device.claim();
    await device.progress(running, "Half way");
    await device.ask(running, {
      kind: "approval",
      title: "May I?",
      detail: "rm -rf build",
      allow_text: true,
    });

    const page = await visitors.stranger({ colorScheme, reducedMotion: "reduce" });
    assert.deepEqual(await faults(page), [], "sign-in");
    await page.getByLabel("E-mail").fill(user.email);
    await page.getByLabel("Password").fill(user.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation", { name: "Servers" }).waitFor();

    await visit(page, `/c/${flat.name}/${flat.name}`);
    await page.getByText("It broke").waitFor();
    assert.deepEqual(await faults(page), [], "flat channel");
    await page.getByRole("button", { name: /^Task .* details/ }).first().click();
    await page.getByRole("dialog").getByText("Has ended.").waitFor();
    assert.deepEqual(await faults(page), [], "task drawer");
    await page.keyboard.press("Escape");

    await visit(page, `/c/${threaded.name}/${threaded.name}/${thread!.id}`);
    await page.getByText("Half way").waitFor();
    await page.getByRole("link", { name: /In a thread/ }).waitFor();
    assert.deepEqual(await faults(page), [], "threaded channel");

    await visit(page, "/waiting");
    await page.getByRole("button", { name: "Allow once" }).first().waitFor();
    assert.deepEqual(await faults(page), [], "waiting for you");
    await page.keyboard.press("ControlOrMeta+k");
    await page.getByRole("option").first().waitFor();
    assert.deepEqual(await faults(page), [], "palette");
    await page.keyboard.press("Escape");

    await visit(page, "/c/koji-pipeline/leads");
    await page.getByRole("button", { name: "!stats" }).click();
    await page.getByText("Pipeline:").waitFor();
    await page.getByLabel("Command", { exact: true }).fill("s");
    await page.getByRole("option").first().waitFor();
    assert.deepEqual(await faults(page), [], "command channel");

    await visit(page, "/mesh");
    await page.getByRole("article", { name: `Device ${device.name}` }).waitFor();
    await page.getByRole("figure").first().waitFor();
    assert.deepEqual(await faults(page), [], "mesh");
    await page.getByRole("button", { name: "Add device" }).click();
    assert.deepEqual(await faults(page), [], "adding a device");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /^Account of/ }).click();
    assert.deepEqual(await faults(page), [], "account");
  });
}

browserTest(
  "axe finds no serious fault where one searches, reviews and administers",
  async (visitors) => {
    const { fixture } = visitors;
    const user = await fixture.user("admin");
    const channel = await fixture.channel("flat_task_pipeline");
    await using device = await Device.join(fixture, user);
    await user.aura.dispatchTask(channel.id, "Change it");
    const task = await device.claim();
    const patch = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-old\n+new\n";
    await device.leaveFile(task, "changes.patch", new TextEncoder().encode(patch));
    await device.leaveFile(task, "notes.txt", new TextEncoder().encode("Some notes"));
    const files = [{ path: "a.txt", status: "modified", additions: 1, deletions: 1 }];
    const changes = { base: "main", branch: "aura/a", additions: 1, deletions: 1, files };
    await device.complete(task, "Changed", { changes, usage: { input_tokens: 5 } });

    const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}`);
    await page.getByText("notes.txt").first().waitFor();
    assert.deepEqual(await faults(page), [], "files");
    await visit(page, `/changes/${task.id}`);
    await page.getByRole("region", { name: "a.txt" }).getByText("new").waitFor();
    assert.deepEqual(await faults(page), [], "changes");
    await visit(page, "/search/all/changed");
    await page.getByRole("region", { name: "Found messages" }).locator("mark").first().waitFor();
    assert.deepEqual(await faults(page), [], "search");
    for (const panel of ["servers", "people", "usage", "models", "routing", "settings"]) {
      await visit(page, `/admin/${panel}`);
      await page.getByRole("region", { name: "Administration" }).getByRole("listitem")
        .or(page.getByRole("region", { name: "Administration" }).getByRole("button")).first()
        .waitFor();
      assert.deepEqual(await faults(page), [], panel);
    }
  },
);
