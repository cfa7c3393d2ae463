// What the model reckons with: measured where bench/results.json has it, else the figures beside this
// file, which were measured on a machine of two cores with other work going on.
import { median } from "../measure.ts";
import type { Report } from "../report.ts";
import defaults from "./defaults.json" with { type: "json" };
import type { Costs } from "./model.ts";

/** One model figure, from one measured figure. */
interface Source {
  scenario: string;
  subject: string;
  measure?: string;
  /** To milliseconds. */
  convert?: (figure: number) => number;
}

const SOURCES: Record<keyof Costs, Source> = {
  dispatch: { scenario: "costs", subject: "dispatch_task" },
  claim: { scenario: "costs", subject: "claim_tasks" },
  progress: { scenario: "costs", subject: "report_progress" },
  complete: { scenario: "costs", subject: "complete_task" },
  // In one channel messages go one after the other.
  post: {
    scenario: "messages",
    subject: "counted",
    measure: "insert a message, 1 channel, 16 sessions",
    convert: (perSecond) => 1000 / perSecond,
  },
};

export interface Basis {
  costs: Costs;
  cores: number;
  /** Where each figure is from. */
  origin: Record<keyof Costs, "measured" | "default">;
}

export function readBasis(report: Report | undefined): Basis {
  const { cores: defaultCores, ...costs } = defaults;
  const origin = Object.fromEntries(
    Object.keys(SOURCES).map((name) => [name, "default"]),
  ) as Basis["origin"];
  for (const name of Object.keys(SOURCES) as (keyof Costs)[]) {
    const measured = report && !report.quick && find(report, SOURCES[name]);
    if (!measured) continue;
    costs[name] = measured;
    origin[name] = "measured";
  }
  const cores = Number(/^\d+/.exec(report?.machine.processor ?? "")?.[0] ?? defaultCores);
  return { costs, cores, origin };
}

function find(report: Report, { scenario, subject, measure, convert }: Source): number | undefined {
  const result = report.results.find((result) =>
    result.scenario === scenario && result.subject === subject &&
    (measure === undefined || result.measure === measure)
  );
  if (!result) return undefined;
  const figure = median(result.samples[subject]!);
  return convert ? convert(figure) : figure;
}
