// `npx aura-servers install | upgrade`: puts migrations, functions and their configuration into the
// `supabase/` folder of a project, and adds what is new in a later version.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { readContents } from "./contents.ts";
import { Obstacle, type Plan, planOf } from "./plan.ts";
import { readRecord } from "./record.ts";

const USAGE = `npx aura-servers install    put Aura Servers into the supabase/ folder here
npx aura-servers upgrade    bring what is installed to this version

  --workdir FOLDER    the folder that holds supabase/ (default: this one)
  --force             overwrite files of Aura Servers that were changed here

Neither touches a database: "supabase db push" does, when you want it.`;

const here = import.meta.dirname!;
process.exitCode = run();

function run(): number {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        workdir: { type: "string", default: "." },
        force: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
        version: { type: "boolean", default: false },
      },
    });
    if (values.version) return say(packageVersion());
    const [command] = positionals;
    if (values.help || !command) return say(USAGE, command || values.help ? 0 : 2);
    if (positionals.length > 1 || !["install", "upgrade"].includes(command)) {
      throw new Obstacle(`"${positionals.join(" ")}" is no command.\n\n${USAGE}`);
    }
    return apply(command, resolve(values.workdir), values.force);
  } catch (error) {
    if (!(error instanceof Obstacle) && !isUsage(error)) throw error;
    console.error((error as Error).message);
    return 2;
  }
}

function apply(command: string, project: string, force: boolean): number {
  const supabase = join(project, "supabase");
  if (!existsSync(join(supabase, "config.toml"))) {
    throw new Obstacle(
      `There is no supabase/config.toml in "${project}": run "npx supabase init" first.`,
    );
  }
  const before = readRecord(supabase);
  if (command === "upgrade" && !before) {
    throw new Obstacle(
      `Aura Servers is not installed in "${project}": run "npx aura-servers install".`,
    );
  }
  const plan = planOf(supabase, readContents(join(here, "supabase"), packageVersion()), force);
  write(supabase, plan);
  return say(reportOf(plan, before?.version));
}

function write(supabase: string, { writes, deletes }: Plan): void {
  for (const [path, text] of writes) {
    mkdirSync(dirname(join(supabase, path)), { recursive: true });
    writeFileSync(join(supabase, path), text);
  }
  for (const path of deletes) rmSync(join(supabase, path));
}

function reportOf({ writes, deletes, record }: Plan, before: string | undefined): string {
  if (writes.size + deletes.length === 0) {
    return `Aura Servers ${record.version} is installed already: nothing was changed.`;
  }
  const functions = [
    ...new Set(Object.keys(record.files).map((path) => path.split("/")[1]!)),
  ].filter((name) => !name.startsWith("_"));
  return [
    before && before !== record.version
      ? `Aura Servers ${before} → ${record.version}`
      : `Aura Servers ${record.version}`,
    ...[...writes.keys()].map((path) => `  wrote    supabase/${path}`),
    ...deletes.map((path) => `  deleted  supabase/${path}`),
    "",
    "Read them, commit them, then:",
    "  npx supabase db push",
    `  npx supabase functions deploy ${functions.join(" ")}`,
  ].join("\n");
}

function packageVersion(): string {
  return JSON.parse(readFileSync(join(here, "../package.json"), "utf8")).version;
}

function isUsage(error: unknown): boolean {
  return String((error as { code?: string }).code).startsWith("ERR_PARSE_ARGS");
}

function say(text: string, code = 0): number {
  console.log(text);
  return code;
}
