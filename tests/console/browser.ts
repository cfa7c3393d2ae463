// The console in a real browser, on the stack under test. CHROMIUM names a browser that is elsewhere
// than usual. Where there is none these tests say so, and are skipped; where CI is set they fail.
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { Fixture, type User } from "../client/fixture.ts";
import { builtConsole } from "./built.ts";

const PLACES = [
  // Chromium without windows, which needs half of the time.
  "/usr/bin/chromium-headless-shell",
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

const named = Deno.env.get("CHROMIUM");
const executablePath = (named ? [named] : PLACES).find(exists);
const MISSING = "Chromium is missing: install it, or name it in CHROMIUM";

let launched: Promise<Browser> | undefined;
let closes = false;

/** One process, with a new and empty profile, for all tests of a file. */
async function browser(): Promise<Browser> {
  if (!executablePath) throw new Error(`${MISSING}.`);
  await builtConsole();
  return await (launched ??= chromium.launch({ executablePath, args: FLAGS }));
}

/** People at the console, each with windows, storage and a session of their own. */
export class Visitors implements AsyncDisposable {
  /** What pages must not do: throw, break their own policy, or ask anybody but the stack. */
  readonly errors: string[] = [];
  readonly #contexts: BrowserContext[] = [];

  constructor(readonly fixture: Fixture) {}

  /** An empty browser at the sign-in page. */
  async stranger(options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.#window(options);
    await page.goto(this.fixture.url);
    return page;
  }

  /** Somebody who has signed in before, at this page of the console. */
  async visitor(
    user: User,
    path = "/",
    { url = this.fixture.url, ...options }: BrowserContextOptions & { url?: string } = {},
  ): Promise<Page> {
    const page = await this.#window(options);
    const { data } = await user.supabase.auth.getSession();
    await page.context().addInitScript(keepSession(data.session));
    await page.goto(`${url}/#${path}`);
    return page;
  }

  /** The pages as screen readers tell them, which says more of a failure than what was waited for. */
  async whatIsSeen(): Promise<string> {
    const pages = this.#contexts.flatMap((context) => context.pages());
    const seen = pages.map(async (page) =>
      `${page.url()}\n${await page.locator("body").ariaSnapshot()}\n`
    );
    return (await Promise.all(seen)).join("\n");
  }

  async #window(options: BrowserContextOptions): Promise<Page> {
    const context = await (await browser()).newContext({
      viewport: { width: 1280, height: 800 },
      locale: "en-GB",
      ...options,
    });
    this.#contexts.push(context);
    context.setDefaultTimeout(60_000);
    context.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (protocol.startsWith("http") && hostname !== "127.0.0.1") {
        this.errors.push(`It asked ${request.url()}.`);
      }
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => this.errors.push(error.message));
    page.on("console", (line) => {
      if (line.text().includes("Content Security Policy")) this.errors.push(line.text());
    });
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const context of this.#contexts) await context.close();
  }
}

/** Code for the page: leaves a session where supabase-js keeps that of a stack on this machine. */
function keepSession(session: unknown): string {
  const value = JSON.stringify(JSON.stringify(session));
  return `localStorage.setItem("sb-127-auth-token", ${value})`;
}

/** Goes to a page of the console, as following a link does. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(path)}`);
}

export async function closeBrowser(): Promise<void> {
  await (await launched)?.close();
}

/** A test in a browser, which fails as well for what no page may do. */
export function browserTest(name: string, run: (visitors: Visitors) => Promise<void>): void {
  if (!closes) Deno.test.afterAll(closeBrowser);
  closes = true;
  Deno.test({
    name: executablePath ? name : `${name} (${MISSING})`,
    ignore: !executablePath && !Deno.env.get("CI"),
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      await using fixture = new Fixture();
      await using visitors = new Visitors(fixture);
      try {
        await run(visitors);
      } catch (error) {
        console.log(await visitors.whatIsSeen());
        throw error;
      }
      if (visitors.errors.length > 0) {
        throw new Error(`A page misbehaved: ${visitors.errors.join("; ")}`);
      }
    },
  });
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
