// Runs test files with Deno's own runner, and counts what it reports.
import type { Report } from "./report.ts";

export async function runDenoTests(
  root: string,
  files: string[],
  env: Record<string, string>,
  report: Report,
): Promise<void> {
  if (files.length === 0) return;
  const start = performance.now();
  const junit = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    // One file after the other: they share a stack, and some watch all of its tasks.
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", `--junit-path=${junit}`, ...files],
      cwd: root,
      env,
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn().status;
    const { tests, failed } = count(await Deno.readTextFile(junit));
    // A file that cannot even be loaded appears in no count.
    const unseen = code !== 0 && failed === 0 ? 1 : 0;
    report.add("deno test", { passed: tests - failed, failed: failed + unseen, start });
  } finally {
    await Deno.remove(junit);
  }
}

/** What was run: a skipped test has not passed. */
function count(xml: string): { tests: number; failed: number } {
  const sum = (attribute: string) =>
    [...xml.matchAll(new RegExp(`<testsuite [^>]*\\b${attribute}="(\\d+)"`, "g"))]
      .reduce((total, [, number]) => total + Number(number), 0);
  return { tests: sum("tests") - sum("disabled"), failed: sum("failures") + sum("errors") };
}
