import assert from "node:assert/strict";
import { until } from "../stack.ts";
import { browserTest } from "./browser.ts";

browserTest(
  "AdminPage() makes and changes servers, channels, models and settings",
  async (visitors) => {
    const { fixture } = visitors;
    const admin = await fixture.user("admin");
    const { name } = await fixture.channel("flat_task_pipeline");
    const page = await visitors.visitor(admin, "/admin");

    await page.getByRole("button", { name: `Add a channel to ${name}` }).click();
    await page.getByLabel("Name", { exact: true }).fill("kitchen");
    await page.getByLabel("Working directory").fill("Desktop/kitchen");
    await page.getByLabel(/^Model/).selectOption("codex");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Edit #kitchen" }).click();
    await page.getByLabel("Read-only").check();
    await page.getByRole("button", { name: "Save" }).click();
    // Other channels are read-only too: what is waited for is that this one is kept.
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.getByText("read-only", { exact: true }).first().waitFor();
    const [made] = await fixture.sql`
    select project_path, model_preference, is_read_only from hub_channels where name = 'kitchen'`;
    assert.deepEqual({ ...made }, {
      project_path: "Desktop/kitchen",
      model_preference: "codex",
      is_read_only: true,
    });

    // In order, by keyboard too: what is moved keeps the focus.
    const channels = page.getByRole("region", { name });
    const order = () => channels.getByText(/^#/).allTextContents();
    assert.deepEqual(await order(), [`#${name}`, "#kitchen"]);
    const down = page.getByRole("button", { name: `Move #${name} down` });
    await down.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: `Move #${name} down`, disabled: true }).waitFor();
    await page.locator(`[title="Move #${name} down"]:focus`).waitFor();
    assert.deepEqual(await order(), ["#kitchen", `#${name}`]);
    const rail = page.getByRole("navigation", { name: "Servers" }).getByRole("listitem");
    const places = async () =>
      await rail.getByRole("link").evaluateAll((links) => links.map((link) => link.title));
    const before = await places();
    await page.getByRole("button", { name: `Move ${name} up` }).click();
    await until(
      async () => (await places()).indexOf(name) === before.indexOf(name) - 1,
      "its new place",
    );

    // What is refused says so, with the error of the backend.
    await page.getByRole("button", { name: `Add a channel to ${name}` }).click();
    await page.getByLabel("Name", { exact: true }).fill("kitchen");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").getByRole("alert").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    page.once("dialog", (asked) => void asked.accept());
    await page.getByRole("button", { name: "Edit #kitchen" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Edit #kitchen" }).waitFor({ state: "detached" });

    await page.getByRole("button", { name: `Edit ${name}` }).click();
    await page.getByLabel("Role of whoever").selectOption({ label: "None: it is private" });
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    const [server] = await fixture.sql`select default_role from hub_servers where name = ${name}`;
    assert.equal(server!.default_role, "none");

    const model = `model-${crypto.randomUUID().slice(0, 8)}`;
    await page.getByRole("button", { name: "Models" }).click();
    await page.getByRole("button", { name: "Add model" }).click();
    await page.getByLabel("Name, as devices call it").fill(model);
    await page.getByLabel("Shown as").fill("A model of mine");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("button", { name: "Edit A model of mine" }).click();
    await page.getByLabel("Tasks may be given to it").uncheck();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("off", { exact: true }).waitFor();
    await fixture.sql`delete from hub_models where name = ${model}`;

    await page.getByRole("button", { name: "Settings" }).click();
    const settings = page.getByRole("form", { name: "Settings" });
    const limit = settings.getByLabel("max open tasks per user");
    const was = await limit.inputValue();
    await limit.fill("77");
    await settings.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    const kept = await admin.aura.updateSettings({ max_open_tasks_per_user: Number(was) });
    assert.equal(kept.max_open_tasks_per_user, Number(was));
  },
);

browserTest("RoutingPanel() tries a request, and changes the rules", async (visitors) => {
  const { fixture } = visitors;
  const { name } = await fixture.channel("flat_task_pipeline");
  const page = await visitors.visitor(await fixture.user("admin"), "/admin");
  await page.getByRole("button", { name: "Routing" }).click();
  const routing = page.getByRole("region", { name: "Routing" });

  const word = `zq${crypto.randomUUID().replaceAll("-", "").slice(0, 8)}`;
  await routing.getByLabel("Try a request").fill(`Please ${word} it`);
  await routing.getByLabel("Sent to").selectOption({ label: `${name}/${name}` });
  await routing.getByRole("status").filter({ hasText: "general" }).waitFor();

  const position = String(-1 - Math.floor(Math.random() * 1e6));
  await routing.getByRole("button", { name: "Add rule" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Place in the order").fill(position);
  await dialog.getByLabel("Kind of work").fill("odd_jobs");
  await dialog.getByLabel("Regular expression").fill("(");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByLabel("Regular expression").fill(word);
  await dialog.getByLabel("Platform").selectOption("macos");
  await dialog.getByRole("button", { name: "Save" }).click();
  await routing.getByRole("status").filter({ hasText: "odd_jobs, for any model on macos" })
    .waitFor();

  page.once("dialog", (asked) => void asked.accept());
  await routing.getByRole("button", { name: `Edit rule ${position}, odd_jobs` }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await routing.getByRole("status").filter({ hasText: "general" }).waitFor();
});

browserTest("AdminPage() is offered to admins alone", async (visitors) => {
  const page = await visitors.visitor(await visitors.fixture.user("operator"));
  await page.getByRole("link", { name: "Mesh" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Administration" }).count(), 0);
});
