import { firstLine } from "../text.ts";
import type { ToolCall } from "./agent.ts";
import type { Event } from "./json.ts";

/** A tool call of ACP in the executor's words. */
export function acpCall(call: Event): ToolCall {
  const input: Event = call.rawInput ?? {};
  const tool = String(call.title ?? call.kind ?? "tool");
  const paths = pathsOf(call, input);
  if (call.kind === "execute") {
    const command = commandOf(input) ?? tool;
    return { kind: "run", tool, command, detail: command };
  }
  if (["edit", "delete", "move"].includes(call.kind)) {
    return { kind: "edit", tool, paths, detail: diffs(call) || whole(input, tool) };
  }
  if (call.kind === "read" || call.kind === "search") {
    return { kind: "read", tool, paths, detail: whole(input, tool) };
  }
  if (call.kind === "fetch") return { kind: "web", tool, detail: whole(input, tool) };
  return { kind: "tool", tool, detail: whole(input, tool) };
}

function commandOf({ command, cmd }: Event): string | null {
  if (Array.isArray(command)) return command.map(String).join(" ");
  return typeof command === "string" ? command : typeof cmd === "string" ? cmd : null;
}

function pathsOf(call: Event, input: Event): string[] {
  const named = [input.filePath, input.file_path, input.path].filter((path) =>
    typeof path === "string"
  );
  const located = (call.locations ?? []).map(({ path }: Event) => String(path));
  const changed = (call.content ?? []).filter(({ type }: Event) => type === "diff")
    .map(({ path }: Event) => String(path));
  return [...new Set([...named, ...located, ...changed])];
}

function diffs(call: Event): string {
  return (call.content ?? []).filter(({ type }: Event) => type === "diff").map((diff: Event) => {
    const removed = diff.oldText ? `${lines("-", diff.oldText)}\n` : "";
    return `${diff.path}\n\n${removed}${lines("+", String(diff.newText ?? ""))}`;
  }).join("\n\n");
}

function lines(mark: string, text: string): string {
  return text.split("\n").map((line) => mark + line).join("\n");
}

function whole(input: Event, title: string): string {
  return Object.keys(input).length ? JSON.stringify(input, null, 2) : title;
}

/** One line for a tool call that has begun or has failed. */
export function acpStep(call: Event): string {
  const shown = call.kind === "execute"
    ? `$ ${firstLine(commandOf(call.rawInput ?? {}) ?? String(call.title))}`
    : firstLine(String(call.title ?? call.kind), 120);
  return call.status === "failed" ? `Failed: ${shown}` : shown;
}
