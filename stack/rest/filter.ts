// `id=eq.1`, `name=not.in.(a,"b, c")`, `or=(a.is.null,and(b.gt.1,b.lt.5))`: which rows are asked for.
import { Reader } from "./reader.ts";
import { refuse, unreadable } from "./refusals.ts";
import { type Field, parseField } from "./select.ts";

export interface Filter {
  field: Field;
  not: boolean;
  operator: string;
  /** `eq(any)`: the value is an array, of which one or all must fit. */
  quantifier: "any" | "all" | undefined;
  /** `fts(english)` */
  language: string | undefined;
  value: string;
  /** Of `in`. */
  values: string[] | undefined;
}

export interface Group {
  not: boolean;
  operator: "and" | "or";
  members: Condition[];
}

export type Condition = Filter | Group;

const SIMPLE = new Set([
  ...["eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch", "isdistinct"],
  ...[
    "cs",
    "cd",
    "ov",
    "sl",
    "sr",
    "nxr",
    "nxl",
    "adj",
    "in",
    "is",
    "fts",
    "plfts",
    "phfts",
    "wfts",
  ],
]);
const QUANTIFIED = new Set(["eq", "gt", "gte", "lt", "lte", "like", "ilike", "match", "imatch"]);
const IS = new Set(["null", "not_null", "true", "false", "unknown"]);
/** Groups within groups: what reads them recurses, and so does Postgres. */
const DEEPEST = 64;

/** `eq.5`, as the value of a parameter; undefined when it begins with no operator. */
export function parseFilter(field: Field, text: string): Filter | undefined {
  const reader = new Reader(text, "filter");
  const head = parseOperator(reader);
  if (!head) return undefined;
  const filter: Filter = { ...head, field, value: text.slice(reader.at), values: undefined };
  if (filter.operator === "in") {
    filter.values = parseList(reader);
    if (!reader.isDone) throw reader.refusal();
  }
  return checked(filter, text);
}

/** `(a.eq.1,or(…))`, as the value of `and` or `or`. */
export function parseGroup(key: string, text: string): Group {
  const reader = new Reader(text, "logic tree");
  const not = key.startsWith("not.");
  const operator = key.replace(/^not\./, "") as Group["operator"];
  const group = parseMembers(reader, { not, operator }, 0);
  if (!reader.isDone) throw reader.refusal();
  return group;
}

function parseMembers(reader: Reader, head: Omit<Group, "members">, depth: number): Group {
  if (depth > DEEPEST) throw refuse(400, "PGRST100", `Groups may be ${DEEPEST} levels deep.`);
  const members: Condition[] = [];
  reader.expect("(");
  do {
    reader.skipSpaces();
    const inner = reader.match(/(?:not\.)?(?:and|or)(?=\()/y);
    members.push(
      inner
        ? parseMembers(reader, {
          not: inner.startsWith("not."),
          operator: inner.replace("not.", "") as Group["operator"],
        }, depth + 1)
        : parseMember(reader),
    );
    reader.skipSpaces();
  } while (reader.take(","));
  reader.expect(")");
  return { ...head, members };
}

function parseMember(reader: Reader): Filter {
  const field = parseField(reader);
  reader.expect(".");
  const head = parseOperator(reader);
  if (!head) throw reader.refusal();
  const filter: Filter = { ...head, field, value: "", values: undefined };
  if (filter.operator === "in") filter.values = parseList(reader);
  else filter.value = parseValue(reader);
  return checked(filter, reader.text);
}

/** In a group a value ends at a comma or bracket, unless it is in quotation marks or an array's braces. */
function parseValue(reader: Reader): string {
  const start = reader.at;
  const quoted = reader.quoted();
  if (quoted !== undefined && /^[,)]?$/.test(reader.next)) return quoted;
  reader.at = start;
  return reader.match(/\{[^{}]*\}/y) ?? reader.match(/[^,)]*/y) ?? "";
}

function parseList(reader: Reader): string[] {
  const values: string[] = [];
  reader.expect("(");
  do {
    values.push(parseListValue(reader));
  } while (reader.take(","));
  reader.expect(")");
  return values.length === 1 && values[0] === "" ? [] : values;
}

function parseListValue(reader: Reader): string {
  const start = reader.at;
  const quoted = reader.quoted();
  if (quoted !== undefined && /^[,)]$/.test(reader.next)) return quoted;
  reader.at = start;
  return reader.match(/[^,)]*/y) ?? "";
}

function parseOperator(
  reader: Reader,
): Pick<Filter, "not" | "operator" | "quantifier" | "language"> | undefined {
  const found = reader.match(/(?:not\.)?[a-z]+(?:\([^()]*\))?\./y);
  if (!found) return undefined;
  const [, not, operator, argument] = /^(not\.)?([a-z]+)(?:\(([^()]*)\))?\.$/.exec(found)!;
  if (!SIMPLE.has(operator!)) return undefined;
  const isSearch = operator!.endsWith("fts");
  const quantifier = isSearch ? undefined : argument;
  if (quantifier !== undefined) {
    if (!QUANTIFIED.has(operator!) || !/^(any|all)$/.test(quantifier)) return undefined;
  }
  return {
    not: Boolean(not),
    operator: operator!,
    quantifier: quantifier as Filter["quantifier"],
    language: isSearch ? argument : undefined,
  };
}

function checked(filter: Filter, text: string): Filter {
  if (filter.operator !== "is") return filter;
  filter.value = filter.value.toLowerCase();
  if (IS.has(filter.value)) return filter;
  throw unreadable("filter", text, 0, `unexpected ${JSON.stringify(filter.value)}`);
}
