// An agent program for the tests that asks before it acts. It speaks the protocol of Claude Code
// (stream-json), of Codex' app-server or of ACP, and the first word of the prompt says what it does.
// It keeps what it has to do in a file by its session, and goes on with it when it is resumed.
//
//   deno run -A asking_agent.ts claude|codex|acp [--resume SESSION]
import { join } from "node:path";
import { lines } from "../../executor/lines.ts";

const [format = "claude"] = Deno.args;
const resumed = Deno.args.includes("--resume")
  ? Deno.args[Deno.args.indexOf("--resume") + 1]
  : undefined;
const encoder = new TextEncoder();
let session = resumed ?? crypto.randomUUID();

function print(message: unknown) {
  let bytes = encoder.encode(JSON.stringify(message) + "\n");
  while (bytes.length) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

// deno-lint-ignore no-explicit-any -- messages of three protocols
type Message = any;
let busy = false;
const mcpConfig = Deno.args[Deno.args.indexOf("--mcp-config") + 1];
let mcp: Message = format === "claude" && mcpConfig && JSON.parse(mcpConfig).mcpServers.aura;
const replies = new Map<string, (message: Message) => void>();
let asked = 0;

/** Sends a request that carries this id, and waits for what answers it. */
function request(id: string | number, message: unknown): Promise<Message> {
  print(message);
  return new Promise((resolve) => replies.set(String(id), resolve));
}

interface Speech {
  begin(): void;
  step(text: string): void;
  /** Whether the command may run, or what was said instead. */
  approve(command: string): Promise<true | string>;
  choose(question: string, options: string[]): Promise<string>;
  end(text: string): void;
}

const speeches: Record<string, Speech> = {
  claude: {
    begin: () => print({ type: "system", subtype: "init", session_id: session, model: "asking-1" }),
    step: (text) => print({ type: "assistant", message: { content: [{ type: "text", text }] } }),
    approve: (command) =>
      permission("Bash", { command }).then(({ behavior, message }) =>
        behavior === "allow" || String(message)
      ),
    choose: (question, options) => {
      const labels = options.map((label) => ({ label, description: label }));
      return permission("AskUserQuestion", { questions: [{ question, options: labels }] })
        .then(({ behavior, updatedInput, message }) =>
          behavior === "allow" ? updatedInput.answers[question] : message
        );
    },
    end(result) {
      print({ type: "result", subtype: "success", is_error: false, result, session_id: session });
    },
  },
  codex: {
    begin: () => {},
    step: (text) => {
      const item = { type: "reasoning", id: "r", summary: [text], content: [] };
      print({ method: "item/completed", params: { item } });
    },
    approve: (command) => {
      const params = { itemId: `call_${++asked}`, command: `/bin/bash -lc '${command}'`, cwd: "/" };
      const method = "item/commandExecution/requestApproval";
      return request(asked, { id: asked, method, params })
        .then(({ result }) => result.decision === "accept" || String(result.decision));
    },
    choose: (question, options) => {
      const labels = options.map((label) => ({ label, description: label }));
      const questions = [{ id: "q", header: "Choice", question, options: labels }];
      const params = { itemId: `call_${++asked}`, questions };
      return request(asked, { id: asked, method: "item/tool/requestUserInput", params })
        .then(({ result }) => result.answers.q.answers[0] ?? "nothing");
    },
    end(text) {
      const item = { type: "agentMessage", id: "m", text };
      print({ method: "item/completed", params: { item } });
      print({ method: "turn/completed", params: { turn: { id: "t", status: "completed" } } });
    },
  },
  acp: {
    begin: () => {},
    step: (text) =>
      update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } }),
    approve: (command) => {
      const toolCall = {
        toolCallId: `call_${++asked}`,
        title: command,
        kind: "execute",
        rawInput: { command },
      };
      // What holds for ever comes first, as with some agents.
      const options = ["allow_always", "allow_once", "reject_once"]
        .map((kind) => ({ optionId: `id-${kind}`, name: kind, kind }));
      const params = { sessionId: session, toolCall, options };
      const method = "session/request_permission";
      return request(asked, { jsonrpc: "2.0", id: asked, method, params })
        .then(({ result }) =>
          result.outcome.optionId === "id-allow_once" || String(result.outcome.optionId)
        );
    },
    choose: () => Promise.resolve("ACP has no questions"),
    end(text) {
      update({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
      print({ jsonrpc: "2.0", id: promptId, result: { stopReason: "end_turn" } });
    },
  },
};
const speech = speeches[format]!;
let promptId: unknown;

function permission(tool_name: string, input: Record<string, unknown>): Promise<Message> {
  const request_id = `r${++asked}`;
  const ask = { subtype: "can_use_tool", tool_name, input, tool_use_id: `call_${asked}` };
  return request(request_id, { type: "control_request", request_id, request: ask });
}

