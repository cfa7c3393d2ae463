// A request to a table, view or function as one statement.
import { answerSql, type Form } from "./answer_sql.ts";
import { type Arguments, callSql } from "./call_sql.ts";
import type { Catalog, Relation, Routine, Schema } from "./catalog.ts";
import { parseFilter } from "./filter.ts";
import type { Wanted } from "./media.ts";
import { type Parameters, parseParameters, type Range, rangeOf } from "./parameters.ts";
import { parseArguments, parseRows } from "./payload.ts";
import { type Node, planOf, type Root } from "./plan.ts";
import type { Preferences } from "./preferences.ts";
import { countSql, readSql } from "./read_sql.ts";
import { noTable, refuse } from "./refusals.ts";
import { findRoutine, isJson } from "./routines.ts";
import { name, path, Values } from "./sql.ts";
import { deleteSql, insertSql, returningSql, updateSql } from "./write_sql.ts";

export interface Asked {
  catalog: Catalog;
  schemaName: string;
  method: string;
  search: URLSearchParams;
  headers: Headers;
  body: string;
  wanted: Wanted;
  preferences: Preferences;
}

export interface Prepared {
  text: string;
  values: string[];
  /** A query for the number of rows, as it is to be explained. */
  count: string | undefined;
  range: Range;
  /** Whether `wanted.one` is meant of the rows. */
  one: boolean;
  routine: Routine | undefined;
}

const NO_RANGE: Range = { limit: undefined, offset: 0 };

export function prepareRead(asked: Asked, table: string): Prepared {
  const schema = schemaOf(asked);
  const relation = relationOf(schema, asked.schemaName, table);
  const parameters = parseParameters(asked.search);
  const alias = [relation.schema, relation.name];
  const node = planFor(asked, { relation, name: relation.name, alias }, parameters);
  const range = limit(asked, node, parameters);
  const values = new Values();
  const query = readSql(node, path(alias), values);
  return finish(asked, { query, values, node, from: path(alias), range });
}

export function prepareCall(asked: Asked, called: string): Prepared {
  const schema = schemaOf(asked);
  const { routine, args } = callOf(asked, schema, called);
  const isArgument = (key: string, value: string) =>
    !RESERVED.test(key) && !parseFilter({ name: key, path: [] }, value);
  const parameters = parseParameters(asked.search, isArgument);
  const relation = asked.catalog.byId.get(routine.returned);
  const alias = [relation?.name ?? routine.name];
  const node = planFor(asked, { relation, name: alias[0]!, alias }, parameters);
  const range = limit(asked, node, parameters);
  const values = new Values();
  const source = callSql(routine, args, values);
  const from = `pgrst_source as ${name(alias[0]!)}`;
  const query = readSql(node, from, values);
  return finish(asked, { source, query, values, node, from, range, routine });
}

export function prepareChange(asked: Asked, table: string): Prepared {
  const { method, preferences, search } = asked;
  const schema = schemaOf(asked);
  const relation = relationOf(schema, asked.schemaName, table);
  const parameters = parseParameters(search);
  const conditions = parameters.concerns.get("")!.conditions;
  const isShown = preferences.return === "representation";
  const alias = [relation.name];
  const root = { relation, name: relation.name, alias };
  const node = isShown ? planFor(asked, root, parameters, true) : undefined;
  const values = new Values();
  const returning = returningSql(relation, node);
  const withDefaults = preferences.missing === "default";
  let source: string;
  if (method === "DELETE") source = deleteSql(relation, conditions, returning, values);
  else {
    const payload = parseRows(jsonBody(asked), parameters.columns);
    if (method === "PATCH") {
      source = updateSql(relation, payload, withDefaults, conditions, returning, values);
    } else {
      const isPut = method === "PUT";
      if (isPut) requireKey(relation, parameters);
      const resolution = isPut ? "merge-duplicates" : preferences.resolution;
      const columns = parameters.onConflict ?? relation.primaryKey;
      source = insertSql(
        {
          relation,
          payload,
          withDefaults,
          conflict: resolution && { resolution, columns },
          conditions: isPut ? conditions : [],
        },
        returning,
        values,
      );
    }
  }
  const from = node ? `pgrst_source as ${name(relation.name)}` : "pgrst_source";
  const query = node ? readSql(node, from, values) : "select 1 from pgrst_source";
  return finish(asked, { source, query, values, node, from, range: NO_RANGE });
}

interface Parts {
  source?: string;
  query: string;
  values: Values;
  node: Node | undefined;
  from: string;
  range: Range;
  routine?: Routine;
}

