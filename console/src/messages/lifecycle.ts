import {
  Archive,
  Ban,
  CircleCheck,
  CircleX,
  Clock,
  Hourglass,
  type LucideIcon,
  MessagesSquare,
  Moon,
  RefreshCw,
  Sparkles,
  Split,
} from "lucide-react";
import type { Message } from "@aura-servers/client";

export type Tone = "quiet" | "run" | "ok" | "warn" | "bad";

export interface Lifecycle {
  icon: LucideIcon;
  tone: Tone;
  /** The first line without its mark. */
  headline: string;
  /** What follows the first line. */
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
  ["⏰", Clock, "warn"],
  ["🧩", Split, "quiet"],
  ["🔮", Sparkles, "quiet"],
];

/**
 * The pipeline's own messages start with a mark that says what happened to a task; it is shown as an
 * icon of its colour. Nobody but the pipeline can post as agent or system, so a person's message
 * that starts with the same character stays what it is: text.
 */
export function lifecycleOf({ content, sender_type }: Message): Lifecycle | null {
  if (sender_type === "human") return null;
  const found = marks.find(([mark]) => content.startsWith(mark));
  if (!found) return null;
  const [mark, icon, tone] = found;
  const text = content.slice(mark.length).replace(/^\ufe0f?\s*/, "");
  const end = text.indexOf("\n");
  return end < 0
    ? { icon, tone, headline: text, body: "" }
    : { icon, tone, headline: text.slice(0, end), body: text.slice(end + 1) };
}

/** A progress message without its mark and task number. */
export function progressText(content: string): string {
  return content.replace(/^📋\ufe0f?\s*(?:[0-9a-f]{8}:\s*)?/, "");
}
