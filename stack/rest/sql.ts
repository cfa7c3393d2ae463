// Pieces of SQL. All that a caller says reaches Postgres as a parameter or as a quoted name.

/** The values of one statement. */
export class Values {
  readonly list: string[] = [];

  /** The placeholder for a value; Postgres takes it for whatever type is needed there. */
  add(value: string): string {
    return `$${this.list.push(value)}`;
  }
}

export function name(text: string): string {
  return `"${text.replaceAll("\0", "").replaceAll('"', '""')}"`;
}

/** Schema and name, or a name alone. */
export function path(parts: string[]): string {
  return parts.map(name).join(".");
}

export function arrayLiteral(values: string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
