import { isPermanent, limitedUntil } from "../limits.ts";
import { firstLine } from "../text.ts";
import type { Agent, AgentHost, AgentStart, ToolCall } from "./agent.ts";
import { commandOf, itemSteps } from "./codex_steps.ts";
import { addCounts, type Event } from "./json.ts";
import { RpcError, RpcPeer } from "./json_rpc.ts";
import { asWords } from "./words.ts";

/**
 * Codex' `app-server`. It is told to ask before everything but reading (`untrusted`), so that the
 * executor's own table decides; what is allowed runs as the person's own commands do.
 */
export function codex(host: AgentHost): Agent {
  const report: Agent["report"] = {};
  /** What each item is about to change: a request for a patch names the item only. */
  const changes = new Map<string, Event[]>();
  let thread = "";
  let turn: string | null = null;
  let usage: Record<string, unknown> = {};
  let over = false;
  /** Words to go on with once the turn has been interrupted. */
  let next: string[] = [];

  const rpc = new RpcPeer(host.send, {
    notify: (method, params) => notify(method, params),
    request: (method, params) => request(method, params),
  });

  async function open({ prompt, session, folder, images, mcp, writable, notice }: AgentStart) {
    try {
      await rpc.call("initialize", {
        clientInfo: { name: "aura", title: "Aura Servers", version: "0.1.0" },
        capabilities: { experimentalApi: true },
      });
      rpc.notify("initialized");
      const settings = {
        cwd: folder,
        approvalPolicy: "untrusted",
        sandbox: "workspace-write",
        ...(notice && { developerInstructions: notice }),
        config: {
          sandbox_workspace_write: { writable_roots: writable },
          ...(mcp && { mcp_servers: { aura: mcp } }),
        },
      };
      const opened = session
        ? await rpc.call("thread/resume", { threadId: session, excludeTurns: true, ...settings })
        : await rpc.call("thread/start", settings);
      thread = String(opened.thread?.id ?? session);
      if (typeof opened.model === "string") report.model = opened.model;
      report.session = thread;
      host.session(thread);
      await startTurn(prompt, images);
    } catch (error) {
      fail(error);
    }
  }

  async function startTurn(words: string, images: string[] = []) {
    const input = [
      { type: "text", text: asWords(words), text_elements: [] },
      ...images.map((path) => ({ type: "localImage", path })),
    ];
    const started = await rpc.call("turn/start", { threadId: thread, input });
    turn = String(started.turn?.id ?? "");
  }

  async function steer(words: string, interrupt: boolean) {
    try {
      if (interrupt) {
        next.push(words);
        await rpc.call("turn/interrupt", { threadId: thread, turnId: turn });
        return;
      }
      const input = [{ type: "text", text: asWords(words), text_elements: [] }];
      await rpc.call("turn/steer", { threadId: thread, expectedTurnId: turn, input });
      host.heard(1);
    } catch (error) {
      // The turn ended meanwhile: the words are not lost, the run goes on with them.
      if (!(error instanceof RpcError)) throw error;
    }
  }

  function notify(method: string, params: Event) {
    switch (method) {
      case "turn/started":
        turn = String(params.turn?.id ?? turn);
        return;
      case "item/started":
      case "item/completed":
        return item(method === "item/completed", params.item ?? {});
      case "turn/plan/updated":
        return plan(params.plan ?? []);
      case "thread/tokenUsage/updated":
        // A resumed thread tells first what its last turn used.
        if (params.turnId !== turn) return;
        usage = addCounts(usage, params.tokenUsage?.last ?? {});
        report.usage = usage;
        return;
      case "error":
        return trouble(params);
      case "turn/completed":
        return turnCompleted(params.turn ?? {});
    }
  }

  function item(completed: boolean, event: Event) {
    if (event.type === "fileChange") changes.set(String(event.id), event.changes ?? []);
    if (event.type === "commandExecution") report.working = !completed;
    if (completed && event.type === "agentMessage") report.result = String(event.text);
    for (const step of itemSteps(completed, event)) host.step(step);
  }

  function plan(steps: Event[]) {
    const next = steps.find(({ status }) => status !== "completed");
    const done = steps.filter(({ status }) => status === "completed").length;
    if (next) host.step(`Plan ${done}/${steps.length}: ${firstLine(String(next.step))}`);
  }

  function trouble({ error = {}, willRetry }: Event) {
    const message = String(error.message ?? "The model's server does not answer.");
    const details = error.additionalDetails ? `: ${error.additionalDetails}` : "";
    if (willRetry) host.step(`Waiting: ${firstLine(message + details)}`);
  }

  async function turnCompleted({ status, error, items = [] }: Event) {
    if (next.length > 0) {
      const words = next;
      next = [];
      await startTurn(words.join("\n\n")).then(() => host.heard(words.length), fail);
      return;
    }
    const last = items.findLast((entry: Event) => entry.type === "agentMessage");
    if (status === "completed") report.result ??= last ? String(last.text) : "";
    else failTurn(error ?? {}, String(status));
    finish();
  }

  function failTurn({ message, codexErrorInfo: info }: Event, status: string) {
    report.error = String(message ?? `The turn was ${status}.`);
    const code = typeof info === "string" ? info : Object.keys(info ?? {})[0] ?? "";
    const http = Number(Object.values(asEvent(info))[0]?.httpStatusCode) || 0;
    report.fatal = code === "unauthorized" || code === "modelNotFound" || http === 401 ||
      http === 403 || isPermanent(report.error) || SIGN_IN.test(report.error);
    if (report.fatal) return;
    report.sessionLost = http === 400 || code === "badRequest";
    const limited = code === "usageLimitExceeded" || code === "rateLimitExceeded" || http === 429;
    report.limitedUntil = limitedUntil(limited ? `(429) ${report.error}` : report.error);
  }

  function fail(error: unknown) {
    if (over) return;
    if (!(error instanceof RpcError)) throw error;
    report.error = error.message;
    report.sessionLost = /no rollout found|thread not found|not found: /i.test(error.message);
    report.fatal = SIGN_IN.test(error.message);
    finish();
  }

  function finish() {
    over = true;
    host.finish();
    host.closeInput();
  }

  function request(method: string, params: Event): Promise<unknown> | null {
    if (method === "item/commandExecution/requestApproval") return approve(params, commandCall);
    if (method === "item/fileChange/requestApproval") return approve(params, changeCall);
    if (method === "item/tool/requestUserInput") return userInput(params);
    // What would widen the sandbox for more than one call is not granted.
    if (method === "item/permissions/requestApproval") {
      host.refused({ tool: "permissions", detail: JSON.stringify(params.permissions ?? {}) });
      return Promise.resolve({ permissions: {}, scope: "turn" });
    }
    if (method === "mcpServer/elicitation/request") return elicitation(params);
    return null;
  }

  async function approve(params: Event, call: (params: Event) => ToolCall) {
    const answer = await host.ask({
      kind: "approval",
      id: String(params.approvalId ?? params.itemId),
      call: call(params),
      ...(params.reason && { reason: String(params.reason) }),
    });
    return { decision: "allow" in answer && answer.allow ? "accept" : "decline" };
  }

  /** Codex asks in this way whether a tool of an MCP server may be used, and servers ask anything. */
  async function elicitation({ serverName, turnId, _meta: about }: Event) {
    if (about?.codex_approval_kind !== "mcp_tool_call") return { action: "decline" };
    const tool = `${serverName}/${about.tool_name}`;
    const detail = JSON.stringify(about.tool_params ?? {}, null, 2);
    const call: ToolCall = { kind: "tool", tool, detail };
    const answer = await host.ask({ kind: "approval", id: `${turnId}/${tool}`, call });
    const allowed = "allow" in answer && answer.allow;
    return allowed ? { action: "accept", content: {} } : { action: "decline" };
  }

  function changeCall(params: Event): ToolCall {
    const files = changes.get(String(params.itemId)) ?? [];
    const paths = files.map(({ path }) => String(path));
    const moved = files.flatMap(({ kind }) => kind?.move_path ? [String(kind.move_path)] : []);
    const detail = files.map(({ path, diff }) => `${path}\n\n${diff}`).join("\n");
    return { kind: "edit", tool: "apply_patch", paths: [...paths, ...moved], detail };
  }

  async function userInput({ itemId, questions = [] }: Event) {
    const answers: Record<string, { answers: string[] }> = {};
    await Promise.all(questions.map(async (question: Event) => {
      const answer = await host.ask({
        kind: "question",
        id: `${itemId}/${question.id}`,
        title: String(question.question),
        detail: "",
        choices: (question.options ?? []).map(({ label }: Event) => String(label)),
      });
      const text = "text" in answer ? answer.text : null;
      answers[question.id] = { answers: text === null ? [] : [text] };
    }));
    return { answers };
  }

  return {
    report,
    begin: (start) => void open(start),
    input: (words, interrupt) => void steer(words, interrupt),
    stdout: (line) => rpc.line(line),
    stderr() {},
    end() {
      over = true;
      rpc.close();
    },
  };
}

function commandCall(params: Event): ToolCall {
  const command = commandOf(params);
  return { kind: "run", tool: "shell", command, detail: command };
}

function asEvent(value: unknown): Record<string, Event> {
  return value !== null && typeof value === "object" ? value as Record<string, Event> : {};
}

const SIGN_IN = /401 Unauthorized|not logged in|codex login/i;
