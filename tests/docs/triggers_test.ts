// docs/triggers.md lists what fires on tasks and messages, in that order.
import assert from "node:assert/strict";
import { join } from "node:path";
import { connect } from "../stack.ts";

const PAGE = join(import.meta.dirname!, "../../docs/triggers.md");

for (const table of ["mac_tasks", "hub_channel_messages"]) {
  Deno.test(`docs/triggers.md lists the triggers of ${table} in the order they fire`, async () => {
    await using sql = connect();
    const rows = await sql<{ event: string; time: string; name: string; does: string }[]>`
      select event, case tgtype::integer & 2 when 2 then 'before' else 'after' end
          || case tgtype::integer & 1 when 1 then ' row' else ' statement' end as time,
        tgname as name, tgfoid::regproc::text as does
      from pg_trigger, (values ('insert', 4, 1), ('update', 16, 2), ('delete', 8, 3), ('truncate', 32, 4))
        as events (event, bit, position)
      where tgrelid = ${
      "public." + table
    }::regclass and not tgisinternal and tgtype::integer & bit <> 0
        -- An app's own triggers are no business of this page's.
        and tgfoid::regproc::text like 'hub.%'
      order by position,
        -- Before statement, before row, after row, after statement; in each, by name.
        tgtype::integer & 2 = 0,
        case when tgtype::integer & 2 = 0 then tgtype::integer & 1 = 0 else tgtype::integer & 1 = 1 end,
        tgname collate "C"`;
    const page = await Deno.readTextFile(PAGE);
    const section = page.split(`## ${table}\n`)[1]!.split("\n## ")[0]!;
    const listed = [...section.matchAll(/^\| (\w+) \| ([\w ]+) \| `(\w+)` \| `([\w.]+)\(\)` \|/gm)]
      .map(([, event, time, name, does]) => ({ event, time, name, does }));
    assert.deepEqual(listed, rows.map((row) => ({ ...row })));
  });
}
