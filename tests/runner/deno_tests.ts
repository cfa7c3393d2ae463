// Runs test files with Deno's own runner, and counts what it reports.
import { join } from "node:path";
import type { Report } from "./report.ts";

/** The tests that start what they need themselves, and so may run beside those on the shared stack. */
export async function withOwnStack(root: string, files: string[]): Promise<string[]> {
  const texts = await Promise.all(files.map((path) => Deno.readTextFile(join(root, path))));
  return files.filter((path, at) => path.startsWith("tests/chaos/") || /OwnStack/.test(texts[at]!));
}

/** Runs the files and counts them under a name. With `quiet`, what they print is said at the end. */
export async function runDenoTests(
  { root, name, files, env = {}, quiet = false }: {
    root: string;
    name: string;
    files: string[];
    env?: Record<string, string>;
    quiet?: boolean;
  },
  report: Report,
): Promise<void> {
  if (files.length === 0) return;
  const start = performance.now();
  const junit = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    // One file after the other: those that share a stack may watch all of its tasks.
    const command = new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", `--junit-path=${junit}`, ...files],
      cwd: root,
      env,
      stdin: "null",
      stdout: quiet ? "piped" : "inherit",
      stderr: quiet ? "piped" : "inherit",
    });
    const { code } = quiet ? await print(command) : await command.spawn().status;
    const { tests, failed } = count(await Deno.readTextFile(junit));
    // A file that cannot even be loaded appears in no count.
    const unseen = code !== 0 && failed === 0 ? 1 : 0;
    report.add(name, { passed: tests - failed, failed: failed + unseen, start });
  } finally {
    await Deno.remove(junit);
  }
}

async function print(command: Deno.Command): Promise<Deno.CommandStatus> {
  const output = await command.output();
  await Deno.stdout.write(output.stdout);
  await Deno.stderr.write(output.stderr);
  return output;
}

/** What was run: a skipped test has not passed. */
function count(xml: string): { tests: number; failed: number } {
  const sum = (attribute: string) =>
    [...xml.matchAll(new RegExp(`<testsuite [^>]*\\b${attribute}="(\\d+)"`, "g"))]
      .reduce((total, [, number]) => total + Number(number), 0);
  return { tests: sum("tests") - sum("disabled"), failed: sum("failures") + sum("errors") };
}
