import { type Command, InvalidArgumentError } from "commander";

/** A positive whole number given as an option. */
export function count(text: string): number {
  const number = whole(text);
  if (number < 1) throw new InvalidArgumentError("It must be at least 1.");
  return number;
}

/** A whole number given as an option. */
export function whole(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

/** A moment to come, given as an option: ISO 8601, or a time from now like 30m, 2h or 1d. */
export function moment(text: string): string {
  const offset = /^(\d{1,6})([smhd])$/.exec(text);
  if (offset) {
    const seconds = { s: 1, m: 60, h: 3600, d: 86_400 }[offset[2] as "s" | "m" | "h" | "d"];
    return new Date(Date.now() + Number(offset[1]) * seconds * 1000).toISOString();
  }
  const date = /^(\d{4})-(\d\d)-(\d\d)([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?$/
    .exec(text);
  const time = date && isDay(date[1]!, date[2]!, date[3]!) ? Date.parse(text) : NaN;
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError("It must be a time, like 2h or 2030-01-31T08:00:00Z.");
  }
  if (time < Date.now()) throw new InvalidArgumentError("That is past.");
  return new Date(time).toISOString();
}

/** Not 31 February, which would be taken for a day in March. */
function isDay(year: string, month: string, day: string): boolean {
  return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() ===
    Number(day);
}

/**
 * The arguments of `hub send` with `--` before the first word of what is sent: nothing after it is an
 * option, so that a text may hold what looks like one. All other arguments stay as they are.
 */
export function contentLast(args: string[], program: Command): string[] {
  const at = args.findIndex((arg) => !arg.startsWith("-"));
  if (args[at] !== "send") return args;
  const { options } = program.commands.find((command) => command.name() === "send")!;
  let places = 0;
  for (let next = at + 1; next < args.length; next++) {
    const arg = args[next]!;
    if (arg === "--") return args;
    if (!arg.startsWith("-") || arg === "-") {
      if (places++ === 1) return [...args.slice(0, next), "--", ...args.slice(next)];
      continue;
    }
    const option = options.find(({ short, long }) => short === arg || long === arg);
    if (option?.required) next++;
  }
  return args;
}

/** An option that may be given several times. */
export function each(value: string, others: string[] = []): string[] {
  return [...others, value];
}
