// The registry of events, docs/events.md and the client say the same.
import assert from "node:assert/strict";
import { join } from "node:path";
import { MESSAGE_EVENTS } from "../../client/events.ts";
import { connect } from "../stack.ts";

const PAGE = join(import.meta.dirname!, "../../docs/events.md");

Deno.test("docs/events.md and MESSAGE_EVENTS list the rows of hub.message_events", async () => {
  await using sql = connect();
  const rows = await sql<{ name: string; meaning: string }[]>`
    select name, meaning from hub.message_events order by name collate "C"`;
  const page = await Deno.readTextFile(PAGE);
  const listed = [...page.matchAll(/^\| `(\w+)` \| (.*?) *\|$/gm)]
    .map(([, name, meaning]) => ({ name, meaning }));
  assert.deepEqual(listed, rows.map((row) => ({ ...row })));
  assert.deepEqual([...MESSAGE_EVENTS], rows.map(({ name }) => name));
});
