// What is asked for, found in the catalog: a tree of resources, each linked to the one it is embedded in.
import type { Relation, Schema } from "./catalog.ts";
import type { Condition } from "./filter.ts";
import { isToOne, type Link } from "./links.ts";
import type { Order } from "./order.ts";
import type { Concern, Parameters, Range } from "./parameters.ts";
import { ambiguousLink, noLink, refuse } from "./refusals.ts";
import type { SelectEmbed, SelectField } from "./select.ts";

export interface Node {
  /** Undefined for the rows of a function that are of no table. */
  relation: Relation | undefined;
  /** What its rows are called in SQL: a name, or schema and name. */
  alias: string[];
  fields: SelectField[];
  embeds: Embedded[];
  conditions: Condition[];
  orders: Order[];
  range: Range;
}

export interface Embedded extends Node {
  /** Its key in the answer. */
  key: string;
  link: Link;
  inner: boolean;
  spread: boolean;
  /** What its join is called in SQL. */
  join: string;
}

export interface Root {
  relation: Relation | undefined;
  /** The table's name, or the function's. */
  name: string;
  alias: string[];
}

/** `isChange`: the conditions of the outermost rows say which rows are changed, and are not the plan's. */
export function planOf(
  root: Root,
  parameters: Parameters,
  schema: Schema,
  schemaName: string,
  maxRows: number,
  isChange = false,
): Node {
  let joins = 0;
  const outermost = {
    relation: root.relation,
    alias: root.alias,
    ...nothing(),
    fields: parameters.select.fields,
  };
  const node: Node = { ...outermost, embeds: [] };
  node.embeds = parameters.select.embeds.map((embed) => embedded(root.name, embed, 1));
  refuseTwice(node, 1);
  for (const concern of parameters.concerns.values()) {
    if (isChange && concern.path.length === 0) node.orders = concern.orders;
    else addConcern(node, concern);
  }
  return node;

  function embedded(origin: string, embed: SelectEmbed, depth: number): Embedded {
    const link = findLink(schema, schemaName, origin, embed);
    const own: Embedded = {
      relation: link.target,
      alias: link.junction
        ? [link.target.schema, link.target.name]
        : [`${link.target.name}_${depth}`],
      ...nothing(),
      fields: embed.spread ? withoutStars(embed.select.fields, link.target) : embed.select.fields,
      embeds: [],
      key: embed.alias ?? embed.name,
      link,
      inner: embed.inner,
      spread: embed.spread,
      join: `pgrst_${++joins}`,
    };
    // As PostgREST does: what is embedded is no longer than an answer, either.
    if (!isToOne(link)) own.range = { limit: maxRows, offset: 0 };
    own.embeds = embed.select.embeds.map((each) => embedded(link.target.name, each, depth + 1));
    refuseTwice(own, depth + 1);
    return own;
  }

  function addConcern(root: Node, { path, conditions, orders, range }: Concern): void {
    let node = root;
    for (const name of path) {
      const next = node.embeds.find(({ key }) => key === name) ??
        node.embeds.find(({ link }) => link.target.name === name);
      if (!next) throw notEmbedded(name);
      node = next;
    }
    node.conditions.push(...conditions);
    node.orders.push(...orders);
    const limits = [node.range.limit, range.limit].filter((limit) => limit !== undefined);
    node.range = {
      limit: limits.length ? Math.min(...limits) : undefined,
      offset: Math.max(range.offset, 0),
    };
  }
}

function nothing() {
  return {
    conditions: [] as Condition[],
    orders: [] as Order[],
    range: { limit: undefined, offset: 0 } as Range,
  };
}

/** The columns of a spread resource have to be known by name. */
function withoutStars(fields: SelectField[], { columns }: Relation): SelectField[] {
  return fields.flatMap((field) =>
    field.name === "*" && !field.aggregate
      ? [...columns.keys()].map((name): SelectField => ({ ...field, name }))
      : [field]
  );
}

/** Of two embedded resources with one key, one would be lost. */
function refuseTwice({ relation, embeds }: Node, depth: number): void {
  const keys = embeds.filter(({ spread }) => !spread).map(({ key }) => key);
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice === undefined) return;
  const name = `${relation?.name}_${twice}_${depth}`;
  throw refuse(400, "42712", `table name "${name}" specified more than once`);
}

function notEmbedded(name: string) {
  return refuse(
    400,
    "PGRST108",
    `'${name}' is not an embedded resource in this request`,
    null,
    `Verify that '${name}' is included in the 'select' query parameter.`,
  );
}

/** The one link that is meant by a name and a hint. */
function findLink(
  schema: Schema,
  schemaName: string,
  origin: string,
  { name, hint }: SelectEmbed,
): Link {
  const found = (schema.links.get(origin) ?? []).filter((link) => isMeant(link, name, hint));
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw ambiguousLink(origin, name, found);
  throw noLink(schemaName, origin, name, hint, schema);
}

function isMeant(link: Link, name: string, hint: string | undefined): boolean {
  const { kind, target, constraint, pairs, isSelf, junction, routine } = link;
  if (routine) return name === routine.name;
  const [pair, ...others] = pairs;
  const isColumn = (at: 0 | 1, column: string) => others.length === 0 && pair?.[at] === column;
  if (isSelf) {
    // One foreign key links a table with itself both ways: the column names the way up.
    if (hint !== undefined) {
      return name === target.name && kind === "one-to-many" && isColumn(1, hint);
    }
    return kind === "one-to-many" && name === target.name ||
      kind === "many-to-one" && isColumn(0, name);
  }
  if (hint !== undefined) {
    return name === target.name &&
      (constraint === hint || isColumn(0, hint) || isColumn(1, hint) ||
        junction?.relation.name === hint);
  }
  return name === target.name ||
    !target.isView && !junction && (constraint === name || isColumn(0, name));
}
