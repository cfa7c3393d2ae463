// Everything about the app's tables that an installation could have changed.
import type { Sql } from "postgres";

const TABLES = ["hub_threads", "hub_messages", "mac_tasks"];

export interface Snapshot {
  /** Definitions, one a line. */
  definitions: string[];
  /** Rows as text with the columns that the app gave them, by table and in the order of ids. */
  rows: Record<string, string[]>;
}

/** The names of the columns that the app's tables have now. */
export async function columnsOf(sql: Sql): Promise<Record<string, string[]>> {
  const rows = await sql<{ table: string; columns: string[] }[]>`
    select c.relname as table, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class as c
    join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relname = any (${TABLES})
    group by c.relname`;
  return Object.fromEntries(rows.map(({ table, columns }) => [table, columns]));
}

/** `columns`: those the app made; what is said about others is left out, and so is what bears this project's names. */
export async function snapshot(
  sql: Sql,
  columns: Record<string, string[]>,
): Promise<Snapshot> {
  const rows: Record<string, string[]> = {};
  for (const table of TABLES) {
    const list = columns[table]!.map((column) => `t.${column}`).join(", ");
    const texts = await sql.unsafe<{ row: string }[]>(
      `select row(${list})::text as row from public.${table} as t order by t.id`,
    );
    rows[table] = texts.map(({ row }) => row);
  }
  const definitions = await sql<{ line: string }[]>`
    with tables as (
      select c.* from pg_class as c
      where c.relnamespace = 'public'::regnamespace and c.relname = any (${TABLES})
    ), own as (
      select t.oid, a.* from tables as t
      join pg_attribute as a on a.attrelid = t.oid
      join jsonb_each(${sql.json(columns)}) as j on j.key = t.relname and j.value ? a.attname::text
    )
    select format('table %s: %s %s rls %s %s acl %s comment %s replica %s', t.relname, t.relowner::regrole,
      t.reloptions, t.relrowsecurity, t.relforcerowsecurity, t.relacl, obj_description(t.oid), t.relreplident)
      as line from tables as t
    union all
    select format('column %s.%s: %s %s default %s identity %s acl %s comment %s options %s', t.relname, o.attname,
      format_type(o.atttypid, o.atttypmod), o.attnotnull, pg_get_expr(d.adbin, d.adrelid), o.attidentity,
      o.attacl, col_description(t.oid, o.attnum), o.attoptions)
    from tables as t
    join own as o on o.attrelid = t.oid
    left join pg_attrdef as d on d.adrelid = t.oid and d.adnum = o.attnum
    union all
    select format('constraint %s.%s: %s', t.relname, c.conname, pg_get_constraintdef(c.oid))
    from tables as t join pg_constraint as c on c.conrelid = t.oid
    where c.contype not in ('n') and c.conkey <@ array(select o.attnum from own as o where o.attrelid = t.oid)
    union all
    select format('index %s: %s', t.relname, pg_get_indexdef(i.indexrelid))
    from tables as t join pg_index as i on i.indrelid = t.oid
    where i.indexrelid::regclass::text !~ '^idx_mac_tasks_'
    union all
    select format('trigger %s: %s %s', t.relname, pg_get_triggerdef(g.oid), g.tgenabled)
    from tables as t join pg_trigger as g on g.tgrelid = t.oid
    where not g.tgisinternal and g.tgname !~ '^_[0-9]{3}_'
    union all
    select format('policy %s: %s', p.tablename, p)
    from pg_policies as p
    where p.schemaname = 'public' and p.tablename = any (${TABLES})
      and p.policyname not in (
        'authenticated_read_hub_tasks', 'authenticated_insert_hub_tasks', 'signed_in_read_hub_tasks'
      )
    union all
    select format('published: %s %s', p.pubname, p.tablename) from pg_publication_tables as p where p.tablename = any (${TABLES})
    order by 1`;
  return { definitions: definitions.map(({ line }) => line), rows };
}
