import type { ClaimedTask, Question } from "./hub.ts";

export interface PromptParts {
  /** The agent has no memory of the thread: it is told what was said there. */
  anew: boolean;
  /** The agent goes on with its own session after a question. */
  resumed: boolean;
  /** Paths of the files that came with the request. */
  files: string[];
}

/** What the agent is told when its run begins. */
export function promptOf(
  task: ClaimedTask,
  { anew, resumed, files }: PromptParts = { anew: false, resumed: false, files: [] },
): string {
  const answers = (task.answers ?? []).filter(({ state, told }) =>
    state !== "open" && (anew || !told)
  );
  const request = resumed && answers.length > 0 ? GO_ON : requestOf(task);
  return [
    anew && task.history ? `What was said in this thread before:\n\n${task.history}\n\n---` : "",
    request,
    ...answers.map(answered),
    files.length
      ? `Files that belong to this:\n${files.map((path) => `- ${path}`).join("\n")}`
      : "",
  ].filter(Boolean).join("\n\n");
}

const GO_ON =
  "Your question has been answered. Go on with the task from where you stopped; where an " +
  "action was allowed, do it again exactly as it was.";

/** The task's content, and for a part of a team's request the whole of it. */
function requestOf({ content, kind, metadata }: ClaimedTask): string {
  if (kind !== "subtask" || typeof metadata?.goal !== "string") return content;
  return `${content}

---
The above is your part of a larger request. Others do the other parts at the same time; do only yours.
The whole request:

${metadata.goal}`;
}

function answered({ title, state, options, option_id, answer }: Question): string {
  const chosen = options?.find(({ id }) => id === option_id)?.label;
  const said = [chosen, answer].filter(Boolean).join(": ");
  return `You asked: ${title}\n${
    state === "answered" ? `A person answered: ${said}` : "Nobody answered."
  }`;
}
