// Values of the change stream, which are text, as JSON.
import type { Change, Column, Tuple } from "./pgoutput.ts";

const TYPE = { bool: 16, json: 114, jsonb: 3802, timestamp: 1114, timestamptz: 1184 } as const;
const NUMBERS = new Set([20, 21, 23, 26, 700, 701, 1700]);

/** What subscribers get of a change, cut to the columns they may see. */
export function changeData(
  change: Change,
  visible: Set<string>,
  typeNames: Map<number, string>,
): Record<string, unknown> {
  const { schema, table, columns } = change.relation;
  const seen = columns.filter(({ name }) => visible.has(name));
  return {
    schema,
    table,
    commit_timestamp: change.committedAt.toISOString(),
    type: change.type,
    columns: seen.map(({ name, type }) => ({ name, type: typeNames.get(type) ?? "text" })),
    ...change.record && { record: toJson(change.record, seen) },
    ...change.type !== "INSERT" && { old_record: toJson(change.oldRecord ?? {}, seen) },
    errors: null,
  };
}

function toJson(tuple: Tuple, columns: Column[]): Record<string, unknown> {
  const entries = columns.filter(({ name }) => name in tuple)
    .map(({ name, type }) => [name, valueOf(tuple[name]!, type)]);
  return Object.fromEntries(entries);
}

/** Arrays stay text: clients parse them by the name of their type. */
function valueOf(text: string | null, type: number): unknown {
  if (text === null) return null;
  if (type === TYPE.bool) return text === "t";
  if (type === TYPE.json || type === TYPE.jsonb) return JSON.parse(text);
  if (type === TYPE.timestamp) return text.replace(" ", "T");
  if (type === TYPE.timestamptz) return text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
  if (NUMBERS.has(type) && Number.isFinite(Number(text))) return Number(text);
  return text;
}
