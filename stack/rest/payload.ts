// The rows or arguments in a request's body: as JSON text, which Postgres reads, and their keys.
import { refuse } from "./refusals.ts";

export interface Payload {
  json: string;
  isObject: boolean;
  keys: string[];
}

/** Rows to be written: an object or a list of objects with the same keys, unless `columns` names them. */
export function parseRows(body: string, columns: string[] | undefined): Payload {
  const value = parse(body);
  if (columns) {
    if (typeof value !== "object" || value === null) throw notRows();
    return { json: body, isObject: !Array.isArray(value), keys: columns };
  }
  if (!Array.isArray(value)) {
    // PostgREST takes what is neither a list nor an object for no rows.
    const isObject = typeof value === "object" && value !== null;
    return isObject ? { json: body, isObject, keys: Object.keys(value!) } : none();
  }
  if (value.length === 0) return none();
  if (!value.every(isRow)) throw keysDiffer();
  const keys = Object.keys(value[0]!);
  const known = new Set(keys);
  const same = value.every((row) => {
    const own = Object.keys(row);
    return own.length === keys.length && own.every((key) => known.has(key));
  });
  if (!same) throw keysDiffer();
  return { json: body, isObject: false, keys };
}

/** The arguments of a function: an object; of a list its first element, as PostgREST has it. */
export function parseArguments(body: string): Payload {
  if (body.trim() === "") return { json: "{}", isObject: true, keys: [] };
  const value = parse(body);
  const first = Array.isArray(value) ? value[0] : value;
  return {
    json: body,
    isObject: !Array.isArray(value),
    keys: isRow(first) ? Object.keys(first) : [],
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw refuse(400, "PGRST102", "Empty or invalid json");
  }
}

function isRow(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function none(): Payload {
  return { json: "[]", isObject: false, keys: [] };
}

function keysDiffer() {
  return refuse(400, "PGRST102", "All object keys must match");
}

function notRows() {
  return refuse(400, "22023", "The body must be an object or a list of objects");
}
