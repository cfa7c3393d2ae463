import assert from "node:assert/strict";
import { browserTest } from "./browser.ts";
import { Device } from "../device.ts";

const PATCH = `diff --git a/src/a.ts b/src/a.ts
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,2 +1,3 @@
 one
-two
+zwei
+drei
diff --git a/README.md b/README.md
--- a/README.md
+++ b/README.md
@@ -1 +1 @@
-old
+new
`;

const CHANGES = {
  base: "main",
  branch: "aura/tidy",
  additions: 3,
  deletions: 2,
  files: [
    { path: "src/a.ts", status: "modified", additions: 2, deletions: 1 },
    { path: "README.md", status: "modified", additions: 1, deletions: 1 },
  ],
};

browserTest("ChangesPage() shows a diff, sends a review and publishes", async (visitors) => {
  const { fixture } = visitors;
  const user = await fixture.user();
  const channel = await fixture.channel("threaded_task_isolation");
  await using device = await Device.join(fixture, user);
  const { thread } = await user.aura.dispatchTask(channel.id, "Count in German");
  const page = await visitors.visitor(user, `/c/${channel.name}/${channel.name}/${thread!.id}`);
  const task = await device.claim();
  await device.leaveFile(task, "changes.patch", new TextEncoder().encode(PATCH));
  await device.complete(task, "Done.", { changes: CHANGES });

  await page.getByRole("link", { name: "Look at the changes: 2 files +3 −2" }).click();
  const diff = page.getByRole("region", { name: "src/a.ts" });
  await diff.getByText("zwei").waitFor();
  await page.getByRole("button", { name: "Side by side" }).click();
  await diff.getByText("zwei").waitFor();

  await diff.getByText("zwei").hover();
  await diff.getByRole("button", { name: "Comment on line 2" }).last().click();
  await page.getByLabel("Comment on line 2").last().fill("Say it in French");
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByRole("button", { name: /^README\.md/ }).click();
  const readme = page.getByRole("region", { name: "README.md" });
  await readme.getByText("new").hover();
  await readme.getByRole("button", { name: "Comment on line 1" }).last().click();
  await page.getByLabel("Comment on line 1").last().fill("Why?");
  await page.getByRole("button", { name: "Keep" }).click();

  // What is said is kept until it is sent.
  await page.reload();
  await page.getByLabel("Say something about all of it").fill("Two things");
  await page.getByRole("button", { name: "Send 2 comments" }).click();
  await page.getByText("The review is sent").waitFor();
  const follow = await device.claim();
  for (const said of ["Two things", "Say it in French", "Why?", "src/a.ts"]) {
    assert(follow.content.includes(said), said);
  }
  await device.complete(follow, "Merci.");

  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByText("pushes the branch and opens a pull request").waitFor();
  const published = await user.aura.fetchTasks({ channel_id: channel.id });
  assert(published.some(({ kind }) => kind === "publish"));
});
