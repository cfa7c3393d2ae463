import { pathToFileURL } from "node:url";
import { isPermanent, limitedUntil } from "../limits.ts";
import { firstLine } from "../text.ts";
import { acpCall, acpStep } from "./acp_call.ts";
import type { Agent, AgentHost, AgentStart } from "./agent.ts";
import { addCounts, type Event } from "./json.ts";
import { RpcError, RpcPeer } from "./json_rpc.ts";
import { picture } from "./picture.ts";
import { asWords } from "./words.ts";

/**
 * The Agent Client Protocol, version 1: https://agentclientprotocol.com. It has no way to add words
 * to a turn, so they are given as the next turn, at once where the present one is interrupted.
 */
export function acp(host: AgentHost): Agent {
  const report: Agent["report"] = {};
  const calls = new Map<string, Event>();
  let session = "";
  let answer = "";
  let lastWords = "";
  let listening = false;
  let over = false;
  let canSee = false;
  const next: string[] = [];

  const rpc = new RpcPeer(host.send, {
    notify(method, params) {
      if (method === "session/update" && listening) update(params.update ?? {});
    },
    request: (method, params) =>
      method === "session/request_permission" ? permission(params) : null,
  });

  async function talk(start: AgentStart) {
    try {
      const { agentCapabilities: can = {} } = await rpc.call("initialize", {
        protocolVersion: 1,
        clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
        clientInfo: { name: "aura", title: "Aura Servers", version: "0.1.0" },
      });
      canSee = can.promptCapabilities?.image === true;
      await open(start, can);
      let words = start.prompt;
      // Beside the person's words, not among them.
      let beside = [...start.images.map(image), ...(start.notice ? [text(start.notice)] : [])];
      while (true) {
        await turn(words, beside);
        if (next.length === 0) break;
        words = next.join("\n\n");
        host.heard(next.splice(0).length);
        beside = [];
      }
    } catch (error) {
      fail(error);
    }
    over = true;
    host.finish();
    host.closeInput();
  }

  async function open({ session: known, folder, mcp }: AgentStart, can: Event) {
    const place = { cwd: folder, mcpServers: mcp ? [mcpServer(mcp)] : [] };
    // Resuming repeats nothing; loading tells the whole history again, which is not listened to.
    const way = can.sessionCapabilities?.resume ? "session/resume" : "session/load";
    const opened = known
      ? await rpc.call(way, { sessionId: known, ...place }).catch((error) => {
        report.sessionLost = true;
        throw error;
      })
      : await rpc.call("session/new", place);
    session = known ?? String(opened.sessionId);
    report.session = session;
    host.session(session);
    const model = opened.models?.currentModelId ??
      opened.configOptions?.find(({ id }: Event) => id === "model")?.currentValue;
    if (typeof model === "string") report.model = model;
    await askBeforeActing(opened.modes);
    listening = true;
  }

  /** Chooses the mode in which the agent asks, where it has several. */
  async function askBeforeActing(modes: Event | undefined) {
    const ids: string[] = (modes?.availableModes ?? []).map(({ id }: Event) => String(id));
    const mode = ASKING_MODES.find((id) => ids.includes(id));
    if (!mode || modes?.currentModeId === mode) return;
    await rpc.call("session/set_mode", { sessionId: session, modeId: mode });
  }

  async function turn(words: string, beside: Event[]) {
    answer = "";
    const ended = await rpc.call("session/prompt", {
      sessionId: session,
      prompt: [text(asWords(words)), ...beside],
    });
    if (ended.usage) report.usage = addCounts(report.usage ?? {}, ended.usage);
    // Some agents end their turn without a word when something was refused.
    if (ended.stopReason === "end_turn") report.result = answer.trim() ? answer : lastWords;
    else if (ended.stopReason !== "cancelled") {
      report.error = STOPS[ended.stopReason] ?? `The agent stopped: ${ended.stopReason}.`;
      report.fatal = ended.stopReason === "refusal";
    }
  }

  function image(path: string): Event {
    const { mediaType: mimeType, data } = picture(path);
    return canSee
      ? { type: "image", mimeType, data }
      : { type: "resource_link", uri: pathToFileURL(path).href, name: path, mimeType };
  }

  function update(event: Event) {
    switch (event.sessionUpdate) {
      case "agent_message_chunk":
        if (event.content?.type === "text") answer += event.content.text;
        return;
      case "tool_call":
      case "tool_call_update":
        return toolUpdate(event);
      case "plan":
        return plan(event.entries ?? []);
      case "usage_update":
        if (typeof event.cost?.amount === "number") report.sessionCost = event.cost.amount;
    }
  }

  function toolUpdate(event: Event) {
    const before = calls.get(event.toolCallId) ?? {};
    const call = { ...before, ...event };
    calls.set(event.toolCallId, call);
    report.working = [...calls.values()].some(({ status }) => status === "in_progress");
    if (call.status !== "in_progress" && call.status !== "failed") return;
    if (before.status === call.status) return;
    if (call.status === "in_progress") {
      host.step(firstLine(answer));
      if (answer.trim()) lastWords = answer;
      answer = "";
    }
    host.step(acpStep(call));
  }

  function plan(entries: Event[]) {
    const open = entries.find(({ status }) => status !== "completed");
    const done = entries.filter(({ status }) => status === "completed").length;
    if (open) host.step(`Plan ${done}/${entries.length}: ${firstLine(String(open.content))}`);
  }

  async function permission({ toolCall = {}, options = [] }: Event): Promise<unknown> {
    const call = { ...calls.get(toolCall.toolCallId), ...toolCall };
    const answer = await host.ask({
      kind: "approval",
      id: String(toolCall.toolCallId),
      call: acpCall(call),
    });
    const kind = "allow" in answer && answer.allow ? "allow_once" : "reject_once";
    // By its kind, never by its place: what an agent lists first may hold for ever.
    const option = options.find((option: Event) => option.kind === kind);
    return {
      outcome: option ? { outcome: "selected", optionId: option.optionId } : {
        outcome: "cancelled",
      },
    };
  }

  function fail(error: unknown) {
    if (over) return;
    if (!(error instanceof RpcError)) throw error;
    const more = typeof error.data.details === "string" ? `: ${error.data.details}` : "";
    report.error = error.message + more;
    report.fatal = error.code === AUTH_REQUIRED || isPermanent(report.error) ||
      /api[ _-]?key|unauthorized|log ?in/i.test(report.error);
    if (report.fatal) return;
    const limited = error.code === 429 ? `(429) ${report.error}` : report.error;
    report.limitedUntil = limitedUntil(limited);
  }

  return {
    report,
    begin: (start) => void talk(start),
    input(words, interrupt) {
      next.push(words);
      if (interrupt) rpc.notify("session/cancel", { sessionId: session });
    },
    cancel: () => rpc.notify("session/cancel", { sessionId: session }),
    stdout: (line) => rpc.line(line),
    stderr() {},
    end() {
      over = true;
      rpc.close();
    },
  };
}

function text(words: string): Event {
  return { type: "text", text: words };
}

const AUTH_REQUIRED = -32000;
/** What different agents call the mode in which they ask before they act. */
const ASKING_MODES = ["default", "ask", "approve", "read-only", "manual"];
const STOPS: Record<string, string> = {
  max_tokens: "The answer reached the model's limit of tokens.",
  max_turn_requests: "The agent reached its limit of requests for one turn.",
  refusal: "The model refused to go on.",
};

function mcpServer({ command, args, env }: NonNullable<AgentStart["mcp"]>) {
  const variables = Object.entries(env).map(([name, value]) => ({ name, value }));
  return { name: "aura", command, args, env: variables };
}
