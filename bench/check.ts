// `npm run bench -- --check`: whether what was reached before is reached still.
import type { Report } from "./report.ts";
import { meets, type Result } from "./result.ts";

/**
 * What the kept run met and this one misses by more than its noise: in the best of its rounds too. One line
 * each, for people.
 */
export function lost(run: Report, kept: Report | undefined): string[] {
  const before = new Set((kept?.results ?? []).filter(({ met }) => met).map(key));
  return run.results
    .filter((result) => before.has(key(result)) && result.met === false)
    .filter((result) => !roundsOf(result).some((figure) => meets(figure, result.target)))
    .map(({ scenario, measure }) => `${scenario}: ${measure}`);
}

function key({ scenario, measure }: Result): string {
  return `${scenario}: ${measure}`;
}

/** What each round came to: subject over baseline where the two took turns. */
function roundsOf({ samples, subject, baseline }: Result): number[] {
  const own = samples[subject]!;
  const others = baseline === undefined ? undefined : samples[baseline]!;
  if (!others) return own;
  return own.flatMap((figure) => others.map((other) => figure / other));
}
