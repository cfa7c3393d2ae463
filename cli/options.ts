import { InvalidArgumentError } from "commander";

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

/** A moment given as an option: ISO 8601, or a time from now like 30m, 2h or 1d. */
export function moment(text: string): string {
  const offset = /^(\d{1,6})([smhd])$/.exec(text);
  const seconds = { s: 1, m: 60, h: 3600, d: 86_400 };
  const time = offset
    ? Date.now() + Number(offset[1]) * seconds[offset[2] as keyof typeof seconds] * 1000
    : Date.parse(text);
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError("It must be a time, like 2h or 2030-01-31T08:00:00Z.");
  }
  return new Date(time).toISOString();
}

/** An option that may be given several times. */
export function each(value: string, others: string[] = []): string[] {
  return [...others, value];
}
