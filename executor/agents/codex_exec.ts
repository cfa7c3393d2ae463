import { isPermanent, limitedUntil } from "../limits.ts";
import { firstLine } from "../text.ts";
import type { Agent, AgentHost } from "./agent.ts";
import { changed, commandOf } from "./codex_steps.ts";
import { type Event, parseEvent } from "./json.ts";
import { asWords } from "./words.ts";

/** Codex as it was before: `codex exec --json`, which asks nobody. */
export function codexExec(host: AgentHost): Agent {
  const report: Agent["report"] = {};

  function stdout(line: string) {
    const event = parseEvent(line);
    if (!event) return;
    switch (event.type) {
      case "thread.started":
        report.session = String(event.thread_id);
        host.session(report.session);
        return;
      case "item.started":
      case "item.updated":
      case "item.completed":
        return item(event.type, event.item ?? {});
      case "turn.completed":
        report.usage = event.usage;
        report.error = undefined;
        report.result ??= "";
        return host.finish();
      case "turn.failed":
        return fail(String(event.error?.message ?? "The turn failed."));
      case "error":
        // Also sent for a lost connection that Codex then repairs; turn.completed clears it.
        return fail(String(event.message));
    }
  }

  function item(type: string, event: Event) {
    if (event.type === "command_execution") report.working = type !== "item.completed";
    if (type === "item.completed" && event.type === "agent_message") {
      report.result = String(event.text);
    }
    for (const step of steps(type, event)) host.step(step);
  }

  function fail(error: string) {
    report.error = error;
    report.fatal = /401 Unauthorized|not logged in|codex login/i.test(error) || isPermanent(error);
  }

  return {
    report,
    begin({ prompt }) {
      host.send(asWords(prompt));
      host.closeInput();
    },
    stdout,
    stderr(line) {
      if (line.includes("no rollout found for thread id")) report.sessionLost = true;
      const refused = /(\w+) failed(?: for `([^`]*)`)?.*Rejected\(/.exec(line);
      if (refused) host.refused({ tool: refused[1]!, detail: refused[2] ?? firstLine(line, 500) });
    },
    end() {
      if (report.error !== undefined && !report.fatal) {
        report.limitedUntil = limitedUntil(report.error);
      }
    },
  };
}

function steps(type: string, item: Event): string[] {
  const completed = type === "item.completed";
  switch (item.type) {
    case "agent_message":
      return completed ? [firstLine(String(item.text))] : [];
    case "reasoning":
      return completed ? [firstLine(String(item.text).replaceAll("**", ""))] : [];
    case "command_execution":
      return commandSteps(type, item);
    case "file_change":
      return completed ? [`Changed ${changed(item.changes)}`] : [];
    case "mcp_tool_call":
      return type === "item.started" ? [`${item.server}: ${item.tool}`] : [];
    case "web_search":
      return completed ? [`Searched: ${firstLine(String(item.query))}`] : [];
    case "todo_list":
      return planStep(item);
    default:
      return [];
  }
}

function commandSteps(type: string, item: Event): string[] {
  const command = firstLine(commandOf(item));
  if (type === "item.started") return [`$ ${command}`];
  const failed = type === "item.completed" && item.exit_code;
  return failed ? [`Exit code ${item.exit_code}: ${command}`] : [];
}

function planStep(item: Event): string[] {
  const items: Event[] = item.items ?? [];
  const next = items.find((entry) => !entry.completed);
  const done = items.filter((entry) => entry.completed).length;
  return next ? [`Plan ${done}/${items.length}: ${firstLine(String(next.text))}`] : [];
}
