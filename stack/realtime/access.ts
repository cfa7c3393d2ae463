// Who may see what: asks the database, as the subscriber, so that the project's policies decide.
import type { ISql, Sql, TransactionSql } from "postgres";
import type { Claims } from "../api/tokens.ts";
import type { Change } from "./pgoutput.ts";

export interface Permissions {
  read: boolean;
  write: boolean;
}

class Rollback extends Error {}

/** What the policies on realtime.messages allow on a private topic. Leaves nothing behind. */
export async function permissionsOn(
  admin: Sql,
  topic: string,
  claims: Claims,
): Promise<Permissions> {
  const allowed: Permissions = { read: false, write: false };
  await admin.begin(async (sql) => {
    const [probe] = await sql`
      insert into realtime.messages (topic, extension) values (${topic}, 'broadcast')
      returning id, inserted_at::text`;
    await become(sql, claims, topic);
    allowed.read = await permitted(sql, (tried) =>
      tried`
        select from realtime.messages
        where id = ${probe!.id} and inserted_at = ${probe!.inserted_at}::text::timestamp`);
    allowed.write = await permitted(sql, (tried) =>
      tried`
        insert into realtime.messages (topic, extension) values (${topic}, 'broadcast')`);
    throw new Rollback();
  }).catch((error) => {
    if (!(error instanceof Rollback)) throw error;
  });
  return allowed;
}

async function permitted(
  sql: TransactionSql,
  query: (sql: ISql) => Promise<{ count: number }>,
): Promise<boolean> {
  try {
    return await sql.savepoint(async (tried) => (await query(tried)).count > 0);
  } catch (error) {
    if ((error as { code?: string }).code === "42501") return false;
    throw error;
  }
}

/** The columns of a changed row that these claims may see; undefined when not even the row. */
export async function visibleColumns(
  admin: Sql,
  change: Change,
  claims: Claims,
): Promise<Set<string> | undefined> {
  const { relation, record } = change;
  const name = `${quote(relation.schema)}.${quote(relation.table)}`;
  const keys = relation.columns.filter(({ key }) => key);
  return await admin.begin(async (sql) => {
    await become(sql, claims);
    const columns = await sql<{ name: string }[]>`
      select attname as name
      from pg_catalog.pg_attribute
      where attrelid = ${name}::text::regclass and attnum > 0 and not attisdropped
        and has_column_privilege(attrelid, attnum, 'select')`;
    const seen = new Set(columns.map((column) => column.name));
    if (!keys.length || !keys.every((key) => seen.has(key.name))) return undefined;
    // A deleted row cannot be asked about: as on hosted projects, only its key is told.
    if (!record) return new Set(keys.map((key) => key.name));
    const where = keys.map((key, index) => `${quote(key.name)} = $${index + 1}`).join(" and ");
    const rows = await sql.unsafe(
      `select from ${name} where ${where}`,
      keys.map((key) => record[key.name]!),
    );
    return rows.count > 0 ? seen : undefined;
  });
}

/**
 * Resolves once others see what was committed. The log tells of it a moment before: whoever is told then, and
 * asks for more, would be given what was there before.
 */
export async function untilVisible(sql: ISql, transaction: number): Promise<void> {
  for (;;) {
    // The log has the lower half of the number; the upper half is that of the newest ones.
    const [{ running } = { running: false }] = await sql<{ running: boolean }[]>`
      select pg_catalog.pg_xact_status(
        (xid + round((next - xid) / 4294967296) * 4294967296)::text::xid8
      ) = 'in progress' as running
      from (
        select ${String(transaction)}::text::numeric as xid,
          pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::numeric as next
      ) as numbers`;
    if (!running) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function become(sql: TransactionSql, claims: Claims, topic = ""): Promise<void> {
  await sql`select
    set_config('role', ${claims.role}, true),
    set_config('request.jwt.claims', ${JSON.stringify(claims)}, true),
    set_config('realtime.topic', ${topic}, true)`;
}

function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}
