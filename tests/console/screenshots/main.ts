// `npm run screenshots`: the console's views, from a stack of its own, into docs/screenshots.
import { join, resolve } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { Fixture } from "../../client/fixture.ts";
import { OwnStack } from "../../runner/own_stack.ts";
import { closeBrowser, visit, Visitors } from "../browser.ts";
import { type Day, playDay } from "./day.ts";

const FOLDER = resolve(import.meta.dirname!, "../../../docs/screenshots");

const DESK = { viewport: { width: 1280, height: 800 } };
const looks: Record<string, BrowserContextOptions> = {
  light: { ...DESK, colorScheme: "light" },
  dark: { ...DESK, colorScheme: "dark" },
  phone: {
    viewport: { width: 390, height: 800 },
    deviceScaleFactor: 1.5,
    isMobile: true,
    hasTouch: true,
    colorScheme: "light",
  },
};

/** Brings the page to each view and waits until it is whole. */
const views: Record<string, (page: Page, day: Day) => Promise<unknown>> = {
  async channels(page) {
    await visit(page, "/s/buf-barista");
    await page.getByRole("navigation", { name: "Channels of Buf Barista" }).waitFor();
  },
  async flat(page) {
    await visit(page, "/c/buf-barista/cc-runtime");
    await page.getByRole("group", { name: "Open tasks" }).waitFor();
  },
  async thread(page, { thread }) {
    await visit(page, `/c/cloud-hub/dispatch/${thread.id}`);
    await page.getByText("Restarting ingest").waitFor();
    await page.getByRole("region", { name: /^Thread / }).getByText("running").waitFor();
  },
  async threads(page) {
    await visit(page, "/c/cloud-hub/dispatch");
    await page.getByRole("link", { name: /^Active.*running/ }).waitFor();
  },
  async command(page) {
    await visit(page, "/c/koji-pipeline/leads");
    const prompt = page.getByLabel("Command", { exact: true });
    for (const command of ["stats", "hot brooklyn", "sweep-status"]) {
      await prompt.fill(command);
      await prompt.press("Enter");
      await page.getByRole("article", { name: `!${command}` }).locator("pre").waitFor();
    }
    await prompt.pressSequentially("s");
    await page.getByRole("option").first().waitFor();
  },
  async mesh(page) {
    await visit(page, "/mesh");
    await page.getByRole("article", { name: "Device studio" }).waitFor();
    await page.getByRole("figure").first().waitFor();
  },
  async task(page) {
    await visit(page, "/c/buf-barista/cc-runtime");
    await page.getByRole("group", { name: "Open tasks" }).getByRole("button").first().click();
    await page.getByRole("region", { name: "Attempts" }).waitFor();
  },
};

const stack = await OwnStack.start();
try {
  const env = { ...stack.settings, ...stack.env };
  await using fixture = new Fixture(env);
  await using visitors = new Visitors(fixture);
  await using day = await playDay(fixture, env);
  await Deno.mkdir(FOLDER, { recursive: true });
  for (const [look, options] of Object.entries(looks)) {
    const still: BrowserContextOptions = {
      ...options,
      reducedMotion: "reduce",
      timezoneId: afternoon(),
    };
    await shoot(await visitors.stranger(still), "sign-in", look);
    const page = await visitors.visitor(day.maya, "/", still);
    await awayForAnHour(page, fixture, day.maya.id);
    for (const [view, show] of Object.entries(views)) {
      if (view === "channels" && look !== "phone") continue;
      await show(page, day);
      await shoot(page, view, look);
    }
  }
} finally {
  await closeBrowser();
  await stack[Symbol.asyncDispose]();
}

/** A place where it is about one in the afternoon, so that no midnight divides the day. */
function afternoon(): string {
  const east = 13 - new Date().getUTCHours();
  return `Etc/GMT${east > 0 ? "-" : "+"}${Math.abs(east)}`;
}

/** What came in the last hour is unread. */
async function awayForAnHour(page: Page, fixture: Fixture, user: string): Promise<void> {
  await page.waitForLoadState("networkidle");
  await fixture.sql`
    update hub_reads set last_read_at = now() - interval '1 hour' where user_id = ${user}`;
  await page.reload();
}

async function shoot(page: Page, view: string, look: string): Promise<void> {
  await page.waitForLoadState("networkidle");
  await page.evaluate("document.fonts.ready");
  const image = await page.screenshot({ animations: "disabled", caret: "hide" });
  const path = join(FOLDER, `${view}-${look}.png`);
  await Deno.writeFile(path, image);
  console.log(
    `${path.slice(FOLDER.length - "docs/screenshots".length)}  ${
      Math.round(image.length / 1000)
    } kB`,
  );
}
