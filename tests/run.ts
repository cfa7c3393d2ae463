// `npm test`: everything that is checked, on a stack of its own. `npm test -- FILTER ...` runs the
// files and checks whose name contains one of the filters.
import { join, resolve } from "node:path";
import { databaseChecks, staticChecks } from "./runner/checks.ts";
import { runDenoTests, withOwnStack } from "./runner/deno_tests.ts";
import { filesBelow } from "./runner/files.ts";
import { makeTemplate, OwnStack } from "./runner/own_stack.ts";
import { runTapFile } from "./runner/pgtap.ts";
import { Report } from "./runner/report.ts";
import { connect, connectAdmin } from "./stack.ts";

/**
 * Lists of about the same length, each on a stack of its own: executors watch all tasks of theirs, and what
 * waits more than it works is beside what works more. The last one is followed by the unit tests.
 */
const BESIDE = [
  ["tests/console/", "tests/executor/ends_test.ts", "tests/executor/troubles_test.ts"],
  ["tests/executor/"],
];

const root = resolve(import.meta.dirname!, "..");
const report = new Report();

const tapFiles = filesBelow(root, (path) => path.endsWith(".test.sql")).filter(isWanted);
const denoFiles = filesBelow(root, (path) => path.endsWith("_test.ts")).filter(isWanted);
const databaseNames = Object.keys(databaseChecks(root, "")).filter(isWanted);

/** Beside what they test. */
const units = denoFiles.filter((path) => !path.startsWith("tests/"));
const others = denoFiles.filter((path) => path.startsWith("tests/"));
const alone = await withOwnStack(root, others);
const placeOf = (path: string) =>
  BESIDE.findIndex((starts) => starts.some((start) => path.startsWith(start)));
const sharing = others.filter((path) => !alone.includes(path));
const beside = BESIDE.map((_, place) => sharing.filter((path) => placeOf(path) === place));
const shared = sharing.filter((path) => placeOf(path) === -1);

let template: string | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => OwnStack.running.forEach((stack) => stack.kill("SIGINT")));
}
// At once, since much of it waits: what shares a stack, what is on others, and what has stacks of its own.
await Promise.all([runChecks(staticChecks(root)), runLists()]);
if (template) await Deno.remove(template, { recursive: true });
if (report.passed + report.failed === 0) {
  console.error(`No file and no check is named like "${Deno.args.join('" or "')}".`);
}
console.log(`\n${report.passed} passed, ${report.failed} failed`);
Deno.exit(report.failed === 0 && report.passed > 0 ? 0 : 1);

function isWanted(name: string): boolean {
  return Deno.args.length === 0 || Deno.args.some((filter) => name.includes(filter));
}

async function runLists(): Promise<void> {
  if ([tapFiles, databaseNames, others].some((names) => names.length > 0)) {
    await report.check("npm start", async () => void (template = await makeTemplate()));
  }
  await Promise.all([
    [tapFiles, databaseNames, shared].some((names) => names.length > 0) &&
    onStack(async (stack) => {
      const url = stack.env.SUPABASE_DB_URL!;
      await runChecks(databaseChecks(root, url));
      if (tapFiles.length > 0) await runTapFiles(stack);
      await runDenoFiles("deno test", shared, stack);
    }),
    ...beside.map(async (files, place) => {
      if (files.length > 0) {
        await onStack((stack) => runDenoFiles("deno test, beside", files, stack));
      }
      if (place === BESIDE.length - 1) await runDenoFiles("deno test, units", units);
    }),
    runDenoFiles("deno test, alone", alone),
  ]);
}

/** Runs something on a stack that is started for it and ended after it. */
async function onStack(run: (stack: OwnStack) => Promise<void>): Promise<void> {
  await using stack = await OwnStack.start();
  await run(stack);
}

async function runDenoFiles(name: string, files: string[], stack?: OwnStack): Promise<void> {
  const env = stack && { ...stack.settings, ...stack.env };
  await runDenoTests({ root, name, files, env, quiet: name !== "deno test" }, report);
}

async function runChecks(checks: Record<string, () => Promise<void>>): Promise<void> {
  for (const [name, run] of Object.entries(checks)) {
    if (isWanted(name)) await report.check(name, run);
  }
}

async function runTapFiles(stack: OwnStack): Promise<void> {
  await prepareTap(stack);
  // One after the other: each is a transaction that holds locks until its end.
  for (const path of tapFiles) {
    const start = performance.now();
    report.add(path, { ...await runTapFile(join(root, path), stack.env.SUPABASE_DB_URL!), start });
  }
}

/** Adds pgTAP, which only a superuser may, and what the tests share. */
async function prepareTap(stack: OwnStack): Promise<void> {
  await using admin = await connectAdmin({ ...stack.settings, ...stack.env });
  await admin`create extension if not exists pgtap with schema extensions`;
  await using sql = connect({}, stack.env);
  await sql.unsafe(await Deno.readTextFile(join(root, "supabase/tests/_helpers.sql")));
}
