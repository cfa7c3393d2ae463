/**
 * Until when an agent's error says that its model is throttled.
 *
 * The sentences are those of Claude Code, Codex and Gemini CLI; docs/executor.md lists where each
 * was seen. Give it only what an agent reports as an error: an ordinary answer may well talk about
 * rate limits.
 */
export function limitedUntil(text: string, now = new Date()): Date | null {
  if (!LIMIT.test(text)) return null;
  if (/daily quota/i.test(text)) return nextMidnight("America/Los_Angeles", now);
  const until = epochIn(text) ?? waitIn(text, now) ?? clockIn(text, now) ??
    new Date(now.getTime() + UNKNOWN_WAIT);
  return new Date(Math.max(until.getTime(), now.getTime() + SHORTEST_WAIT));
}

/** An agent that says it will wait longer than this gives its place to another model, in ms. */
export const LONGEST_OWN_WAIT = 60_000;

/** How long a model rests when its error names no time. */
const UNKNOWN_WAIT = 10 * 60_000;
const SHORTEST_WAIT = 10_000;

const LIMIT = new RegExp(
  [
    "usage limit",
    "hit your .{0,40}limit",
    "limit reached",
    "rate.?limit",
    "out of (extra )?(usage|credits)",
    "quota",
    "exhausted your capacity",
    "resource (has been )?exhausted",
    "too many requests",
    "\\(429\\)",
  ].join("|"),
  "i",
);

/** `Claude AI usage limit reached|1762952400` */
function epochIn(text: string): Date | null {
  const found = /\|(\d{10})\b/.exec(text);
  return found ? new Date(Number(found[1]) * 1000) : null;
}

/** `in 2 days 17 hours 14 minutes`, `after 1h30m0s`, `in 11.054s`, `after 5748126ms` */
function waitIn(text: string, now: Date): Date | null {
  const found = /\b(?:in|after) ((?:\d+(?:\.\d+)? ?[a-z]+[ ,]*)+)/i.exec(text);
  if (!found) return null;
  let ms = 0;
  for (const [, amount, unit] of found[1]!.matchAll(/(\d+(?:\.\d+)?) ?([a-z]+)/gi)) {
    ms += Number(amount) * (UNITS[unitName(unit!)] ?? 0);
  }
  return ms > 0 ? new Date(now.getTime() + ms) : null;
}

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function unitName(unit: string): string {
  return unit.toLowerCase() === "ms" ? "ms" : unit[0]!.toLowerCase();
}

/** `resets 9:40am (UTC)`, `try again at Oct 3rd, 2026 3:04 PM`, `reset at 1pm (Etc/GMT+5)` */
function clockIn(text: string, now: Date): Date | null {
  const found = CLOCK.exec(text)?.groups;
  if (!found) return null;
  const zone = zoneOf(found.zone);
  const local = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(zone);
  const hour = Number(found.hour) % 12 + (found.half!.toLowerCase() === "pm" ? 12 : 0);
  // The seconds are not told: the whole minute is waited for.
  let at = local.with({ hour, minute: Number(found.minute ?? 0), second: 59, millisecond: 0 });
  if (found.month) {
    const month = MONTHS.indexOf(found.month.slice(0, 3).toLowerCase()) + 1;
    at = at.with({ month, day: Number(found.day), year: Number(found.year ?? local.year) });
    if (!found.year && at.epochMilliseconds < now.getTime() - DAY) at = at.add({ years: 1 });
  } else if (at.epochMilliseconds <= now.getTime() - JUST_PASSED) {
    at = at.add({ days: 1 });
  }
  return new Date(at.epochMilliseconds);
}

const DAY = 86_400_000;
/** A time that has just passed is a clock that differs, and not the same time tomorrow. */
const JUST_PASSED = 10 * 60_000;
const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const CLOCK = new RegExp(
  "(?:resets?|again)(?: at)? " +
    `(?:(?<month>(?:${MONTHS.join("|")})[a-z]*) (?<day>\\d{1,2})(?:st|nd|rd|th)?,?` +
    "(?: (?<year>\\d{4}),?)?(?: at)? )?" +
    "(?<hour>\\d{1,2})(?::(?<minute>\\d{2}))? ?(?<half>am|pm)(?: \\((?<zone>[^)]+)\\))?",
  "i",
);

function zoneOf(name: string | undefined): string {
  if (name) {
    try {
      return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
    } catch (error) {
      // A zone this machine does not know: the time is then read as the machine's own.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return Temporal.Now.timeZoneId();
}

/** Gemini's daily quota starts anew at midnight Pacific time. */
function nextMidnight(zone: string, now: Date): Date {
  const local = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(zone);
  return new Date(local.startOfDay().add({ days: 1 }).epochMilliseconds);
}
