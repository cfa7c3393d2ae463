// supabase/migrations is what people apply, supabase/schemas is what is read and edited: both make the same.
import assert from "node:assert/strict";
import { join } from "node:path";
import { FIRST_MIGRATION, firstMigration } from "../../stack/schema/chapters.ts";
import { difference } from "../../stack/schema/difference.ts";
import { OwnStack } from "../runner/own_stack.ts";
import { connect } from "../stack.ts";
import { projectRows } from "./project_rows.ts";

const ROOT = join(import.meta.dirname!, "../..");
const FOLDER = join(ROOT, "supabase/migrations");

Deno.test({
  name: "firstMigration() is the first migration until there is a second",
  ignore: [...Deno.readDirSync(FOLDER)].length > 1,
  fn: async () => {
    const same =
      await Deno.readTextFile(join(FOLDER, FIRST_MIGRATION)) === await firstMigration(ROOT);
    assert(same, 'A chapter was edited: run "npm run migration".');
  },
});

Deno.test("the migrations make what the chapters make", async () => {
  await using migrated = await OwnStack.start({ AURA_EXECUTOR: "off" });
  await using whole = await OwnStack.start({ AURA_EXECUTOR: "off", AURA_SCHEMA: "chapters" });
  const urls = [migrated, whole].map((stack) => stack.env.SUPABASE_DB_URL!);
  assert.equal(await difference(ROOT, urls[0]!, urls[1]!), "");
  await using one = connect({}, migrated.env);
  await using other = connect({}, whole.env);
  assert.deepEqual(await projectRows(one), await projectRows(other));
});

Deno.test("difference() shows a function, a grant, a policy, a check and a comment", async () => {
  await using changed = await OwnStack.start({ AURA_EXECUTOR: "off" });
  await using whole = await OwnStack.start({ AURA_EXECUTOR: "off", AURA_SCHEMA: "chapters" });
  await using sql = connect({}, changed.env);
  await sql.unsafe(`
    create or replace function hub.short_id(id uuid) returns text
    language sql immutable set search_path = '' as 'select left(id::text, 9)';
    revoke execute on function public.recover() from service_role;
    drop policy authenticated_read_servers on public.hub_servers;
    alter table public.hub_servers drop constraint hub_servers_name_check;
    comment on column public.hub_servers.icon is 'another';
  `).simple();
  const found = await difference(ROOT, changed.env.SUPABASE_DB_URL!, whole.env.SUPABASE_DB_URL!);
  for (
    const part of [
      "hub.short_id",
      "recover()",
      "authenticated_read_servers",
      "hub_servers_name_check",
      "SF Symbol",
    ]
  ) {
    assert(found.includes(part), `"${part}" is missing in:\n${found}`);
  }
});
