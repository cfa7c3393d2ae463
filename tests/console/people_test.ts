import assert from "node:assert/strict";
import { until } from "../stack.ts";
import { browserTest } from "./browser.ts";

browserTest("PeoplePanel() gives somebody roles everywhere and on one server", async (visitors) => {
  const { fixture } = visitors;
  const admin = await fixture.user("admin");
  const other = await fixture.user("viewer");
  const { server_id, name } = await fixture.channel("flat_task_pipeline");
  const page = await visitors.visitor(admin, "/admin");

  await page.getByRole("button", { name: "People" }).click();
  const people = page.getByRole("region", { name: "People" });
  await people.getByLabel("Find somebody").fill(other.email);
  const role = people.getByRole("listitem").filter({ hasText: other.email }).getByRole("combobox");
  await people.getByRole("listitem").nth(1).waitFor({ state: "detached" });
  assert.equal(await role.inputValue(), "viewer");
  await role.selectOption("operator");
  await until(async () => (await other.aura.whoami()).role === "operator", "the role everywhere");

  await people.getByLabel("What they may do").selectOption({ label: `On ${name}` });
  await role.selectOption({ label: "None" });
  const known = async () =>
    (await other.aura.whoami()).servers.some((server) => server.server_id === server_id);
  await until(async () => !await known(), "the server to be hidden");
  await role.locator("option", { hasText: "By default" }).waitFor({ state: "attached" });
  await role.selectOption("");
  await until(known, "the server to be there again");

  // On a phone, every panel is within the page.
  await page.setViewportSize({ width: 390, height: 800 });
  const settings = await page.getByRole("button", { name: "Settings" }).boundingBox();
  assert.ok(settings && settings.x + settings.width <= 390);
});

browserTest("PeoplePanel() shows an admin of one server its people alone", async (visitors) => {
  const { fixture } = visitors;
  const head = await fixture.user("viewer");
  const { server_id, name } = await fixture.channel("flat_task_pipeline");
  const admin = await fixture.user("admin");
  await admin.aura.setServerRole(server_id, head.id, "admin");
  const page = await visitors.visitor(head, "/admin");

  assert.equal(await page.getByRole("button", { name: "Settings" }).count(), 0);
  await page.getByRole("button", { name: "People" }).click();
  const where = page.getByLabel("What they may do");
  assert.deepEqual(await where.locator("option").allTextContents(), [`On ${name}`]);
});
