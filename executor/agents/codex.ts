import { limitedUntil } from "../limits.ts";
import { firstLine } from "../text.ts";
import type { AgentFormat, AgentReport } from "./format.ts";
import { type Event, parseEvent } from "./json.ts";

/** Codex: `codex exec --json`. */
export function codex(): AgentFormat {
  function stdout(line: string, report: AgentReport): string[] {
    const event = parseEvent(line);
    if (!event) return [];
    switch (event.type) {
      case "thread.started":
        report.session = String(event.thread_id);
        return [];
      case "item.started":
      case "item.updated":
      case "item.completed":
        if (event.type === "item.completed" && event.item?.type === "agent_message") {
          report.result = String(event.item.text);
        }
        return steps(event.type, event.item ?? {});
      case "turn.completed":
        report.usage = event.usage;
        report.error = undefined;
        report.result ??= "";
        return [];
      case "turn.failed":
        fail(String(event.error?.message ?? "The turn failed."), report);
        return [];
      case "error":
        // Also sent for a lost connection that Codex then repairs; turn.completed clears it.
        fail(String(event.message), report);
        return [];
      default:
        return [];
    }
  }

  function stderr(line: string, report: AgentReport): string[] {
    if (line.includes("no rollout found for thread id")) report.sessionMissing = true;
    return [];
  }

  function end(report: AgentReport) {
    if (report.error === undefined) report.limitedUntil = undefined;
    else report.limitedUntil = limitedUntil(report.error) ?? undefined;
  }

  return { stdout, stderr, end };
}

function fail(error: string, report: AgentReport) {
  report.error = error;
  report.fatal = /401 Unauthorized|not logged in|codex login/i.test(error);
}

function steps(type: string, item: Event): string[] {
  switch (item.type) {
    case "agent_message":
      return type === "item.completed" ? [firstLine(String(item.text))] : [];
    case "reasoning":
      return type === "item.completed" ? [firstLine(String(item.text).replaceAll("**", ""))] : [];
    case "command_execution":
      return commandSteps(type, item);
    case "file_change":
      return type === "item.completed" ? [`Changed ${changed(item)}`] : [];
    case "mcp_tool_call":
      return type === "item.started" ? [`${item.server}: ${item.tool}`] : [];
    case "web_search":
      return type === "item.completed" ? [`Searched: ${firstLine(String(item.query))}`] : [];
    case "todo_list":
      return planStep(item);
    default:
      return [];
  }
}

function commandSteps(type: string, item: Event): string[] {
  const command = firstLine(String(item.command).replace(/^\S*sh -l?c /, ""));
  if (type === "item.started") return [`$ ${command}`];
  const failed = type === "item.completed" && item.exit_code;
  return failed ? [`Exit code ${item.exit_code}: ${command}`] : [];
}

function changed(item: Event): string {
  const paths: string[] = (item.changes ?? []).map((change: Event) => String(change.path));
  return paths.slice(0, 3).join(", ") + (paths.length > 3 ? ` and ${paths.length - 3} more` : "");
}

function planStep(item: Event): string[] {
  const items: Event[] = item.items ?? [];
  const next = items.find((entry) => !entry.completed);
  const done = items.filter((entry) => entry.completed).length;
  return next ? [`Plan ${done}/${items.length}: ${firstLine(String(next.text))}`] : [];
}
