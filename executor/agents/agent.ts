/**
 * How the executor speaks with an agent, whatever program it is. A format (claude, codex, gemini,
 * acp, text) makes an `Agent` for one run of the program: it reads the lines that the program
 * prints, writes lines to it, and tells its `AgentHost` what happens.
 */

/** Makes the agent of one run. */
export type AgentFormat = (host: AgentHost) => Agent;

export interface Agent {
  /** What its output has told so far. */
  readonly report: AgentReport;
  /** Called once, when the program has been started. */
  begin(start: AgentStart): void;
  stdout(line: string): void;
  stderr(line: string): void;
  /** Gives a person's words to the running agent; absent where the program takes none. */
  input?(words: string, interrupt: boolean): void;
  /** Asks the agent to stop what it does, before its processes are ended. */
  cancel?(): void;
  /** Called after the last line. */
  end?(): void;
}

export interface AgentStart {
  prompt: string;
  /** The session to resume; null for a new one. */
  session: string | null;
  /** The working directory. */
  folder: string;
  /** Paths of pictures that belong to the prompt. */
  images: string[];
  /** Folders besides the working directory in which it may write. */
  writable: readonly string[];
  /** What the agent should know of where it runs. */
  notice: string;
  /** How to start the executor's own MCP server; null where there is none. */
  mcp: McpCommand | null;
}

export interface McpCommand {
  command: string;
  args: string[];
  env: Record<string, string>;
}

/** The other side: the run that an agent belongs to. */
export interface AgentHost {
  /** Writes one line to the program. */
  send(line: string): void;
  /** Nothing more will be written; most programs end then. */
  closeInput(): void;
  /** A step worth showing. */
  step(text: string): void;
  /** The session, as soon as it is known. */
  session(id: string): void;
  /** The agent may not go on before this is answered. */
  ask(ask: Ask): Promise<Answer>;
  /** The agent was not allowed to do something, and nobody was asked. */
  refused(refusal: Refusal): void;
  /** Words given with `input` have reached the agent. */
  heard(count: number): void;
  /** The agent has given its last word: the program is ended soon, if it does not end by itself. */
  finish(): void;
}

/** What an agent is about to do, in the same words for every program. */
export interface ToolCall {
  kind: "run" | "edit" | "read" | "web" | "tool";
  /** The program's name for the tool. */
  tool: string;
  /** The command of `run`. */
  command?: string;
  /** The files of `edit` and `read`. */
  paths?: string[];
  /** The whole command, diff or input, as it is. */
  detail: string;
}

export type Ask =
  | { kind: "approval"; id: string; call: ToolCall; reason?: string }
  | { kind: "question"; id: string; title: string; detail: string; choices: string[] };

export type Answer =
  /** To an approval. `words` is what a person said with it. */
  | { allow: boolean; words?: string }
  /** To a question: the choice or the person's own words; null when there is none. */
  | { text: string | null };

export interface Refusal {
  tool: string;
  detail: string;
}

export interface AgentReport {
  /** The agent's own session, which a follow-up can resume. */
  session?: string;
  /** The exact model, e.g. `claude-opus-5-5`. */
  model?: string;
  /** What this run used. */
  usage?: Record<string, unknown>;
  /** The session's cost so far in US dollars, where the program counts the whole session. */
  sessionCost?: number;
  /** The final answer. */
  result?: string;
  /** Why the agent gave up, in its own words. */
  error?: string;
  /** Trying again cannot help before somebody acts, e.g. signs in. */
  fatal?: boolean;
  /** The model is throttled until then; null when the program did not say how long. */
  limitedUntil?: Date | null;
  /** The session cannot be resumed: it is not on this machine, or the model's server refuses it. */
  sessionLost?: boolean;
  /** A tool is at work, so silence is not the model's. */
  working?: boolean;
}
