// `npm run soak`: a day in ten minutes, with 200 devices. Says what grew, and draws docs/charts/soak.svg with
// --publish. AURA_SEED repeats its choices.
import { parseArgs } from "node:util";
import { join } from "node:path";
import { number } from "../../bench/result.ts";
import { Random } from "../random.ts";
import { svg } from "./chart.ts";
import { BOUNDS, trends } from "./growth.ts";
import { Soak } from "./soak.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string", default: "10" },
    devices: { type: "string", default: "200" },
    people: { type: "string", default: "20" },
    publish: { type: "boolean", default: false },
  },
});
const [minutes, devices, people] = [values.minutes, values.devices, values.people].map(Number);
if (!(minutes! > 0 && devices! >= 4 && people! >= 1)) {
  console.error(
    "npm run soak -- [--minutes 10] [--devices 200] [--people 20] [--publish]: numbers above 0, 4 devices at least",
  );
  Deno.exit(2);
}

const random = Random.fromEnvironment();
console.log(`AURA_SEED=${random.seed}`);
const report = await Soak.run({ minutes: minutes!, devices: devices!, people: people! }, random);
const kills = Object.entries(report.kills).map(([name, count]) => `${name} ${count}`).join(", ");
console.log(
  `${report.tasks} tasks, ${report.questions} questions, ${report.files} files, ${report.seen} messages seen live; killed: ${kills}`,
);
// In a few minutes everything is warming up: what is used is shown then, and not judged.
const judged = minutes! >= 5;
const found = trends(report.samples);
for (const { figure, middle, last, peak, grew } of found) {
  const { label, unit } = BOUNDS[figure];
  const text = [middle, last, peak].map(number).join(" → ");
  const verdict = !judged ? "" : grew ? "GREW " : "ok   ";
  console.log(`${verdict}${label}: ${text} ${unit} (middle third, last third, peak)`);
}
for (const problem of report.problems) console.log(problem);
if (values.publish) {
  const title =
    `${devices} devices and ${people} people for ${minutes} minutes, with kills: what is used`;
  await Deno.writeTextFile(
    join(import.meta.dirname!, "../../docs/charts/soak.svg"),
    svg(report.samples, title),
  );
}
const grown = found.filter(({ grew }) => judged && grew);
Deno.exit(report.problems.length + grown.length === 0 ? 0 : 1);
