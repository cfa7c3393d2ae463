import type { Output } from "./output.ts";

/** A moment: the local time on a terminal (with the day unless it is today's), ISO 8601 in a pipe. */
export function when(out: Output, timestamp: string | null): string {
  if (!timestamp) return "";
  const date = new Date(timestamp);
  if (!out.isTerminal) return date.toISOString();
  const [day, time] = [date, new Date()].map((moment) => moment.toLocaleDateString("sv"));
  const clock = date.toLocaleTimeString("sv");
  return day === time ? clock : `${day} ${clock}`;
}
