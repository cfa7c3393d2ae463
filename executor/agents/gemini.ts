import { limitedUntil, LONGEST_OWN_WAIT } from "../limits.ts";
import { firstLine } from "../text.ts";
import type { AgentFormat, AgentReport } from "./format.ts";
import { parseEvent } from "./json.ts";
import { toolStep } from "./tool_step.ts";

/** Gemini CLI: `gemini --output-format stream-json`. */
export function gemini(): AgentFormat {
  /** The answer comes in pieces, and no event repeats it: what follows the last tool is it. */
  let answer: string[] = [];

  function spoken(): string[] {
    const step = firstLine(answer.join("").slice(0, 4000));
    return step ? [step] : [];
  }

  function stdout(line: string, report: AgentReport): string[] {
    const event = parseEvent(line);
    if (!event) return [];
    switch (event.type) {
      case "init":
        report.session = String(event.session_id);
        report.model = String(event.model);
        return [];
      case "message":
        if (event.role === "assistant") answer.push(String(event.content));
        return [];
      case "tool_use": {
        const before = spoken();
        answer = [];
        return [...before, toolStep(String(event.tool_name), event.parameters ?? {})];
      }
      case "tool_result":
        return event.status === "error"
          ? [`Failed: ${firstLine(String(event.output ?? event.error?.message ?? event.tool_id))}`]
          : [];
      case "error":
        return [firstLine(String(event.message))];
      case "result":
        report.usage = event.stats;
        if (event.status === "success") report.result = answer.join("");
        else fail(String(event.error?.message ?? "The run failed."), report);
        return [];
      default:
        return [];
    }
  }

  function stderr(line: string, report: AgentReport): string[] {
    if (line.startsWith("Error resuming session")) report.sessionMissing = true;
    // It would sit out a spent quota by itself, for hours, holding the task.
    const wait = Number(/Retrying after (\d+)ms/.exec(line)?.[1] ?? 0);
    if (wait > LONGEST_OWN_WAIT) {
      report.limitedUntil = limitedUntil(line) ?? new Date(Date.now() + wait);
    }
    return [];
  }

  return { stdout, stderr };
}

function fail(error: string, report: AgentReport) {
  report.error = error;
  report.fatal = /api key not valid|auth method/i.test(error);
  report.limitedUntil = limitedUntil(error) ?? undefined;
}
