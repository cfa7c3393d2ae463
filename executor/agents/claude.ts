import { limitedUntil, LONGEST_OWN_WAIT } from "../limits.ts";
import { firstLine } from "../text.ts";
import type { AgentFormat, AgentReport } from "./format.ts";
import { type Event, parseEvent } from "./json.ts";
import { toolStep } from "./tool_step.ts";

/** Claude Code: `claude -p --output-format stream-json --verbose`. */
export function claude(): AgentFormat {
  let resetsAt: Date | undefined;

  function stdout(line: string, report: AgentReport): string[] {
    const event = parseEvent(line);
    if (!event) return [];
    if (typeof event.session_id === "string") report.session = event.session_id;
    switch (event.type) {
      case "system":
        if (typeof event.model === "string") report.model = event.model;
        return event.subtype === "api_retry" ? retry(event, report) : [];
      case "rate_limit_event":
        if (event.rate_limit_info?.status === "rejected" && event.rate_limit_info.resetsAt) {
          resetsAt = new Date(event.rate_limit_info.resetsAt * 1000);
        }
        return [];
      case "assistant":
        // A refused request comes as an answer too; the `result` that follows says it again.
        return event.error ? [] : steps(event);
      case "result":
        result(event, report);
        return [];
      default:
        return [];
    }
  }

  function result(event: Event, report: AgentReport) {
    report.usage = { ...event.usage, total_cost_usd: event.total_cost_usd };
    if (!event.is_error && event.subtype === "success") {
      report.result = String(event.result ?? "");
      report.error = undefined;
      return;
    }
    const error = String(event.result || event.errors?.join("\n") || event.subtype);
    report.error = error;
    report.sessionMissing = error.includes("No conversation found with session ID");
    report.fatal = FATAL.test(error) || event.subtype === "error_max_turns" ||
      event.subtype === "error_max_budget_usd";
    const until = limitedUntil(event.api_error_status === 429 ? `(429) ${error}` : error);
    if (until) report.limitedUntil = resetsAt && resetsAt > new Date() ? resetsAt : until;
  }

  return { stdout, stderr: () => [] };
}

const FATAL = /not logged in|invalid api key|please run \/login|credit balance|organization/i;

function retry(event: Event, report: AgentReport): string[] {
  const wait = Number(event.retry_delay_ms) || 0;
  if (event.error_status === 429 && wait > LONGEST_OWN_WAIT) {
    report.limitedUntil = new Date(Date.now() + wait);
  }
  return [`Waiting ${Math.ceil(wait / 1000)} s: the model is busy (${event.error ?? "no answer"})`];
}

function steps(event: Event): string[] {
  const mark = event.parent_tool_use_id ? "↳ " : "";
  const blocks: Event[] = Array.isArray(event.message?.content) ? event.message.content : [];
  return blocks.map((block) => {
    if (block.type === "text") return firstLine(String(block.text));
    if (block.type === "tool_use") return toolStep(String(block.name), block.input ?? {});
    return "";
  }).filter(Boolean).map((step) => mark + step);
}
