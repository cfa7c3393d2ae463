// The stack applies the migrations itself; a hosted project gets them by `supabase db push`.
import assert from "node:assert/strict";
import { join } from "node:path";
import { supabase } from "../../stack/cli.ts";
import { OwnStack } from "../runner/own_stack.ts";
import { connectAdmin } from "../stack.ts";

const ROOT = join(import.meta.dirname!, "../..");

Deno.test(
  "supabase db push finds nothing to do after npm start, and can do the same itself",
  { sanitizeOps: false, sanitizeResources: false },
  async () => {
    await using stack = await OwnStack.start();
    await using admin = await connectAdmin({ ...stack.settings, ...stack.env });
    const records = () =>
      admin`
        select version, name, null as hash from supabase_migrations.schema_migrations
        union all
        select path, null, hash from supabase_migrations.seed_files
        order by 1`;
    const push = () =>
      supabase(ROOT, [
        ...["db", "push", "--include-all", "--include-seed", "--yes"],
        `--remote=${stack.env.SUPABASE_DB_URL}`,
      ]);

    const own = await records();
    assert.match(await push(), /up to date/);

    // Over what is there, since every statement may run again.
    await admin`delete from supabase_migrations.schema_migrations`;
    await admin`delete from supabase_migrations.seed_files`;
    await push();
    assert.deepEqual([...await records()], [...own]);
  },
);
