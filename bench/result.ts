// One line of the table of figures: a measure, what it is compared with, and the target.
import { median, percentile, type Samples } from "./measure.ts";

export interface Result {
  scenario: string;
  measure: string;
  unit: string;
  /** What is measured, and what it is compared with. */
  subject: string;
  baseline?: string;
  /** Subject over baseline, of the medians. */
  ratio?: number;
  target?: Target;
  met?: boolean;
  samples: Samples;
}

/** On the ratio, or, where there is no baseline, on the figure itself. */
export interface Target {
  atLeast?: number;
  atMost?: number;
}

export function compare(
  scenario: string,
  measure: string,
  unit: string,
  samples: Samples,
  [subject, baseline]: [string, string?],
  target?: Target,
): Result {
  const figure = median(samples[subject]!);
  const ratio = baseline === undefined ? undefined : figure / median(samples[baseline]!);
  const met = target && meets(ratio ?? figure, target);
  return {
    scenario,
    measure,
    unit,
    subject,
    baseline,
    ratio,
    target,
    met,
    samples,
  };
}

export function meets(figure: number, target: Target = {}): boolean {
  return figure >= (target.atLeast ?? -Infinity) && figure <= (target.atMost ?? Infinity);
}

/** A median with its range, as "1,280 (1,100–1,400)". */
export function figure(values: number[]): string {
  const [low, middle, high] = [0, 0.5, 1].map((share) => number(percentile(values, share)));
  return values.length === 1 ? middle! : `${middle} (${low}–${high})`;
}

export function number(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

export function targetText({ atLeast, atMost }: Target): string {
  return atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
}
