import { browserTest } from "./browser.ts";

browserTest("SignIn() takes a newcomer in, and out again", async (visitors) => {
  const page = await visitors.stranger();
  const email = `${crypto.randomUUID()}@example.com`;
  await page.getByRole("button", { name: "Create an account" }).click();
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill("correct horse");
  await page.getByRole("button", { name: "Create account" }).click();

  await page.getByRole("link", { name: "Koji Pipeline" }).waitFor();
  await page.getByRole("button", { name: "Account of Ada" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to Aura Servers" }).waitFor();
  await visitors.fixture.sql`delete from auth.users where email = ${email}`;
});

browserTest("SignIn() says that a password is wrong", async (visitors) => {
  const { email } = await visitors.fixture.user();
  const page = await visitors.stranger();
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill("something else");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "Invalid login credentials" }).waitFor();
});

browserTest("Session() lasts through a reload", async (visitors) => {
  const page = await visitors.visitor(await visitors.fixture.user());
  await page.reload();
  await page.getByRole("navigation", { name: "Servers" }).waitFor();
});
