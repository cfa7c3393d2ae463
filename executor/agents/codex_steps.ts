import { firstLine } from "../text.ts";
import type { Event } from "./json.ts";

/** The command of an item as a person would type it: Codex wraps it into `/bin/bash -lc '…'`. */
export function commandOf({ command }: Event): string {
  const shown = String(command ?? "");
  const wrapped = /^\S*sh -l?c (['"])([^]*)\1$/.exec(shown);
  if (!wrapped) return shown.replace(/^\S*sh -l?c /, "");
  return wrapped[1] === "'"
    ? wrapped[2]!.replaceAll(`'"'"'`, "'").replaceAll("'\\''", "'")
    : wrapped[2]!.replace(/\\(["\\$`])/g, "$1");
}

/** The steps of one item of the app-server, at its start or its end. */
export function itemSteps(completed: boolean, item: Event): string[] {
  switch (item.type) {
    case "agentMessage":
      return completed ? [firstLine(String(item.text))] : [];
    case "reasoning":
      return completed ? [firstLine((item.summary ?? []).join("\n").replaceAll("**", ""))] : [];
    case "commandExecution":
      return commandSteps(completed, item);
    case "fileChange":
      return completed && item.status === "completed" ? [`Changed ${changed(item.changes)}`] : [];
    case "mcpToolCall":
      return completed ? [] : [`${item.server}: ${item.tool}`];
    case "webSearch":
      return completed ? [`Searched: ${firstLine(String(item.query ?? ""))}`] : [];
    default:
      return [];
  }
}

function commandSteps(completed: boolean, item: Event): string[] {
  const command = firstLine(commandOf(item));
  if (!completed) return [`$ ${command}`];
  return item.exitCode ? [`Exit code ${item.exitCode}: ${command}`] : [];
}

/** The first files of a change, and how many more. */
export function changed(changes: Event[] = []): string {
  const paths = changes.map(({ path }) => String(path));
  return paths.slice(0, 3).join(", ") + (paths.length > 3 ? ` and ${paths.length - 3} more` : "");
}
