// The checks that are no tests: form, types, and what the Supabase CLI finds in the database.
import assert from "node:assert/strict";
import { join } from "node:path";
import { generateTypes, typesFile } from "../../client/generate_types.ts";
import { supabase } from "../../stack/cli.ts";
import { filesBelow } from "./files.ts";

/** Needs no stack. */
export function staticChecks(root: string): Record<string, () => Promise<void>> {
  // The console checks itself, and the benchmarks install their peers only when they run.
  const sources = filesBelow(
    root,
    (path) => path.endsWith(".ts") && !/^(console|bench\/peers)\//.test(path),
  );
  return {
    "deno fmt": () => run(root, Deno.execPath(), ["fmt", "--check"]),
    "deno lint": () => run(root, Deno.execPath(), ["lint"]),
    "deno check": () => run(root, Deno.execPath(), ["check", "--quiet", ...sources]),
    "console types": () => run(join(root, "console"), "npm", ["run", "check"]),
  };
}

/** Asks the running stack's database. */
export function databaseChecks(root: string, url: string): Record<string, () => Promise<void>> {
  return {
    "generated types": async () => {
      const same = await generateTypes(root, url) === await Deno.readTextFile(typesFile);
      assert(
        same,
        `"${typesFile}" is not what the migrations give: run "npm run types".`,
      );
    },
    "supabase db advisors": async () => {
      await supabase(root, [
        "db",
        "advisors",
        "--fail-on",
        "warn",
        `--remote=${url}?sslmode=disable`,
      ]);
    },
  };
}

async function run(
  cwd: string,
  program: string,
  args: string[],
): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stdout) + text.decode(stderr));
}
