import assert from "node:assert/strict";
import { claude } from "./claude.ts";
import { codex } from "./codex.ts";
import type { AgentFormat, AgentReport } from "./format.ts";
import { gemini } from "./gemini.ts";
import { text } from "./text.ts";

/** Plays a recorded run of the real program; docs/executor.md says how they were recorded. */
function play(format: AgentFormat, name: string): { report: AgentReport; steps: string[] } {
  const report: AgentReport = {};
  const steps: string[] = [];
  for (const [ending, read] of [["jsonl", format.stdout], ["stderr", format.stderr]] as const) {
    for (const line of lines(`${name}.${ending}`)) steps.push(...read(line, report));
  }
  format.end?.(report);
  return { report, steps };
}

function lines(file: string): string[] {
  try {
    return Deno.readTextFileSync(new URL(`transcripts/${file}`, import.meta.url)).split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("claude() reads a complete run", () => {
  const { report, steps } = play(claude(), "claude-complete");
  assert.deepEqual(steps, [
    "I will look at the folder first.",
    "$ ls",
    "The folder holds one file.",
  ]);
  assert.equal(report.result, "The folder holds one file.");
  assert.equal(report.session, "69db36a2-5def-49fa-ba5d-f36c59a453da");
  assert.equal(report.model, "claude-opus-5-5");
  assert.equal(report.usage?.output_tokens, 39);
  assert.equal(report.usage?.total_cost_usd, 0.000876);
  assert.equal(report.error, undefined);
});

Deno.test("claude() takes the end of a usage limit from the rate limit event", () => {
  const format = claude();
  const report: AgentReport = {};
  const resetsAt = Math.floor(Date.now() / 1000) + 5400;
  for (const line of lines("claude-usage-limit.jsonl")) {
    format.stdout(line.replaceAll("1795513236", String(resetsAt)), report);
  }
  assert.equal(report.error, "You've hit your 5-hour limit · resets 9:40am (UTC)");
  assert.equal(report.limitedUntil?.getTime(), resetsAt * 1000);
  assert.equal(report.result, undefined);
});

Deno.test("claude() takes a 429 of the API for a limit", () => {
  const { report } = play(claude(), "claude-api-429");
  assert.match(report.error!, /Request rejected \(429\)/);
  assert.ok(report.limitedUntil! > new Date());
});

Deno.test("claude() shows its retries, and none of them is a limit yet", () => {
  const { report, steps } = play(claude(), "claude-retrying");
  assert.equal(steps[0], "Waiting 2 s: the model is busy (rate_limit)");
  assert.equal(report.limitedUntil, undefined);
});

Deno.test("claude() does not sit out a long wait of the program's own", () => {
  const report: AgentReport = {};
  claude().stdout(
    '{"type":"system","subtype":"api_retry","retry_delay_ms":1800000,"error_status":429}',
    report,
  );
  assert.ok(report.limitedUntil!.getTime() > Date.now() + 1_700_000);
});

Deno.test("claude() gives up on a machine that is not logged in", () => {
  const { report } = play(claude(), "claude-not-logged-in");
  assert.equal(report.error, "Not logged in · Please run /login");
  assert.equal(report.fatal, true);
  assert.equal(report.limitedUntil, undefined);
});

Deno.test("claude() notices a session that does not exist", () => {
  assert.equal(play(claude(), "claude-unknown-session").report.sessionMissing, true);
});

Deno.test("claude() does not take an answer about rate limits for one", () => {
  const format = claude();
  const report: AgentReport = {};
  format.stdout(
    '{"type":"result","subtype":"success","is_error":false,"result":"usage limit reached (429)"}',
    report,
  );
  assert.equal(report.result, "usage limit reached (429)");
  assert.equal(report.limitedUntil, undefined);
});

Deno.test("codex() reads a complete run", () => {
  const { report, steps } = play(codex(), "codex-complete");
  assert.deepEqual(steps, [
    "Looking at the folder",
    "I will look at the folder first.",
    "$ ls",
    "The folder holds one file.",
  ]);
  assert.equal(report.result, "The folder holds one file.");
  assert.equal(report.session, "01a20c9c-63d4-72e3-85eb-dd8505afd7d2");
  assert.equal(report.usage?.input_tokens, 40);
  assert.equal(report.error, undefined);
});

Deno.test("codex() reads its three ways to be throttled", () => {
  for (const name of ["codex-usage-limit", "codex-429", "codex-rate-limit"]) {
    const { report } = play(codex(), name);
    assert.ok(report.error, name);
    assert.ok(report.limitedUntil! > new Date(), name);
    assert.equal(report.result, undefined, name);
  }
});

Deno.test("codex() forgets an error that it has repaired itself", () => {
  const format = codex();
  const report: AgentReport = {};
  for (
    const line of [
      '{"type":"error","message":"Reconnecting... 1/5 (429 Too Many Requests)"}',
      '{"type":"item.completed","item":{"id":"1","type":"agent_message","text":"Done."}}',
      '{"type":"turn.completed","usage":{"input_tokens":1}}',
    ]
  ) format.stdout(line, report);
  format.end?.(report);
  assert.equal(report.result, "Done.");
  assert.equal(report.error, undefined);
  assert.equal(report.limitedUntil, undefined);
});

Deno.test("codex() notices a session that does not exist", () => {
  assert.equal(play(codex(), "codex-unknown-session").report.sessionMissing, true);
});

Deno.test("gemini() reads a complete run", () => {
  const { report, steps } = play(gemini(), "gemini-complete");
  assert.deepEqual(steps, ["I will look at the folder first.", "list_directory: ."]);
  assert.equal(report.result, "The folder holds one file.");
  assert.equal(report.session, "b29e99d1-9fa4-49f3-a917-e4c5047b77b4");
  assert.equal(report.model, "gemini-2.5-pro");
  assert.equal(report.usage?.total_tokens, 58);
});

Deno.test("gemini() takes a spent daily quota for a limit", () => {
  const { report } = play(gemini(), "gemini-daily-quota");
  assert.match(report.error!, /daily quota/);
  assert.ok(report.limitedUntil! > new Date());
});

Deno.test("gemini() does not sit out a long wait of the program's own", () => {
  const { report } = play(gemini(), "gemini-waiting");
  const minutes = (report.limitedUntil!.getTime() - Date.now()) / 60_000;
  assert.ok(minutes > 80 && minutes < 100, String(minutes));
});

Deno.test("gemini() notices a session that does not exist", () => {
  assert.equal(play(gemini(), "gemini-unknown-session").report.sessionMissing, true);
});

Deno.test("every format survives what is not its own", () => {
  for (const format of [claude(), codex(), gemini(), text()]) {
    const report: AgentReport = {};
    for (const line of ["", "{", "null", "[1]", '"x"', "{}", '{"type":1}', "\ufffd\u0000{}"]) {
      format.stdout(line, report);
      format.stderr(line, report);
    }
    format.end?.(report);
    assert.equal(report.error, undefined);
  }
});

Deno.test("text() gives stdout as the result and stderr as steps", () => {
  const format = text();
  const report: AgentReport = {};
  assert.deepEqual(format.stderr("reading", report), ["reading"]);
  for (const line of ["one", "two", ""]) assert.deepEqual(format.stdout(line, report), []);
  format.end?.(report);
  assert.equal(report.result, "one\ntwo");
});
