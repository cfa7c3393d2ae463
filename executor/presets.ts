import { claude } from "./agents/claude.ts";
import { codex } from "./agents/codex.ts";
import type { AgentFormat } from "./agents/format.ts";
import { gemini } from "./agents/gemini.ts";
import { text } from "./agents/text.ts";

export const MODELS = ["claude", "gemini", "codex"] as const;
export type Model = typeof MODELS[number];

/** What an agent prints; `text` is any program: stdout is the result, stderr the steps. */
export const FORMATS = { claude, gemini, codex, text } satisfies Record<string, () => AgentFormat>;
export type FormatName = keyof typeof FORMATS;

/**
 * How a model's agent is called. `{args}` stands for the operator's own arguments, `{session}` for
 * the session to resume. The prompt goes to stdin, or replaces the argument `{prompt}` where
 * there is one.
 */
export interface AgentCommand {
  command: string[];
  /** Called instead when a session can be resumed. */
  resume?: string[];
  /** Prints the program's version. */
  version?: string[];
  format: FormatName;
}

export const PRESETS: Record<Model, AgentCommand> = {
  claude: {
    command: ["claude", "-p", "--output-format", "stream-json", "--verbose", "{args}"],
    resume: [
      "claude",
      "-p",
      "--output-format",
      "stream-json",
      "--verbose",
      "{args}",
      "--resume",
      "{session}",
    ],
    version: ["claude", "--version"],
    format: "claude",
  },
  gemini: {
    // A run that nobody watches cannot ask whether to trust the folder. The operator has chosen
    // the root, and with it what is trusted.
    command: ["gemini", "--output-format", "stream-json", "--skip-trust", "{args}"],
    resume: [
      "gemini",
      "--output-format",
      "stream-json",
      "--skip-trust",
      "{args}",
      "--resume",
      "{session}",
    ],
    version: ["gemini", "--version"],
    format: "gemini",
  },
  codex: {
    command: ["codex", "exec", "--json", "--skip-git-repo-check", "{args}", "-"],
    resume: [
      "codex",
      "exec",
      "--json",
      "--skip-git-repo-check",
      "{args}",
      "resume",
      "{session}",
      "-",
    ],
    version: ["codex", "--version"],
    format: "codex",
  },
};
