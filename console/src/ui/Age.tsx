import { duration } from "./duration.ts";
import { fullTime } from "./time.ts";
import { useNow } from "./useNow.ts";

/** How long ago something was, kept current; the exact time is the tooltip. */
export function Age({ since, ago = false }: { since: string; ago?: boolean }) {
  const age = Math.max(0, useNow(5000) - Date.parse(since));
  const text = age < 45_000 ? "now" : `${duration(age)}${ago ? " ago" : ""}`;
  return <time dateTime={since} title={fullTime(since)}>{text}</time>;
}

/** A running clock: how long something has lasted so far, or lasted in all. */
export function Elapsed({ from, to }: { from: string; to?: string | null }) {
  const now = useNow(1000);
  const end = to ? Date.parse(to) : now;
  return <span>{duration(end - Date.parse(from))}</span>;
}