function update(update: unknown) {
  const params = { sessionId: session, update };
  print({ jsonrpc: "2.0", method: "session/update", params });
}

const memory = () => join(Deno.cwd(), `.session-${session}`);
let heard: string[] = [];
let wake = () => {};

async function work(words: string) {
  speech.begin();
  const begun = await Deno.readTextFile(memory()).catch(() => null);
  // What was said in the thread before stands above a line.
  const text = begun ?? words.split("\n---\n\n").at(-1)!;
  Deno.writeTextFileSync(memory(), text);
  const [word, ...rest] = text.trim().split(/\s/);
  const [first = "", ...others] = rest.join(" ").split("|");
  const end = (result: string) => {
    Deno.removeSync(memory());
    speech.end(result);
  };
  switch (word) {
    case "approve": {
      const answers = await Promise.all(
        [first, ...others].map((command) => speech.approve(command)),
      );
      const told = answers.map((answer) => answer === true ? "allowed" : `refused (${answer})`);
      return end(`${begun ? "resumed, " : ""}${told.join(", ")}`);
    }
    case "choose":
      return end(`chose ${await speech.choose(first, others)}`);
    case "listen":
      speech.step("listening");
      while (!heard.length) await new Promise<void>((resolve) => wake = resolve);
      return end(`heard ${heard.join(" and ")}`);
    case "leave": {
      const out = Deno.env.get("AURA_OUT")!;
      Deno.writeTextFileSync(join(out, "report.txt"), "what I found");
      Deno.symlinkSync("/etc/passwd", join(out, "secret.txt"));
      return end("left something");
    }
    case "read":
      return end(`read ${Deno.readTextFileSync(text.split("\n- ")[1]!.trim())}`);
    case "tool":
      return end(await useTool(first, JSON.parse(others.join("|"))));
    default:
      return end(`said ${text}`);
  }
}

/** Calls a tool of the MCP server that the executor offers, as an agent would. */
async function useTool(name: string, args: unknown): Promise<string> {
  const { command, args: argv, env } = mcp;
  const child = new Deno.Command(command, { args: argv, env, stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  const ask = (id: number, method: string, params: unknown) =>
    writer.write(encoder.encode(JSON.stringify({ jsonrpc: "2.0", id, method, params }) + "\n"));
  await ask(1, "initialize", { protocolVersion: "2025-06-18" });
  await ask(2, "tools/list", {});
  await ask(3, "tools/call", { name, arguments: args });
  let names = "";
  for await (const line of lines(child.stdout)) {
    const { id, result } = JSON.parse(line);
    // deno-lint-ignore no-explicit-any -- the server's own list
    if (id === 2) names = result.tools.map((tool: any) => tool.name).join(" ");
    if (id !== 3) continue;
    await writer.close();
    return `${names}: ${result.content[0].text}`;
  }
  return "the server ended";
}

function hear(words: string) {
  heard.push(words);
  wake();
}

for await (const line of lines(Deno.stdin.readable)) {
  const message: Message = JSON.parse(line);
  const id = message.response?.request_id ?? message.id;
  const reply = message.method === undefined && replies.get(String(id));
  if (reply) {
    replies.delete(String(id));
    reply(message.response?.response ?? message);
  } else if (format === "claude") fromClaude(message);
  else fromRpc(message);
}
// Its input is closed when nothing more is wanted.
Deno.exit(0);

function fromClaude(message: Message) {
  if (message.type === "control_request") {
    heard = [];
    return;
  }
  print({ ...message, isReplay: true, session_id: session });
  const words = message.message.content.map(({ text }: Message) => text).join("");
  if (busy) return hear(words);
  busy = true;
  work(words);
}

function fromRpc({ method, id, params }: Message) {
  const answer = (result: unknown) => print({ jsonrpc: "2.0", id, result });
  switch (method) {
    case "initialize":
      return answer({
        protocolVersion: 1,
        agentCapabilities: { sessionCapabilities: { resume: {} } },
      });
    case "thread/start":
      mcp = params.config.mcp_servers.aura;
      return answer({ thread: { id: session }, model: "asking-1" });
    case "thread/resume":
      session = params.threadId;
      return answer({ thread: { id: session }, model: "asking-1" });
    case "session/new":
      return answer({ sessionId: session });
    case "session/resume":
      session = params.sessionId;
      return answer({});
    case "turn/start":
      answer({ turn: { id: "t" } });
      return void work(params.input[0].text);
    case "turn/steer":
      answer({});
      return hear(params.input[0].text);
    case "session/prompt":
      promptId = id;
      return void work(params.prompt[0].text);
  }
}
