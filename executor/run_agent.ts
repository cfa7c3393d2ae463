import type { Agent, AgentFormat, AgentHost, AgentReport, AgentStart } from "./agents/agent.ts";
import { enterCgroup } from "./cgroup.ts";
import { killFamily } from "./kill.ts";
import { lines } from "./lines.ts";
import { Silence } from "./silence.ts";
import { clean } from "./text.ts";

/** What the run wants to hear of its agent. */
export type AgentListener = Pick<
  AgentHost,
  "step" | "session" | "ask" | "refused" | "heard"
>;

export interface AgentRun {
  argv: string[];
  /** False when the prompt is one of the arguments. */
  writesPrompt: boolean;
  start: AgentStart;
  environment: Record<string, string>;
  format: AgentFormat;
  /** Names everything the agent starts; see `processesOf`. */
  marker: string;
  /** Ends the run; all its processes are killed. */
  signal: AbortSignal;
  listener: AgentListener;
  onStart(pid: number, agent: Agent): void;
  /** Bytes after which the run is ended; an agent caught in a loop would never stop printing. */
  mostOutput?: number;
}

export interface AgentEnd {
  report: AgentReport;
  /** The exit code; null when a signal ended it. */
  code: number | null;
  signal: Deno.Signal | null;
  /** The last lines of stderr, for the error message. */
  complaint: string;
  tooMuchOutput: boolean;
  /** The agent gave its last word, and how its program ended tells nothing more. */
  finished: boolean;
  /** What is said of processes that SIGKILL did not end, e.g. ones that hang on a dead disk. */
  survivors: string | null;
}

/**
 * Runs one agent in a process group of its own, lets its format speak with it, and returns when it
 * has ended and nothing that it started is left.
 */
export async function runAgent(run: AgentRun): Promise<AgentEnd> {
  const child = new Deno.Command(run.argv[0]!, {
    args: run.argv.slice(1),
    cwd: run.start.folder,
    env: { ...run.environment, AURA_RUN: run.marker },
    clearEnv: true,
    detached: true,
    stdin: run.writesPrompt ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  enterCgroup(run.marker, child.pid);
  const input = new Input(run.writesPrompt ? child.stdin : null);
  let kill: (grace?: number) => Promise<void> = () => Promise.resolve();
  let asking = 0;
  const agent = run.format({
    ...run.listener,
    async ask(ask) {
      asking++;
      try {
        return await run.listener.ask(ask);
      } finally {
        asking--;
      }
    },
    send: (line) => input.send(line),
    closeInput: () => input.close(),
    finish() {
      end.finished = true;
      // Some programs stay when they have nothing more to say, and some for ever.
      finishing ??= setTimeout(() => kill(), LAST_WORDS);
    },
  });
  const end: AgentEnd = {
    report: agent.report,
    code: null,
    signal: null,
    complaint: "",
    tooMuchOutput: false,
    finished: false,
    survivors: null,
  };
  let finishing: ReturnType<typeof setTimeout> | undefined;
  run.onStart(child.pid, agent);

  const family = { leader: child.pid, marker: run.marker };
  let killed: Promise<void> | undefined;
  kill = (grace) =>
    killed ??= killFamily(family, grace).catch((error) => {
      end.survivors = error.message;
    });
  const abort = () => void kill();
  run.signal.addEventListener("abort", abort);
  if (run.signal.aborted) abort();
  const silence = new Silence(agent.report, () => asking > 0, (text) => run.listener.step(text));

  const complaint: string[] = [];
  let heard = 0;
  const count = (chunk: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>) => {
    if (end.tooMuchOutput) return;
    silence.broken();
    heard += chunk.length;
    end.tooMuchOutput = heard > (run.mostOutput ?? MOST_OUTPUT);
    if (end.tooMuchOutput) kill(0);
    controller.enqueue(chunk);
  };
  const hungUp = new AbortController();
  const read = async (source: ReadableStream<Uint8Array>, use: (line: string) => void) => {
    const counted = new TransformStream({ transform: count });
    for await (const line of lines(source.pipeThrough(counted, { signal: hungUp.signal }))) {
      use(line);
      // An agent that waits out a limit by itself would hold the task for hours.
      if (agent.report.limitedUntil !== undefined) kill();
    }
  };
  agent.begin(run.start);
  const talk = Promise.all([
    input.ended,
    read(child.stdout, (line) => agent.stdout(line)),
    read(child.stderr, (line) => {
      complaint.push(line);
      if (complaint.length > COMPLAINT_LINES) complaint.shift();
      agent.stderr(line);
    }),
  ]).catch((error) => {
    if (!hungUp.signal.aborted) throw error;
  });

  const status = await child.status;
  clearTimeout(finishing);
  silence.over();
  input.close();
  // What the agent left behind may hold its output open: wait a moment, end it, and stop listening
  // to what cannot be found (docs/executor.md says where that happens).
  await within(talk, LAST_WORDS);
  await kill(LAST_WORDS);
  for (let before = -1; before !== heard && !await within(talk, LAST_WORDS);) before = heard;
  hungUp.abort();
  await talk;
  run.signal.removeEventListener("abort", abort);
  agent.end?.();
  end.code = status.signal ? null : status.code;
  end.signal = status.signal;
  end.complaint = clean(complaint.join("\n")).trim().slice(-COMPLAINT_LENGTH);
  return end;
}

const MOST_OUTPUT = 512 * 1024 * 1024;
const COMPLAINT_LINES = 12;
const COMPLAINT_LENGTH = 1_500;
const LAST_WORDS = 2_000;

/** Whether `work` ends within `ms`. */
async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([work.then(() => true), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lines to the program, one after another. */
class Input {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array> | null;
  readonly #encoder = new TextEncoder();
  readonly #ended = Promise.withResolvers<void>();
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(stream: WritableStream<Uint8Array> | null) {
    this.#writer = stream?.getWriter() ?? null;
    if (!stream) this.close();
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  send(line: string): void {
    if (!this.#writer || this.#closed) return;
    const bytes = this.#encoder.encode(`${line}\n`);
    this.#writing = this.#writing.then(() => this.#writer!.write(bytes)).catch(ignoreBroken);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#writing.then(() => this.#writer?.close()).catch(ignoreBroken)
      .then(() => this.#ended.resolve(), (error) => this.#ended.reject(error));
  }
}

/** An agent need not read its input to the end, e.g. when it is not logged in. */
function ignoreBroken(error: unknown): void {
  if (error instanceof Deno.errors.BrokenPipe || error instanceof TypeError) return;
  throw error;
}
