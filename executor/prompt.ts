import type { ClaimedTask } from "./hub.ts";

/** What the agent is told: the task's content, and for a part of a team's request the whole of it. */
export function promptOf({ content, kind, metadata }: ClaimedTask): string {
  if (kind !== "subtask" || typeof metadata?.goal !== "string") return content;
  return `${content}

---
The above is your part of a larger request. Others do the other parts at the same time; do only yours.
The whole request:

${metadata.goal}`;
}
