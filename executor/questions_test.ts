import assert from "node:assert/strict";
import type { Ask } from "./agents/agent.ts";
import { toolCall } from "./agents/tool_call.ts";
import { ApiError } from "./api_error.ts";
import type { NewQuestion, Question } from "./hub.ts";
import { permissionsOf } from "./permissions/table.ts";
import { redactor } from "./question_text.ts";
import { Questions } from "./questions.ts";

const SECRET = "s3cr3t-value";

/** Questions to a hub that keeps them, as ask_question does: by their tool_call_id. */
function asking(options: { answers?: Question[]; claim?: string; refuse?: ApiError } = {}) {
  const asked = new Map<string, Question>();
  const stopping = new AbortController();
  let open = 0;
  const questions = new Questions({
    hub: {
      ask(_claim, question: NewQuestion) {
        if (options.refuse) return Promise.reject(options.refuse);
        const known = asked.get(question.tool_call_id);
        const made: Question = known ?? {
          id: `q${asked.size}`,
          state: "open",
          option_id: null,
          answer: null,
          ...question,
        };
        asked.set(question.tool_call_id, made);
        return Promise.resolve({ ...made });
      },
    },
    claim: { id: "task", claim_id: options.claim ?? "claim" },
    table: permissionsOf({ deny: ["git push"] }),
    folders: ["/tmp"],
    answers: options.answers ?? [],
    redact: redactor("aura_token", { API_KEY: SECRET, HOME: "/home/somebody" }),
    signal: stopping.signal,
    onOpen: (count) => open = count,
    log() {},
  });
  const settle = async (change: Partial<Question>) => {
    for (const question of asked.values()) Object.assign(question, { state: "answered" }, change);
    await questions.look();
  };
  return { questions, asked: () => [...asked.values()], stopping, settle, open: () => open };
}

const run = (command: string, id = "call_1"): Ask => ({
  kind: "approval",
  id,
  call: toolCall("Bash", { command }),
});

/** Lets what has been asked reach the hub. */
const reached = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("Questions.ask() settles by the table what the table decides", async () => {
  const { questions, asked } = asking();
  assert.deepEqual(await questions.ask(run("npm test")), { allow: true });
  const denied = await questions.ask(run("git push"));
  assert.equal("allow" in denied && denied.allow, false);
  assert.equal(asked().length, 0);
  assert.deepEqual(questions.refusals, [{ tool: "Bash", detail: "git push" }]);
});

Deno.test("Questions.ask() waits for a person, and lets a call run once", async () => {
  const { questions, asked, settle, open } = asking();
  const answering = questions.ask(run(`curl -H ${SECRET} http://x`));
  await reached();
  assert.equal(open(), 1);
  const [question] = asked();
  assert.equal(question!.detail, "curl -H … http://x");
  assert.deepEqual(question!.options!.map(({ kind }) => kind), ["allow_once", "reject_once"]);
  await settle({ option_id: "once" });
  assert.deepEqual(await answering, { allow: true });
  assert.equal(open(), 0);
});

Deno.test("Questions.ask() takes one name of two calls for two questions", async () => {
  const { questions, asked } = asking();
  questions.ask(run("rm one", "1"));
  questions.ask(run("rm two", "1"));
  await reached();
  assert.equal(asked().length, 2);
});

Deno.test("Questions.ask() takes an earlier answer for one identical call, and no other", async () => {
  const first = asking();
  first.questions.ask(run("rm x"));
  await reached();
  const answered: Question = { ...first.asked()[0]!, state: "answered", option_id: "once" };
  for (const told of [false, true]) {
    const { questions, asked } = asking({ answers: [{ ...answered, told }], claim: "next" });
    questions.ask(run("rm y", "other"));
    await reached();
    assert.equal(asked().length, 1);
    const again = questions.ask(run("rm x", "another"));
    if (!told) assert.deepEqual(await again, { allow: true });
    await reached();
    assert.equal(asked().length, told ? 2 : 1);
    questions.ask(run("rm x", "a third"));
    await reached();
    assert.equal(asked().length, told ? 3 : 2);
  }
});

Deno.test("Questions.ask() allows nothing that expired, was withdrawn or could not be asked", async () => {
  for (const state of ["expired", "withdrawn"] as const) {
    const { questions, settle } = asking();
    const answering = questions.ask(run("rm x"));
    await reached();
    await settle({ state });
    assert.deepEqual(await answering, { allow: false, words: "Nobody has allowed this." });
  }
  const refuse = new ApiError("too long", "content_too_long", 413);
  const answer = await asking({ refuse }).questions.ask(run("rm x"));
  assert.equal("allow" in answer && answer.allow, false);
});

Deno.test("Questions.ask() answers a run that is stopped nothing at all", async () => {
  const { questions, stopping } = asking();
  let answered = false;
  questions.ask(run("rm x")).then(() => answered = true);
  await reached();
  stopping.abort();
  await reached();
  assert.equal(answered, false);
});

Deno.test("Questions.ask() tells an agent what a person said", async () => {
  const { questions, settle } = asking();
  const choosing = questions.ask({
    kind: "question",
    id: "1",
    title: "Which?",
    detail: "",
    choices: ["red", "blue"],
  });
  await reached();
  await settle({ option_id: "2" });
  assert.deepEqual(await choosing, { text: "blue" });
  const refused = questions.ask(run("rm x"));
  await reached();
  await settle({ option_id: "no", answer: "not today" });
  assert.deepEqual(await refused, { allow: false, words: "A person said no: not today" });
});
