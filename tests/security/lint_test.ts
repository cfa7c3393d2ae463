// plpgsql_check over every function, with the tables of its triggers. `supabase db lint` asks the same
// of those that are no triggers. The embedded Postgres lacks the extension; Debian's has it.
import assert from "node:assert/strict";
import { connectAdmin } from "../stack.ts";

const available = await hasPlpgsqlCheck();

Deno.test({
  name: "plpgsql_check finds nothing",
  ignore: !available,
  fn: async () => {
    await using admin = await connectAdmin();
    await admin.begin(async (sql) => {
      await sql`create extension if not exists plpgsql_check with schema extensions`;
      const findings = await sql`
        with functions as (
          select p.oid, t.tgrelid as relation,
            bool_or(coalesce(t.tgoldtable, t.tgnewtable) is not null) over (partition by p.oid) as by_statement
          from pg_proc as p
          join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
          left join pg_trigger as t on t.tgfoid = p.oid and not t.tgisinternal
          where p.pronamespace::regnamespace::text in ('public', 'hub', 'koji')
        )
        select f.oid::regprocedure::text as function, c.lineno, c.level, c.message
        from functions as f
        cross join lateral extensions.plpgsql_check_function_tb(
          f.oid, coalesce(f.relation, 0),
          oldtable => case when f.by_statement then 'old_rows' end,
          newtable => case when f.by_statement then 'new_rows' end
        ) as c`;
      assert.deepEqual([...findings], []);
    });
  },
});

async function hasPlpgsqlCheck(): Promise<boolean> {
  await using admin = await connectAdmin();
  const rows = await admin`select from pg_available_extensions where name = 'plpgsql_check'`;
  return rows.length > 0;
}
