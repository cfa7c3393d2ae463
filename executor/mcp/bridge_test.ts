import assert from "node:assert/strict";
import { join } from "node:path";
import type { Ask } from "../agents/agent.ts";
import { lines } from "../lines.ts";
import { McpBridge } from "./bridge.ts";

/** An MCP client: starts the server as an agent would, and calls one method after another. */
async function talk(bridge: McpBridge, ...calls: [string, unknown][]) {
  const { command, args, env } = bridge.command;
  const child = new Deno.Command(command, { args, env, stdin: "piped", stdout: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  const answers = lines(child.stdout);
  // deno-lint-ignore no-explicit-any -- results of different methods
  const results: any[] = [];
  for (const [index, [method, params]] of calls.entries()) {
    const message = JSON.stringify({ jsonrpc: "2.0", id: index, method, params });
    await writer.write(new TextEncoder().encode(message + "\n"));
    results.push(JSON.parse((await answers.next()).value!).result);
  }
  await writer.close();
  await child.status;
  return results;
}

function bridged() {
  const root = Deno.realPathSync(Deno.makeTempDirSync());
  const [folder, out, scratch] = ["work", "out", "scratch"].map((name) => join(root, name));
  for (const made of [folder, out, scratch]) Deno.mkdirSync(made!);
  const asked: Ask[] = [];
  const bridge = new McpBridge({
    scratch: scratch!,
    folders: [folder!, out!],
    out: out!,
    ask(ask) {
      asked.push(ask);
      return Promise.resolve({ text: "next" });
    },
  });
  return { bridge, asked, folder: folder!, out: out! };
}

const tool = (name: string, args: unknown): [string, unknown] => [
  "tools/call",
  { name, arguments: args },
];

Deno.test("McpBridge asks a person what an agent asks by a tool", async () => {
  const { bridge, asked } = bridged();
  using _ = bridge;
  const [begun, listed, answered] = await talk(
    bridge,
    ["initialize", { protocolVersion: "2025-06-18" }],
    ["tools/list", {}],
    tool("ask_person", { question: "Which branch?", options: ["main", "next"] }),
  );
  assert.equal(begun.protocolVersion, "2025-06-18");
  // deno-lint-ignore no-explicit-any -- the server's own list
  assert.deepEqual(listed.tools.map(({ name }: any) => name), ["ask_person", "attach_file"]);
  assert.equal(answered.content[0].text, "next");
  assert.deepEqual(asked, [{
    kind: "question",
    id: "ask_person",
    title: "Which branch?",
    detail: "",
    choices: ["main", "next"],
  }]);
});

Deno.test("McpBridge attaches files of the working directory, and none from elsewhere", async () => {
  const { bridge, folder, out } = bridged();
  using _ = bridge;
  Deno.writeTextFileSync(join(folder, "found.txt"), "found");
  Deno.symlinkSync("/etc/passwd", join(folder, "link.txt"));
  const told = await talk(
    bridge,
    tool("attach_file", { path: "found.txt" }),
    tool("attach_file", { path: "found.txt" }),
    tool("attach_file", { path: "/etc/passwd" }),
    tool("attach_file", { path: "link.txt" }),
    tool("attach_file", { path: "none.txt" }),
  );
  const texts = told.map(({ content }) => content[0].text);
  assert.match(texts[0], /will be attached/);
  for (const text of texts.slice(1)) assert.match(text, /^That did not work: /);
  assert.deepEqual([...Deno.readDirSync(out)].map(({ name }) => name), ["found.txt"]);
});