function finish(asked: Asked, parts: Parts): Prepared {
  const { source, query, values, node, from, range, routine } = parts;
  const { wanted, preferences, method } = asked;
  const isChange = source !== undefined && !routine;
  const form = formOf(wanted.form, routine, isChange && !node || method === "HEAD");
  const counted = preferences.count && !isChange && node
    ? countSql({ ...node, range: NO_RANGE, orders: [] }, from, values)
    : undefined;
  const statement = answerSql({
    source,
    query,
    count: preferences.count === "exact" ? counted : undefined,
    form,
  });
  const text = wanted.explain ? `explain (${wanted.explain}) ${statement}` : statement;
  return {
    text,
    values: values.list,
    count: counted && (source ? `with pgrst_source as (${source}) ${counted}` : counted),
    range,
    one: wanted.one && form.kind !== "value" && form.kind !== "values",
    routine,
  };
}

function formOf(form: Form, routine: Routine | undefined, isSilent: boolean): Form {
  if (isSilent) return { kind: "none", strip: false };
  if (!routine || form.kind === "csv" || form.kind === "none") return form;
  if (!routine.returnsRows) return { ...form, kind: routine.returnsSet ? "values" : "value" };
  return routine.returnsSet ? form : { ...form, kind: "row" };
}

const RESERVED = /^(select|order|limit|offset|columns|on_conflict|apikey|(not\.)?(and|or))$|\./;

function callOf(
  asked: Asked,
  schema: Schema,
  called: string,
): { routine: Routine; args: Arguments } {
  const { method, search, headers, body, schemaName } = asked;
  const call = { schema: schemaName, name: called };
  if (method === "POST") {
    const mediaType = mediaTypeOf(headers);
    if (!isJson(mediaType)) {
      const keyless = { ...call, keys: [], mediaType };
      const routine = findRoutine(keyless, schema);
      return { routine, args: { kind: "body", body } };
    }
    const payload = parseArguments(body);
    const columns = search.get("columns")?.split(",");
    if (columns) payload.keys = payload.keys.filter((key) => columns.includes(key));
    const named = { ...call, keys: payload.keys, mediaType };
    const routine = findRoutine(named, schema);
    const isWhole = routine.parameters[0]?.name === "";
    return { routine, args: isWhole ? { kind: "body", body } : { kind: "json", payload } };
  }
  const values = new Map<string, string[]>();
  for (const [key, value] of search) {
    if (RESERVED.test(key) || parseFilter({ name: key, path: [] }, value)) continue;
    values.set(key, [...values.get(key) ?? [], value]);
  }
  const routine = findRoutine({ ...call, keys: [...values.keys()], mediaType: undefined }, schema);
  return { routine, args: { kind: "address", values } };
}

function schemaOf({ catalog, schemaName }: Asked): Schema {
  return catalog.schemas.get(schemaName)!;
}

function relationOf(schema: Schema, schemaName: string, table: string): Relation {
  const relation = schema.relations.get(table);
  if (relation) return relation;
  throw noTable(schemaName, table, schema);
}

function planFor(asked: Asked, root: Root, parameters: Parameters, isChange = false): Node {
  const { catalog, schemaName } = asked;
  const { maxRows, aggregates } = catalog.settings;
  const node = planOf(root, parameters, schemaOf(asked), schemaName, maxRows, isChange);
  if (!aggregates && hasAggregates(node)) {
    throw refuse(400, "PGRST123", "Use of aggregate functions is not allowed");
  }
  return node;
}

function hasAggregates({ fields, embeds }: Node): boolean {
  return fields.some(({ aggregate }) => aggregate) || embeds.some(hasAggregates);
}

/** Sets the outermost range, no longer than an answer may be. */
function limit({ method, headers, catalog }: Asked, node: Node, parameters: Parameters): Range {
  const header = method === "GET" || method === "HEAD" ? headers.get("range") : null;
  const { limit, offset } = rangeOf(parameters, header);
  const most = catalog.settings.maxRows;
  node.range = { limit: Math.min(limit ?? most, most), offset: Math.max(offset, 0) };
  return node.range;
}

/** PUT says by its address which row it means. */
function requireKey({ primaryKey }: Relation, { concerns, isLimited }: Parameters): void {
  if (isLimited) {
    throw refuse(
      400,
      "PGRST114",
      "limit/offset querystring parameters are not allowed for PUT",
    );
  }
  const names = concerns.get("")!.conditions.map((condition) =>
    "field" in condition && condition.operator === "eq" && !condition.not && !condition.quantifier
      ? condition.field.name
      : undefined
  );
  if (primaryKey.length > 0 && primaryKey.length === names.length) {
    if (primaryKey.every((column) => names.includes(column))) return;
  }
  throw refuse(
    405,
    "PGRST105",
    "Filters must include all and only primary key columns with 'eq' operators",
  );
}

function jsonBody({ headers, body }: Asked): string {
  const mediaType = mediaTypeOf(headers);
  if (isJson(mediaType)) return body;
  throw refuse(400, "PGRST102", `Content-Type not acceptable: ${mediaType}`);
}

function mediaTypeOf(headers: Headers): string {
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  return !type || type === "application/vnd.pgrst.object+json" ? "application/json" : type;
}
