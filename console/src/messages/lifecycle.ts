import {
  Archive,
  Ban,
  CircleCheck,
  CircleDot,
  CircleMinus,
  CircleOff,
  CircleX,
  Hourglass,
  type LucideIcon,
  MessagesSquare,
  Moon,
  RefreshCw,
  Sun,
  TimerOff,
} from "lucide-react";
import type { Message } from "@aura-servers/client";

export type Tone = "quiet" | "run" | "ok" | "warn" | "bad";

export interface Lifecycle {
  icon: LucideIcon;
  tone: Tone;
  /** The first line. */
  headline: string;
  /** What follows it. */
  body: string;
}

const marks: [mark: string, icon: LucideIcon, tone: Tone][] = [
  ["⏳", Hourglass, "quiet"],
  ["✅", CircleCheck, "ok"],
  ["❌", CircleX, "bad"],
  ["🔁", RefreshCw, "warn"],
  ["🚫", Ban, "quiet"],
  ["🧵", MessagesSquare, "quiet"],
  ["🗄", Archive, "quiet"],
  ["💤", Moon, "quiet"],
  ["🟢", CircleDot, "ok"],
  ["🟠", CircleMinus, "warn"],
  ["🟡", TimerOff, "warn"],
  ["🔴", CircleOff, "bad"],
  ["☀", Sun, "quiet"],
];

/**
 * The pipeline's own messages have a mark that says what happened: at their start, or at that of the
 * second line where the first names a thread. It is shown as an icon of its colour. Nobody but the
 * pipeline can post as the system, and an agent's result follows a mark: a person's message that
 * starts with the same character stays what it is, text.
 */
export function lifecycleOf({ content, sender_type }: Message): Lifecycle | null {
  if (sender_type === "human") return null;
  const [first = "", ...rest] = content.split("\n");
  const marked = markOf(first);
  if (marked) return { ...marked.look, headline: marked.text, body: rest.join("\n") };
  const second = sender_type === "system" && rest[0] ? markOf(rest[0]) : null;
  if (!second) return null;
  return { ...second.look, headline: first, body: [second.text, ...rest.slice(1)].join("\n") };
}

function markOf(line: string) {
  const found = marks.find(([mark]) => line.startsWith(mark));
  if (!found) return null;
  const [mark, icon, tone] = found;
  return { look: { icon, tone }, text: line.slice(mark.length).replace(/^\ufe0f?\s*/, "") };
}

/** A progress message without its mark and task number. */
export function progressText(content: string): string {
  return content.replace(/^📋\ufe0f?\s*(?:[0-9a-f]{8}:\s*)?/, "");
}
