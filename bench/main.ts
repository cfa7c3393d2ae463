// `npm run bench`: every scenario, interleaved with its peer or baseline in the same run.
// `npm run bench -- queue decay` runs some; `--quick` makes everything smaller, to check the code, and is
// not published. `--check` keeps what was published, and fails where a target that was met then is missed now.
import { lost } from "./check.ts";
import { Machine } from "./machine.ts";
import { closePeers } from "./peers.ts";
import { publish } from "./publish.ts";
import { describeMachine, markdown, readReport, type Report } from "./report.ts";
import type { Result } from "./result.ts";
import type { Context, Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios/index.ts";

const quick = Deno.args.includes("--quick");
const check = Deno.args.includes("--check");
if (quick && check) {
  console.error("--quick measures nothing that could be checked.");
  Deno.exit(1);
}
const rounds = quick ? 2 : 5;
const names = Deno.args.filter((argument) => !argument.startsWith("--"));
const unknown = names.find((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown) {
  console.error(
    `There is no scenario "${unknown}"; there are ${scenarios.map(({ name }) => name).join(", ")}.`,
  );
  Deno.exit(1);
}
const chosen = scenarios.filter(({ name }) => names.length === 0 || names.includes(name));

const started = new Date();
const machine = await Machine.start();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(
    signal,
    () => machine.stop().finally(() => Deno.exit(130)),
  );
}
const results: Result[] = [];
const broken: string[] = [];
let postgres = "";
try {
  await runAll(chosen.filter(({ needs }) => needs === "stack"));
  const onPostgres = chosen.filter(({ needs }) => needs === "postgres");
  if (onPostgres.length > 0) {
    await machine.tune();
    await runAll(onPostgres);
  }
} finally {
  await machine.stop();
}
const report: Report = {
  measured: started.toISOString().slice(0, 16).replace("T", " ") + " UTC",
  rounds,
  quick,
  machine: describeMachine(postgres),
  results,
};
console.log(markdown(report));
const missed = check ? lost(report, await readReport()) : [];
for (const line of missed) {
  console.error(`Met before, and missed by more than its noise now: ${line}.`);
}
if (!quick && !check) await publish(report);
if (broken.length > 0) console.error(`What did not run to its end: ${broken.join(", ")}.`);
if (missed.length + broken.length > 0) Deno.exit(1);

async function runAll(scenarios: Scenario[]): Promise<void> {
  const sql = machine.connect({ max: 16 });
  const admin = machine.connect({ user: "supabase_admin", max: 2 });
  const context: Context = {
    machine,
    sql,
    admin,
    rounds,
    quick,
  };
  try {
    const [row] = await sql`select current_setting('server_version') as version`;
    postgres = row!.version;
    for (const scenario of scenarios) {
      console.error(`${scenario.name} ...`);
      try {
        const found = await scenario.run(context);
        results.push(...found);
        console.error(markdownRows(found));
      } catch (error) {
        // The others are hours of work.
        console.error(error);
        broken.push(scenario.name);
      }
    }
  } finally {
    // A session that a failed scenario still holds must not be waited for.
    await Promise.all([sql.end({ timeout: 5 }), admin.end({ timeout: 5 }), closePeers()]);
  }
}

function markdownRows(results: Result[]): string {
  const report = { measured: "", rounds: 0, quick, machine: {}, results };
  return markdown(report).split("\n").slice(4).join("\n");
}
