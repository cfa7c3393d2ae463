import assert from "node:assert/strict";
import type { Agent, AgentFormat, AgentHost, AgentReport, Answer, Ask, Refusal } from "./agent.ts";
import { acp } from "./acp.ts";
import { claude, claudeHeadless } from "./claude.ts";
import { codex } from "./codex.ts";
import { codexExec } from "./codex_exec.ts";
import { gemini } from "./gemini.ts";
import { text } from "./text.ts";

/** A host that keeps what it is told. */
function listening(format: AgentFormat, answer: (ask: Ask) => Answer = () => ({ allow: false })) {
  const heard = {
    steps: [] as string[],
    sent: [] as string[],
    asked: [] as Ask[],
    refused: [] as Refusal[],
    finished: false,
  };
  const host: AgentHost = {
    send: (line) => heard.sent.push(line),
    closeInput() {},
    step: (text) => text && heard.steps.push(text),
    session() {},
    ask(ask) {
      heard.asked.push(ask);
      return Promise.resolve(answer(ask));
    },
    refused: (refusal) => heard.refused.push(refusal),
    heard() {},
    finish: () => heard.finished = true,
  };
  return { agent: format(host), heard };
}

/** Plays a recorded run of the real program; docs/executor.md says how they were recorded. */
function play(format: AgentFormat, name: string): { report: AgentReport; steps: string[] } {
  const { agent, heard } = listening(format);
  for (const line of lines(`${name}.jsonl`)) agent.stdout(line);
  for (const line of lines(`${name}.stderr`)) agent.stderr(line);
  agent.end?.();
  return { report: agent.report, steps: heard.steps };
}

function hear(agent: Agent, ...said: string[]): AgentReport {
  for (const line of said) agent.stdout(line);
  agent.end?.();
  return agent.report;
}

