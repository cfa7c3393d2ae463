import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { agentEnvironment } from "./environment.ts";
import { outcomeOf } from "./outcome.ts";
import { FORMATS } from "./presets.ts";
import { processesOf } from "./processes.ts";
import { type AgentEnd, type AgentRun, runAgent } from "./run_agent.ts";

const AGENT = fileURLToPath(new URL("../tests/executor/agent.ts", import.meta.url));

const SPEECHES = { claude: "claude-headless", codex: "codex-exec", gemini: "gemini" } as const;
type Speech = keyof typeof SPEECHES;

interface Played {
  end: AgentEnd;
  steps: string[];
  folder: string;
  marker: string;
}

async function play(
  prompt: string,
  options: Partial<AgentRun> & {
    speech?: Speech;
    args?: string[];
    onStep?: (step: string) => void;
  } = {},
): Promise<Played> {
  const { speech = "claude", args = [], onStep, ...rest } = options;
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  const steps: string[] = [];
  const marker = crypto.randomUUID();
  const end = await runAgent({
    argv: [Deno.execPath(), "run", "-A", "--no-config", AGENT, speech, ...args],
    writesPrompt: true,
    start: { prompt, session: null, folder, images: [], writable: [], notice: "", mcp: null },
    environment: agentEnvironment(Deno.env.toObject()),
    format: FORMATS[SPEECHES[speech]],
    marker,
    signal: new AbortController().signal,
    onStart() {},
    listener: {
      step(text) {
        steps.push(text);
        onStep?.(text);
      },
      session() {},
      ask: () => Promise.resolve({ allow: false }),
      refused() {},
      heard() {},
    },
    ...rest,
  });
  assert.deepEqual(await processesOf(null, marker), [], "something was left running");
  Deno.removeSync(folder, { recursive: true });
  return { end, steps, folder, marker };
}

const judge = ({ end }: Played) => outcomeOf(end, "agent", "mac");
for (const speech of ["claude", "codex", "gemini"] as const) {
  Deno.test(`runAgent() reads steps, result and session of ${speech}`, async () => {
    const played = await play("work 3", { speech });
    assert.deepEqual(judge(played), { kind: "complete", result: "worked" });
    assert.ok(played.steps.includes("step 3"), played.steps.join());
    assert.match(played.end.report.session!, /^[0-9a-f-]{36}$/);
  });

  Deno.test(`runAgent() reads a limit of ${speech}, and does not wait for it`, async () => {
    const outcome = judge(await play(`limit ${speech}`, { speech }));
    assert.equal(outcome.kind, "limited");
    const minutes = outcome.kind === "limited" &&
      (outcome.until!.getTime() - Date.now()) / 60_000;
    assert.ok(Number(minutes) > 55 && Number(minutes) < 65, String(minutes));
  });
}

Deno.test("runAgent() starts in the given folder, with nothing of the hub in the environment", async () => {
  Deno.env.set("AURA_TEST_SECRET", "x");
  const where = await play("where");
  assert.equal(where.end.report.result, `in ${where.folder}`);
  const names = (await play("environment")).end.report.result!.split(" ");
  Deno.env.delete("AURA_TEST_SECRET");
  assert.ok(names.includes("PATH"));
  assert.deepEqual(names.filter((name) => /^(AURA|SUPABASE)_/.test(name)), ["AURA_RUN"]);
});

Deno.test("runAgent() reports a crash with the agent's last words", async () => {
  assert.deepEqual(judge(await play("crash")), {
    kind: "failed",
    error: "agent ended with exit code 3.\nit broke here",
    retryable: true,
  });
  const killed = await play("killed");
  assert.equal(killed.end.signal, "SIGKILL");
  assert.deepEqual(judge(await play("silent")), {
    kind: "failed",
    error: "agent ended without a result.",
    retryable: true,
  });
});

for (const word of ["stay", "stumble"]) {
  Deno.test(`runAgent() takes a result that was given when its program will ${word}`, async () => {
    assert.deepEqual(judge(await play(word)), { kind: "complete", result: "the last word" });
  });
}

Deno.test("runAgent() takes the last message where the result is missing", async () => {
  assert.deepEqual(judge(await play("pieces")), { kind: "complete", result: "one\n\ntwo" });
});

Deno.test("runAgent() survives invalid UTF-8, broken lines and terminal escapes", async () => {
  const { end, steps } = await play("garble");
  assert.deepEqual(steps, ["half \ufffd a pair and  nothing"]);
  assert.ok(end.report.result!.startsWith("garbled "));
});

Deno.test("runAgent() takes a result of 50 MB", async () => {
  assert.equal((await play("huge")).end.report.result!.length, 50 * 1024 * 1024);
});

Deno.test("runAgent() ends an agent that prints without end", async () => {
  const played = await play("endless", { mostOutput: 5_000_000 });
  assert.equal(played.end.tooMuchOutput, true);
  assert.equal(judge(played).kind, "failed");
});

Deno.test("runAgent() kills hanging children and grandchildren when it is stopped", async () => {
  const stopping = new AbortController();
  const { end } = await play("hang", {
    signal: stopping.signal,
    onStep: (step) => step === "hanging" && stopping.abort(),
  });
  assert.equal(end.signal, "SIGKILL");
});

Deno.test("runAgent() ends what an agent leaves behind", async () => {
  const played = await play("leave");
  assert.deepEqual(judge(played), { kind: "complete", result: "left something behind" });
});

Deno.test("runAgent() does not start when it is stopped already", async () => {
  const { end } = await play("work 1000", { signal: AbortSignal.abort() });
  assert.equal(end.signal, "SIGTERM");
});

Deno.test("runAgent() throws when the program is not there", async () => {
  await assert.rejects(play("say x", { argv: ["/nowhere/agent"] }), Deno.errors.NotFound);
});
