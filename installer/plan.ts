// What has to be written into a project: worked out whole before the first file is touched.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Contents, digestOf, type Migration } from "./contents.ts";
import { readRecord, RECORD, type Record } from "./record.ts";

export interface Plan {
  /** New content by path below `supabase/`. */
  writes: Map<string, string>;
  /** Files of an earlier version that are not part of this one. */
  deletes: string[];
  record: Record;
}

/** Something of the project's is in the way: nothing was changed. */
export class Obstacle extends Error {}

/**
 * What makes the project in this `supabase/` folder one with these contents. Nothing that is the project's
 * own is changed but config.toml, which gets sections that it lacks. Throws an Obstacle where a file of
 * ours is there already and is not ours, or was changed since; with `force`, that is overwritten.
 */
export function planOf(supabase: string, contents: Contents, force: boolean): Plan {
  const before = readRecord(supabase);
  const plan: Plan = {
    writes: new Map(),
    deletes: [],
    record: { version: contents.version, migrations: { ...before?.migrations }, files: {} },
  };
  refuseOlder(before, contents);
  planMigrations(plan, supabase, contents.migrations);
  planFiles(plan, supabase, contents.files, before, force);
  planConfig(plan, supabase, contents.sections);
  const record = JSON.stringify(plan.record, null, 2) + "\n";
  if (record !== textOf(supabase, RECORD)) plan.writes.set(RECORD, record);
  return plan;
}

function refuseOlder(before: Record | undefined, contents: Contents): void {
  const titles = new Set(contents.migrations.map(({ title }) => title));
  const unknown = Object.keys(before?.migrations ?? {}).filter((title) => !titles.has(title));
  if (unknown.length === 0) return;
  throw new Obstacle(
    `This project has Aura Servers ${before!.version}, which is newer than ${contents.version}: ` +
      `use "npx aura-servers@${before!.version}" or a newer one.`,
  );
}

/** Ours come after all that are there, in their own order: what is applied already stays where it is. */
function planMigrations(plan: Plan, supabase: string, migrations: Migration[]): void {
  const folder = join(supabase, "migrations");
  const there = existsSync(folder) ? readdirSync(folder) : [];
  let last = there.map((name) => /^\d+/.exec(name)?.[0] ?? "").sort().at(-1) ?? "";
  for (const { title, text } of migrations) {
    const known = plan.record.migrations[title];
    if (known && there.includes(known)) continue;
    last = nextNumber(last);
    const name = known ?? `${last}_${title}.sql`;
    plan.record.migrations[title] = name;
    plan.writes.set(`migrations/${name}`, text);
  }
}

/** A number after the last one and not before today, as the Supabase CLI makes them: YYYYMMDDhhmmss. */
function nextNumber(last: string): string {
  const now = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  if (last < now) return now;
  return String(BigInt(last.padEnd(14, "0")) + 1n);
}

function planFiles(
  plan: Plan,
  supabase: string,
  files: Map<string, string>,
  before: Record | undefined,
  force: boolean,
): void {
  const foreign: string[] = [];
  for (const [path, text] of files) {
    const there = textOf(supabase, path);
    plan.record.files[path] = digestOf(text);
    if (there === text) continue;
    if (there !== undefined && digestOf(there) !== before?.files[path]) foreign.push(path);
    plan.writes.set(path, text);
  }
  for (const [path, digest] of Object.entries(before?.files ?? {})) {
    if (files.has(path)) continue;
    const there = textOf(supabase, path);
    if (there === undefined) continue;
    if (digestOf(there) !== digest) foreign.push(path);
    plan.deletes.push(path);
  }
  if (foreign.length === 0 || force) return;
  throw new Obstacle(
    `These files are not as Aura Servers wrote them:\n${
      foreign.map((path) => `  supabase/${path}`).join("\n")
    }\nNothing was changed. Rename yours, or overwrite them with --force.`,
  );
}

function planConfig(plan: Plan, supabase: string, sections: Map<string, string>): void {
  const config = textOf(supabase, "config.toml") ?? "";
  const there = new Set(config.split("\n").map((line) => line.trim()));
  const missing = [...sections].filter(([header]) => !there.has(header)).map(([, text]) => text);
  if (missing.length === 0) return;
  plan.writes.set("config.toml", [config.trimEnd(), ...missing].join("\n\n") + "\n");
}

function textOf(supabase: string, path: string): string | undefined {
  const file = join(supabase, path);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}