function lines(file: string): string[] {
  try {
    return Deno.readTextFileSync(new URL(`recordings/${file}`, import.meta.url)).split("\n");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

Deno.test("claudeHeadless() reads a complete run", () => {
  const { report, steps } = play(claudeHeadless, "claude-complete");
  assert.deepEqual(steps, [
    "I will look at the folder first.",
    "$ ls",
    "The folder holds one file.",
  ]);
  assert.equal(report.result, "The folder holds one file.");
  assert.equal(report.session, "69db36a2-5def-49fa-ba5d-f36c59a453da");
  assert.equal(report.model, "claude-opus-5-5");
  assert.equal(report.usage?.output_tokens, 39);
  assert.equal(report.sessionCost, 0.000876);
  assert.equal(report.error, undefined);
});

Deno.test("claudeHeadless() takes the end of a usage limit from the rate limit event", () => {
  const resetsAt = Math.floor(Date.now() / 1000) + 5400;
  const said = lines("claude-usage-limit.jsonl");
  const report = hear(
    listening(claudeHeadless).agent,
    ...said.map((line) => line.replaceAll("1795513236", String(resetsAt))),
  );
  assert.equal(report.error, "You've hit your 5-hour limit · resets 9:40am (UTC)");
  assert.equal(report.limitedUntil?.getTime(), resetsAt * 1000);
  assert.equal(report.result, undefined);
});

Deno.test("claudeHeadless() takes a 429 of the API for a limit", () => {
  const { report } = play(claudeHeadless, "claude-api-429");
  assert.match(report.error!, /Request rejected \(429\)/);
  assert.equal(report.limitedUntil, null);
});

Deno.test("claudeHeadless() shows its retries, and none of them is a limit yet", () => {
  const { report, steps } = play(claudeHeadless, "claude-retrying");
  assert.equal(steps[0], "Waiting 2 s: the model is busy (rate_limit)");
  assert.equal(report.limitedUntil, undefined);
});

Deno.test("claudeHeadless() does not sit out a long wait of the program's own", () => {
  const report = hear(
    listening(claudeHeadless).agent,
    '{"type":"system","subtype":"api_retry","retry_delay_ms":1800000,"error_status":429}',
  );
  assert.ok(report.limitedUntil!.getTime() > Date.now() + 1_700_000);
});

Deno.test("claudeHeadless() gives up on a machine that is not logged in", () => {
  const { report } = play(claudeHeadless, "claude-not-logged-in");
  assert.equal(report.error, "Not logged in · Please run /login");
  assert.equal(report.fatal, true);
  assert.equal(report.limitedUntil, undefined);
});

Deno.test("claudeHeadless() notices a session that does not exist", () => {
  assert.equal(play(claudeHeadless, "claude-unknown-session").report.sessionLost, true);
});

Deno.test("claudeHeadless() does not take an answer about rate limits for one", () => {
  const report = hear(
    listening(claudeHeadless).agent,
    '{"type":"result","subtype":"success","is_error":false,"result":"usage limit reached (429)"}',
  );
  assert.equal(report.result, "usage limit reached (429)");
  assert.equal(report.limitedUntil, undefined);
});

Deno.test("codexExec() reads a complete run", () => {
  const { report, steps } = play(codexExec, "codex-complete");
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

Deno.test("codexExec() reads its three ways to be throttled", () => {
  for (const name of ["codex-usage-limit", "codex-429", "codex-rate-limit"]) {
    const { report } = play(codexExec, name);
    assert.ok(report.error, name);
    assert.notEqual(report.limitedUntil, undefined, name);
    assert.equal(report.result, undefined, name);
  }
});

Deno.test("codexExec() forgets an error that it has repaired itself", () => {
  const report = hear(
    listening(codexExec).agent,
    '{"type":"error","message":"Reconnecting... 1/5 (429 Too Many Requests)"}',
    '{"type":"item.completed","item":{"id":"1","type":"agent_message","text":"Done."}}',
    '{"type":"turn.completed","usage":{"input_tokens":1}}',
  );
  assert.equal(report.result, "Done.");
  assert.equal(report.error, undefined);
  assert.equal(report.limitedUntil, undefined);
});

Deno.test("codexExec() notices a session that does not exist", () => {
  assert.equal(play(codexExec, "codex-unknown-session").report.sessionLost, true);
});

Deno.test("gemini() reads a complete run", () => {
  const { report, steps } = play(gemini, "gemini-complete");
  assert.deepEqual(steps, ["I will look at the folder first.", "list_directory: ."]);
  assert.equal(report.result, "The folder holds one file.");
  assert.equal(report.session, "b29e99d1-9fa4-49f3-a917-e4c5047b77b4");
  assert.equal(report.model, "gemini-2.5-pro");
  assert.equal(report.usage?.total_tokens, 58);
});

Deno.test("gemini() takes a spent daily quota for a limit", () => {
  const { report } = play(gemini, "gemini-daily-quota");
  assert.match(report.error!, /daily quota/);
  assert.ok(report.limitedUntil! > new Date());
});

Deno.test("gemini() does not sit out a long wait of the program's own", () => {
  const { report } = play(gemini, "gemini-waiting");
  const minutes = (report.limitedUntil!.getTime() - Date.now()) / 60_000;
  assert.ok(minutes > 80 && minutes < 100, String(minutes));
});

Deno.test("gemini() notices a session that does not exist", () => {
  assert.equal(play(gemini, "gemini-unknown-session").report.sessionLost, true);
});

Deno.test("every format survives what is not its own", () => {
  for (const format of [claude, claudeHeadless, codex, codexExec, gemini, acp, text]) {
    const { agent } = listening(format);
    for (
      const line of [
        "",
        "{",
        "null",
        "[1]",
        '"x"',
        "{}",
        '{"type":1}',
        "\ufffd\u0000{}",
        '{"id":7}',
      ]
    ) {
      agent.stdout(line);
      agent.stderr(line);
    }
    agent.end?.();
    assert.equal(agent.report.error, undefined);
  }
});

Deno.test("text() gives stdout as the result and stderr as steps", () => {
  const { agent, heard } = listening(text);
  agent.stderr("reading");
  const report = hear(agent, "one", "two", "");
  assert.deepEqual(heard.steps, ["reading"]);
  assert.equal(report.result, "one\ntwo");
});
