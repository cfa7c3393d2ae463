// `order=name.desc.nullslast,shelf(name)`: in which order rows are asked for.
import { Reader } from "./reader.ts";
import { type Field, parseField } from "./select.ts";

export interface Order {
  /** An embedded resource of which the field is. */
  embed: string | undefined;
  field: Field;
  direction: "asc" | "desc" | undefined;
  nulls: "first" | "last" | undefined;
}

export function parseOrder(text: string): Order[] {
  const reader = new Reader(text, "order");
  const orders: Order[] = [];
  do {
    reader.skipSpaces();
    let field = parseField(reader);
    let embed: string | undefined;
    if (reader.take("(")) {
      embed = field.name;
      field = parseField(reader);
      reader.expect(")");
    }
    const direction = reader.match(/\.(?:asc|desc)/y)?.slice(1) as Order["direction"];
    const nulls = reader.match(/\.nulls(?:first|last)/y)?.slice(6) as Order["nulls"];
    orders.push({ embed, field, direction, nulls });
    reader.skipSpaces();
  } while (reader.take(","));
  if (!reader.isDone) throw reader.refusal();
  return orders;
}
