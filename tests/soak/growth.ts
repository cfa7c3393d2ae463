// Whether something grew without bound while the soak went on.
import { median, percentile } from "../../bench/measure.ts";
import type { Figure, Sample } from "./meter.ts";

interface Bound {
  label: string;
  unit: string;
  /** How much more the last third may hold than the second one: a share of it, and so much besides. */
  share: number;
  besides: number;
}

/** Postgres clears dead rows away at thresholds, and memory comes in steps: neither is a line. */
export const BOUNDS: Record<Figure, Bound> = {
  memory: { label: "Memory of the stack's process", unit: "MB", share: 0.25, besides: 40 },
  database: { label: "Memory of Postgres", unit: "MB", share: 0.25, besides: 60 },
  connections: { label: "Connections to the database", unit: "", share: 0.1, besides: 5 },
  deadRows: { label: "Dead rows", unit: "", share: 0.5, besides: 20_000 },
  ready: { label: "Tasks ready to be claimed", unit: "", share: 0.5, besides: 50 },
  oldest: { label: "The oldest of them has waited", unit: "s", share: 0.5, besides: 30 },
};

export interface Trend {
  figure: Figure;
  middle: number;
  last: number;
  peak: number;
  grew: boolean;
}

/** Compares the last third of the samples with the one before; the first one is warming up. */
export function trends(samples: Sample[]): Trend[] {
  const third = Math.floor(samples.length / 3);
  return (Object.keys(BOUNDS) as Figure[]).map((figure) => {
    const of = (part: Sample[]) => part.map((sample) => sample[figure]);
    const middle = median(of(samples.slice(third, 2 * third)));
    const last = median(of(samples.slice(2 * third)));
    const { share, besides } = BOUNDS[figure];
    return {
      figure,
      middle,
      last,
      peak: percentile(of(samples), 1),
      grew: last > middle * (1 + share) + besides,
    };
  });
}
