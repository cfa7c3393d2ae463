// Runs the stack's parts: starts each program, waits until it is ready, starts it again when it ends
// by itself, and stops all of them in reverse order.
import { join } from "node:path";
import { ownEnvironment } from "./children.ts";

export interface Service {
  name: string;
  /** The program with its arguments; asked for anew at each start. */
  command: () => { program: string; args: string[]; options?: Deno.CommandOptions };
  /** Resolves when the service answers; rejects when it cannot. */
  ready: () => Promise<void>;
  /** The signal that makes it end in good order. */
  stopSignal: Deno.Signal;
  /** Whether the stack goes on when this service cannot be kept running. */
  optional?: boolean;
  /** When somebody else has started it again after it ended: resolves when that instance ends too. */
  adopted?: () => Promise<void> | undefined;
  /** Ends an adopted instance. */
  stopAdopted?: () => Promise<void>;
}

interface Entry {
  service: Service;
  child?: Deno.ChildProcess;
  /** Resolves when the child has ended and its last words are in the log. */
  end?: Promise<string>;
  adopted: boolean;
  log: Deno.FsFile;
}

/** Starts in a row that came to nothing, before a service counts as broken. */
const MAX_FAILURES = 5;
/** Starts in this time, in ms, each double the pause before the next one. */
const RESTART_WINDOW = 60_000;

export class Runner {
  #stops: (() => Promise<void>)[] = [];
  #stopping = false;

  /** `onBroken` is called when a service cannot be kept running. */
  constructor(
    private readonly logs: string,
    private readonly onBroken: (error: Error) => void,
  ) {}

  /** Starts a program and resolves when it is ready. */
  async start(service: Service): Promise<void> {
    await Deno.mkdir(this.logs, { recursive: true, mode: 0o700 });
    const log = await Deno.open(join(this.logs, `${service.name}.log`), {
      write: true,
      create: true,
      truncate: true,
    });
    const entry: Entry = { service, adopted: false, log };
    this.add(() => this.#end(entry));
    const launched = await this.#launch(entry);
    this.#supervise(entry, launched).catch((error) => {
      if (service.optional) console.error(error.message);
      else this.onBroken(error);
    });
  }

  /** Takes a part of this process in, which has been started already. */
  add(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  /** Stops everything, the last started first. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const stop of this.#stops.splice(0).reverse()) await stop();
  }

  async #end({ service, child, end, adopted, log }: Entry): Promise<void> {
    if (adopted) await service.stopAdopted?.();
    else if (child) {
      signal(child, service.stopSignal);
      await end;
    }
    log.close();
  }

  /** Starts the program; resolves when it is ready, to a promise that resolves when it ends. */
  async #launch(entry: Entry): Promise<{ end: Promise<string> }> {
    const { program, args, options } = entry.service.command();
    const child = new Deno.Command(program, {
      ...ownEnvironment(),
      ...options,
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      // Ctrl-C reaches every process of the terminal; the order of stopping is the runner's.
      detached: true,
    }).spawn();
    entry.child = child;
    entry.adopted = false;
    const logged = [child.stdout, child.stderr].map((stream) => append(stream, entry.log));
    const end = Promise.all([child.status, ...logged]).then(([status]) =>
      status.signal ?? `code ${status.code}`
    );
    entry.end = end;
    await Promise.race([
      entry.service.ready(),
      end.then((how) => {
        throw new Error(
          `The service "${entry.service.name}" ended (${how}) before it was ready; its log is in ` +
            `"${this.logs}".`,
        );
      }),
    ]);
    return { end };
  }

  async #supervise(entry: Entry, launched: { end: Promise<string> }): Promise<void> {
    const { service } = entry;
    let starts: number[] = [];
    for (let current = launched;;) {
      const how = await current.end;
      if (this.#stopping) return;
      console.error(`The service "${service.name}" ended (${how}); starting it again.`);
      for (let failures = 0;;) {
        starts = [...starts.filter((time) => time > Date.now() - RESTART_WINDOW), Date.now()];
        const pause = 100 * 2 ** Math.min(starts.length, 5);
        await new Promise((resolve) => setTimeout(resolve, pause));
        if (this.#stopping) return;
        const adopted = service.adopted?.();
        if (adopted) {
          entry.child = undefined;
          entry.adopted = true;
          current = { end: adopted.then(() => "restarted by somebody else") };
          break;
        }
        try {
          current = await this.#launch(entry);
          break;
        } catch (error) {
          if (this.#stopping) return;
          console.error((error as Error).message);
          if (++failures === MAX_FAILURES) {
            throw new Error(
              `The service "${service.name}" could not be started ${MAX_FAILURES} times in a row; ` +
                `its log is in "${this.logs}".`,
            );
          }
        }
      }
    }
  }
}

async function append(stream: ReadableStream<Uint8Array>, log: Deno.FsFile): Promise<void> {
  for await (const chunk of stream) {
    for (let written = 0; written < chunk.length;) {
      written += await log.write(chunk.subarray(written));
    }
  }
}

function signal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch (error) {
    // It ended by itself just before.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}
