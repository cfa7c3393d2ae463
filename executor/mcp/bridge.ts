import { constants, copyFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Answer, Ask, McpCommand } from "../agents/agent.ts";
import { wayInto } from "../permissions/decide.ts";
import { safeName } from "../files/incoming.ts";
import { lines } from "../lines.ts";
import { SERVER } from "./server.ts";

export interface BridgeOptions {
  /** A folder of the run's own, for the socket. */
  scratch: string;
  /** Where files may be attached from; the first one is the working directory. */
  folders: readonly string[];
  /** Where files to deliver are left. */
  out: string;
  ask(ask: Ask): Promise<Answer>;
}

/** The executor's side of its MCP server: does what the server is asked to, for one run. */
export class McpBridge implements Disposable {
  readonly command: McpCommand;
  readonly #options: BridgeOptions;
  readonly #listener: Deno.Listener;
  readonly #connections = new Set<Deno.Conn>();

  constructor(options: BridgeOptions) {
    this.#options = options;
    const path = socketPath(options.scratch);
    this.#listener = Deno.listen({ transport: "unix", path });
    const [command, ...args] = SERVER;
    this.command = { command: command!, args, env: { AURA_SOCKET: path } };
    this.#accept();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    this.#connections.forEach(close);
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      this.#serve(connection).catch(() => {}).finally(() => {
        this.#connections.delete(connection);
        close(connection);
      });
    }
  }

  async #serve(connection: Deno.Conn): Promise<void> {
    for await (const line of lines(connection.readable)) {
      const { id, tool, args } = JSON.parse(line);
      this.#do(tool, args).catch((error: Error) => `That did not work: ${error.message}`)
        .then((text) =>
          connection.write(new TextEncoder().encode(JSON.stringify({ id, text }) + "\n"))
        )
        .catch(() => {});
    }
  }

  async #do(tool: string, args: Record<string, unknown>): Promise<string> {
    if (tool === "ask_person") return await this.#ask(args);
    if (tool === "attach_file") return await this.#attach(String(args.path ?? ""));
    throw new Error(`there is no tool "${tool}"`);
  }

  async #ask({ question, detail, options }: Record<string, unknown>): Promise<string> {
    if (typeof question !== "string" || !question.trim()) throw new Error("there is no question");
    const answering = this.#options.ask({
      kind: "question",
      id: "ask_person",
      title: question,
      detail: typeof detail === "string" ? detail : "",
      choices: Array.isArray(options) ? options.map(String) : [],
    });
    const answer = await Promise.race([answering, later(PATIENCE)]);
    if (answer === null) return LATER;
    const text = "text" in answer ? answer.text : null;
    return text ?? "Nobody answered. Do what can be done without an answer.";
  }

  async #attach(path: string): Promise<string> {
    const { folders, out } = this.#options;
    const way = path && wayInto(path, folders);
    if (!way) throw new Error(`"${path}" is not in your working directory`);
    const real = Deno.realPathSync(resolve(folders[0]!, path));
    if (!Deno.statSync(real).isFile) throw new Error(`"${path}" is no file`);
    const name = safeName(basename(path));
    await copyFile(real, join(out, name), constants.COPYFILE_EXCL);
    return `"${name}" will be attached to the result.`;
  }
}

/** Read to its end, a connection is closed already. */
function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Agents wait for a tool for half a minute at least, and some no longer. */
const PATIENCE = 25_000;
const LATER =
  "The question has been put to people, who may take their time. End your turn now and say " +
  "what you wait for: you will be started again with the answer.";

function later(ms: number): Promise<null> {
  return new Promise((resolve) => Deno.unrefTimer(Number(setTimeout(() => resolve(null), ms))));
}

/** Some systems take no socket's path of more than about a hundred bytes. */
function socketPath(scratch: string): string {
  const path = join(scratch, "mcp.sock");
  return path.length < 100 ? path : join(Deno.makeTempDirSync({ prefix: "aura-" }), "mcp.sock");
}
