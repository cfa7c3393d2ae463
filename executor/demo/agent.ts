// The demo agent: an honest stand-in for an AI agent, so that a fresh installation can show queue,
// progress, questions and results without an account or a network. It says what an agent would do
// with a prompt, asks before a "deploy …" as an agent would, and does nothing else. It speaks ACP, as
// far as that goes.
import { basename } from "node:path";
import { lines } from "../lines.ts";

const [model = "an agent", ...flags] = Deno.args;
const session = crypto.randomUUID();
const encoder = new TextEncoder();
const answers = new Map<string, (option: string) => void>();
let asked = 0;

function say(message: Record<string, unknown>): void {
  Deno.stdout.writeSync(encoder.encode(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n"));
}

function update(update: Record<string, unknown>): void {
  say({ method: "session/update", params: { sessionId: session, update } });
}

/** Asks whether a command may run. */
function ask(command: string): Promise<string> {
  const id = `ask-${++asked}`;
  say({
    id,
    method: "session/request_permission",
    params: {
      sessionId: session,
      toolCall: { toolCallId: id, title: command, kind: "execute", rawInput: { command } },
      options: [
        { optionId: "once", name: "Allow once", kind: "allow_once" },
        { optionId: "no", name: "No", kind: "reject_once" },
      ],
    },
  });
  return new Promise((resolve) => answers.set(id, resolve));
}

async function work(prompt: string): Promise<string> {
  const folder = basename(Deno.cwd());
  const files = [...Deno.readDirSync(".")].length;
  await step(`I am the demo agent in the place of ${model}`);
  await step(`Looking into "${folder}": ${files} ${files === 1 ? "entry" : "entries"}`);
  await step(`Read the prompt: ${prompt.length} characters`);
  // A plan is read by a program, which wants a list and nothing else.
  if (Deno.env.get("AURA_TASK_KIND") === "plan") {
    return JSON.stringify(["Demo: look at the goal", "Demo: do nothing", "Demo: say so"]);
  }
  const [, target] = /\bdeploy(?:\s+(?:to\s+)?([\w-]+))?/i.exec(prompt) ?? [];
  if (/\bdeploy\b/i.test(prompt)) {
    const command = `./deploy.sh ${target ?? "production"}`;
    const answer = await ask(command);
    return answer === "once"
      ? `You allowed "${command}". An agent would run it now; this is the demo agent, which runs nothing.`
      : `"${command}" was not allowed, so nothing was deployed. (This is the demo agent; nothing would have been.)`;
  }
  await step("Here an agent would plan, edit and test");
  return [
    `This is the demo agent, not ${model}: nothing was read but your message, and nothing was changed.`,
    "",
    "You wrote:",
    ...prompt.split("\n").slice(0, 20).map((line) => `> ${line}`),
    "",
    `With ${model} installed, it would have worked on this in the folder "${folder}".`,
    'To see an agent ask before it acts, send "deploy to production".',
    'To enrol this machine with its own agents: "npm run executor -- enroll".',
  ].join("\n");
}

async function step(title: string): Promise<void> {
  const toolCallId = title;
  update({ sessionUpdate: "tool_call", toolCallId, title, kind: "think", status: "in_progress" });
  await new Promise((resolve) => setTimeout(resolve, flags.includes("--quick") ? 50 : 2_000));
  update({ sessionUpdate: "tool_call_update", toolCallId, status: "completed" });
}

for await (const line of lines(Deno.stdin.readable)) {
  const { id, method, params, result } = JSON.parse(line);
  if (method === undefined) {
    answers.get(id)?.(result?.outcome?.optionId ?? "no");
  } else if (method === "initialize") {
    say({ id, result: { protocolVersion: 1, agentCapabilities: {} } });
  } else if (method === "session/new") {
    say({ id, result: { sessionId: session } });
  } else if (method === "session/prompt") {
    // What the executor adds for an agent comes beside the person's words.
    work(params.prompt[0].text.trim()).then((text) => {
      update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
      say({ id, result: { stopReason: "end_turn" } });
    });
  } else if (id !== undefined) {
    say({ id, error: { code: -32601, message: `The demo agent knows no "${method}".` } });
  }
}
Deno.exit(0);
