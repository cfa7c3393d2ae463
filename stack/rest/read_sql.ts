// A plan as a query: embedded resources are lateral joins that give one JSON value for each row.
import { conditionSql, fieldSql, ordersSql } from "./conditions.ts";
import { isToOne, type Pair } from "./links.ts";
import type { Embedded, Node } from "./plan.ts";
import { refuse } from "./refusals.ts";
import type { SelectField } from "./select.ts";
import { name, path, type Values } from "./sql.ts";

/** `from` names where the outermost rows come from. */
export function readSql(node: Node, from: string, values: Values, joined: string[] = []): string {
  const shown = node.embeds.filter((embed) => !isHidden(embed));
  const columns = [
    ...node.fields.map((field) => selectSql(field, node, values)),
    ...shown.flatMap((embed) => embedColumns(embed)),
  ];
  if (columns.length === 0) columns.push(`${path(node.alias)}.*`);
  const joins = node.embeds.map((embed) => joinSql(embed, node, values)).join("");
  const conditions = [
    ...joined,
    ...node.conditions.map((condition) =>
      conditionSql(condition, node, values, isThere, node.embeds)
    ),
  ];
  const where = conditions.length ? ` where ${conditions.join(" and ")}` : "";
  const { limit, offset } = node.range;
  return `select ${columns.join(", ")} from ${from}${joins}${where}` +
    groupSql(node, shown, values) + ordersSql(node, values) +
    (limit === undefined ? "" : ` limit ${limit}`) + (offset > 0 ? ` offset ${offset}` : "");
}

/** As many rows as the plan has, without regard to its range. */
export function countSql(node: Node, from: string, values: Values, joined: string[] = []): string {
  const conditions = [
    ...joined,
    ...node.conditions.map((condition) =>
      conditionSql(condition, node, values, exists, node.embeds)
    ),
    ...node.embeds.filter(({ inner }) => inner).map((embed) => exists(embed, false)),
  ];
  const where = conditions.length ? ` where ${conditions.join(" and ")}` : "";
  return `select 1 from ${from}${where}`;

  function exists(embed: Embedded, isNull: boolean): string {
    const source = sourceOf(embed, node);
    const query = countSql(embed, source.from, values, source.conditions);
    return `${isNull ? "not " : ""}exists (${query})`;
  }
}

/** Whether a resource is embedded for its filters alone: `messages()`. */
function isHidden(embed: Embedded): boolean {
  return embed.fields.length === 0 && embed.embeds.every(isHidden);
}

function isThere({ join, link }: Embedded, isNull: boolean): string {
  if (!isToOne(link)) return `${name(join)}.rows is ${isNull ? "" : "not "}null`;
  return `${name(join)} is ${isNull ? "not " : ""}distinct from null`;
}

function selectSql(field: SelectField, node: Node, values: Values): string {
  return aggregateSql(field, castSql(field, fieldSql(field, node, values))) + aliasSql(field);
}

function castSql({ cast }: SelectField, sql: string): string {
  return cast === undefined ? sql : `cast(${sql} as ${cast})`;
}

function aggregateSql({ aggregate, aggregateCast }: SelectField, sql: string): string {
  if (!aggregate) return sql;
  const result = `${aggregate}(${aggregate === "count" && sql.endsWith(".*") ? "*" : sql})`;
  return aggregateCast === undefined ? result : `cast(${result} as ${aggregateCast})`;
}

function aliasSql(field: SelectField): string {
  const alias = outputName(field);
  return alias === undefined ? "" : ` as ${name(alias)}`;
}

/** What a field is called in the answer; undefined for `*`, and where Postgres says the same by itself. */
function outputName({ name: column, alias, path, cast, aggregate }: SelectField) {
  if (alias !== undefined) return alias;
  if (aggregate) return aggregate;
  if (path.length > 0) return path.findLast(({ isIndex }) => !isIndex)?.key ?? column;
  return cast === undefined ? undefined : column;
}

interface SpreadColumn {
  /** Its name in the join. */
  column: string;
  field: SelectField | undefined;
}

/** The columns of a spread resource; an aggregate of one row is taken of all of them, further out. */
function spreadColumns(embed: Embedded): SpreadColumn[] {
  return [
    ...embed.fields.map((field) => ({ column: rawName(field), field })),
    ...embed.embeds.filter((each) => !isHidden(each)).flatMap((each) =>
      each.spread
        ? spreadColumns(each).map(({ column, field }) => ({ column, field }))
        : [{ column: each.key, field: undefined }]
    ),
  ];
}

function rawName(field: SelectField): string {
  if (field.name === "*") return field.aggregate ? "pgrst_count" : "*";
  return outputName(field.aggregate ? { ...field, aggregate: undefined } : field) ?? field.name;
}

