// The registry of errors, docs/errors.md and the code say the same.
import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../stack.ts";

const ROOT = join(import.meta.dirname!, "../..");
const page = await Deno.readTextFile(join(ROOT, "docs/errors.md"));
const chapters = await textsBelow("supabase/schemas", ".sql");
const functions = await textsBelow("supabase/functions", ".ts");

Deno.test("docs/errors.md lists the rows of hub.errors", async () => {
  await using sql = connect();
  const rows = await sql<{ name: string; status: number; hint: string }[]>`
    select name, status, coalesce(hint, '') as hint from hub.errors order by status, name`;
  const listed = section("Names").map(([name, status, , hint]) => ({
    name,
    status: Number(status),
    hint,
  }));
  assert.deepEqual(listed, rows.map((row) => ({ ...row })));
});

Deno.test("hub.refuse() raises every registered error, and no other", () => {
  const raised = new Set(matches(chapters, /\bhub\.refuse\(\s*'([a-z_]+)'/g));
  assert.deepEqual([...raised].sort(), section("Names").map(([name]) => name).sort());
});

Deno.test("docs/errors.md lists what the edge functions refuse by themselves", () => {
  const registered = new Set(section("Names").map(([name]) => name));
  const own = new Set(
    matches(functions, /new Problem\(\s*(?:\w+\.)?\w+,\s*"([a-z_]+)"/g).filter((name) =>
      !registered.has(name)
    ),
  );
  const listed = section("Of the edge functions alone").map(([name]) => name);
  assert.deepEqual([...own].sort(), listed.sort());
});

Deno.test("every function of the API is documented and tested", async () => {
  await using sql = connect();
  const rpcs = await sql<{ name: string; comment: string | null }[]>`
    select proname as name, obj_description(oid) as comment
    from pg_proc where pronamespace = 'public'::regnamespace`;
  const tests = await textsBelow("supabase/tests", ".test.sql");
  const silent = rpcs.filter(({ comment }) => !comment).map(({ name }) => name);
  const untested = rpcs.filter(({ name }) => !new RegExp(`\\b${name}\\(`).test(tests))
    .map(({ name }) => name);
  assert.deepEqual({ silent, untested }, { silent: [], untested: [] });
});

Deno.test("the comment of an RPC names errors that are registered", async () => {
  await using sql = connect();
  const rows = await sql<{ name: string; error: string }[]>`
    select p.proname as name, named.error
    from pg_proc as p
    cross join lateral regexp_matches(obj_description(p.oid), 'Errors: ([^.;]*)') as listed (names)
    cross join lateral regexp_split_to_table(regexp_replace(names[1], '\\([^)]*\\)', '', 'g'), ',\\s*') as named (error)
    where p.pronamespace = 'public'::regnamespace and btrim(named.error) ~ '^[a-z_]+$'
      and not exists (select from hub.errors as e where e.name = btrim(named.error))`;
  assert.deepEqual([...rows], []);
});

/** The rows of the table below a heading, without the marks around names. */
function section(heading: string): string[][] {
  const text = page.split(`## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const rows = text.split("\n").filter((line) => line.startsWith("|")).slice(2);
  return rows.map((row) =>
    row.split("|").slice(1, -1).map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"))
  );
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, name]) => name!);
}

/** All files below a folder with this ending, but for the lists that name every function. */
async function textsBelow(folder: string, ending: string): Promise<string> {
  let all = "";
  for await (const { name, isDirectory, isFile } of Deno.readDir(join(ROOT, folder))) {
    if (["node_modules", "surface.test.sql", "privileges.test.sql"].includes(name)) continue;
    const path = join(folder, name);
    if (isDirectory) all += await textsBelow(path, ending);
    else if (isFile && name.endsWith(ending)) all += await Deno.readTextFile(join(ROOT, path));
  }
  return all;
}
