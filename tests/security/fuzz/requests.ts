// Every request that the API takes, with arguments from values.ts: the RPCs and tables by the catalog,
// so that a new one is tried without being named here, and the edge functions.
import fc from "fast-check";
import type { Sql } from "postgres";
import { json, strings, valueOf } from "./values.ts";

export type Actor = "anon" | "viewer" | "operator" | "admin" | "service" | "forged";

export interface Call {
  actor: Actor;
  method: string;
  path: string;
  query: Record<string, unknown>;
  body: unknown;
  headers: Record<string, string>;
}

/** A body that is sent as it is. */
export class Raw {
  constructor(readonly text: string) {}
}

const actors = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom<Actor>("operator", "admin") },
  { weight: 2, arbitrary: fc.constantFrom<Actor>("anon", "viewer", "service", "forged") },
);

export async function anyRequest(sql: Sql): Promise<fc.Arbitrary<Call>> {
  const rpcs = await sql<{ name: string; args: Record<string, string> }[]>`
    select p.proname as name, coalesce((
      select jsonb_object_agg(a.name, format_type(p.proargtypes[a.position - 1], null))
      from unnest(p.proargnames) with ordinality as a (name, position)
    ), '{}') as args
    from pg_proc as p where p.pronamespace = 'public'::regnamespace order by p.proname`;
  const tables = await sql<{ name: string; columns: Record<string, string> }[]>`
    select c.relname as name, jsonb_object_agg(a.attname, format_type(a.atttypid, null)) as columns
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' group by c.relname order by c.relname`;
  return fc.oneof(
    { weight: 6, arbitrary: fc.oneof(...rpcs.map(({ name, args }) => rpc(name, args))) },
    { weight: 2, arbitrary: fc.oneof(...tables.map(({ name, columns }) => write(name, columns))) },
    { weight: 1, arbitrary: fc.oneof(...tables.map(({ name, columns }) => read(name, columns))) },
    { weight: 2, arbitrary: fc.oneof(...functions()) },
    { weight: 1, arbitrary: fc.oneof(...auth()) },
  );
}

function rpc(name: string, args: Record<string, string>): fc.Arbitrary<Call> {
  const path = `/rest/v1/rpc/${name}`;
  const query = fc.dictionary(
    fc.constantFrom(...Object.keys(args), "select", "limit"),
    strings.map((text) => text.slice(0, 200)),
    { maxKeys: 3 },
  );
  return fc.oneof(
    { weight: 9, arbitrary: call(path, { method: fc.constant("POST"), body: bodyOf(args) }) },
    {
      weight: 1,
      arbitrary: call(path, { method: fc.constant("GET"), body: fc.constant(undefined), query }),
    },
  );
}

function write(name: string, columns: Record<string, string>): fc.Arbitrary<Call> {
  return call(`/rest/v1/${name}`, {
    method: fc.constantFrom("POST", "POST", "PATCH", "DELETE"),
    // Not all columns at once: most of them may not be written.
    body: fc.subarray(Object.keys(columns), { maxLength: Math.min(6, Object.keys(columns).length) })
      .chain((keys) => {
        const row = bodyOf(Object.fromEntries(keys.map((key) => [key, columns[key]!])));
        return fc.oneof(
          { weight: 5, arbitrary: row },
          { weight: 1, arbitrary: fc.array(row.filter((one) => !(one instanceof Raw))) },
        );
      }),
    // A write without a filter would be refused, or leave nothing to try the rest on.
    query: fc.uuid().map((id) => ({ [columns.id ? "id" : Object.keys(columns)[0]!]: `eq.${id}` })),
    headers: fc.constantFrom<Record<string, string>>(
      { prefer: "return=representation" },
      { prefer: "resolution=merge-duplicates" },
      { prefer: "return=minimal" },
    ),
  });
}

function read(name: string, columns: Record<string, string>): fc.Arbitrary<Call> {
  const column = fc.constantFrom(...Object.keys(columns), "nonsense");
  const operator = fc.constantFrom(
    "eq",
    "lt",
    "gte",
    "is",
    "in",
    "like",
    "cs",
    "fts",
    "match",
    "x",
  );
  return call(`/rest/v1/${name}`, {
    method: fc.constantFrom("GET", "HEAD"),
    body: fc.constant(undefined),
    query: fc.record({
      limit: fc.constantFrom("1", "0", "-1", "x", "99999999999999999999"),
      order: column.map((by) => `${by}.desc`),
      filter: fc.tuple(column, operator, strings.map((text) => text.slice(0, 200)))
        .map(([by, how, what]) => [by, `${how}.${what}`]),
    }).map(({ limit, order, filter: [by, condition] }) => ({ limit, order, [by!]: condition })),
  });
}

function functions(): fc.Arbitrary<Call>[] {
  const accept = fc.constantFrom("application/json", "text/plain", "*/*");
  const shapes: Record<string, Record<string, string>> = {
    koji: { channel: "text", command: "text" },
    dispatch: {
      channel: "text",
      content: "text",
      task_thread_id: "uuid",
      model: "text",
      priority: "integer",
      run_at: "timestamptz",
      idempotency_key: "text",
    },
    recover: {},
  };
  return Object.entries(shapes).map(([name, args]) =>
    call(`/functions/v1/${name}`, {
      method: fc.constantFrom("POST", "POST", "POST", "GET", "PUT", "OPTIONS"),
      body: bodyOf(args),
      headers: accept.map((type) => ({ accept: type })),
    })
  );
}

function auth(): fc.Arbitrary<Call>[] {
  const shapes: Record<string, Record<string, string>> = {
    "signup": { email: "text", password: "text", data: "jsonb" },
    "token?grant_type=password": { email: "text", password: "text" },
    "token?grant_type=refresh_token": { refresh_token: "text" },
    "user": { email: "text", password: "text", data: "jsonb" },
    "verify": { type: "text", token: "text", email: "text" },
    "recover": { email: "text" },
  };
  return Object.entries(shapes).map(([path, args]) =>
    call(`/auth/v1/${path}`, {
      method: fc.constant(path === "user" ? "PUT" : "POST"),
      body: bodyOf(args),
    })
  );
}

/** Mostly an object of these keys; else anything at all, valid JSON or not. */
function bodyOf(args: Record<string, string>): fc.Arbitrary<unknown> {
  const record = fc.record(
    Object.fromEntries(Object.entries(args).map(([name, type]) => [name, valueOf(name, type)])),
  );
  return fc.oneof(
    { weight: 12, arbitrary: record },
    { weight: 1, arbitrary: record.map((body) => ({ ...body, more: 1 })) },
    { weight: 1, arbitrary: json },
    {
      weight: 1,
      arbitrary: fc.oneof(strings, fc.constant("{"), fc.constant('{"a":1')).map((text) =>
        new Raw(text)
      ),
    },
  );
}

interface Parts {
  method: fc.Arbitrary<string>;
  body: fc.Arbitrary<unknown>;
  query?: fc.Arbitrary<Record<string, unknown>>;
  headers?: fc.Arbitrary<Record<string, string>>;
}

function call(path: string, { method, body, query, headers }: Parts): fc.Arbitrary<Call> {
  return fc.record({
    actor: actors,
    method,
    path: fc.constant(path),
    body,
    query: query ?? fc.constant({}),
    headers: headers ?? fc.constant({}),
  });
}
