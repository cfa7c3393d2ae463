import assert from "node:assert/strict";
import { outcomeOf } from "./outcome.ts";
import type { AgentEnd } from "./run_agent.ts";

const END: AgentEnd = {
  report: {},
  code: 0,
  signal: null,
  complaint: "",
  tooMuchOutput: false,
  finished: false,
  survivors: null,
};
const judge = (end: Partial<AgentEnd>) => outcomeOf({ ...END, ...end }, "claude", "mac");

Deno.test("outcomeOf() completes a run that gave a result", () => {
  assert.deepEqual(judge({ report: { result: " done\n" } }), { kind: "complete", result: "done" });
  assert.deepEqual(judge({ report: { result: "" } }), { kind: "complete", result: "(no text)" });
});

Deno.test("outcomeOf() puts a rate limit before everything else", () => {
  const until = new Date();
  assert.deepEqual(judge({ report: { limitedUntil: until, error: "429" }, code: 1 }), {
    kind: "limited",
    until,
  });
});

Deno.test("outcomeOf() says what a person has to do", () => {
  assert.deepEqual(judge({ report: { error: "Not logged in", fatal: true }, code: 1 }), {
    kind: "failed",
    error: 'claude: Not logged in\nPut this right on "mac", then retry the task.',
    retryable: false,
  });
});

Deno.test("outcomeOf() retries crashes and quotes what the agent said last", () => {
  const cases: [Partial<AgentEnd>, string][] = [
    [{ code: 3, complaint: "oh no" }, "claude ended with exit code 3.\noh no"],
    [{ code: null, signal: "SIGSEGV" }, "claude was killed by SIGSEGV."],
    [{ code: 0 }, "claude ended without a result."],
    // A crash before the last word: the work may be half done.
    [{ code: 1, report: { result: "done" } }, "claude ended with exit code 1."],
    [{ code: 1, report: { error: "overloaded" } }, "claude: overloaded"],
  ];
  for (const [end, error] of cases) {
    assert.deepEqual(judge(end), { kind: "failed", error, retryable: true });
  }
});

Deno.test("outcomeOf() does not retry output without end", () => {
  assert.deepEqual(judge({ tooMuchOutput: true, code: null, signal: "SIGKILL" }), {
    kind: "failed",
    error: "claude printed without end and was stopped.",
    retryable: false,
  });
});

Deno.test("outcomeOf() takes a result that was given, however its program ended after it", () => {
  for (const ended of [{ code: 1 }, { code: null, signal: "SIGKILL" as const }]) {
    const end = { ...ended, finished: true, report: { result: "done" } };
    assert.deepEqual(judge(end), { kind: "complete", result: "done" });
  }
});
