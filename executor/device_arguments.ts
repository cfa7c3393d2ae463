import { join } from "node:path";
import { stringify } from "smol-toml";
import type { McpCommand } from "./agents/agent.ts";
import { commandsOf, type Permissions } from "./permissions/table.ts";
import type { FormatName } from "./presets.ts";

export interface DeviceArguments {
  table: Permissions;
  /** Where the agent works, and then where else it may edit. */
  folders: readonly string[];
  /** A folder of the run's own. */
  scratch: string;
  mcp: McpCommand | null;
  /** What the agent should know of where it runs. */
  notice: string;
}

/**
 * What this device adds to an agent's command line: its table, its tools, its folders. Claude, Codex
 * and ACP agents are told to ask before they act, and the executor answers them by the table; what
 * is said here makes sure that they do ask. Gemini cannot ask: it gets the table as a policy, and
 * what is not allowed is refused.
 */
export function deviceArguments(format: FormatName, device: DeviceArguments): string[] {
  if (format === "claude") return claudeArguments(device);
  if (format === "gemini") return geminiArguments(device);
  return [];
}

function claudeArguments({ table, folders, mcp, notice }: DeviceArguments): string[] {
  // What the person at this machine once allowed for good does not go before this device's table.
  const permissions = { ask: claudeRules(table.ask), deny: claudeRules(table.deny) };
  return [
    "--permission-mode",
    "default",
    "--settings",
    JSON.stringify({ permissions }),
    ...(mcp ? ["--mcp-config", JSON.stringify({ mcpServers: { aura: mcp } })] : []),
    ...(notice ? ["--append-system-prompt", notice] : []),
    ...folders.slice(1).flatMap((folder) => ["--add-dir", folder]),
  ];
}

function claudeRules(list: readonly string[]): string[] {
  const tools = list.flatMap((entry) => {
    if (entry === "edit") return ["Edit", "Write", "NotebookEdit"];
    if (entry === "read") return ["Read", "Glob", "Grep"];
    if (entry === "web") return ["WebFetch", "WebSearch"];
    if (entry === "*") return ["Bash", "Edit", "Write", "NotebookEdit", "WebFetch", "WebSearch"];
    return entry.startsWith("tool:") ? [entry.slice(5)] : [];
  });
  return [...tools, ...commandsOf(list).map((command) => `Bash(${command}:*)`)];
}

function geminiArguments({ table, scratch, folders }: DeviceArguments): string[] {
  const path = join(scratch, "policy.toml");
  Deno.writeTextFileSync(path, stringify({ rule: geminiRules(table) }), { mode: 0o600 });
  return [
    "--policy",
    path,
    ...folders.slice(1).flatMap((folder) => ["--include-directories", folder]),
  ];
}

/** Later lists go before earlier ones: what is denied is denied, what is asked cannot be asked. */
export function geminiRules({ allow, ask, deny }: Permissions) {
  return [
    ...rulesOf(allow, "allow", 500),
    ...rulesOf(ask, "deny", 600),
    ...rulesOf(deny, "deny", 700),
  ];
}

function rulesOf(list: readonly string[], decision: "allow" | "deny", priority: number) {
  const tools = list.flatMap((entry) => {
    if (entry === "edit") return ["write_file", "replace"];
    if (entry === "read") return ["read_file", "list_directory", "glob", "grep_search"];
    if (entry === "web") return ["web_fetch", "google_web_search"];
    if (entry === "*") return ["*"];
    return entry.startsWith("tool:") ? [entry.slice(5)] : [];
  });
  const commands = commandsOf(list);
  return [
    ...(tools.length ? [{ toolName: tools, decision, priority }] : []),
    ...(commands.length
      ? [{ toolName: "run_shell_command", commandPrefix: commands, decision, priority }]
      : []),
  ];
}
