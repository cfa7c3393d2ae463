import { firstLine } from "../text.ts";
import type { AgentFormat, AgentReport } from "./format.ts";

/** Any program: stdout is the result, each line of stderr a step. */
export function text(): AgentFormat {
  const lines: string[] = [];
  let length = 0;
  return {
    stdout(line) {
      // Far more than a task may hold; the rest of an endless output is not kept.
      if (length < KEPT) lines.push(line);
      length += line.length + 1;
      return [];
    },
    stderr(line) {
      const step = firstLine(line);
      return step ? [step] : [];
    },
    end(report: AgentReport) {
      report.result = lines.join("\n").trim();
    },
  };
}

const KEPT = 64 * 1024 * 1024;
