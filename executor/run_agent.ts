import type { AgentFormat, AgentReport } from "./agents/format.ts";
import { killFamily } from "./kill.ts";
import { lines } from "./lines.ts";
import { clean } from "./text.ts";

export interface AgentRun {
  argv: string[];
  /** The prompt; null when it is one of the arguments. */
  input: string | null;
  folder: string;
  environment: Record<string, string>;
  format: AgentFormat;
  /** Names everything the agent starts; see `processesOf`. */
  marker: string;
  /** Ends the run; all its processes are killed. */
  signal: AbortSignal;
  onStart(pid: number): void;
  onSteps(steps: string[]): void;
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
  /** What is said of processes that SIGKILL did not end, e.g. ones that hang on a dead disk. */
  survivors: string | null;
}

/**
 * Runs one agent in a process group of its own, reads what it prints, and returns when it has ended
 * and nothing that it started is left.
 */
export async function runAgent(run: AgentRun): Promise<AgentEnd> {
  const child = new Deno.Command(run.argv[0]!, {
    args: run.argv.slice(1),
    cwd: run.folder,
    env: { ...run.environment, AURA_RUN: run.marker },
    clearEnv: true,
    detached: true,
    stdin: run.input === null ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  run.onStart(child.pid);

  const end: AgentEnd = {
    report: {},
    code: null,
    signal: null,
    complaint: "",
    tooMuchOutput: false,
    survivors: null,
  };
  const family = { leader: child.pid, marker: run.marker };
  let killed: Promise<void> | undefined;
  const kill = (grace?: number) =>
    killed ??= killFamily(family, grace).catch((error) => {
      end.survivors = error.message;
    });
  const abort = () => void kill();
  run.signal.addEventListener("abort", abort);
  if (run.signal.aborted) abort();

  const complaint: string[] = [];
  let heard = 0;
  const count = (chunk: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>) => {
    if (end.tooMuchOutput) return;
    heard += chunk.length;
    end.tooMuchOutput = heard > (run.mostOutput ?? MOST_OUTPUT);
    if (end.tooMuchOutput) kill(0);
    controller.enqueue(chunk);
  };
  const hungUp = new AbortController();
  const read = async (source: ReadableStream<Uint8Array>, use: (line: string) => string[]) => {
    const counted = new TransformStream({ transform: count });
    for await (const line of lines(source.pipeThrough(counted, { signal: hungUp.signal }))) {
      run.onSteps(use(line));
      // An agent that waits out a limit by itself would hold the task for hours.
      if (end.report.limitedUntil) kill();
    }
  };
  const talk = Promise.all([
    write(child, run.input),
    read(child.stdout, (line) => run.format.stdout(line, end.report)),
    read(child.stderr, (line) => {
      complaint.push(line);
      if (complaint.length > COMPLAINT_LINES) complaint.shift();
      return run.format.stderr(line, end.report);
    }),
  ]).catch((error) => {
    if (!hungUp.signal.aborted) throw error;
  });

  const status = await child.status;
  // What the agent left behind may hold its output open: wait a moment, end it, and stop listening
  // to what cannot be found (docs/executor.md says where that happens).
  await within(talk, LAST_WORDS);
  await kill(LAST_WORDS);
  for (let before = -1; before !== heard && !await within(talk, LAST_WORDS);) before = heard;
  hungUp.abort();
  await talk;
  run.signal.removeEventListener("abort", abort);
  run.format.end?.(end.report);
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

async function write(child: Deno.ChildProcess, input: string | null): Promise<void> {
  if (input === null) return;
  try {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch (error) {
    // An agent need not read its prompt to the end, e.g. when it is not logged in.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
