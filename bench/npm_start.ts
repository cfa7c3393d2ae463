// A stack started as people do, by `npm start`, with a state of its own that goes with it.
import { join } from "node:path";
import { parseEnv } from "node:util";
import { isAlive } from "../stack/postgres.ts";
import { freshSettings } from "../tests/runner/own_stack.ts";

const ROOT = join(import.meta.dirname!, "..");

/** That end the benchmark, and this stack with it. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export class NpmStart implements AsyncDisposable {
  /** The group, since npm passes no signal on. */
  #interrupt = () => Deno.kill(-this.npm.pid, "SIGINT");

  private constructor(
    private readonly npm: Deno.ChildProcess,
    private readonly settings: Record<string, string>,
    /** Until it answered. */
    readonly ms: number,
  ) {
    for (const signal of SIGNALS) Deno.addSignalListener(signal, this.#interrupt);
  }

  static async start(executor: "on" | "off"): Promise<NpmStart> {
    const settings: Record<string, string> = {
      ...await freshSettings(),
      AURA_EXECUTOR: executor,
    };
    const begin = performance.now();
    const npm = new Deno.Command("npm", {
      args: ["start"],
      cwd: ROOT,
      env: settings,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
    while (!await answers(`http://127.0.0.1:${settings.AURA_API_PORT}/health`)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return new NpmStart(npm, settings, performance.now() - begin);
  }

  /** Signs in and reads as the console does when it opens. */
  async use(): Promise<void> {
    const env = parseEnv(await Deno.readTextFile(join(this.settings.AURA_STATE_DIR!, "env")));
    const headers = { apikey: env.SUPABASE_PUBLISHABLE_KEY!, "content-type": "application/json" };
    const session = await read(`${env.SUPABASE_URL}/auth/v1/token?grant_type=password`, {
      method: "POST",
      headers,
      body: JSON.stringify({ email: env.AURA_USER_EMAIL, password: env.AURA_USER_PASSWORD }),
    });
    const authorization = `Bearer ${session.access_token}`;
    for (const table of ["hub_servers", "hub_channels", "hub_channel_messages", "mac_tasks"]) {
      const url = `${env.SUPABASE_URL}/rest/v1/${table}?limit=50`;
      await read(url, { headers: { ...headers, authorization } });
    }
  }

  /**
   * In MB, as PSS, in which what processes share counts once: npm's own process, the gateway, Postgres
   * with its backends, and the executor. From /proc, so on Linux alone.
   */
  async memory(): Promise<number> {
    const all = await Promise.all((await family(this.npm.pid)).map(memoryOf));
    const kilobytes = all.reduce((total, { Pss }) => total + Pss!, 0);
    // This process runs the same program: its share of that would be the stack's.
    const own = await memoryOf(Deno.pid);
    return (kilobytes + own.Pss_File! - own.Private_Clean!) / 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pids = await family(this.npm.pid);
    this.#interrupt();
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, this.#interrupt);
    await this.npm.status;
    while (pids.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 50));
    await Deno.remove(this.settings.AURA_STATE_DIR!, { recursive: true });
  }
}

async function answers(url: string): Promise<boolean> {
  const answer = await fetch(url).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}

async function read(url: string, init: RequestInit): Promise<{ access_token?: string }> {
  const answer = await fetch(url, init);
  const body = await answer.json();
  if (!answer.ok) throw new Error(`"${url}" answered ${answer.status}: ${JSON.stringify(body)}`);
  return body;
}

/** What the process holds, in kB, by the names of /proc. */
async function memoryOf(pid: number): Promise<Record<string, number>> {
  const rollup = await Deno.readTextFile(`/proc/${pid}/smaps_rollup`);
  return Object.fromEntries(
    [...rollup.matchAll(/^(\w+):\s+(\d+)/gm)].map(([, name, size]) => [name, Number(size)]),
  );
}

/** A process and everything that it has started. */
async function family(pid: number): Promise<number[]> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid="] }).output();
  const pairs = new TextDecoder().decode(stdout).trim().split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
  const found = [pid];
  for (const member of found) {
    found.push(...pairs.filter(([, parent]) => parent === member).map(([child]) => child));
  }
  return found;
}
