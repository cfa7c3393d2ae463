import { isPermanent, limitedUntil, LONGEST_OWN_WAIT } from "../limits.ts";
import { firstLine } from "../text.ts";
import type { Agent, AgentHost, AgentStart } from "./agent.ts";
import { answerControl, type ControlRequest } from "./claude_control.ts";
import { picture } from "./picture.ts";
import { addCounts, type Event, parseEvent } from "./json.ts";
import { toolStep } from "./tool_step.ts";
import { asWords } from "./words.ts";

/**
 * Claude Code with `--input-format stream-json --permission-prompt-tool stdio`: it asks before it
 * acts, and takes words while it runs. `--replay-user-messages` tells which of them have arrived.
 */
export function claude(host: AgentHost): Agent {
  const output = claudeOutput(host);
  /** Messages given and not yet taken up: the program goes on with them after its result. */
  let ahead = 0;
  let interrupts = 0;
  let begun = false;

  function say(words: string, images: string[] = []) {
    ahead++;
    const content = [{ type: "text", text: asWords(words) }, ...images.map(image)];
    host.send(JSON.stringify({ type: "user", message: { role: "user", content } }));
  }

  return {
    report: output.report,
    begin: ({ prompt, images }: AgentStart) => say(prompt, images),
    input(words, interrupt) {
      if (interrupt) {
        const request = { subtype: "interrupt" };
        host.send(
          JSON.stringify({ type: "control_request", request_id: `i${++interrupts}`, request }),
        );
      }
      say(words);
    },
    stdout(line) {
      const event = parseEvent(line);
      if (!event) return;
      if (event.type === "control_request") {
        answerControl(event as ControlRequest, host);
        return;
      }
      if (event.type === "user" && event.isReplay) {
        ahead--;
        if (begun) host.heard(1);
        begun = true;
        return;
      }
      output.read(event);
      if (event.type !== "result") return;
      if (ahead > 0 && !isOver(output.report)) return;
      host.finish();
      host.closeInput();
    },
    stderr() {},
  };
}

function isOver({ fatal, limitedUntil }: Agent["report"]): boolean {
  return fatal === true || limitedUntil !== undefined;
}

function image(path: string) {
  const { mediaType, data } = picture(path);
  return { type: "image", source: { type: "base64", media_type: mediaType, data } };
}

/** Claude Code as it was before: `claude -p --output-format stream-json`, which asks nobody. */
export function claudeHeadless(host: AgentHost): Agent {
  const output = claudeOutput(host);
  return {
    report: output.report,
    begin({ prompt }) {
      host.send(asWords(prompt));
      host.closeInput();
    },
    stdout(line) {
      const event = parseEvent(line);
      if (!event) return;
      output.read(event);
      if (event.type === "result") host.finish();
    },
    stderr() {},
  };
}

/** Reads what Claude Code prints, either way. */
function claudeOutput(host: AgentHost) {
  const report: Agent["report"] = {};
  let resetsAt: Date | undefined;
  let said = "";
  let saidIn = "";
  let usage: Record<string, unknown> = {};
  const tools = new Set<string>();

  function read(event: Event) {
    if (typeof event.session_id === "string" && event.session_id !== report.session) {
      report.session = event.session_id;
      host.session(event.session_id);
    }
    if (event.type === "system") system(event);
    else if (event.type === "rate_limit_event") limit(event.rate_limit_info ?? {});
    // A refused request comes as an answer too; the `result` that follows says it again.
    else if (event.type === "assistant" && !event.error) assistant(event);
    else if (event.type === "user") toolResults(event);
    else if (event.type === "result") result(event);
  }

  function system(event: Event) {
    if (typeof event.model === "string") report.model = event.model;
    if (event.subtype !== "api_retry") return;
    const wait = Number(event.retry_delay_ms) || 0;
    const status = Number(event.error_status) || 0;
    if (status === 401 || status === 403) {
      report.error = `The model's server refuses this device's key or login (HTTP ${status}).`;
      report.fatal = true;
      host.finish();
      return;
    }
    if (status === 429 && wait > LONGEST_OWN_WAIT) {
      report.limitedUntil = new Date(Date.now() + wait);
    }
    host.step(`Waiting ${Math.ceil(wait / 1000)} s: ${retryReason(event.error, status)}`);
  }

  function limit({ status, resetsAt: at }: Event) {
    if (status === "rejected" && at) resetsAt = new Date(at * 1000);
  }

  function assistant(event: Event) {
    const mark = event.parent_tool_use_id ? "↳ " : "";
    const id = String(event.message?.id ?? "");
    for (const block of blocksOf(event)) {
      if (block.type === "text") {
        host.step(mark + firstLine(String(block.text)));
        if (mark) continue;
        said = id && id === saidIn ? said + String(block.text) : String(block.text);
        saidIn = id;
      }
      if (block.type !== "tool_use") continue;
      tools.add(String(block.id));
      // What it asks is posted as a question.
      if (block.name === "AskUserQuestion") continue;
      host.step(mark + toolStep(String(block.name), block.input ?? {}));
    }
    report.working = tools.size > 0;
  }

  function toolResults(event: Event) {
    for (const block of blocksOf(event)) {
      if (block.type === "tool_result") tools.delete(String(block.tool_use_id));
    }
    report.working = tools.size > 0;
  }

  function result(event: Event) {
    usage = addCounts(usage, event.usage ?? {});
    report.sessionCost = Number(event.total_cost_usd) || undefined;
    report.usage = usage;
    for (const denial of event.permission_denials ?? []) {
      const detail = denial.tool_input?.command ?? JSON.stringify(denial.tool_input ?? {});
      host.refused({ tool: String(denial.tool_name), detail: String(detail) });
    }
    if (!event.is_error && event.subtype === "success") {
      const told = String(event.result ?? "");
      // The last message is the answer where the result is empty or only its beginning.
      report.result = said.startsWith(told) ? said : told;
      report.error = undefined;
      return;
    }
    const error = String(event.result || event.errors?.join("\n") || event.subtype);
    const status = Number(event.api_error_status) || 0;
    report.error = error;
    report.sessionLost = LOST.test(error) || status === 400;
    report.fatal = FATAL.test(error) || status === 401 || status === 403 || isPermanent(error) ||
      /^error_max_(turns|budget_usd)$/.test(event.subtype);
    if (report.fatal) return;
    const until = limitedUntil(status === 429 ? `(429) ${error}` : error);
    if (until === undefined) return;
    report.limitedUntil = resetsAt && resetsAt > new Date() ? resetsAt : until;
  }

  return { report, read };
}

const FATAL = /not logged in|invalid api key|please run \/login|credit balance|organization/i;
const LOST = /No conversation found with session ID|session .* (?:is corrupt|cannot be)/i;

function retryReason(error: unknown, status: number): string {
  if (status === 429 || error === "rate_limit") return `the model is busy (${error ?? status})`;
  return `the model's server answers ${status || error || "nothing"}`;
}

function blocksOf(event: Event): Event[] {
  return Array.isArray(event.message?.content) ? event.message.content : [];
}
