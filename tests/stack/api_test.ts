// REST and Auth as hosted: each fails when a change of ours, or of what serves Auth, makes a difference.
import assert from "node:assert/strict";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { connect, type Connection, serviceClient, signUp, stackEnv, until } from "../stack.ts";

const leaves = { sanitizeOps: false, sanitizeResources: false };

/** A function of the test's own in the API, gone after it. `signature` is what follows its name. */
async function withFunction(
  signature: string,
  run: (name: string, sql: Connection) => Promise<void>,
): Promise<void> {
  await using sql = connect();
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  await sql.unsafe(`create function public.${name}${signature}`);
  await sql`notify pgrst, 'reload schema'`;
  try {
    await until(async () => (await rpc(name, {})).code !== "PGRST202", "the function in the API");
    await run(name, sql);
  } finally {
    await sql.unsafe(`drop function public.${name}`);
    await sql`notify pgrst, 'reload schema'`;
  }
}

// deno-lint-ignore no-explicit-any -- the answers are of many shapes.
async function rpc(name: string, args: unknown): Promise<any> {
  const response = await fetch(`${stackEnv("SUPABASE_URL")}/rest/v1/rpc/${name}`, {
    method: "POST",
    headers: { apikey: stackEnv("SUPABASE_SECRET_KEY"), "content-type": "application/json" },
    body: JSON.stringify(args),
  });
  const answer = await response.json();
  return response.ok ? answer : { status: response.status, ...answer };
}

Deno.test("REST grants nothing by itself to anon", leaves, async () => {
  await serviceClient().from("hub_servers").select("id");
  await using sql = connect();
  const granted = await sql`
    select table_name, privilege_type from information_schema.role_table_grants
    where grantee = 'anon' and table_schema = 'public'`;
  assert.deepEqual([...granted], []);
});

Deno.test("REST refuses an address that it cannot read with 400", leaves, async () => {
  for (const address of ["%zz", "rpc/%ff", "hub_servers?%00=eq.1", "hub_servers?order=%00"]) {
    const answer = await fetch(`${stackEnv("SUPABASE_URL")}/rest/v1/${address}`, {
      headers: { apikey: stackEnv("SUPABASE_SECRET_KEY") },
    });
    assert.deepEqual([answer.status, (await answer.json()).code], [400, "PGRST100"], address);
  }
});

Deno.test("Auth refuses half a surrogate pair with 400", leaves, async () => {
  for (const data of [{ name: "\ud800" }, { "\ud800": "name" }]) {
    const answer = await fetch(`${stackEnv("SUPABASE_URL")}/auth/v1/signup`, {
      method: "POST",
      headers: {
        apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY"),
        "content-type": "application/json",
      },
      body: JSON.stringify({ email: "half@tests.example", password: "a password", data }),
    });
    assert.deepEqual([answer.status, (await answer.json()).error_code], [400, "validation_failed"]);
  }
});

Deno.test("rpc() passes jsonb, numeric and timestamptz as PostgREST does", leaves, async () => {
  const signature =
    `(a jsonb default '{}', b numeric default 0, c timestamptz default '2026-01-02 03:04:05.678+00')
    returns table (kind text, a jsonb, b numeric, c timestamptz) language sql as
    'select jsonb_typeof(a), a, b, c'`;
  await withFunction(signature, async (name) => {
    const a = { list: [1, "two", null], text: "ä \"'" };
    assert.deepEqual(await rpc(name, { a, b: 12.5 }), [
      { kind: "object", a, b: 12.5, c: "2026-01-02T03:04:05.678+00:00" },
    ]);
    const [row] = await rpc(name, { a: [1, 2], c: "2026-01-02T03:04:05Z" });
    assert.deepEqual([row.kind, row.c], ["array", "2026-01-02T03:04:05+00:00"]);
  });
});

