// The samples of a soak as lines, one below the other: docs/charts/soak.svg.
import { frame, WIDTH } from "../../bench/charts.ts";
import { percentile } from "../../bench/measure.ts";
import { number } from "../../bench/result.ts";
import { BOUNDS } from "./growth.ts";
import type { Figure, Sample } from "./meter.ts";

const ROW = 64;
const LABEL = 250;
const VALUE = 90;

/** One line for each figure, from nothing to its peak. */
export function svg(samples: Sample[], title: string): string {
  const until = samples.at(-1)!.at;
  const x = (at: number) => LABEL + at / until * (WIDTH - LABEL - VALUE);
  const rows = (Object.keys(BOUNDS) as Figure[]).map((figure, row) => {
    const { label, unit } = BOUNDS[figure];
    const peak = percentile(samples.map((sample) => sample[figure]), 1);
    const bottom = 36 + (row + 1) * ROW - 12;
    const y = (value: number) => bottom - (peak ? value / peak : 0) * (ROW - 22);
    const line = samples.map((sample, at) =>
      `${at === 0 ? "M" : "L"}${x(sample.at).toFixed(1)} ${y(sample[figure]).toFixed(1)}`
    );
    return `
  <text x="${LABEL - 10}" y="${bottom - 14}" text-anchor="end">${label}</text>
  <path d="M${LABEL} ${bottom}H${WIDTH - VALUE}" class="axis"/>
  <path d="${line.join("")}" class="line"/>
  <text x="${WIDTH - VALUE + 8}" y="${bottom - ROW + 30}">${number(peak)} ${unit}</text>`;
  });
  return frame(title, 46 + rows.length * ROW, rows);
}
