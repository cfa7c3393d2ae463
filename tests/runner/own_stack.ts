// A stack for tests: on free ports, with a state directory of its own that goes with it.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { connectAdmin } from "../stack.ts";

const ROOT = resolve(import.meta.dirname!, "../..");

/** Names the directory that `makeTemplate` has made. */
const TEMPLATE = "AURA_TEST_TEMPLATE";

export class OwnStack implements AsyncDisposable {
  /** Those of this process that have not ended. */
  static readonly running = new Set<OwnStack>();
  /** What `<state>/env` says. */
  env: Record<string, string> = {};
  /** Everything it has printed. */
  output = "";
  #process: Deno.ChildProcess;
  #reading: Promise<unknown>;

  /** Its settings, by the names of their variables. Starts the process; see `ready`. */
  constructor(readonly settings: Record<string, string>) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", join(ROOT, "stack/main.ts")],
      env: settings,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    OwnStack.running.add(this);
    this.#process.status.then(() => OwnStack.running.delete(this));
    this.#reading = Promise.all(
      [this.#process.stdout, this.#process.stderr].map((stream) => this.#read(stream)),
    );
  }

  /**
   * Starts a stack on free ports, and resolves when it is ready. Begins as the template, where there is one,
   * and has its secrets; with a state directory of its own it begins as on a new machine.
   */
  static async start(settings: Record<string, string> = {}): Promise<OwnStack> {
    const own = { ...await freshSettings(), ...settings };
    const isPlain = !settings.AURA_POSTGRES_BIN && !settings.AURA_SCHEMA &&
      !settings.AURA_STATE_DIR;
    const template = Deno.env.get(TEMPLATE);
    if (template && isPlain) await copyState(template, own.AURA_STATE_DIR!);
    const stack = new OwnStack(own);
    await stack.ready();
    return stack;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves when it answers; rejects with what it printed when it ends instead. */
  async ready(): Promise<void> {
    let ended = false;
    const end = this.ended().then(() => ended = true);
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${this.settings.AURA_API_PORT}/health`)
        .catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) break;
      if (ended) throw new Error(`The stack ended before it was ready:\n${this.output}`);
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 50))]);
    }
    const text = await Deno.readTextFile(join(this.settings.AURA_STATE_DIR!, "env"));
    this.env = parseEnv(text) as Record<string, string>;
  }

  /** The process id of its database. */
  async postmaster(): Promise<number> {
    const path = join(this.settings.AURA_STATE_DIR!, "data/postmaster.pid");
    return Number((await Deno.readTextFile(path)).split("\n")[0]);
  }

  /** Resolves to its exit code when it has ended. */
  async ended(): Promise<number> {
    const { code } = await this.#process.status;
    await this.#reading;
    return code;
  }

  /** Ends it in good order, and keeps its state. */
  async stop(signal: Deno.Signal = "SIGINT"): Promise<number> {
    this.kill(signal);
    return await this.ended();
  }

  kill(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Ends it and deletes its state. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.settings.AURA_STATE_DIR!, { recursive: true });
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.output += text;
  }
}

/**
 * Makes the state that stacks of this process and its children begin with: a database that has been set up
 * already, which takes most of a first start. Resolves to the directory, to be deleted at the end.
 */
export async function makeTemplate(): Promise<string> {
  const stack = await OwnStack.start();
  {
    await using admin = await connectAdmin({ ...stack.settings, ...stack.env });
    // Nobody is to take the time until it is used for a gap in which the database was down.
    await admin`update hub.clock set ticked_at = null, resumed_at = null, resumed_from = null`;
    // Tests kill programs, never the machine: what was handed to it is not lost.
    await admin`alter system set fsync = off`;
    await admin`alter system set full_page_writes = off`;
  }
  await stack.stop();
  const template = stack.settings.AURA_STATE_DIR!;
  Deno.env.set(TEMPLATE, template);
  return template;
}

/** Copies what a stopped stack keeps, with the owners of its files. */
async function copyState(from: string, to: string): Promise<void> {
  const copy = async (names: string[], options: string) => {
    const paths = names.map((name) => join(from, name)).filter((path) => existsSync(path));
    if (paths.length === 0) return;
    const { success, stderr } = await new Deno.Command("cp", { args: [options, ...paths, to] })
      .output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
  };
  await copy(["data", "secrets.json", "migrations.json"], "-pR");
  // The programs are never written to.
  await copy(["postgres"], "-pRl");
}

/** Free ports and a new state directory, without the demo executor. */
export async function freshSettings(): Promise<Record<string, string>> {
  const state = await Deno.makeTempDir({ prefix: "aura-test-" });
  // Postgres, which does not run as root, must be able to enter it.
  await Deno.chmod(state, 0o755);
  const [apiPort, dbPort] = freePorts(2);
  return {
    AURA_API_PORT: String(apiPort),
    AURA_DB_PORT: String(dbPort),
    AURA_STATE_DIR: state,
    AURA_EXECUTOR: "off",
  };
}

export function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  return listeners.map((listener) => {
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    return port;
  });
}
