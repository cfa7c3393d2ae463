import type { AgentEnd } from "./run_agent.ts";

/** How a run ended, as the hub wants to know it. */
export type Outcome =
  | { kind: "complete"; result: string }
  /** `until` is null when the agent did not say how long. */
  | { kind: "limited"; until: Date | null }
  /** `elsewhere`: another device may be able to do it. */
  | { kind: "failed"; error: string; retryable: boolean; elsewhere?: boolean };

/** Judges a run that nobody stopped; `program` and `device` are named in what is said of it. */
export function outcomeOf(end: AgentEnd, program: string, device: string): Outcome {
  const { report } = end;
  if (report.limitedUntil !== undefined) return { kind: "limited", until: report.limitedUntil };
  if (end.tooMuchOutput) {
    return failed(`${program} printed without end and was stopped.`, false);
  }
  if (report.error !== undefined) {
    const advice = report.fatal ? `\nPut this right on "${device}", then retry the task.` : "";
    return failed(`${program}: ${report.error}${advice}`, !report.fatal);
  }
  // A result that was given counts, however its program ended after it.
  if (end.finished && report.result !== undefined) return complete(report.result);
  if (end.signal) return failed(`${program} was killed by ${end.signal}.${said(end)}`, true);
  if (end.code !== 0) {
    return failed(`${program} ended with exit code ${end.code}.${said(end)}`, true);
  }
  if (report.result === undefined) {
    return failed(`${program} ended without a result.${said(end)}`, true);
  }
  return complete(report.result);
}

function complete(result: string): Outcome {
  return { kind: "complete", result: result.trim() || "(no text)" };
}

function failed(error: string, retryable: boolean): Outcome {
  return { kind: "failed", error, retryable };
}

function said(end: AgentEnd): string {
  return end.complaint ? `\n${end.complaint}` : "";
}
