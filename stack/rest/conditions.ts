// Filters and orders as SQL.
import type { Condition, Filter } from "./filter.ts";
import { isToOne } from "./links.ts";
import type { Order } from "./order.ts";
import type { Embedded, Node } from "./plan.ts";
import { refuse } from "./refusals.ts";
import type { Field, Step } from "./select.ts";
import { arrayLiteral, path, type Values } from "./sql.ts";

const OPERATORS: Record<string, string> = {
  ...{ eq: "=", neq: "<>", gt: ">", gte: ">=", lt: "<", lte: "<=" },
  ...{ like: "like", ilike: "ilike", match: "~", imatch: "~*", isdistinct: "is distinct from" },
  ...{ cs: "@>", cd: "<@", ov: "&&", sl: "<<", sr: ">>", nxr: "&<", nxl: "&>", adj: "-|-" },
};
const SEARCHES: Record<string, string> = {
  fts: "to_tsquery",
  plfts: "plainto_tsquery",
  phfts: "phraseto_tsquery",
  wfts: "websearch_to_tsquery",
};

/** Whose columns are meant. */
export type Source = Pick<Node, "relation" | "alias">;

/** `embeds` are those whose names stand for "is there any". */
export function conditionSql(
  condition: Condition,
  source: Source,
  values: Values,
  embedCondition: (embed: Embedded, isNull: boolean) => string,
  embeds: Embedded[] = [],
): string {
  if ("members" in condition) {
    const members = condition.members.map((member) =>
      conditionSql(member, source, values, embedCondition, embeds)
    );
    return `${condition.not ? "not " : ""}(${members.join(` ${condition.operator} `)})`;
  }
  const { field } = condition;
  const embed = field.path.length === 0 && embeds.find(({ key }) => key === field.name);
  if (embed && condition.operator === "is" && /null$/.test(condition.value)) {
    return embedCondition(embed, condition.not === (condition.value === "not_null"));
  }
  return filterSql(condition, source, values);
}

function filterSql(filter: Filter, source: Source, values: Values): string {
  const left = fieldSql(filter.field, source, values);
  return `${filter.not ? "not " : ""}${comparison(filter, left, source, values)}`;
}

function comparison(filter: Filter, left: string, source: Source, values: Values): string {
  const { operator, value, quantifier, language } = filter;
  if (operator === "is") return `(${left} is ${value.replace("_", " ")})`;
  if (operator === "in") return `(${left} = any(${values.add(arrayLiteral(filter.values!))}))`;
  const search = SEARCHES[operator];
  if (search) {
    const in_ = language === undefined ? "" : `${values.add(language)}, `;
    const type = source.relation?.columns.get(filter.field.name)?.type;
    const isText = filter.field.path.length > 0 || type !== undefined && type !== "tsvector";
    const text = isText ? `to_tsvector(${in_}${left})` : left;
    return `(${text} @@ ${search}(${in_}${values.add(value)}))`;
  }
  const right = values.add(/like$/.test(operator) ? value.replaceAll("*", "%") : value);
  return `(${left} ${OPERATORS[operator]} ${quantifier ? `${quantifier}(${right})` : right})`;
}

export function fieldSql(field: Field, { relation, alias }: Source, values: Values): string {
  const column = field.name === "*" ? `${path(alias)}.*` : path([...alias, field.name]);
  if (field.path.length === 0) return column;
  const type = relation?.columns.get(field.name)?.type;
  const json = type === undefined || /^jsonb?$/.test(type) ? column : `to_jsonb(${column})`;
  return `(${json}${field.path.map((step) => stepSql(step, values)).join("")})`;
}

function stepSql({ asText, key, isIndex }: Step, values: Values): string {
  return `${asText ? "->>" : "->"}${isIndex ? `(${Number(key)})` : `${values.add(key)}::text`}`;
}

export function ordersSql(node: Node, values: Values): string {
  if (node.orders.length === 0) return "";
  const terms = node.orders.map((order) => {
    const by = order.embed === undefined
      ? fieldSql(order.field, node, values)
      : relatedSql(node, order.embed, order.field, values);
    const nulls = order.nulls ? ` nulls ${order.nulls}` : "";
    return `${by}${order.direction ? ` ${order.direction}` : ""}${nulls}`;
  });
  return ` order by ${terms.join(", ")}`;
}

/** A column of an embedded row: there can only be one. */
function relatedSql(
  { embeds, relation }: Node,
  key: string,
  field: Order["field"],
  values: Values,
): string {
  const embed = embeds.find((each) => each.key === key);
  if (!embed) {
    throw refuse(
      400,
      "PGRST108",
      `'${key}' is not an embedded resource in this request`,
      null,
      `Verify that '${key}' is included in the 'select' query parameter.`,
    );
  }
  if (!isToOne(embed.link)) {
    throw refuse(
      400,
      "PGRST118",
      `A related order on '${key}' is not possible`,
      `'${relation?.name}' and '${key}' do not form a many-to-one or one-to-one relationship`,
    );
  }
  return fieldSql(field, { relation: embed.relation, alias: [embed.join] }, values);
}
