// How a worker process talks to the benchmark: it says that it is ready, begins at a line on its input,
// and answers with one number.
import { TextLineStream } from "./lines.ts";

/** The configuration given on the command line. */
export function configuration<T>(): T {
  return JSON.parse(Deno.args[0]!);
}

/** Says "ready", waits for the word to begin, and prints what `work` resolves to. */
export async function whenTold(work: () => Promise<number>): Promise<never> {
  console.log("ready");
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream()).getReader();
  await lines.read();
  console.log(await work());
  Deno.exit(0);
}
