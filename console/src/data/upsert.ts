interface Dated {
  id: string;
  created_at: string;
}

/** Puts a row in its place in a list of the oldest first, or in place of its former self. */
export function upsert<Row extends Dated>(rows: Row[], row: Row): Row[] {
  const at = rows.findIndex((other) => other.id === row.id);
  if (at >= 0) return rows.with(at, row);
  const time = Date.parse(row.created_at);
  const after = rows.findLastIndex((other) => Date.parse(other.created_at) <= time);
  return rows.toSpliced(after + 1, 0, row);
}
