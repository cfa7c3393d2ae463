/**
 * Until when an agent's error says that its model is throttled: undefined when it says no such
 * thing, null when it names no time that can still be meant.
 *
 * The sentences are those of Claude Code, Codex and Gemini CLI; docs/executor.md lists where each
 * was seen. Give it only what an agent reports as an error: an ordinary answer may well talk about
 * rate limits.
 */
export function limitedUntil(text: string, now = new Date()): Date | null | undefined {
  if (isPermanent(text, now) || !LIMIT.test(text)) return undefined;
  const until = timeIn(text, now);
  if (!until) return null;
  const ms = Math.max(until.getTime(), now.getTime() + SHORTEST_WAIT);
  return new Date(Math.min(ms, now.getTime() + LONGEST_WAIT));
}

/** Whether waiting cannot help: a full disk, or an account that somebody has to pay for. */
export function isPermanent(text: string, now = new Date()): boolean {
  if (/EDQUOT|disk quota|ENOSPC|no space left/i.test(text)) return true;
  return /insufficient.?(quota|funds|credits)|billing|payment|credit balance/i.test(text) &&
    timeIn(text, now) === null;
}

/** An agent that says it will wait longer than this gives its place to another model, in ms. */
export const LONGEST_OWN_WAIT = 60_000;

const SHORTEST_WAIT = 10_000;
/** The hub takes no time that is further away than 31 days. */
const LONGEST_WAIT = 31 * 86_400_000 - 60_000;

/** How long models rest whose limits name no time: longer each time, until one answers again. */
export class Rests {
  readonly #counts = new Map<string, number>();

  until(model: string, now = new Date()): Date {
    const count = this.#counts.get(model) ?? 0;
    this.#counts.set(model, count + 1);
    return new Date(now.getTime() + Math.min(FIRST_REST * 2 ** count, LONGEST_REST));
  }

  answered(model: string): void {
    this.#counts.delete(model);
  }
}

const FIRST_REST = 10 * 60_000;
const LONGEST_REST = 4 * 3_600_000;

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

function timeIn(text: string, now: Date): Date | null {
  if (/daily quota/i.test(text)) return nextMidnight("America/Los_Angeles", now);
  return epochIn(text, now) ?? isoIn(text, now) ?? waitIn(text, now) ?? clockIn(text, now);
}

/** `Claude AI usage limit reached|1762952400` */
function epochIn(text: string, now: Date): Date | null {
  const found = /\|(\d{10})\b/.exec(text);
  return found ? ahead(new Date(Number(found[1]) * 1000), now) : null;
}

/** `resets at 2026-11-24T14:30:00Z` */
function isoIn(text: string, now: Date): Date | null {
  const found = /\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)/.exec(text);
  return found ? ahead(new Date(found[0].replace(" ", "T")), now) : null;
}

/** A time that has long passed was said of another limit. */
function ahead(time: Date, now: Date): Date | null {
  return time.getTime() > now.getTime() - JUST_PASSED ? time : null;
}

/** `in 2 days 17 hours and 14 minutes`, `after 1h30m0s`, `in 11.054s`, `after 5748126ms` */
function waitIn(text: string, now: Date): Date | null {
  const part = "\\d+(?:\\.\\d+)? ?[a-z]+";
  const found = new RegExp(`\\b(?:in|after) (${part}(?:(?:,? and |[ ,]*)${part})*)`, "i").exec(
    text,
  );
  if (!found) return null;
  let ms = 0;
  for (const [, amount, unit] of found[1]!.matchAll(/(\d+(?:\.\d+)?) ?([a-z]+)/gi)) {
    ms += Number(amount) * unitOf(unit!);
  }
  return ms > 0 ? new Date(now.getTime() + ms) : null;
}

const MINUTE = 60_000;
const DAY = 86_400_000;
const UNITS: [RegExp, number][] = [
  [/^(ms|milliseconds?)$/i, 1],
  [/^(s|secs?|seconds?)$/i, 1_000],
  [/^(m|mins?|minutes?)$/i, MINUTE],
  [/^(h|hrs?|hours?)$/i, 60 * MINUTE],
  [/^(d|days?)$/i, DAY],
  [/^(w|weeks?)$/i, 7 * DAY],
  [/^(mo|months?)$/i, 30 * DAY],
];

function unitOf(name: string): number {
  return UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? 0;
}

/** `resets 9:40am (UTC)`, `try again at Oct 3rd, 2026 3:04 PM`, `resets at 14:30 CET` */
function clockIn(text: string, now: Date): Date | null {
  const found = CLOCK.exec(text)?.groups;
  const half = found?.half ?? found?.whole;
  if (!found || Number(found.hour) > (half ? 12 : 23)) return null;
  const zone = zoneOf(found.zone ?? found.abbreviation);
  const local = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(zone);
  // The seconds are not told: the whole minute is waited for.
  const time = { minute: Number(found.minute ?? 0), second: 59, millisecond: 0 };
  let at = local.with({ hour: hourOf(found.hour!, half), ...time });
  if (found.month) {
    const month = MONTHS.indexOf(found.month.slice(0, 3).toLowerCase()) + 1;
    at = at.with({ month, day: Number(found.day), year: Number(found.year ?? local.year) });
    if (!found.year && at.epochMilliseconds < now.getTime() - DAY) at = at.add({ years: 1 });
    return near(at, now, 62 * DAY);
  }
  if (at.epochMilliseconds <= now.getTime() - JUST_PASSED) at = at.add({ days: 1 });
  // What has passed a few hours ago is not the same time tomorrow, but a limit that is over.
  return near(at, now, /\b(5|five)[ -]hour/i.test(text) ? 5.2 * 60 * MINUTE : 20 * 60 * MINUTE);
}

function hourOf(hour: string, half: string | undefined): number {
  if (!half) return Number(hour);
  return Number(hour) % 12 + (half.toLowerCase().startsWith("p") ? 12 : 0);
}

function near(at: Temporal.ZonedDateTime, now: Date, most: number): Date | null {
  const ms = at.epochMilliseconds;
  return ms - now.getTime() <= most && ms > now.getTime() - DAY ? new Date(ms) : null;
}

/** A time that has just passed is a clock that differs, and not the same time tomorrow. */
const JUST_PASSED = 10 * MINUTE;
const MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split(" ");
const CLOCK = new RegExp(
  "(?:resets?|again)(?: at)? " +
    `(?:(?<month>(?:${MONTHS.join("|")})[a-z]*) (?<day>\\d{1,2})(?:st|nd|rd|th)?,?` +
    "(?: (?<year>\\d{4}),?)?(?: at)? )?" +
    "(?<hour>\\d{1,2})(?::(?<minute>\\d{2})(?: ?(?<half>[ap]m))?| ?(?<whole>[ap]m))" +
    "(?: \\((?<zone>[^)]+)\\)| (?<abbreviation>[A-Z]{1,3}T|UTC)\\b)?",
  "i",
);

/** What people write for zones that have other names. */
const ABBREVIATIONS: Record<string, string> = {
  PST: "America/Los_Angeles",
  PDT: "America/Los_Angeles",
  PT: "America/Los_Angeles",
  MST: "America/Denver",
  MDT: "America/Denver",
  CST: "America/Chicago",
  CDT: "America/Chicago",
  EST: "America/New_York",
  EDT: "America/New_York",
  ET: "America/New_York",
  BST: "Europe/London",
  CET: "Europe/Berlin",
  CEST: "Europe/Berlin",
};

function zoneOf(name: string | undefined): string {
  if (name) {
    try {
      const timeZone = ABBREVIATIONS[name.toUpperCase()] ?? name;
      return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone;
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
