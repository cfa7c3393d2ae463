// `npm test`: everything that is checked, on a stack of its own. `npm test -- FILTER ...` runs the
// files and checks whose name contains one of the filters.
import { join, resolve } from "node:path";
import { databaseChecks, staticChecks } from "./runner/checks.ts";
import { needNoStack, runDenoTests } from "./runner/deno_tests.ts";
import { filesBelow } from "./runner/files.ts";
import { freshSettings, OwnStack } from "./runner/own_stack.ts";
import { runTapFile } from "./runner/pgtap.ts";
import { Report } from "./runner/report.ts";
import { connect, connectAdmin } from "./stack.ts";

const root = resolve(import.meta.dirname!, "..");
const report = new Report();

const tapFiles = filesBelow(root, (path) => path.endsWith(".test.sql")).filter(isWanted);
const denoFiles = filesBelow(root, (path) => path.endsWith("_test.ts")).filter(isWanted);
const databaseNames = Object.keys(databaseChecks(root, "")).filter(isWanted);
const needsStack = [tapFiles, denoFiles, databaseNames].some((names) => names.length > 0);

const stack = needsStack ? new OwnStack(await freshSettings()) : undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => stack?.kill("SIGINT"));
}
try {
  // Two at once, for two cores: what shares the stack, and what needs none or has its own.
  const apart = await needNoStack(root, denoFiles);
  const shared = denoFiles.filter((path) => !apart.includes(path));
  await Promise.all([
    stack && runOn(stack, shared),
    (async () => {
      await runDenoTests({ root, name: "deno test, apart", files: apart, quiet: true }, report);
      await runChecks(staticChecks(root));
    })(),
  ]);
} finally {
  await stack?.[Symbol.asyncDispose]();
}
if (report.passed + report.failed === 0) {
  console.error(`No file and no check is named like "${Deno.args.join('" or "')}".`);
}
console.log(`\n${report.passed} passed, ${report.failed} failed`);
Deno.exit(report.failed === 0 && report.passed > 0 ? 0 : 1);

function isWanted(name: string): boolean {
  return Deno.args.length === 0 || Deno.args.some((filter) => name.includes(filter));
}

async function runOn(stack: OwnStack, files: string[]): Promise<void> {
  await report.check("npm start", () => stack.ready());
  const url = stack.env.SUPABASE_DB_URL;
  if (!url) return;
  await runChecks(databaseChecks(root, url));
  if (tapFiles.length > 0) await prepareTap(stack);
  // One after the other: each is a transaction that holds locks until its end.
  for (const path of tapFiles) {
    const start = performance.now();
    report.add(path, { ...await runTapFile(join(root, path), url), start });
  }
  const env = { ...stack.settings, ...stack.env };
  await runDenoTests({ root, name: "deno test", files, env }, report);
}

async function runChecks(checks: Record<string, () => Promise<void>>): Promise<void> {
  for (const [name, run] of Object.entries(checks)) {
    if (isWanted(name)) await report.check(name, run);
  }
}

/** Adds pgTAP, which only a superuser may, and what the tests share. */
async function prepareTap(stack: OwnStack): Promise<void> {
  await using admin = await connectAdmin({ ...stack.settings, ...stack.env });
  await admin`create extension if not exists pgtap with schema extensions`;
  await using sql = connect({}, stack.env);
  await sql.unsafe(await Deno.readTextFile(join(root, "supabase/tests/_helpers.sql")));
}
