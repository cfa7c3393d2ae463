import { firstLine } from "../text.ts";
import type { Agent, AgentHost } from "./agent.ts";

/** Any program: it reads the prompt from stdin, stdout is the result, each line of stderr a step. */
export function text(host: AgentHost): Agent {
  const lines: string[] = [];
  let length = 0;
  const report: Agent["report"] = {};
  return {
    report,
    begin({ prompt }) {
      // It need not say anything before its end.
      report.working = true;
      host.send(prompt);
      host.closeInput();
    },
    stdout(line) {
      // Far more than a task may hold; the rest of an endless output is not kept.
      if (length < KEPT) lines.push(line);
      length += line.length + 1;
    },
    stderr(line) {
      host.step(firstLine(line));
    },
    end() {
      report.result = lines.join("\n").trim();
    },
  };
}

const KEPT = 64 * 1024 * 1024;
