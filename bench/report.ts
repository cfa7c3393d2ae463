// A run's results, and the table that shows them.
import { arch, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { TUNED } from "./machine.ts";
import { figure, type Result, targetText } from "./result.ts";

/** Where the last run is kept. */
export const FILE = join(import.meta.dirname!, "results.json");

export interface Report {
  measured: string;
  rounds: number;
  quick: boolean;
  machine: Record<string, string>;
  results: Result[];
}

export function describeMachine(postgres: string): Record<string, string> {
  return {
    processor: `${cpus().length} × ${cpus()[0]?.model ?? arch()}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    system: `${Deno.build.os} ${release()}`,
    deno: Deno.version.deno,
    postgres,
    settings: Object.entries(TUNED).map(([name, value]) => `${name} = ${value}`)
      .join(", "),
    peers: "graphile-worker 0.18.0, pg-boss 12.38.0",
  };
}

export function markdown(report: Report): string {
  const facts = Object.entries(report.machine).map(([name, value]) => `${name}: ${value}`).join(
    " · ",
  );
  const rows = report.results.map((result) => {
    const { measure, unit, subject, baseline, ratio, target, met, samples } = result;
    return [
      measure,
      `${subject}: ${figure(samples[subject]!)}`,
      baseline === undefined ? "–" : `${baseline}: ${figure(samples[baseline]!)}`,
      unit,
      ratio === undefined ? "–" : ratio.toFixed(2),
      target ? targetText(target) : "–",
      met === undefined ? "–" : met ? "yes" : "**no**",
    ];
  });
  const head = ["measure", "this", "against", "unit", "ratio", "target", "met"];
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    `Measured ${report.measured}, ${report.rounds} interleaved rounds; medians (lowest–highest). ${facts}.`,
    "",
    line(head),
    line(head.map(() => "---")),
    ...rows.map(line),
    "",
  ].join("\n");
}

/** What is kept of the last run; undefined when there was none. */
export async function readReport(): Promise<Report | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(FILE));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
