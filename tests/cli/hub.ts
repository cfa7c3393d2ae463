// hub as a user of a test runs it.
import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import type { Fixture, User } from "../client/fixture.ts";

const main = resolve(import.meta.dirname!, "../../cli/main.ts");

interface Ended {
  code: number;
  out: string;
  err: string;
}

/** hub as one user runs it: a session file of its own, no terminal. */
export class Hub implements AsyncDisposable {
  readonly #folder: string = Deno.makeTempDirSync();
  readonly sessionFile: string = join(this.#folder, "config", "session.json");
  readonly #env: Record<string, string>;

  private constructor(fixture: Fixture, { email, password }: User) {
    this.#env = {
      AURA_SESSION_FILE: this.sessionFile,
      SUPABASE_URL: fixture.url,
      SUPABASE_PUBLISHABLE_KEY: fixture.key,
      AURA_USER_EMAIL: email,
      AURA_USER_PASSWORD: password,
      AURA_STATE_DIR: this.#folder,
    };
  }

  static async open(fixture: Fixture, user: User, signedIn = true): Promise<Hub> {
    const hub = new Hub(fixture, user);
    if (signedIn) assert.equal((await hub.run("login")).code, 0);
    return hub;
  }

  spawn(args: string[], env: Record<string, string> = {}): Deno.ChildProcess {
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", main, ...args],
      env: { ...this.#env, ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** As `npm run hub` starts it: the program on Deno is its child. */
  spawnWrapper(args: string[]): Deno.ChildProcess {
    return new Deno.Command("node", {
      args: [join(main, "../hub.js"), ...args],
      env: this.#env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async run(...args: string[]): Promise<Ended> {
    return await this.runWith({}, ...args);
  }

  async runWith(
    { env, input = "" }: { env?: Record<string, string>; input?: string },
    ...args: string[]
  ): Promise<Ended> {
    const child = this.spawn(args, env);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const text = new TextDecoder();
    return { code, out: text.decode(stdout), err: text.decode(stderr) };
  }

  /** The value that --json prints. */
  async json(...args: string[]) {
    const { code, out, err } = await this.run("--json", ...args);
    assert.equal(code, 0, err);
    return JSON.parse(out);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

export async function openHub(
  fixture: Fixture,
  role: "viewer" | "operator" | "admin" = "operator",
): Promise<Hub> {
  return await Hub.open(fixture, await fixture.user(role));
}
