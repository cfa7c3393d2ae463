// Limits hold for requests that come at the same time, too.
import assert from "node:assert/strict";
import { connect, signUp } from "../stack.ts";

Deno.test("many tasks at once, from many requests at once, do not pass the limit", async () => {
  await using sql = connect();
  const [settings] = await sql<{ most: number }[]>`
    select max_open_tasks_per_user as most from hub.settings`;
  const most = settings!.most;
  const user = await signUp("operator");
  const rows = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ content: `Task ${n}` }));
  const insert = async (count: number) => {
    const { error } = await user.client.from("mac_tasks").insert(rows(count));
    return error ? error.details : "done";
  };
  const ends = await Promise.all(Array.from({ length: 5 }, () => insert(most - 1)));
  assert.deepEqual(ends.sort(), ["done", ...Array(4).fill("too_many_open_tasks")]);
  const last = await Promise.all([insert(1), insert(1), insert(2)]);
  assert.deepEqual(last.filter((end) => end === "done").length, 1, last.join());
  const [{ open }] = await sql<[{ open: number }]>`
    select count(*)::integer as open from hub.queue where created_by = ${user.id}`;
  assert.equal(open, most);
  await sql`delete from mac_tasks where created_by = ${user.id}`;
});
