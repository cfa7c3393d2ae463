// The figures that people ask for first, as bars: docs/charts/*.svg, drawn anew with each published run.
import { join } from "node:path";
import { median, percentile } from "./measure.ts";
import type { Report } from "./report.ts";
import { number, type Result } from "./result.ts";

const FOLDER = join(import.meta.dirname!, "../docs/charts");

interface Bar {
  label: string;
  /** The rounds' figures: the bar is as long as their median, the line over it shows their range. */
  samples: number[];
  /** What it is compared with is drawn paler. */
  isOther?: boolean;
}

interface Chart {
  name: string;
  title: string;
  unit: string;
  bars: Bar[];
}

export async function draw(report: Report): Promise<void> {
  await Deno.mkdir(FOLDER, { recursive: true });
  for (const chart of chartsOf(report.results)) {
    await Deno.writeTextFile(join(FOLDER, `${chart.name}.svg`), svg(chart));
  }
}

/** Those whose scenarios the report has. */
export function chartsOf(results: Result[]): Chart[] {
  const of = (scenario: string) => results.filter((result) => result.scenario === scenario);
  const figure = ({ measure, subject, samples }: Result): Bar => ({
    label: measure.replace(/, p50$/, ""),
    samples: samples[subject]!,
  });
  return [
    {
      name: "same-work",
      title: "Tasks a second, from the request to the posted result",
      unit: "tasks/s",
      bars: of("samework").flatMap(({ subject, baseline, samples }) => [
        { label: subject, samples: samples[subject]! },
        { label: "the same by hand", samples: samples[baseline!]!, isOther: true },
      ]),
    },
    {
      name: "latency",
      title: "From one end to the other, while little else goes on: median",
      unit: "ms",
      bars: of("realtime").filter(({ measure }) => measure.endsWith("p50")).map(figure),
    },
    {
      name: "backlog",
      title: "A claim, by how many tasks wait before it",
      unit: "ms",
      bars: of("backlog").filter(({ measure }) => measure.includes("its own")).flatMap((
        { subject, baseline, samples },
        at,
      ) => [
        ...at === 0 ? [{ label: baseline!, samples: samples[baseline!]! }] : [],
        { label: subject, samples: samples[subject]! },
      ]),
    },
  ].filter(({ bars }) => bars.length > 0);
}

const ROW = 26;
const LABEL = 330;
export const WIDTH = 760;
const VALUE = 90;

/** Horizontal bars. */
export function svg({ title, unit, bars }: Chart): string {
  const longest = Math.max(...bars.flatMap(({ samples }) => samples));
  const scale = (value: number) => (value / longest * (WIDTH - LABEL - VALUE)).toFixed(1);
  const height = 40 + bars.length * ROW;
  const rows = bars.map(({ label, samples, isOther }, at) => {
    const y = 36 + at * ROW;
    const [low, high] = [percentile(samples, 0), percentile(samples, 1)].map(scale);
    return `
  <text x="${LABEL - 10}" y="${y + 14}" text-anchor="end">${escaped(label)}</text>
  <rect x="${LABEL}" y="${y}" width="${scale(median(samples))}" height="18" rx="3" class="${
      isOther ? "other" : "own"
    }"/>
  <path d="M${LABEL + Number(low)} ${y + 9}H${LABEL + Number(high)}" class="range"/>
  <text x="${LABEL + Number(high) + 8}" y="${y + 14}">${number(median(samples))} ${unit}</text>`;
  });
  return frame(title, height, rows);
}

/** A chart's drawing under its title, in the page's own colours by day and by night. */
export function frame(title: string, height: number, drawing: string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${
    escaped(title)
  }">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600 }
    .own { fill: #5865f2 } .other { fill: #b9bfd0 }
    .range { stroke: #24292f; stroke-width: 1.5 }
    .line { fill: none; stroke: #5865f2; stroke-width: 1.5 } .axis { stroke: #b9bfd0 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .other { fill: #4b5161 } .range { stroke: #e6edf3 } .axis { stroke: #4b5161 }
    }
  </style>
  <text x="0" y="18" class="title">${escaped(title)}</text>${drawing.join("")}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
