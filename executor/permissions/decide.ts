import { isAbsolute, join, relative, sep } from "node:path";
import type { ToolCall } from "../agents/agent.ts";
import { beginsWith, simpleCommands, type Words } from "./command.ts";
import { commandsOf, type Permissions } from "./table.ts";

export type Decision = "allow" | "ask" | "deny";

/** What a device's table says of a call in the first of `folders`; the others are its own, too. */
export function decide(call: ToolCall, table: Permissions, folders: readonly string[]): Decision {
  if (call.kind === "run") return decideCommand(call.command ?? "", table, folders);
  const named = (list: string[]) =>
    list.includes(call.kind) || list.includes(`tool:${call.tool}`) || list.includes("*");
  if (named(table.deny)) return "deny";
  if (named(table.ask) || !named(table.allow)) return "ask";
  if (call.kind !== "edit" || table.allow.includes("*")) return "allow";
  const paths = call.paths ?? [];
  return paths.length > 0 && paths.every((path) => isOwn(path, folders)) ? "allow" : "ask";
}

function decideCommand(line: string, table: Permissions, folders: readonly string[]): Decision {
  const commands = simpleCommands(line);
  if (table.deny.includes("*") || isDenied(line, commands, table)) return "deny";
  const begins = (words: Words, list: string[]) =>
    commandsOf(list).some((entry) => beginsWith(words, entry));
  if (table.ask.includes("*")) return "ask";
  if (commands?.some((words) => begins(words, table.ask))) return "ask";
  if (table.allow.includes("*")) return "allow";
  const allowed = commands?.every((words) =>
    isHarmless(words, folders) || begins(words, table.allow) && !reachesOut(words)
  );
  return allowed ? "allow" : "ask";
}

/** Also when the line is too clever to be read: then the words anywhere in it are enough. */
function isDenied(line: string, commands: Words[] | null, table: Permissions): boolean {
  return commandsOf(table.deny).some((entry) => {
    if (commands?.some((words) => beginsWith(words, entry))) return true;
    if (commands && !/\b(sh|bash|zsh|env|xargs|sudo|exec|eval)\b/.test(line)) return false;
    const words = entry.split(/\s+/).map((word) => RegExp.escape(word));
    return new RegExp(`(^|[^\\w-])${words.join("\\s+")}($|[^\\w-])`).test(line);
  });
}

/** What often stands around a check, and changes nothing. */
function isHarmless([program, ...rest]: Words, folders: readonly string[]): boolean {
  if (program === "cd") return rest.length === 1 && wayInto(rest[0]!, folders) !== null;
  return ["echo", "true", "pwd", "ls", "head", "tail", "wc", "grep", "cat"].includes(program!);
}

/** Options with which an allowed command writes elsewhere or starts another program. */
function reachesOut(words: Words): boolean {
  return words.some((word) => /^--(output|ext-diff|textconv|exec|upload-pack)/.test(word));
}

/** A file of the task's folders, but none that programs read as their own settings. */
function isOwn(path: string, folders: readonly string[]): boolean {
  const way = wayInto(path, folders);
  return way !== null && !way.split(sep).some((part) => GUARDED.has(part));
}

/** Whoever writes these makes git or an agent run something later. */
const GUARDED = new Set([".git", ".claude", ".codex", ".gemini", ".opencode", ".vscode"]);

/**
 * The path as seen from the folder that holds it; a relative one begins in the first folder. Null for
 * a path outside of all of them, and for one that cannot be followed.
 */
export function wayInto(path: string, folders: readonly string[]): string | null {
  try {
    const real = nearest(isAbsolute(path) ? path : join(folders[0]!, path));
    const ways = folders.map((folder) => relative(nearest(folder), real));
    const inside = (way: string) => way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
    return ways.find(inside) ?? null;
  } catch {
    // What an agent may make of links has no end: loops, names that are too long, folders it locks.
    return null;
  }
}

/** The path with all symbolic links followed in the part of it that exists. */
function nearest(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.NotADirectory)) {
      throw error;
    }
    // A dangling link is judged by where it leads.
    const target = linkTarget(path);
    if (target !== null) return nearest(isAbsolute(target) ? target : join(path, "..", target));
    return join(nearest(join(path, "..")), path.slice(path.lastIndexOf(sep) + 1));
  }
}

function linkTarget(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}
