// Runs pgTAP files, each in a session of its own, and reads the TAP they answer with.
import postgres from "postgres";

export interface TapOutcome {
  passed: number;
  failed: number;
  /** The failures, with what pgTAP says about them. */
  details: string;
}

/** Runs one file as the role of `url`. */
export async function runTapFile(path: string, url: string): Promise<TapOutcome> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    const answers = await sql.unsafe(await Deno.readTextFile(path)).simple();
    return readTap(textOf(answers));
  } catch (error) {
    const { message, where, line, position } = error as Error & Record<string, unknown>;
    const place = [position && `at character ${position}`, where ?? line].filter(Boolean).join(
      "\n",
    );
    return { passed: 0, failed: 1, details: `${message}\n${place}` };
  } finally {
    await sql.end();
  }
}

/** The lines of TAP among the answers: texts in the first column of a row. */
function textOf(answers: unknown): string[] {
  const results = answers as Record<string, unknown>[][];
  return results.flat().flatMap((row) => {
    const value = Object.values(row ?? {})[0];
    return typeof value === "string" ? value.split("\n") : [];
  });
}

/** Counts a stream of TAP. Fewer or more tests than planned are a failure. */
export function readTap(lines: string[]): TapOutcome {
  const outcome: TapOutcome = { passed: 0, failed: 0, details: "" };
  let planned: number | undefined;
  let failing = false;
  for (const line of lines) {
    const plan = /^1\.\.(\d+)/.exec(line);
    const test = /^(not )?ok \d+/.exec(line);
    if (plan) planned = Number(plan[1]);
    else if (test) {
      failing = Boolean(test[1]) && !/# (todo|skip)/i.test(line);
      outcome[failing ? "failed" : "passed"]++;
    }
    if (failing && (test || line.startsWith("#"))) outcome.details += `${line}\n`;
  }
  const run = outcome.passed + outcome.failed;
  if (planned === undefined || planned !== run) {
    outcome.failed++;
    outcome.details += `${run} tests ran; the plan was ${planned ?? "missing"}.\n`;
  }
  return outcome;
}
