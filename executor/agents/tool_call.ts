import { firstLine } from "../text.ts";
import type { ToolCall } from "./agent.ts";
import type { Event } from "./json.ts";

/** A tool call of Claude Code or Gemini CLI in the executor's words. */
export function toolCall(tool: string, input: Event): ToolCall {
  const path = input.file_path ?? input.notebook_path ?? input.absolute_path ?? input.path;
  const paths = typeof path === "string" ? [path] : [];
  if (typeof input.command === "string") {
    return { kind: "run", tool, command: input.command, detail: input.command };
  }
  if (EDITS.has(tool)) return { kind: "edit", tool, paths, detail: editDetail(input, paths) };
  if (READS.has(tool)) return { kind: "read", tool, paths, detail: whole(input) };
  if (WEB.has(tool)) return { kind: "web", tool, detail: whole(input) };
  return { kind: "tool", tool, detail: whole(input) };
}

const EDITS = new Set(["Edit", "MultiEdit", "Write", "NotebookEdit", "write_file", "replace"]);
const READS = new Set(["Read", "Glob", "Grep", "read_file", "list_directory", "glob"]);
const WEB = new Set(["WebFetch", "WebSearch", "web_fetch", "google_web_search"]);

function editDetail(input: Event, paths: string[]): string {
  const name = paths.join("\n");
  if (typeof input.content === "string") return `${name}\n\n${input.content}`;
  if (typeof input.old_string !== "string") return whole(input);
  return `${name}\n\n${marked("-", input.old_string)}\n${marked("+", String(input.new_string))}`;
}

function marked(mark: string, text: string): string {
  return text.split("\n").map((line) => mark + line).join("\n");
}

function whole(input: Event): string {
  return JSON.stringify(input, null, 2);
}

/** One line that says what a call does, as a step or a question's title. */
export function callTitle(call: ToolCall): string {
  if (call.kind === "run") return `$ ${firstLine(call.command ?? "")}`;
  if (call.paths?.length) return `${call.tool}: ${firstLine(call.paths.join(", "), 120)}`;
  return call.tool;
}
