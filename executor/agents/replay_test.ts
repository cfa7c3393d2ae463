// Conversations with the real programs, played back: what each format says must be what it said then.
// A recording has a line for each line of the program: what it printed, what was sent to it ("> "), and
// its stderr ("! "). docs/executor.md says how they were recorded.
import assert from "node:assert/strict";
import { acp } from "./acp.ts";
import type { AgentFormat, AgentHost, AgentStart, Answer, Ask, Refusal } from "./agent.ts";
import { claude } from "./claude.ts";
import { codex } from "./codex.ts";
import { gemini } from "./gemini.ts";

const START: AgentStart = {
  prompt: "",
  session: null,
  folder: "/project",
  images: [],
  writable: [],
  notice: "",
  mcp: null,
};

async function replay(
  format: AgentFormat,
  name: string,
  start: Partial<AgentStart>,
  answers: Answer[] = [],
) {
  const heard = {
    steps: [] as string[],
    asked: [] as Ask[],
    refused: [] as Refusal[],
    finished: false,
  };
  const sent: string[] = [];
  const host: AgentHost = {
    send: (line) => sent.push(...line.split("\n")),
    closeInput: () => sent.push("(end)"),
    step: (text) => text && heard.steps.push(text),
    session() {},
    ask(ask) {
      heard.asked.push(ask);
      return Promise.resolve(answers.shift() ?? { allow: false });
    },
    refused: (refusal) => heard.refused.push(refusal),
    heard() {},
    finish: () => heard.finished = true,
  };
  const agent = format(host);
  agent.begin({ ...START, ...start });
  const recorded = Deno.readTextFileSync(new URL(`recordings/${name}.txt`, import.meta.url));
  const expected: string[] = [];
  for (const line of recorded.trimEnd().split("\n")) {
    if (line.startsWith("> ")) expected.push(line.slice(2));
    else if (line.startsWith("! ")) agent.stderr(line.slice(2));
    else agent.stdout(line);
    // What is said in answer is said before the program goes on.
    await new Promise((resolve) => setTimeout(resolve));
  }
  agent.end?.();
  assert.deepEqual(sent.map(message), expected.map(message), "it says something else than then");
  return { report: agent.report, ...heard };
}

/** What a program reads: the order of an object's fields says nothing. */
function message(line: string): unknown {
  return line.startsWith("{") ? JSON.parse(line) : line;
}

const titles = (asked: Ask[]) =>
  asked.map((ask) => ask.kind === "question" ? ask.title : `${ask.call.kind} ${ask.call.detail}`);

const allow: Answer = { allow: true };

Deno.test("claude() asks for what it may do, and what it must know", async () => {
  const prompt =
    "/login page is broken [[run:npm test]][[run:rm -f zz]][[write:/project/b.txt=x]]" +
    "[[ask:Which colour?|red|blue]][[run:curl http://127.0.0.1:1]]";
  const no: Answer = { allow: false, words: "not_now" };
  const played = await replay(claude, "claude-asks", { prompt }, [
    allow,
    no,
    allow,
    { text: "blue" },
    allow,
  ]);
  assert.deepEqual(titles(played.asked), [
    "run npm test",
    "run rm -f zz",
    "edit /project/b.txt\n\nx",
    "Which colour?",
    "run curl http://127.0.0.1:1",
  ]);
  assert.match(played.report.result!, /#2 not_now .* "Which colour\?"="blue"/s);
  assert.deepEqual(played.refused, [{ tool: "Bash", detail: "rm -f zz" }]);
  assert.equal(played.report.model, "claude-opus-5-5");
  assert.equal(played.finished, true);
});

Deno.test("codex() asks for each command and each patch", async () => {
  const prompt = "/login [[run:npm test]][[run:rm -f zz]][[write:new.txt=hello]]" +
    "[[write:/elsewhere/out2.txt=x]][[write:.git/hooks/post-commit=x]]";
  const answers = [allow, { allow: false }, allow, allow, { allow: false }];
  const played = await replay(codex, "codex-asks", { prompt }, answers);
  assert.deepEqual(titles(played.asked), [
    "run npm test",
    "run rm -f zz",
    "edit /project/new.txt\n\nhello\n",
    "edit /elsewhere/out2.txt\n\nx\n",
    "edit /project/.git/hooks/post-commit\n\nx\n",
  ]);
  assert.ok(played.steps.includes("$ npm test"), played.steps.join("\n"));
  assert.equal(played.report.usage?.totalTokens, 7500);
  assert.equal(played.finished, true);
});

Deno.test("acp() asks opencode's questions, and picks what holds once by its kind", async () => {
  const prompt = "/login [[run:npm test]][[run:touch zz]][[write:b.txt=hello]]" +
    "[[write:/elsewhere/out4.txt=x]][[run:curl http://127.0.0.1:1]]";
  const answers = [allow, allow, allow, allow, { allow: false }];
  const played = await replay(acp, "opencode-asks", { prompt }, answers);
  assert.deepEqual(titles(played.asked).map((title) => title.split("\n")[0]), [
    "run npm test",
    "run touch zz",
    "edit /project/b.txt",
    "tool {",
    "edit /elsewhere/out4.txt",
  ]);
  assert.equal(played.report.result, "I will use write.");
});

Deno.test("gemini() tells what its policy refused", async () => {
  const prompt = "/help me [[run:git status]][[run:npm test && rm -f zz]][[run:rm -f zz]]" +
    "[[write:b.txt=hello]][[write:/elsewhere/out3.txt=x]][[run:npm test]]";
  const played = await replay(gemini, "gemini-refuses", { prompt });
  assert.deepEqual(played.refused, [
    { tool: "run_shell_command", detail: "npm test && rm -f zz" },
    { tool: "run_shell_command", detail: "rm -f zz" },
  ]);
  assert.match(played.report.result!, /^Finished/);
});

Deno.test("claude() and codex() resume a session, and count what this run used", async () => {
  const prompt = "[[recall]]";
  const one = await replay(claude, "claude-resumes", { prompt, session: "x" });
  assert.match(one.report.result!, /I remember 2 scripted messages/);
  assert.equal(one.report.usage?.input_tokens, 1200);
  assert.equal(one.report.sessionCost, 0.0406);
  const session = "01a21566-f83e-7892-a543-bacbbb54f43d";
  const other = await replay(codex, "codex-resumes", { prompt, session });
  assert.match(other.report.result!, /I remember 2 scripted messages/);
  assert.equal(other.report.usage?.totalTokens, 1250);
});

Deno.test("claude() and codex() know a limit, a wrong key and a session that is gone", async () => {
  const gone = "00000000-0000-4000-8000-000000000000";
  const limit = { prompt: "[[limit:usage]]" };
  assert.equal((await replay(claude, "claude-throttled", limit)).report.limitedUntil, null);
  assert.ok((await replay(codex, "codex-throttled", limit)).report.limitedUntil !== undefined);
  for (
    const [format, name] of [[claude, "claude"], [codex, "codex"], [gemini, "gemini"]] as const
  ) {
    const { report } = await replay(format, `${name}-wrong-key`, { prompt: "[[auth]]" });
    assert.equal(report.fatal, true, name);
    assert.equal(report.limitedUntil, undefined, name);
  }
  const lost = { prompt: "[[recall]]", session: gone };
  assert.equal((await replay(claude, "claude-session-gone", lost)).report.sessionLost, true);
  const thread = { prompt: "[[recall]]", session: "01a2154e-0000-79f3-b1a2-48e6575f17e4" };
  assert.equal((await replay(codex, "codex-session-gone", thread)).report.sessionLost, true);
});
