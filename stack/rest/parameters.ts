// The parameters of an address, each for the resource that it concerns: `order` for the rows that are
// asked for, `messages.order` for those embedded in them.
import { type Condition, parseFilter, parseGroup } from "./filter.ts";
import { type Order, parseOrder } from "./order.ts";
import { Reader } from "./reader.ts";
import { refuse, unreadable } from "./refusals.ts";
import { parseField, parseSelect, type Select } from "./select.ts";

export interface Range {
  limit: number | undefined;
  offset: number;
}

/** What concerns one resource; `path` leads to it from the outermost one. */
export interface Concern {
  path: string[];
  conditions: Condition[];
  orders: Order[];
  range: Range;
}

export interface Parameters {
  select: Select;
  /** By the joined path; the outermost is "". */
  concerns: Map<string, Concern>;
  columns: string[] | undefined;
  onConflict: string[] | undefined;
  /** Whether `limit` or `offset` concerns the outermost rows. */
  isLimited: boolean;
}

const GROUP = /^(?:not\.)?(?:and|or)$/;

/** `isArgument` tells which parameters are a function's arguments, and no filters. */
export function parseParameters(
  search: URLSearchParams,
  isArgument: (key: string, value: string) => boolean = () => false,
): Parameters {
  const concerns = new Map<string, Concern>();
  const concern = (path: string[]): Concern => {
    const key = path.join("\0");
    const known = concerns.get(key) ??
      { path, conditions: [], orders: [], range: { limit: undefined, offset: 0 } };
    concerns.set(key, known);
    return known;
  };
  const parameters: Parameters = {
    select: parseSelect(search.get("select") ?? "*"),
    concerns,
    columns: search.has("columns") ? names(search.get("columns")!, "columns parameter") : undefined,
    onConflict: search.has("on_conflict")
      ? names(search.get("on_conflict")!, "on_conflict parameter")
      : undefined,
    isLimited: search.has("limit") || search.has("offset"),
  };
  concern([]);
  for (const [key, value] of search) {
    if (/^(select|columns|on_conflict|apikey)$/.test(key) || isArgument(key, value)) continue;
    const path = segments(key);
    const last = path.pop()!;
    if (last === "order") concern(path).orders.push(...parseOrder(value));
    else if (last === "limit") concern(path).range.limit = number(value);
    else if (last === "offset") concern(path).range.offset = number(value) ?? 0;
    else if (/^(and|or)$/.test(last)) {
      const name = path.at(-1) === "not" ? `${path.pop()}.${last}` : last;
      if (GROUP.test(name)) concern(path).conditions.push(parseGroup(name, value));
    } else concern(path).conditions.push(filterOf(last, value));
  }
  return parameters;
}

function filterOf(key: string, value: string): Condition {
  const reader = new Reader(key, "filter");
  const field = parseField(reader);
  if (!reader.isDone) throw reader.refusal();
  const filter = parseFilter(field, value);
  if (filter) return filter;
  throw unreadable("filter", value, 0, `unexpected ${JSON.stringify(value[0] ?? "end of input")}`);
}

/** `messages.data->a` is [`messages`, `data->a`]: dots within a quoted name do not count. */
function segments(key: string): string[] {
  const [, path, rest] = /^((?:"(?:[^"\\]|\\.)*"|[^"-]|-(?!>))*)(.*)$/s.exec(key)!;
  const parts = path!.match(/(?:"(?:[^"\\]|\\.)*"|[^".])+|(?<=\.)$|^$/gs) ?? [""];
  parts[parts.length - 1] += rest!;
  return parts.map((part, at) =>
    at < parts.length - 1 ? part.replace(/^"(.*)"$/s, "$1").replace(/\\(.)/gs, "$1") : part
  );
}

function names(text: string, what: string): string[] {
  const reader = new Reader(text, what);
  const list: string[] = [];
  do {
    reader.skipSpaces();
    list.push(reader.name());
    reader.skipSpaces();
  } while (reader.take(","));
  if (!reader.isDone) throw reader.refusal();
  return [...new Set(list)];
}

/** A whole number; undefined for what is none, which PostgREST ignores. */
function number(text: string): number | undefined {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The outermost range, of the address and of the header `Range`. Throws what cannot be satisfied. */
export function rangeOf({ concerns }: Parameters, header: string | null): Range {
  const range = { ...concerns.get("")!.range };
  if (range.limit !== undefined && range.limit < 0) {
    throw unsatisfiable("Limit should be greater than or equal to zero.");
  }
  const [, from, to] = /^(\d+)-(\d*)$/.exec(header ?? "") ?? [];
  if (from === undefined) return range;
  const first = Number(from);
  if (to && Number(to) < first) {
    throw unsatisfiable(
      "The lower boundary must be lower than or equal to the upper boundary in the Range header.",
    );
  }
  return {
    offset: Math.max(range.offset, first),
    limit: to ? Number(to) - first + 1 : range.limit,
  };
}

export function unsatisfiable(details: string) {
  return refuse(416, "PGRST103", "Requested range not satisfiable", details);
}
