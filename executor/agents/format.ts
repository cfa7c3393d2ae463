/** What an agent's output has told so far; each format fills it in line by line. */
export interface AgentReport {
  /** The agent's own session, which a follow-up can resume. */
  session?: string;
  /** The exact model, e.g. `claude-opus-5-5`. */
  model?: string;
  usage?: Record<string, unknown>;
  /** The final answer. */
  result?: string;
  /** Why the agent gave up, in its own words. */
  error?: string;
  /** Trying again cannot help before somebody acts, e.g. signs in. */
  fatal?: boolean;
  /** The model is throttled until then. */
  limitedUntil?: Date;
  /** The session to resume does not exist on this machine. */
  sessionMissing?: boolean;
}

/** How one agent speaks. Each function reads one line, and returns the steps worth showing. */
export interface AgentFormat {
  stdout(line: string, report: AgentReport): string[];
  stderr(line: string, report: AgentReport): string[];
  /** Called after the last line. */
  end?(report: AgentReport): void;
}
