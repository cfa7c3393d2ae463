/** What messages of agents and of the system tell, as `metadata.event`: docs/events.md says when. */
export const MESSAGE_EVENTS = [
  "brief",
  "device_draining",
  "device_offline",
  "device_online",
  "device_rate_limited",
  "device_registered",
  "file_failed",
  "file_stored",
  "question_answered",
  "question_asked",
  "question_expired",
  "session_begun_anew",
  "session_handed_over",
  "task_cancelled",
  "task_completed",
  "task_failed",
  "task_progress",
  "task_queued",
  "task_requeued",
  "team_completed",
  "team_decomposed",
  "team_failed",
  "team_synthesizing",
  "thread_archived",
  "thread_idle",
  "thread_opened",
] as const;

export type MessageEvent = typeof MESSAGE_EVENTS[number];

/** What a message tells; undefined for a person's words. */
export function eventOf(message: { metadata: { event?: unknown } }): MessageEvent | undefined {
  return MESSAGE_EVENTS.find((name) => name === message.metadata.event);
}
