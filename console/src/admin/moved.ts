/**
 * The order after an entry has moved a place up (-1) or down (1): within its group, and at the end of that
 * with all of its group. Undefined where it can go no further.
 */
export function moved(groups: string[][], id: string, by: -1 | 1): string[] | undefined {
  const group = groups.findIndex((ids) => ids.includes(id));
  const own = groups[group] ?? [];
  const inside = swapped(own, own.indexOf(id), by);
  return (inside ? groups.with(group, inside) : swapped(groups, group, by))?.flat();
}

function swapped<Entry>(list: Entry[], at: number, by: -1 | 1): Entry[] | undefined {
  const other = at + by;
  if (at < 0 || other < 0 || other >= list.length) return undefined;
  return list.with(at, list[other]!).with(other, list[at]!);
}
