// An agent program for the tests. It speaks one of the documented formats, and the first word of
// the prompt says what it does: behave, or misbehave in one of the ways real programs do.
//
//   deno run -A agent.ts FORMAT [--resume SESSION]
import { spawn } from "node:child_process";

const [format = "claude", , resumed] = Deno.args;
const prompt = (await new Response(Deno.stdin.readable).text()).trim();
// What was said in the thread before stands above a line.
const [word = "", ...rest] = prompt.split("\n---\n\n").at(-1)!.split(" ");
const session = resumed ?? crypto.randomUUID();
const encoder = new TextEncoder();

function print(event: unknown) {
  raw(JSON.stringify(event) + "\n");
}

function raw(text: string | Uint8Array) {
  let bytes = typeof text === "string" ? encoder.encode(text) : text;
  while (bytes.length) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

const speech = {
  claude: {
    begin: () => print({ type: "system", subtype: "init", session_id: session, model: "test-1" }),
    step: (text: string) =>
      print({ type: "assistant", message: { content: [{ type: "text", text }] } }),
    end: (result: string) =>
      print({ type: "result", subtype: "success", is_error: false, result, session_id: session }),
    limit(until: Date) {
      const resetsAt = Math.floor(until.getTime() / 1000);
      print({ type: "rate_limit_event", rate_limit_info: { status: "rejected", resetsAt } });
      print({
        type: "result",
        subtype: "success",
        is_error: true,
        api_error_status: 429,
        result: "You've hit your 5-hour limit · resets 9:40am (UTC)",
      });
    },
  },
  codex: {
    begin: () => print({ type: "thread.started", thread_id: session }),
    step: (text: string) => print({ type: "item.completed", item: { type: "reasoning", text } }),
    end(text: string) {
      print({ type: "item.completed", item: { type: "agent_message", text } });
      print({ type: "turn.completed", usage: { input_tokens: 1, output_tokens: 2 } });
    },
    limit(until: Date) {
      const minutes = Math.ceil((until.getTime() - Date.now()) / 60_000);
      const message = `You've hit your usage limit. Try again in ${minutes} minutes.`;
      print({ type: "error", message });
      print({ type: "turn.failed", error: { message } });
    },
  },
  gemini: {
    begin: () => print({ type: "init", session_id: session, model: "test-1" }),
    step(content: string) {
      print({ type: "message", role: "assistant", content, delta: true });
      print({ type: "tool_use", tool_name: "test", tool_id: "1", parameters: {} });
    },
    end(content: string) {
      print({ type: "message", role: "assistant", content, delta: true });
      print({ type: "result", status: "success", stats: { total_tokens: 3 } });
    },
    limit(until: Date) {
      const wait = until.getTime() - Date.now();
      console.error(
        `Attempt 1 failed: You have exhausted your capacity on this model. Your quota will reset ` +
          `after ${Math.ceil(wait / 60_000)}m.. Retrying after ${wait}ms...`,
      );
      setTimeout(() => {}, wait);
    },
  },
}[format]!;

/** A process that ignores SIGTERM; in a session of its own if asked, like an agent's shell tool. */
function stubborn(detached: boolean): number {
  const script = "trap '' TERM HUP INT; while :; do sleep 1; done";
  return spawn("/bin/sh", ["-c", script], { detached, stdio: ["ignore", "inherit", "inherit"] })
    .pid!;
}

const anHour = () => new Date(Date.now() + 3_600_000);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const behaviour: Record<string, () => unknown> = {
  say: () => speech.end(rest.join(" ")),
  where: () => speech.end(`in ${Deno.cwd()}`),
  session: () => speech.end(resumed ? `resumed ${resumed}` : "a new session"),
  environment: () => speech.end(Object.keys(Deno.env.toObject()).sort().join(" ")),
  limit() {
    if (!rest.includes(format)) return speech.end(`done by ${format}`);
    speech.limit(anHour());
    if (format !== "gemini") Deno.exit(1);
  },
  async work() {
    for (let done = 0; done < Number(rest[0]); done++) {
      speech.step(`step ${done + 1}`);
      await pause(100);
    }
    speech.end("worked");
  },
  write() {
    Deno.writeTextFileSync(rest[0]!, rest[1] ?? "");
    speech.end(`wrote ${rest[0]}`);
  },
  async begin() {
    Deno.writeTextFileSync(rest[0]!, "half of it");
    speech.step(`began ${rest[0]}`);
    await pause(600_000);
  },
  unreadable() {
    Deno.removeSync(Deno.readTextFileSync(".git").trim().replace("gitdir: ", ""), {
      recursive: true,
    });
    speech.end("the answer");
  },
  async stay() {
    speech.end("the last word");
    await pause(600_000);
  },
  stumble() {
    speech.end("the last word");
    Deno.exit(1);
  },
  pieces() {
    if (format !== "claude") return speech.end("one\n\ntwo");
    const message = (text: string) =>
      print({ type: "assistant", message: { id: "m", content: [{ type: "text", text }] } });
    message("one\n\n");
    message("two");
    print({ type: "result", subtype: "success", is_error: false, session_id: session });
  },
  odd() {
    const usage = { note: "\u0000 and \ud83d", input_tokens: 1 };
    print({ type: "result", subtype: "success", is_error: false, result: "odd usage", usage });
  },
  crash() {
    console.error("it broke here");
    Deno.exit(3);
  },
  killed: () => Deno.kill(Deno.pid, "SIGKILL"),
  silent: () => {},
  forgotten() {
    if (!resumed) return speech.end("begun anew");
    const event = { type: "result", subtype: "error_during_execution", is_error: true };
    print({ ...event, errors: [`No conversation found with session ID: ${resumed}`] });
    Deno.exit(1);
  },
  garble() {
    raw(new Uint8Array([0xff, 0xfe, 0x00, 0x80, 10]));
    raw('{"type":"assist\n\x1b[31m{}\x1b[0m\nnull\n');
    speech.step("half \ud83d a pair and \u0000 nothing");
    speech.end("garbled \ud83d \u0000 \u001b[31mred\u001b[0m end");
  },
  huge: () => speech.end("x".repeat(50 * 1024 * 1024)),
  endless() {
    const junk = encoder.encode("x".repeat(65_536));
    while (true) raw(junk);
  },
  async hang() {
    const signals: Deno.Signal[] = ["SIGTERM", "SIGINT", "SIGHUP"];
    for (const signal of signals) Deno.addSignalListener(signal, () => {});
    const pids = [Deno.pid, stubborn(false), stubborn(true)];
    Deno.writeTextFileSync("pids.json", JSON.stringify(pids));
    speech.step("hanging");
    await pause(600_000);
  },
  leave() {
    Deno.writeTextFileSync("pids.json", JSON.stringify([stubborn(false), stubborn(true)]));
    speech.end("left something behind");
    Deno.exit(0);
  },
};

speech.begin();
await (behaviour[word] ?? (() => speech.end(`unknown: ${word}`)))();
