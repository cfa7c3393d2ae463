// The executor's own MCP server, started by an agent: `ask_person` and `attach_file`. It passes each
// call to the executor, through the socket that AURA_SOCKET names, and its answer back.
import { lines } from "../lines.ts";

const TOOLS = [
  {
    name: "ask_person",
    description:
      "Ask the people of the channel something that you must know to go on. Returns their " +
      "answer; or says that you should end your turn, and be started again with the answer.",
    inputSchema: {
      type: "object",
      properties: {
        question: { type: "string", description: "The question, in one sentence." },
        detail: { type: "string", description: "What they must know to answer." },
        options: {
          type: "array",
          items: { type: "string" },
          maxItems: 10,
          description: "Answers to choose from.",
        },
      },
      required: ["question"],
    },
  },
  {
    name: "attach_file",
    description:
      "Attach a file of your working directory to the result, for the people of the channel.",
    inputSchema: {
      type: "object",
      properties: { path: { type: "string", description: "The file." } },
      required: ["path"],
    },
  },
];

const encoder = new TextEncoder();
const executor = await Deno.connect({ transport: "unix", path: Deno.env.get("AURA_SOCKET")! });
const waiting = new Map<number, (text: string) => void>();
let last = 0;

/** Lets the executor do it. */
function pass(tool: string, args: unknown): Promise<string> {
  const id = ++last;
  executor.write(encoder.encode(JSON.stringify({ id, tool, args }) + "\n"));
  return new Promise((resolve) => waiting.set(id, resolve));
}

(async () => {
  for await (const line of lines(executor.readable)) {
    const { id, text } = JSON.parse(line);
    waiting.get(id)?.(text);
    waiting.delete(id);
  }
  // The run is over.
  Deno.exit(0);
})();

// deno-lint-ignore no-explicit-any -- the parameters of any method
async function answer(method: string, params: any): Promise<unknown> {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: params?.protocolVersion ?? "2025-06-18",
        capabilities: { tools: {} },
        serverInfo: { name: "aura", version: "0.1.0" },
      };
    case "ping":
      return {};
    case "tools/list":
      return { tools: TOOLS };
    case "tools/call":
      return { content: [{ type: "text", text: await pass(params.name, params.arguments ?? {}) }] };
  }
  return undefined;
}

for await (const line of lines(Deno.stdin.readable)) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  answer(method, params).then((result) => {
    const unknown = { code: -32601, message: `"${method}" is not known here.` };
    const told = result === undefined ? { error: unknown } : { result };
    Deno.stdout.writeSync(encoder.encode(JSON.stringify({ jsonrpc: "2.0", id, ...told }) + "\n"));
  });
}
Deno.exit(0);
