import type { Message } from "@aura-servers/client";

/** The task a message of the pipeline is about. */
export function taskIdOf(message: Message): string | null {
  const id = message.metadata.task_id;
  return typeof id === "string" ? id : null;
}
