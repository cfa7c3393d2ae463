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
  UserCheck,
} from "lucide-react";
import { eventOf, type Message, type MessageEvent } from "@aura-servers/client";

export type Tone = "quiet" | "run" | "ok" | "warn" | "bad";

export interface Lifecycle {
  event: MessageEvent;
  icon: LucideIcon;
  tone: Tone;
  /** The first line. */
  headline: string;
  /** What follows it. */
  body: string;
}

type Look = [icon: LucideIcon, tone: Tone];

/** How each event is shown; what has no look of its own here is an agent's or the system's text. */
const looks: Partial<Record<MessageEvent, Look>> = {
  task_queued: [Hourglass, "quiet"],
  task_completed: [CircleCheck, "ok"],
  task_failed: [CircleX, "bad"],
  task_requeued: [RefreshCw, "warn"],
  task_cancelled: [Ban, "quiet"],
  team_completed: [CircleCheck, "ok"],
  team_failed: [CircleX, "bad"],
  question_answered: [UserCheck, "quiet"],
  question_expired: [TimerOff, "warn"],
  session_begun_anew: [RefreshCw, "quiet"],
  session_handed_over: [RefreshCw, "quiet"],
  thread_opened: [MessagesSquare, "quiet"],
  thread_idle: [Moon, "quiet"],
  thread_archived: [Archive, "quiet"],
  device_online: [CircleDot, "ok"],
  device_draining: [CircleMinus, "warn"],
  device_rate_limited: [TimerOff, "warn"],
  device_offline: [CircleOff, "bad"],
  brief: [Sun, "quiet"],
};

/**
 * The pipeline's own messages say what happened as their event, which is shown as an icon of its
 * colour. Their first line begins with a mark for those who read the text alone; where it names a
 * thread, the second one does.
 */
export function lifecycleOf(message: Message): Lifecycle | null {
  const event = eventOf(message);
  const look = event && looks[event];
  if (!event || !look || message.sender_type === "human") return null;
  const [icon, tone] = look;
  const [first = "", ...rest] = message.content.split("\n");
  const headline = first.replace(MARK, "");
  // A result begins with whatever its agent wrote.
  if (headline === first && rest[0] && message.sender_type === "system") {
    rest[0] = rest[0].replace(MARK, "");
  }
  return { event, icon, tone, headline, body: rest.join("\n") };
}

const MARK = /^\p{Extended_Pictographic}\ufe0f?\s*/u;

/** A progress message without its mark and task number. */
export function progressText(content: string): string {
  return content.replace(MARK, "").replace(/^[0-9a-f]{8}:\s*/, "");
}
