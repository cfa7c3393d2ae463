import { acp } from "./agents/acp.ts";
import type { AgentFormat } from "./agents/agent.ts";
import { claude, claudeHeadless } from "./agents/claude.ts";
import { codex } from "./agents/codex.ts";
import { codexExec } from "./agents/codex_exec.ts";
import { gemini } from "./agents/gemini.ts";
import { text } from "./agents/text.ts";

/** A model's name in the hub, e.g. `claude`; the hub has the list. */
export type Model = string;

/** How programs speak; `text` is any program: stdout is the result, stderr the steps. */
export const FORMATS = {
  claude,
  codex,
  gemini,
  acp,
  text,
  "claude-headless": claudeHeadless,
  "codex-exec": codexExec,
} satisfies Record<string, AgentFormat>;
export type FormatName = keyof typeof FORMATS;

/**
 * How a model's agent is called. `{args}` stands for the operator's own arguments, `{device}` for
 * what the device adds by itself, e.g. its table of permissions, `{session}` for the session to resume. What the agent
 * is told goes to its stdin; the prompt replaces the argument `{prompt}` where there is one.
 */
export interface AgentCommand {
  command: string[];
  /** Called instead when a session can be resumed, by formats that name it on the command line. */
  resume?: string[];
  /** Prints the program's version. */
  version?: string[];
  format: FormatName;
  /** Added to the agent's environment. */
  env?: Record<string, string>;
  /** The first version that speaks like this; an older program is called by `older`. */
  since?: string;
  older?: AgentCommand;
}

const CLAUDE = ["claude", "-p", "--output-format", "stream-json", "--verbose"];
const CLAUDE_TALKS = [
  ...CLAUDE,
  "--input-format",
  "stream-json",
  "--permission-prompt-tool",
  "stdio",
  "--replay-user-messages",
  "{device}",
  "{args}",
];
const CODEX_EXEC = ["codex", "exec", "--json", "--skip-git-repo-check", "{args}"];
// A run that nobody watches cannot ask whether to trust the folder. The operator has chosen the
// root, and with it what is trusted.
const GEMINI = [
  "gemini",
  "--output-format",
  "stream-json",
  "--skip-trust",
  "{device}",
  "{args}",
];

/** The programs that are known by name, as models of the same name. */
export const PRESETS: Record<string, AgentCommand> = {
  claude: {
    command: CLAUDE_TALKS,
    resume: [...CLAUDE_TALKS, "--resume", "{session}"],
    version: ["claude", "--version"],
    format: "claude",
    since: "2.1.0",
    older: {
      command: [...CLAUDE, "{args}"],
      resume: [...CLAUDE, "{args}", "--resume", "{session}"],
      format: "claude-headless",
    },
  },
  gemini: {
    command: GEMINI,
    resume: [...GEMINI, "--resume", "{session}"],
    version: ["gemini", "--version"],
    format: "gemini",
  },
  codex: {
    command: ["codex", "app-server", "{args}"],
    version: ["codex", "--version"],
    format: "codex",
    since: "0.150.0",
    older: {
      command: [...CODEX_EXEC, "-"],
      resume: [...CODEX_EXEC, "resume", "{session}", "-"],
      format: "codex-exec",
    },
  },
  opencode: {
    command: ["opencode", "acp", "{args}"],
    version: ["opencode", "--version"],
    format: "acp",
    env: {
      OPENCODE_DISABLE_AUTOUPDATE: "1",
      // It allows everything unless told otherwise; the executor answers what it asks.
      OPENCODE_PERMISSION: JSON.stringify({ edit: "ask", bash: "ask", webfetch: "ask" }),
    },
  },
  goose: {
    command: ["goose", "acp", "{args}"],
    version: ["goose", "--version"],
    format: "acp",
    env: { GOOSE_MODE: "approve" },
  },
};

/** Formats that name the session in what they say, not on the command line. */
export function resumesByItself(format: FormatName): boolean {
  return format === "codex" || format === "acp";
}

/** What a program of this version is called by. */
export function commandFor(preset: AgentCommand, version: string | null): AgentCommand {
  if (!preset.since || !preset.older || version === null) return preset;
  return isOlder(version, preset.since) ? { ...preset.older } : preset;
}

function isOlder(version: string, than: string): boolean {
  const [mine, other] = [version, than].map((text) => text.split(/[.-]/).map(Number));
  const at = other!.findIndex((part, index) => part !== mine![index]);
  return at >= 0 && (mine![at] ?? 0) < other![at]!;
}
