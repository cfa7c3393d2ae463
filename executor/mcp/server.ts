// The executor's own MCP server, started by an agent: `ask_person` and `attach_file`. It passes each
// call to the executor, through the socket that AURA_SOCKET names, and its answer back.
import { fileURLToPath } from "node:url";
import { lines } from "../lines.ts";

/** What starts it, also from a package. */
export const SERVER = [Deno.execPath(), "run", "-A", "--no-config", fileURLToPath(import.meta.url)];

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

/** The executor at the other end of the socket. */
class Executor {
  readonly #connection: Deno.Conn;
  readonly #waiting = new Map<number, (text: string) => void>();
  #last = 0;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Lets the executor do it; returns what it says. */
  async pass(tool: string, args: unknown): Promise<string> {
    const id = ++this.#last;
    const said = new Promise<string>((resolve) => this.#waiting.set(id, resolve));
    await this.#connection.write(encoder.encode(JSON.stringify({ id, tool, args }) + "\n"));
    return await said;
  }

  /** Returns when the run is over. */
  async listen(): Promise<void> {
    for await (const line of lines(this.#connection.readable)) {
      const { id, text } = JSON.parse(line);
      this.#waiting.get(id)?.(text);
      this.#waiting.delete(id);
    }
  }
}

// deno-lint-ignore no-explicit-any -- the parameters of any method
async function answer(executor: Executor, method: string, params: any): Promise<unknown> {
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
    case "tools/call": {
      const text = await executor.pass(params.name, params.arguments ?? {});
      return { content: [{ type: "text", text }] };
    }
  }
  return undefined;
}

/** Serves an agent until it or the executor has gone. */
async function serve(): Promise<void> {
  const path = Deno.env.get("AURA_SOCKET")!;
  const executor = new Executor(await Deno.connect({ transport: "unix", path }));
  executor.listen().finally(() => Deno.exit(0));
  for await (const line of lines(Deno.stdin.readable)) {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) continue;
    answer(executor, method, params).then((result) => {
      const unknown = { code: -32601, message: `"${method}" is not known here.` };
      const told = result === undefined ? { error: unknown } : { result };
      Deno.stdout.writeSync(encoder.encode(JSON.stringify({ jsonrpc: "2.0", id, ...told }) + "\n"));
    });
  }
  Deno.exit(0);
}

if (import.meta.main) await serve();
