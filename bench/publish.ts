// A run, kept: in bench/results.json, in the table of docs/performance.md and in docs/charts. A run of some
// scenarios takes the place of what they found before.
import { join } from "node:path";
import { draw } from "./charts.ts";
import { FILE, markdown, readReport, type Report } from "./report.ts";
import { scenarios } from "./scenarios/index.ts";

const ROOT = join(import.meta.dirname!, "..");
const PAGE = join(ROOT, "docs/performance.md");
const TABLE = /(<!-- results -->\n)[^]*(<!-- end of results -->)/;

export async function publish(run: Report): Promise<void> {
  const report = await joined(run);
  await Deno.writeTextFile(FILE, JSON.stringify(report, null, 2) + "\n");
  await draw(report);
  const page = await Deno.readTextFile(PAGE);
  await Deno.writeTextFile(
    PAGE,
    page.replace(TABLE, (_, begin, end) => `${begin}\n${markdown(report)}\n${end}`),
  );
}

/** The run with what is known of other scenarios from a machine of the same kind, in their order. */
async function joined(run: Report): Promise<Report> {
  const before = await readReport();
  if (!before || kindOf(before) !== kindOf(run)) return run;
  const fresh = new Set(run.results.map(({ scenario }) => scenario));
  const kept = before.results.filter(({ scenario }) => !fresh.has(scenario));
  const order = scenarios.map(({ name }) => name);
  const results = [...kept, ...run.results]
    .sort((a, b) => order.indexOf(a.scenario) - order.indexOf(b.scenario));
  const measured = kept.length > 0
    ? `${before.measured}; ${[...fresh].join(", ")} ${run.measured}`
    : run.measured;
  return { ...run, measured, results };
}

/** All but the build of the kernel. */
function kindOf({ machine: { system: _, ...machine } }: Report): string {
  return JSON.stringify(machine);
}