function embedColumns(embed: Embedded): string[] {
  const join = name(embed.join);
  if (!embed.spread) {
    return [
      isToOne(embed.link)
        ? `row_to_json(${join}.*)::jsonb as ${name(embed.key)}`
        : `coalesce(${join}.rows, '[]') as ${name(embed.key)}`,
    ];
  }
  const columns = spreadColumns(embed);
  if (!isToOne(embed.link)) {
    return columns.map(({ column }) => `${join}.${name(column)}`);
  }
  return columns.map(({ column, field }) => {
    if (!field?.aggregate) return column === "*" ? `${join}.*` : `${join}.${name(column)}`;
    const sql = aggregateSql(field, `${join}.${name(column)}`);
    return `${sql} as ${name(field.alias ?? field.aggregate)}`;
  });
}

function joinSql(embed: Embedded, parent: Node, values: Values): string {
  const { from, conditions } = sourceOf(embed, parent);
  const toOne = isToOne(embed.link);
  const join = name(embed.join);
  const kind = embed.inner ? "inner" : "left";
  // An aggregate of a spread row is hoisted to where there are many of them.
  const own = embed.spread && toOne ? { ...embed, ...withoutAggregates(embed) } : embed;
  const query = readSql(own, from, values, conditions);
  if (toOne) return ` ${kind} join lateral (${query}) as ${join} on true`;
  const list = embed.spread ? spreadLists(embed) : "";
  const rows = `select json_agg(${join})::jsonb as rows${list} from (${query}) as ${join}`;
  return ` ${kind} join lateral (${rows}) as ${join} on ${
    embed.inner ? `${join}.rows is not null` : "true"
  }`;
}

function withoutAggregates(embed: Embedded): Pick<Embedded, "fields"> {
  return {
    fields: embed.fields.map((field): SelectField => {
      if (!field.aggregate) return field;
      const alias = rawName(field);
      return { ...field, alias: alias === "*" ? undefined : alias, aggregate: undefined };
    }),
  };
}

/** Each column of many spread rows becomes a list. */
function spreadLists(embed: Embedded): string {
  const columns = spreadColumns(embed);
  if (columns.some(({ field }) => field?.aggregate)) {
    throw refuse(
      400,
      "PGRST127",
      "Feature not implemented",
      "Aggregates are not implemented for one-to-many or many-to-many spreads.",
    );
  }
  const join = name(embed.join);
  return columns.map(({ column }) => {
    const value = `${join}.${name(column)}`;
    return `, coalesce(json_agg(${value}), '[]')::jsonb as ${name(column)}`;
  }).join("");
}

/** Where an embedded resource's rows come from, and what ties them to the row they are embedded in. */
function sourceOf({ link, alias }: Embedded, parent: Node): { from: string; conditions: string[] } {
  const { target, pairs, junction, routine } = link;
  const table = path([target.schema, target.name]);
  const equal = (left: string[], right: string[]) => `${path(left)} = ${path(right)}`;
  if (routine) {
    const row = `${name(parent.alias.at(-1)!)}::${path([link.origin.schema, link.origin.name])}`;
    const call = `${path([routine.schema, routine.name])}(${row})`;
    return { from: `${call} as ${path(alias)}`, conditions: [] };
  }
  if (junction) {
    const between = [junction.relation.schema, junction.relation.name];
    return {
      from: `${table}, ${path(between)}`,
      conditions: [
        ...junction.origin.map(([own, to]: Pair) =>
          equal([...between, to], [...parent.alias, own])
        ),
        ...junction.target.map(([own, to]: Pair) => equal([...between, to], [...alias, own])),
      ],
    };
  }
  return {
    from: `${table} as ${path(alias)}`,
    conditions: pairs.map(([own, other]) => equal([...alias, other], [...parent.alias, own])),
  };
}

function groupSql(node: Node, shown: Embedded[], values: Values): string {
  const spreads = shown.filter(({ spread }) => spread);
  const hasAggregates = node.fields.some(({ aggregate }) => aggregate) ||
    spreads.some((embed) =>
      isToOne(embed.link) && spreadColumns(embed).some(({ field }) => field?.aggregate)
    );
  if (!hasAggregates) return "";
  const terms = [
    ...node.fields.filter(({ aggregate }) => !aggregate).map((field) =>
      field.alias === undefined ? castSql(field, fieldSql(field, node, values)) : name(field.alias)
    ),
    ...shown.flatMap((embed) =>
      embed.spread
        ? spreadColumns(embed).filter(({ field }) => !field?.aggregate).map(({ column }) =>
          `${name(embed.join)}.${name(column)}`
        )
        : [name(embed.key)]
    ),
  ];
  return terms.length ? ` group by ${terms.join(", ")}` : "";
}
