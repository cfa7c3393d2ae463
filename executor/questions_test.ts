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
  /** Waits until so many questions have been asked, and tells them. */
  const reached = async (count: number) => {
    while (asked.size < count || open === 0) await new Promise((resolve) => setTimeout(resolve));
    return [...asked.values()];
  };
  return { questions, reached, stopping, settle, open: () => open, count: () => asked.size };
}

const run = (command: string, id = "call_1"): Ask => ({
  kind: "approval",
  id,
  call: toolCall("Bash", { command }),
});

Deno.test("Questions.ask() settles by the table what the table decides", async () => {
  const { questions, count } = asking();
  assert.deepEqual(await questions.ask(run("npm test")), { allow: true });
  const denied = await questions.ask(run("git push"));
  assert.equal("allow" in denied && denied.allow, false);
  assert.equal(count(), 0);
  assert.deepEqual(questions.refusals, [{ tool: "Bash", detail: "git push" }]);
});

Deno.test("Questions.ask() waits for a person, and lets a call run once", async () => {
  const { questions, reached, settle, open } = asking();
  const answering = questions.ask(run(`curl -H ${SECRET} http://x`));
  const [question] = await reached(1);
  assert.equal(open(), 1);
  assert.equal(question!.detail, "curl -H … http://x");
  assert.deepEqual(question!.options!.map(({ kind }) => kind), ["allow_once", "reject_once"]);
  await settle({ option_id: "once" });
  assert.deepEqual(await answering, { allow: true });
  assert.equal(open(), 0);
});

Deno.test("Questions.ask() takes one name of two calls for two questions", async () => {
  const { questions, reached } = asking();
  questions.ask(run("rm one", "1"));
  questions.ask(run("rm two", "1"));
  assert.equal((await reached(2)).length, 2);
});

Deno.test("Questions.ask() takes an earlier answer for one identical call, and no other", async () => {
  const first = asking();
  first.questions.ask(run("rm x"));
  const [asked] = await first.reached(1);
  const answered: Question = { ...asked!, state: "answered", option_id: "once" };
  const fresh = asking({ answers: [answered], claim: "next" });
  fresh.questions.ask(run("rm y", "other"));
  assert.equal((await fresh.reached(1)).length, 1);
  assert.deepEqual(await fresh.questions.ask(run("rm x", "another")), { allow: true });
  fresh.questions.ask(run("rm x", "a third"));
  assert.equal((await fresh.reached(2)).length, 2);
  // An answer that an earlier run has worked with is used up.
  const told = asking({ answers: [{ ...answered, told: true }], claim: "next" });
  told.questions.ask(run("rm x", "another"));
  assert.equal((await told.reached(1)).length, 1);
});

Deno.test("Questions.ask() allows nothing that expired, was withdrawn or could not be asked", async () => {
  for (const state of ["expired", "withdrawn"] as const) {
    const { questions, reached, settle } = asking();
    const answering = questions.ask(run("rm x"));
    await reached(1);
    await settle({ state });
    assert.deepEqual(await answering, { allow: false, words: "Nobody has allowed this." });
  }
  const refuse = new ApiError("too long", "content_too_long", 413);
  const answer = await asking({ refuse }).questions.ask(run("rm x"));
  assert.equal("allow" in answer && answer.allow, false);
});

Deno.test("Questions.ask() answers a run that is stopped nothing at all", async () => {
  const { questions, reached, stopping } = asking();
  let answered = false;
  questions.ask(run("rm x")).then(() => answered = true);
  await reached(1);
  stopping.abort();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(answered, false);
});

Deno.test("Questions.ask() tells an agent what a person said", async () => {
  const { questions, reached, settle } = asking();
  const choosing = questions.ask({
    kind: "question",
    id: "1",
    title: "Which?",
    detail: "",
    choices: ["red", "blue"],
  });
  await reached(1);
  await settle({ option_id: "2" });
  assert.deepEqual(await choosing, { text: "blue" });
  const refused = questions.ask(run("rm x"));
  await reached(2);
  await settle({ option_id: "no", answer: "not today" });
  assert.deepEqual(await refused, { allow: false, words: "A person said no: not today" });
});
