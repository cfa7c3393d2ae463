// How a worker process talks to the benchmark: it says that it is ready, works off each round whose size
// it reads as a line on its input, and answers each with a line.
import { TextLineStream } from "./lines.ts";

/** The configuration given on the command line. */
export function configuration<T>(): T {
  return JSON.parse(Deno.args[0]!);
}

/** What a round took. */
export interface Worked {
  ms: number;
  /** When each quarter of the round was done, in milliseconds since its start. */
  quarters?: number[];
}

/** Says "ready", and answers each number of tasks with what `work` resolves to, until the input ends. */
export async function whenTold(work: (total: number) => Promise<unknown>): Promise<never> {
  console.log("ready");
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) console.log(JSON.stringify(await work(Number(line))));
  Deno.exit(0);
}
