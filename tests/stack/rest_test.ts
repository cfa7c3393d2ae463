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
  // Of this run alone: what the API knows of an earlier one does not tell that it has read again.
  const marker = `marker_${crypto.randomUUID().replaceAll("-", "")}`;
  await sql.unsafe(`${GONE}; ${SHELVES}; create table public.${marker} ()`).simple();
  try {
    await sql`notify pgrst, 'reload schema'`;
    await until(async () => (await call(marker)).status === 200, "the tables in the API");
    await run(client, sql);
  } finally {
    await sql.unsafe(`${GONE}, public.${marker}`);
    await sql`notify pgrst, 'reload schema'`;
  }
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // deno-lint-ignore no-explicit-any -- the answers are of many shapes.
  body: any;
}

/** A request as it is written, with the secret key. */
async function call(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${stackEnv("SUPABASE_URL")}/rest/v1/${path}`, {
    ...init,
    headers: {
      apikey: stackEnv("SUPABASE_SECRET_KEY"),
      "content-type": "application/json",
      ...init.headers,
    },
  });
  const text = await response.text();
  const { status, headers } = response;
  return { status, headers, text, body: /^[[{]/.test(text) ? JSON.parse(text) : text };
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

Deno.test(
  "rows of a bulk insert have the same keys, or `columns` and defaults",
  leaves,
  async () => {
    await withTables(async (client) => {
      const rows = [{ id: 50, rank: 1 }, { id: 51 }];
      const differing = await call("shelves", { method: "POST", body: JSON.stringify(rows) });
      assert.deepEqual([differing.status, differing.body.code], [400, "PGRST102"]);
      const asNull = await client.from("shelves").insert(rows);
      assert.deepEqual([asNull.status, asNull.error?.code], [400, "23502"]);
      const asDefault = await client.from("shelves").insert(rows, { defaultToNull: false })
        .select();
      assert.deepEqual(asDefault.data?.map(({ rank }) => rank), [1, 7]);
    });
  },
);

Deno.test("null is a word after eq and neq, and a value after is", leaves, async () => {
  await withTables(async (client) => {
    const ids = async (query: string) =>
      (await call(`books?select=id&order=id&${query}`)).body.map(({ id }: { id: number }) => id);
    assert.deepEqual(await ids("title=eq.null"), [11]);
    assert.deepEqual(await ids("title=neq.null"), [10]);
    assert.deepEqual(await ids("title=is.null"), [12]);
    assert.deepEqual(await ids("title=not.is.null"), [10, 11]);
    assert.deepEqual(await ids("title=in.(null,A)"), [10, 11]);
    assert.equal(
      (await client.from("books").select("id").eq("title", null as never)).data?.length,
      1,
    );
  });
});

Deno.test("quotation marks in or=() keep commas, brackets and escaped quotes", leaves, async () => {
  await withTables(async (client) => {
    const found = async (filter: string) =>
      (await client.from("shelves").select("id").or(filter)).data?.map(({ id }) => id);
    assert.deepEqual(await found('name.eq."three, \\"quoted\\"",id.eq.1'), [1, 3]);
    assert.deepEqual(await found('name.in.("three, \\"quoted\\"",two)'), [2, 3]);
    assert.deepEqual(await found("and(id.gt.1,id.lt.3),not.or(id.gt.1,name.is.null)"), [1, 2]);
    const unclosed = await client.from("shelves").select("id").or('name.eq."three');
    assert.deepEqual(unclosed.data, []);
    const broken = await call("shelves?or=(id.eq.1");
    assert.deepEqual([broken.status, broken.body.code], [400, "PGRST100"]);
  });
});

Deno.test("CSV has rows as Postgres prints them", leaves, async () => {
  await withTables(async (client) => {
    const { data } = await client.from("books").select().order("id").csv();
    assert.equal(
      data,
      'id,shelf_id,title,meta\n10,1,A,"{""a"": [1, ""x""]}"\n11,1,null,\n12,2,,',
    );
  });
});

Deno.test("Prefer: timezone says in which zone times are", leaves, async () => {
  await withTables(async (_client, sql) => {
    await sql`alter table books add column at timestamptz default '2026-01-02 03:04:05.60+00'`;
    await sql`notify pgrst, 'reload schema'`;
    const at = async (prefer: string) => {
      const answer = await call("books?select=at&id=eq.10", { headers: { prefer } });
      return [answer.body[0]?.at ?? answer.body.code, answer.headers.get("preference-applied")];
    };
    await until(async () => (await at(""))[0] !== "42703", "the column");
    assert.deepEqual(await at(""), ["2026-01-02T03:04:05.6+00:00", null]);
    assert.deepEqual(await at("timezone=America/Los_Angeles"), [
      "2026-01-01T19:04:05.6-08:00",
      "timezone=America/Los_Angeles",
    ]);
    assert.deepEqual(await at("timezone=Nowhere"), ["2026-01-02T03:04:05.6+00:00", null]);
    assert.deepEqual(await at("handling=strict, timezone=Nowhere"), ["PGRST122", null]);
  });
});

Deno.test("a range begins at 0 at least, and is refused when it cannot be", leaves, async () => {
  await withTables(async (client) => {
    const range = async (query: string, headers = {}) => {
      const answer = await call(`books?select=id&order=id&${query}`, { headers });
      return [answer.status, answer.headers.get("content-range") ?? answer.body.code];
    };
    assert.deepEqual(await range("offset=-1"), [200, "0-2/*"]);
    assert.deepEqual(await range("limit=1&offset=1"), [200, "1-1/*"]);
    assert.deepEqual(await range("limit=0"), [200, "*/*"]);
    assert.deepEqual(await range("limit=-1"), [416, "PGRST103"]);
    assert.deepEqual(await range("", { range: "2-1" }), [416, "PGRST103"]);
    assert.deepEqual(await range("offset=9", { prefer: "count=exact" }), [416, "PGRST103"]);
    assert.deepEqual(await range("limit=2", { prefer: "count=exact" }), [206, "0-1/3"]);
    for (const count of ["exact", "planned", "estimated"] as const) {
      const counted = await client.from("books").select("*", { count, head: true });
      assert.equal(typeof counted.count, "number", count);
    }
  });
});

Deno.test("numbers beyond 2^53 come out as they are", leaves, async () => {
  await withTables(async (_client, sql) => {
    await sql`update books set meta = '[9007199254740993, 1.10]' where id = 10`;
    const { text } = await call("books?select=meta&id=eq.10");
    assert.equal(text, '[{"meta":[9007199254740993, 1.10]}]');
  });
});

Deno.test("upsert says whether it has inserted, and PUT whose row it is", leaves, async () => {
  await withTables(async (client) => {
    const upsert = (id: number) => client.from("shelves").upsert({ id, name: `n${id}` });
    assert.equal((await upsert(40)).status, 201);
    assert.equal((await upsert(40)).status, 200);
    const ignored = await client.from("shelves")
      .upsert({ id: 41, name: "n40" }, { onConflict: "name", ignoreDuplicates: true }).select();
    assert.deepEqual(ignored.data, []);
    const put = (query: string, id: number) =>
      call(`shelves?${query}`, { method: "PUT", body: JSON.stringify({ id, name: "put" }) });
    assert.equal((await put("id=eq.42", 42)).status, 201);
    assert.equal((await put("id=eq.42", 43)).body.code, "PGRST115");
    assert.equal((await put("name=eq.put", 42)).body.code, "PGRST105");
  });
});

Deno.test("resources are embedded by links, hints, functions and views", leaves, async () => {
  await withTables(async (client, sql) => {
    await sql.unsafe(`
      create view public.titles as select id as book, shelf_id, upper(title) as title from public.books;
      create function public.first_book(public.shelves) returns setof public.books rows 1
        language sql stable as 'select * from public.books where shelf_id = $1.id order by id limit 1';
      create function public.loud(public.books) returns text
        language sql stable as 'select upper($1.title)';
      notify pgrst, 'reload schema';`).simple();
    try {
      const read = async (path: string) => (await call(path)).body;
      await until(async () => Array.isArray(await read("titles?select=shelves(id)")), "the view");
      assert.deepEqual(await read("titles?select=book,shelves(name)&book=eq.12"), [
        { book: 12, shelves: { name: "two" } },
      ]);
      assert.deepEqual(await read("shelves?select=id,first_book(id,loud)&id=eq.1"), [
        { id: 1, first_book: { id: 10, loud: "A" } },
      ]);
      assert.deepEqual(await read("shelves?select=id,books!inner(id)&books.id=eq.12"), [
        { id: 2, books: [{ id: 12 }] },
      ]);
      assert.deepEqual(await read("shelves?select=id,books()&books=is.null"), [{ id: 3 }]);
      assert.deepEqual(await read("books?select=id,...shelves(name)&order=shelves(name).desc,id"), [
        { id: 12, name: "two" },
        { id: 10, name: "one" },
        { id: 11, name: "one" },
      ]);
      assert.deepEqual(
        await read("shelves?select=id,books(id)&books.order=id.desc&books.limit=1&id=eq.1"),
        [{ id: 1, books: [{ id: 11 }] }],
      );
      const twice = await client.from("shelves").select("books(id), books(title)");
      assert.deepEqual([twice.status, twice.error?.code], [400, "42712"]);
    } finally {
      await sql.unsafe(`
        drop view public.titles;
        drop function public.first_book, public.loud;`).simple();
    }
  });
});

Deno.test("what is embedded has bounds of depth, number and size", leaves, async () => {
  await withTables(async (_client, sql) => {
    const nested = (depth: number): string =>
      depth === 0 ? "id" : `id,books(id,shelves(${nested(depth - 1)}))`;
    const deep = await call(`shelves?select=${nested(5)}`);
    assert.deepEqual([deep.status, deep.body.code], [400, "PGRST100"]);
    const many = Array.from({ length: 40 }, (_, at) => `b${at}:books(id)`).join(",");
    assert.equal((await call(`shelves?select=${many}`)).status, 400);
    await sql`update books set title = repeat('x', 12000000)`;
    const refused = await call("books?select=title");
    assert.deepEqual([refused.status, refused.body.code], [413, "54000"]);
  });
});

Deno.test(
  "a body that is no row, and a lock that is held, are no failures of the server",
  leaves,
  async () => {
    await withTables(async (_client, sql) => {
      const text = await call("books?columns=id", { method: "POST", body: '"text"' });
      assert.equal(text.status, 400);
      assert.equal((await call("books?columns=id", { method: "POST", body: "[1]" })).status, 400);
      assert.equal((await call("books?id=in.(x)")).status, 400);
      const held = Promise.withResolvers<void>();
      const locked = Promise.withResolvers<void>();
      const holding = sql.begin(async (transaction) => {
        await transaction`lock table books`;
        locked.resolve();
        await held.promise;
      });
      await locked.promise;
      const { status, body } = await call("books?select=id").finally(held.resolve);
      await holding;
      assert.deepEqual([status, body.code], [503, "57014"]);
    });
  },
);

Deno.test("executors have connections of their own", leaves, async () => {
  await withTables(async (client, sql) => {
    const held = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const holding = sql.begin(async (transaction) => {
      await transaction`lock table books`;
      locked.resolve();
      await held.promise;
    });
    await locked.promise;
    // More than the pool of people has connections: each waits for the lock.
    const waiting = Array.from({ length: 30 }, () => client.from("books").select("id"));
    const beat = await call("rpc/device_heartbeat", {
      method: "POST",
      body: JSON.stringify({ token: "none", running: [] }),
    }).finally(held.resolve);
    assert.equal(beat.status, 403);
    await holding;
    const answers = await Promise.all(waiting);
    assert(answers.every(({ error }) => error === null));
  });
});
