// `npm run chaos -- --minutes 10`: the storm for as long as wanted. AURA_SEED repeats a run.
import { parseArgs } from "node:util";
import { Random } from "../random.ts";
import { Storm } from "./storm.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { minutes: { type: "string", default: "10" } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) {
  console.error(`--minutes is "${values.minutes}"; it must be a number above 0.`);
  Deno.exit(2);
}
const random = Random.fromEnvironment();
console.log(`AURA_SEED=${random.seed}`);
const end = Date.now() + minutes * 60_000;
const report = await Storm.run(random, () => Date.now() > end);
console.log(report);
Deno.exit(report.problems.length === 0 ? 0 : 1);
