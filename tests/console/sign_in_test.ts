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

browserTest("SignIn() takes passwords as the server does", async (visitors) => {
  const page = await visitors.stranger();
  await page.getByRole("button", { name: "Create an account" }).click();
  await page.getByLabel("E-mail").fill(`${crypto.randomUUID()}@example.com`);
  await page.getByLabel("Password").fill("seven77");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("alert").filter({ hasText: "at least 8 characters" }).waitFor();
});

browserTest("Session() is not replaced by a link with somebody else's token", async (visitors) => {
  const { fixture } = visitors;
  const [ada, eve] = [await fixture.user(), await fixture.user()];
  const { data } = await eve.supabase.auth.getSession();
  const { access_token, refresh_token } = data.session!;
  const link = `${fixture.url}/#` + new URLSearchParams({
    ...{ access_token, refresh_token, expires_in: "3600", token_type: "bearer", type: "magiclink" },
  });
  const page = await visitors.visitor(ada);
  await page.getByRole("navigation", { name: "Servers" }).waitFor();
  await page.goto(link);
  await page.reload();
  await page.getByRole("button", { name: `Account of ${ada.email.split("@")[0]}` }).waitFor();

  const stranger = await visitors.stranger();
  await stranger.goto(link);
  await stranger.reload();
  await stranger.getByRole("heading", { name: "Sign in to Aura Servers" }).waitFor();
});

browserTest("Session() lasts through a reload", async (visitors) => {
  const page = await visitors.visitor(await visitors.fixture.user());
  await page.reload();
  await page.getByRole("navigation", { name: "Servers" }).waitFor();
});
