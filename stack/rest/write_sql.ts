// Insert, update and delete, each as one statement that returns the columns which the answer needs.
import { conditionSql } from "./conditions.ts";
import type { Column, Relation } from "./catalog.ts";
import type { Condition } from "./filter.ts";
import type { Payload } from "./payload.ts";
import type { Embedded, Node } from "./plan.ts";
import { noColumn, refuse } from "./refusals.ts";
import { name, path, type Values } from "./sql.ts";

/** How many rows an upsert has inserted rather than updated is counted here, within its transaction. */
export const INSERTED = "nullif(current_setting('pgrst.inserted', true), '')::integer";

export interface Conflict {
  resolution: "merge-duplicates" | "ignore-duplicates";
  columns: string[];
}

export interface Insert {
  relation: Relation;
  payload: Payload;
  withDefaults: boolean;
  conflict: Conflict | undefined;
  /** Of PUT: what the row must be, too. */
  conditions: Condition[];
}

export function insertSql(insert: Insert, returning: string, values: Values): string {
  const { relation, payload, withDefaults, conflict, conditions } = insert;
  const columns = columnsOf(relation, payload.keys);
  const names = columns.map((column) => name(column.name));
  const counted = conflict?.resolution === "merge-duplicates" && columns.length > 0;
  const where = [
    ...conditions.map((condition) =>
      conditionSql(condition, { relation, alias: ["pgrst_body"] }, values, noEmbeds)
    ),
    ...counted ? [`${count("+")} is not null`] : [],
  ];
  return `insert into ${path([relation.schema, relation.name])}` +
    (names.length ? ` (${names.join(", ")})` : "") +
    ` select ${names.map((column) => `pgrst_body.${column}`).join(", ")}` +
    ` from ${bodySql(payload, columns, withDefaults, values)}` +
    (where.length ? ` where ${where.join(" and ")}` : "") +
    conflictSql(conflict, names, counted) +
    ` returning ${returning}`;
}

function conflictSql(conflict: Conflict | undefined, names: string[], counted: boolean): string {
  if (!conflict || conflict.columns.length === 0) return "";
  const target = ` on conflict (${conflict.columns.map(name).join(", ")})`;
  if (!counted) return `${target} do nothing`;
  const set = names.map((column) => `${column} = excluded.${column}`).join(", ");
  return `${target} do update set ${set} where ${count("-")} is not null`;
}

function count(sign: "+" | "-"): string {
  return `set_config('pgrst.inserted', (coalesce(${INSERTED}, 0) ${sign} 1)::text, true)`;
}

export function updateSql(
  relation: Relation,
  payload: Payload,
  withDefaults: boolean,
  conditions: Condition[],
  returning: string,
  values: Values,
): string {
  const table = path([relation.schema, relation.name]);
  const columns = columnsOf(relation, payload.keys);
  // Nothing to set: no row is changed, but the columns are there.
  if (columns.length === 0) return `select ${returning} from ${table} where false`;
  const set = columns.map((column) => `${name(column.name)} = pgrst_body.${name(column.name)}`);
  return `update ${table} set ${set.join(", ")} from ${
    bodySql(payload, columns, withDefaults, values)
  }${whereSql(relation, conditions, "UPDATE", values)} returning ${returning}`;
}

export function deleteSql(
  relation: Relation,
  conditions: Condition[],
  returning: string,
  values: Values,
): string {
  return `delete from ${path([relation.schema, relation.name])}${
    whereSql(relation, conditions, "DELETE", values)
  } returning ${returning}`;
}

/** Hosted projects refuse a change of all rows, by the extension safeupdate. */
function whereSql(
  relation: Relation,
  conditions: Condition[],
  what: string,
  values: Values,
): string {
  if (conditions.length === 0) throw refuse(400, "21000", `${what} requires a WHERE clause`);
  const source = { relation, alias: [relation.schema, relation.name] };
  const terms = conditions.map((condition) => conditionSql(condition, source, values, noEmbeds));
  return ` where ${terms.join(" and ")}`;
}

function noEmbeds(): never {
  throw new TypeError("A change has no embedded resources in its conditions.");
}

/** The columns that a plan needs of the rows a statement returns; `1` when none. */
export function returningSql(relation: Relation, node: Node | undefined): string {
  if (!node) return "1";
  const table = path([relation.schema, relation.name]);
  const needed = new Set<string>();
  const needsAll = node.fields.length === 0 && node.embeds.length === 0 ||
    node.fields.some((field) => field.name === "*") ||
    node.embeds.some(({ link }) => link.routine);
  for (const field of node.fields) if (field.name !== "*") needed.add(field.name);
  for (const order of node.orders) if (order.embed === undefined) needed.add(order.field.name);
  for (const column of node.embeds.flatMap(linkColumns)) needed.add(column);
  const others = [...needed].filter((column) => !needsAll || !relation.columns.has(column));
  const columns = others.map((column) => `${table}.${name(column)}`);
  if (needsAll) columns.unshift(`${table}.*`);
  return columns.join(", ") || "1";
}

function linkColumns({ link }: Embedded): string[] {
  return [...link.pairs, ...link.junction?.origin ?? []].map(([own]) => own);
}

function columnsOf(relation: Relation, keys: string[]): Column[] {
  return keys.map((key) => {
    const column = relation.columns.get(key);
    if (!column) throw noColumn(relation.name, key);
    return column;
  });
}

/** The body's rows as a source called `pgrst_body`. */
function bodySql(
  { json, isObject }: Payload,
  columns: Column[],
  withDefaults: boolean,
  values: Values,
): string {
  const type = withDefaults ? "jsonb" : "json";
  const payload = `(select ${values.add(json)}::${type} as data) as pgrst_payload`;
  if (columns.length === 0) {
    const rows = isObject ? "(values (1))" : `${type}_array_elements(pgrst_payload.data)`;
    return `${payload}, lateral (select from ${rows} as _) as pgrst_body`;
  }
  const names = columns.map((column) => name(column.name)).join(", ");
  const typed = columns.map((column) => `${name(column.name)} ${column.type}`).join(", ");
  const read = `${type}_to_record${isObject ? "" : "set"}`;
  const data = withDefaults ? completed(columns, isObject, values) : "pgrst_payload.data";
  return `${payload}, lateral (select ${names} from ${read}(${data}) as _ (${typed})) as pgrst_body`;
}

/** With the defaults of the columns for the keys that a row lacks. */
function completed(columns: Column[], isObject: boolean, values: Values): string {
  const defaults = columns.filter((column) => column.default !== null).flatMap((column) => [
    `${values.add(column.name)}::text`,
    column.default!,
  ]);
  const base = `jsonb_build_object(${defaults.join(", ")})`;
  if (isObject) return `(${base} || pgrst_payload.data)`;
  return `(select jsonb_agg(${base} || element)
    from jsonb_array_elements(pgrst_payload.data) as element)`;
}
