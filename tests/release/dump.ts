// A project at one moment, as a later version's tests restore it: what made its catalogue, and its rows.
//
// It needs no pg_dump, so that every Postgres on every machine can restore it, and also beside an app whose
// mac_tasks was there first, into which no dump of a whole catalogue goes.
import { join } from "node:path";
import type { ISql, Sql } from "postgres";

const FOLDER = join(import.meta.dirname!, "dumps");

export interface Dump {
  version: string;
  taken_at: string;
  /** What was applied, in its order. */
  migrations: { version: string; name: string; text: string }[];
  /** By table, with its schema. */
  rows: Record<string, Record<string, unknown>[]>;
}

/** Everything that is in the project now, less files' bytes and what Auth keeps beside its users. */
export async function takeDump(sql: Sql): Promise<Dump> {
  return await sql.begin("isolation level repeatable read", async (transaction) => {
    const [moment] = await transaction`select hub.version() as version, now()::text as taken_at`;
    const migrations = await transaction<Dump["migrations"]>`
      select version, name, array_to_string(statements, ';') as text
      from supabase_migrations.schema_migrations order by version`;
    const rows: Dump["rows"] = {};
    for (const table of await tablesOf(transaction)) {
      const [found] = await transaction.unsafe(
        `select coalesce(jsonb_agg(to_jsonb(t)), '[]') as rows from ${table} as t`,
      );
      rows[table] = found!.rows;
    }
    return { ...moment, migrations: [...migrations], rows } as Dump;
  });
}

/**
 * Makes the project of the dump in a database that has none, or only an app's own tables. Times are moved
 * as if it had been taken now, since what runs in it would be long lost otherwise.
 */
export async function restoreDump(sql: Sql, dump: Dump): Promise<void> {
  await sql`delete from supabase_migrations.schema_migrations`;
  for (const { version, name, text } of dump.migrations) {
    await sql.begin((transaction) => transaction.unsafe(text).simple());
    await sql`
      insert into supabase_migrations.schema_migrations (version, name, statements)
      values (${version}, ${name}, array[${text}])`;
  }
  await sql.begin(async (transaction) => {
    // As a dump is restored: rows are put back, nothing happens because of them.
    await transaction`set local session_replication_role = replica`;
    const [here] = await transaction`select claims_foreign_tasks from hub.settings`;
    for (const [table, rows] of Object.entries(dump.rows)) {
      if (/^(public|hub|koji)\.(?!mac_tasks)/.test(table)) {
        await transaction.unsafe(`delete from ${table}`);
      }
      await insert(transaction, table, rows, dump.taken_at);
    }
    // Says what else is in this database, not what was in the other.
    await transaction`update hub.settings set ${transaction(here!)}`;
  });
}

/** The tables of a project, with those of Supabase whose rows belong to it. */
async function tablesOf(sql: ISql): Promise<string[]> {
  const found = await sql<{ name: string }[]>`
    select n.nspname || '.' || c.relname as name
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname in ('public', 'hub', 'koji')
    order by 1`;
  return ["auth.users", ...found.map(({ name }) => name), "storage.objects"];
}

async function insert(sql: ISql, table: string, rows: Dump["rows"][string], takenAt: string) {
  if (rows.length === 0) return;
  const columns = await sql<{ name: string; type: string; sequence: string | null }[]>`
    select quote_ident(a.attname) as name, format_type(a.atttypid, null) as type,
      case when a.attidentity <> '' then pg_get_serial_sequence(${table}, a.attname) end as sequence
    from pg_attribute as a
    where a.attrelid = ${table}::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      and a.attname = any (${Object.keys(rows[0]!)})`;
  const values = columns.map(({ name, type }) =>
    type === "timestamp with time zone" ? `r.${name} + (now() - $2::timestamptz)` : `r.${name}`
  );
  await sql.unsafe(
    `insert into ${table} (${columns.map(({ name }) => name).join(", ")}) overriding system value
     select ${values.join(", ")} from jsonb_populate_recordset(null::${table}, $1::text::jsonb) as r
     where $2::timestamptz is not null`,
    [JSON.stringify(rows), takenAt],
  );
  for (const { name, sequence } of columns) {
    if (!sequence) continue;
    await sql.unsafe(`select setval('${sequence}', (select max(${name}) from ${table}))`);
  }
}

/** The dumps that are kept, oldest first. */
export async function keptDumps(): Promise<Dump[]> {
  const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort();
  return await Promise.all(names.map(async (name) => {
    const file = await Deno.open(join(FOLDER, name));
    return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();
  }));
}

export async function keepDump(dump: Dump): Promise<string> {
  const path = join(FOLDER, `${dump.version}.json.gz`);
  const text = new Blob([JSON.stringify(dump)]).stream();
  await Deno.writeFile(path, text.pipeThrough(new CompressionStream("gzip")));
  return path;
}
