// How tables and views are linked, so that rows of one can be embedded in rows of another: by foreign
// keys, through a table between them, and by functions that take a row.
import type { ForeignKey, Relation, Routine } from "./catalog.ts";
import { originsOf } from "./view_columns.ts";

export type Pair = [from: string, to: string];

export interface Junction {
  relation: Relation;
  /** Of the two foreign keys, towards the origin and towards the target. */
  constraints: [string, string];
  /** The origin's columns with the junction's, and the target's with the junction's. */
  origin: Pair[];
  target: Pair[];
}

export interface Link {
  kind: "many-to-one" | "one-to-many" | "one-to-one" | "many-to-many" | "computed";
  origin: Relation;
  target: Relation;
  /** The foreign key; the function of a computed one. */
  constraint: string;
  /** The origin's columns with the target's. */
  pairs: Pair[];
  isSelf: boolean;
  junction?: Junction;
  routine?: Routine;
}

export function isToOne({ kind, routine }: Link): boolean {
  if (routine) return !routine.returnsSet || routine.rows === 1;
  return kind === "many-to-one" || kind === "one-to-one";
}

interface Parts {
  relations: Relation[];
  foreignKeys: ForeignKey[];
  views: { id: number; action: string }[];
  routines: Routine[];
}

export function linksOf({ relations, foreignKeys, views, routines }: Parts): Map<string, Link[]> {
  const byId = new Map(relations.map((relation) => [relation.id, relation]));
  const keys = withViews(foreignKeys, views, byId);
  const links = [
    ...keys.flatMap((key) => linksOfKey(key, byId)),
    ...junctions(keys, byId),
    ...computed(routines, byId),
  ];
  return Map.groupBy(links, ({ origin }) => origin.name);
}

function linksOfKey(key: ForeignKey, byId: Map<number, Relation>): Link[] {
  const [origin, target] = [byId.get(key.from), byId.get(key.to)];
  if (!origin || !target) return [];
  const pairs = key.columns.map((column, at): Pair => [column, key.targets[at]!]);
  const isOne = origin.uniqueKeys.some((unique) => sameSet(unique, key.columns));
  const common = { constraint: key.name, isSelf: key.from === key.to };
  return [
    { ...common, kind: isOne ? "one-to-one" : "many-to-one", origin, target, pairs },
    {
      ...common,
      kind: isOne ? "one-to-one" : "one-to-many",
      origin: target,
      target: origin,
      pairs: pairs.map(([from, to]): Pair => [to, from]),
    },
  ];
}

/** A table stands between two others when both of its foreign keys are part of its primary key. */
function junctions(keys: ForeignKey[], byId: Map<number, Relation>): Link[] {
  return [...Map.groupBy(keys, ({ from }) => from)].flatMap(([id, own]) => {
    const relation = byId.get(id);
    if (!relation || relation.primaryKey.length === 0) return [];
    const within = own.filter(({ columns }) =>
      columns.every((column) => relation.primaryKey.includes(column))
    );
    return within.flatMap((first) =>
      within.filter((second) => second !== first).flatMap((second): Link[] => {
        const [origin, target] = [byId.get(first.to), byId.get(second.to)];
        if (!origin || !target) return [];
        const pairs = (key: ForeignKey) =>
          key.targets.map((column, at): Pair => [column, key.columns[at]!]);
        return [{
          kind: "many-to-many",
          origin,
          target,
          constraint: "",
          pairs: [],
          isSelf: first.to === second.to,
          junction: {
            relation,
            constraints: [first.name, second.name],
            origin: pairs(first),
            target: pairs(second),
          },
        }];
      })
    );
  });
}

function computed(routines: Routine[], byId: Map<number, Relation>): Link[] {
  return routines.flatMap((routine): Link[] => {
    const [parameter, ...others] = routine.parameters;
    const origin = parameter && others.length === 0 ? byId.get(parameter.relation) : undefined;
    const target = byId.get(routine.returned);
    if (!origin || !target) return [];
    return [{
      kind: "computed",
      origin,
      target,
      constraint: routine.name,
      pairs: [],
      isSelf: false,
      routine,
    }];
  });
}

/** The foreign keys, and those that views show with the columns of their tables. */
function withViews(
  keys: ForeignKey[],
  views: Parts["views"],
  byId: Map<number, Relation>,
): ForeignKey[] {
  const shown = new Map<number, Shown[]>();
  for (const { id, action } of views) {
    for (const [table, columns] of columnsOfTables(action, byId)) {
      shown.set(table, [...shown.get(table) ?? [], { view: id, columns }]);
    }
  }
  const seenAs = (table: number, columns: string[], tries = 8): [number, string[]][] => [
    [table, columns],
    ...(tries ? shown.get(table) ?? [] : []).flatMap(({ view, columns: names }) => {
      const own = columns.map((column) => names.get(column));
      return own.every((name) => name !== undefined) ? seenAs(view, own, tries - 1) : [];
    }),
  ];
  return keys.flatMap((key) =>
    seenAs(key.from, key.columns).flatMap(([from, columns]) =>
      seenAs(key.to, key.targets).map(([to, targets]) => ({ ...key, from, to, columns, targets }))
    )
  );
}

interface Shown {
  view: number;
  /** The table's columns with the view's names of them. */
  columns: Map<string, string>;
}

function columnsOfTables(
  action: string,
  byId: Map<number, Relation>,
): Map<number, Map<string, string>> {
  const found = new Map<number, Map<string, string>>();
  for (const { column, table, number } of originsOf(action)) {
    const relation = byId.get(table);
    const original = [...relation?.columns.values() ?? []].find((each) => each.number === number);
    if (!original) continue;
    const names = found.get(table) ?? new Map<string, string>();
    if (!names.has(original.name)) names.set(original.name, column);
    found.set(table, names);
  }
  return found;
}

function sameSet(one: string[], other: string[]): boolean {
  return one.length === other.length && one.every((each) => other.includes(each));
}
