import { isPermanent, limitedUntil, LONGEST_OWN_WAIT } from "../limits.ts";
import { firstLine } from "../text.ts";
import type { Agent, AgentHost } from "./agent.ts";
import { type Event, parseEvent } from "./json.ts";
import { toolCall } from "./tool_call.ts";
import { toolStep } from "./tool_step.ts";
import { asWords } from "./words.ts";

/** Gemini CLI: `gemini --output-format stream-json`; its policy file says what it may do. */
export function gemini(host: AgentHost): Agent {
  const report: Agent["report"] = {};
  const tools = new Map<string, Event>();
  /** The answer comes in pieces, and no event repeats it: what follows the last tool is it. */
  let answer: string[] = [];
  let loop: string | undefined;

  function stdout(line: string) {
    const event = parseEvent(line);
    if (!event) return;
    switch (event.type) {
      case "init":
        report.session = String(event.session_id);
        report.model = String(event.model);
        return host.session(report.session);
      case "message":
        if (event.role === "assistant") answer.push(String(event.content));
        return;
      case "tool_use":
        tools.set(String(event.tool_id), event);
        report.working = true;
        host.step(firstLine(answer.join("").slice(0, 4000)));
        answer = [];
        return host.step(toolStep(String(event.tool_name), event.parameters ?? {}));
      case "tool_result":
        return toolResult(event);
      case "error":
        if (/loop detected/i.test(String(event.message))) loop = String(event.message);
        return host.step(firstLine(String(event.message)));
      case "result":
        return result(event);
    }
  }

  function toolResult(event: Event) {
    report.working = false;
    if (event.status !== "error") return;
    const used = tools.get(String(event.tool_id));
    if (event.error?.type === "policy_violation" && used) {
      const call = toolCall(String(used.tool_name), used.parameters ?? {});
      host.refused({ tool: call.tool, detail: call.detail });
    }
    const said = event.output ?? event.error?.message ?? event.tool_id;
    host.step(`Failed: ${firstLine(String(said))}`);
  }

  function result(event: Event) {
    report.usage = event.stats;
    const used = Object.keys(event.stats?.models ?? {});
    if (used.length === 1) report.model = used[0];
    if (event.status !== "success") fail(String(event.error?.message ?? "The run failed."));
    else if (loop) fail(loop);
    else report.result = answer.join("");
    host.finish();
  }

  function fail(error: string) {
    report.error = error;
    report.limitedUntil = limitedUntil(error);
    report.fatal = report.limitedUntil === undefined &&
      (/api key not valid|auth method/i.test(error) || isPermanent(error));
  }

  function stderr(line: string) {
    if (line.startsWith("Error resuming session")) report.sessionLost = true;
    const status = /Attempt (\d+) failed with status (\d+)/.exec(line);
    if (status) host.step(`Waiting: the model's server answers ${status[2]} (try ${status[1]})`);
    // It would sit out a spent quota by itself, for hours, holding the task.
    const wait = Number(/Retrying after (\d+)ms/.exec(line)?.[1] ?? 0);
    if (wait > LONGEST_OWN_WAIT) {
      report.limitedUntil = limitedUntil(line) ?? new Date(Date.now() + wait);
    }
  }

  return {
    report,
    begin({ prompt, notice }) {
      host.send(asWords(prompt) + (notice && `\n\n(${notice})`));
      host.closeInput();
    },
    stdout,
    stderr,
  };
}
