// deno-lint-ignore no-explicit-any -- an agent's event: read field by field, each with a fallback
export type Event = Record<string, any>;

/** One line as a JSON object; null for anything else, such as a warning printed in between. */
export function parseEvent(line: string): Event | null {
  const text = line.trim();
  if (!text.startsWith("{")) return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Sums the numbers of two reports of what was used. */
export function addCounts(one: Record<string, unknown>, other: Event): Record<string, unknown> {
  const sum = { ...one };
  for (const [key, value] of Object.entries(other)) {
    if (typeof value === "number") sum[key] = (Number(sum[key]) || 0) + value;
  }
  return sum;
}
