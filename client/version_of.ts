/**
 * What a row says, as text that is the same whether it was read or broadcast: REST and Realtime write its
 * columns in another order, and times in another form.
 *
 * @param passing columns that say nothing new, as when a device was last heard of
 */
export function versionOf(row: object, passing: string[] = []): string {
  return JSON.stringify(plain(row, passing));
}

function plain(value: unknown, passing: string[], key = ""): unknown {
  if (typeof value === "string") return /_(at|until)$/.test(key) ? Date.parse(value) : value;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => plain(item, []));
  return Object.entries(value).filter(([name]) => !passing.includes(name))
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, part]) => [name, plain(part, [], name)]);
}
