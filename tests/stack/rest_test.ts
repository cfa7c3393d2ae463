// REST of the local stack answers as PostgREST does, told by tables of the test's own.
import assert from "node:assert/strict";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import { connect, type Connection, stackEnv, until } from "../stack.ts";

const leaves = { sanitizeOps: false, sanitizeResources: false };

// deno-lint-ignore no-explicit-any -- tables that the generated types do not know.
type AnyClient = SupabaseClient<any>;

const SHELVES = `
  create table public.shelves (id integer primary key, name text unique, rank integer not null default 7);
  create table public.books (
    id integer primary key,
    shelf_id integer references public.shelves (id),
    title text,
    meta jsonb
  );
  -- Names that other schemas have, too.
  create table public.users (id integer primary key, name text);
  create table public.messages (
    id integer primary key, user_id integer references public.users (id), words text
  );
  create table public.owned (id integer primary key, owner uuid references auth.users (id));
  insert into public.shelves values (1, 'one', 1), (2, 'two', 2), (3, 'three, "quoted"', 3);
  insert into public.books values (10, 1, 'A', '{"a": [1, "x"]}'), (11, 1, 'null', null), (12, 2, null, null);
  insert into public.users values (1, 'ann');
  insert into public.messages values (5, 1, 'hello');
`;
const GONE =
  `drop table if exists public.books, public.shelves, public.messages, public.users, public.owned`;

async function withTables(
  run: (client: AnyClient, sql: Connection) => Promise<void>,
): Promise<void> {
  await using sql = connect();
  const client = createClient(stackEnv("SUPABASE_URL"), stackEnv("SUPABASE_SECRET_KEY"), {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  await sql.unsafe(GONE + ";" + SHELVES).simple();
  try {
    await sql`notify pgrst, 'reload schema'`;
    await until(
      async () => (await client.from("books").select("shelves(id)")).error === null,
      "the tables in the API",
    );
    await run(client, sql);
  } finally {
    await sql.unsafe(GONE);
    await sql`notify pgrst, 'reload schema'`;
  }
}

Deno.test("a change answers one row with its embedded rows as an object", leaves, async () => {
  await withTables(async (client) => {
    const columns = "id, shelves(name)";
    const expected = (id: number) => ({ id, shelves: { name: "two" } });
    const books = () => client.from("books");
    const inserted = await books().insert({ id: 20, shelf_id: 2 }).select(columns).single();
    assert.deepEqual([inserted.status, inserted.data], [201, expected(20)]);
    const upserted = await books().upsert({ id: 20, shelf_id: 2 }).select(columns).single();
    assert.deepEqual(upserted.data, expected(20));
    const updated = await books().update({ shelf_id: 2 }).eq("id", 10).select(columns).single();
    assert.deepEqual(updated.data, expected(10));
    const deleted = await books().delete().eq("id", 20).select(columns).single();
    assert.deepEqual(deleted.data, expected(20));
    const many = await books().update({ title: "B" }).lt("id", 12).select(columns);
    assert.deepEqual(many.data?.map(({ id }) => id).sort(), [10, 11]);
  });
});

Deno.test("a change that is refused for its number of rows changes nothing", leaves, async () => {
  await withTables(async (client, sql) => {
    const titles = () => sql`select id, title, shelf_id from books order by id`;
    const before = await titles();
    for (const columns of ["id", "id, shelves(name)"]) {
      const changes = [
        client.from("books").update({ title: "all" }).gt("id", 0).select(columns).single(),
        client.from("books").delete().gt("id", 0).select(columns).single(),
        client.from("books").update({ title: "none" }).gt("id", 99).select(columns).single(),
        client.from("books").insert([{ id: 30 }, { id: 31 }]).select(columns).single(),
      ];
      for (const change of changes) {
        const { status, error } = await change;
        assert.deepEqual([status, error?.code], [406, "PGRST116"]);
      }
    }
    assert.deepEqual([...await titles()], [...before]);
  });
});

Deno.test("update() and delete() without a filter are refused", leaves, async () => {
  await withTables(async (client, sql) => {
    const changes = [
      client.from("books").update({ title: "all" }),
      client.from("books").delete(),
      client.from("books").delete().select(),
    ];
    for (const change of changes) {
      const { status, error } = await change;
      assert.deepEqual([status, error?.code], [400, "21000"]);
    }
    assert.equal((await sql`select from books where title is distinct from 'all'`).count, 3);
  });
});

Deno.test("a table that shares its name with one of another schema is itself", leaves, async () => {
  await withTables(async (client) => {
    const down = await client.from("users").select("*, messages(*)");
    assert.deepEqual(down.data, [
      { id: 1, name: "ann", messages: [{ id: 5, user_id: 1, words: "hello" }] },
    ]);
    const up = await client.from("messages").select("id, users(*)");
    assert.deepEqual(up.data, [{ id: 5, users: { id: 1, name: "ann" } }]);
    const hidden = await client.from("owned").select("id, users(*)");
    assert.deepEqual([hidden.status, hidden.error?.code], [400, "PGRST200"]);
  });
});