const ERRORS: [sqlstate: string, status: number][] = [
  ["P0001", 400],
  ["23514", 400],
  ["23505", 409],
  ["P0002", 500],
  ["40001", 503],
  ["57014", 503],
  ["PT418", 418],
  ["PT413", 413],
  ["42501", 403],
  ["22023", 400],
  ["ZZ999", 400],
];

Deno.test("rpc() answers errors with PostgREST's status, detail and hint", leaves, async () => {
  const signature = `(state text default null) returns boolean language plpgsql as $$ begin
    if state is not null then
      raise exception 'what' using errcode = state, detail = 'why', hint = 'how';
    end if;
    return true;
  end $$`;
  await withFunction(signature, async (name) => {
    for (const [state, status] of ERRORS) {
      assert.deepEqual(
        await rpc(name, { state }),
        { status, code: state, message: "what", details: "why", hint: "how" },
      );
    }
  });
});

Deno.test("rpc() refuses lists too deep for an array with 400", leaves, async () => {
  const signature =
    `(list integer[] default '{}') returns integer language sql as 'select cardinality(list)'`;
  await withFunction(signature, async (name) => {
    assert.equal(await rpc(name, { list: [1, 2] }), 2);
    for (const depth of [7, 900]) {
      const list = JSON.parse(`${"[".repeat(depth)}1${"]".repeat(depth)}`);
      const { status, code } = await rpc(name, { list });
      assert.deepEqual([status, code], [400, "54000"]);
    }
  });
});

Deno.test("Auth gives tokens with kid, iss, aal and app_metadata", leaves, async () => {
  const { accessToken } = await signUp();
  const { kid, alg } = decodeProtectedHeader(accessToken);
  assert.deepEqual([typeof kid, alg], ["string", "HS256"]);
  const { iss, aal, role, app_metadata } = decodeJwt(accessToken);
  assert.deepEqual([iss, aal, role], [
    `${stackEnv("SUPABASE_URL")}/auth/v1`,
    "aal1",
    "authenticated",
  ]);
  assert.deepEqual(app_metadata, { provider: "email", providers: ["email"] });
});

Deno.test("auth.uid() and its like read the request's claims", leaves, async () => {
  await using sql = connect();
  const sub = crypto.randomUUID();
  const claims = JSON.stringify({ sub, role: "authenticated", email: "a@b.c" });
  const [row] = await sql.begin(async (sql) => {
    await sql`select set_config('request.jwt.claims', ${claims}, true)`;
    return await sql`select auth.uid(), auth.role(), auth.email(), auth.jwt() ->> 'sub' as jwt`;
  });
  assert.deepEqual({ ...row }, { uid: sub, role: "authenticated", email: "a@b.c", jwt: sub });
});

Deno.test("REST reads the schema again after notify pgrst", leaves, async () => {
  const signature = "(a integer default 1) returns integer language sql as 'select a'";
  await withFunction(signature, async (name, sql) => {
    assert.equal(await rpc(name, { a: 2 }), 2);
    await sql.unsafe(`drop function public.${name}`);
    await sql.unsafe(
      `create function public.${name}(b integer default 1) returns integer language sql as 'select b'`,
    );
    await sql`notify pgrst, 'reload schema'`;
    await until(async () => await rpc(name, { b: 3 }) === 3, "the new argument");
  });
});

Deno.test("REST gives up a statement that runs too long for its role", leaves, async () => {
  const signature = `(sleep boolean default false) returns boolean language sql as
    'select case when sleep then pg_sleep(60) is null else true end'`;
  await withFunction(signature, async (name, sql) => {
    await sql.unsafe(`grant execute on function public.${name} to anon`);
    const response = await fetch(`${stackEnv("SUPABASE_URL")}/rest/v1/rpc/${name}`, {
      method: "POST",
      headers: { apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY"), "content-type": "application/json" },
      body: JSON.stringify({ sleep: true }),
    });
    assert.equal((await response.json()).code, "57014");
  });
});
