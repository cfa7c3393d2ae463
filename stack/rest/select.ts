// `select=id,name:title,meta->a->>b::text,author!inner(name),...shelf(name)`: what of a row is asked for.
import { Reader } from "./reader.ts";
import { refuse } from "./refusals.ts";

export interface Field {
  name: string;
  /** `->a` and `->>0`: steps into JSON. */
  path: Step[];
}

export interface Step {
  /** As text (`->>`) rather than as JSON (`->`). */
  asText: boolean;
  key: string;
  isIndex: boolean;
}

export interface SelectField extends Field {
  alias: string | undefined;
  cast: string | undefined;
  aggregate: "avg" | "count" | "max" | "min" | "sum" | undefined;
  /** Of the aggregate's result. */
  aggregateCast: string | undefined;
}

export interface SelectEmbed {
  name: string;
  alias: string | undefined;
  hint: string | undefined;
  inner: boolean;
  spread: boolean;
  select: Select;
}

export interface Select {
  fields: SelectField[];
  embeds: SelectEmbed[];
}

/** Embedded resources in one request, and how deep: each makes the answer larger by another factor. */
const MOST_EMBEDS = 32;
const DEEPEST = 8;

export function parseSelect(text: string): Select {
  const reader = new Reader(text, "select parameter");
  let embeds = 0;
  const select = parseItems(0);
  if (!reader.isDone) throw reader.refusal();
  return select;

  function parseItems(depth: number): Select {
    if (depth > DEEPEST) throw tooMany(`Resources may be embedded ${DEEPEST} levels deep.`);
    const select: Select = { fields: [], embeds: [] };
    reader.skipSpaces();
    if (reader.isDone || reader.next === ")") return select;
    do {
      reader.skipSpaces();
      const item = parseItem(depth);
      if ("select" in item) select.embeds.push(item);
      else select.fields.push(item);
      reader.skipSpaces();
    } while (reader.take(","));
    return select;
  }

  function parseItem(depth: number): SelectField | SelectEmbed {
    if (reader.take("...")) return parseEmbed(reader.name(), undefined, true, depth);
    if (reader.take("*")) return plain("*");
    if (reader.take("count()")) return parseAggregate({ ...plain("*"), aggregate: "count" });
    let name = reader.name();
    let alias: string | undefined;
    if (reader.next === ":" && reader.text[reader.at + 1] !== ":") {
      reader.expect(":");
      reader.skipSpaces();
      alias = name;
      if (reader.take("count()")) {
        return parseAggregate({ ...plain("*"), alias, aggregate: "count" });
      }
      name = reader.name();
    }
    if (reader.next === "(" || reader.next === "!") return parseEmbed(name, alias, false, depth);
    const field: SelectField = { ...plain(name), path: parsePath(reader), alias };
    field.cast = parseCast(reader);
    return parseAggregate(field);
  }

  function parseAggregate(field: SelectField): SelectField {
    const found = reader.match(/\.(?:avg|count|max|min|sum)\(\)/y);
    if (found) field.aggregate = found.slice(1, -2) as SelectField["aggregate"];
    if (field.aggregate) field.aggregateCast = parseCast(reader);
    return field;
  }

  function parseEmbed(name: string, alias: string | undefined, spread: boolean, depth: number) {
    if (++embeds > MOST_EMBEDS) throw tooMany(`A request embeds ${MOST_EMBEDS} resources at most.`);
    const embed: SelectEmbed = {
      name,
      alias,
      hint: undefined,
      inner: false,
      spread,
      select: { fields: [], embeds: [] },
    };
    while (reader.take("!")) {
      const hint = reader.name();
      if (hint === "inner") embed.inner = true;
      else if (hint !== "left") embed.hint = hint;
    }
    reader.expect("(");
    embed.select = parseItems(depth + 1);
    reader.expect(")");
    return embed;
  }
}

/** A column with steps into its JSON, as in filters and orders. */
export function parseField(reader: Reader): Field {
  return { name: reader.name(), path: parsePath(reader) };
}

function parsePath(reader: Reader): Step[] {
  const path: Step[] = [];
  while (reader.take("->")) {
    const asText = reader.take(">");
    const index = reader.match(/-?\d+(?=->|::|[.,):]|$)/y);
    const key = index ?? reader.quoted() ?? reader.match(/(?:[^-:.,()>]|-(?!>))+/y);
    if (!key) throw reader.refusal();
    path.push({ asText, key, isIndex: index !== undefined });
  }
  return path;
}

function parseCast(reader: Reader): string | undefined {
  if (!reader.take("::")) return undefined;
  const type = reader.match(/[\p{L}\p{N}_ [\]]+/yu)?.trim();
  if (!type) throw reader.refusal();
  return type;
}

function plain(name: string): SelectField {
  return {
    name,
    path: [],
    alias: undefined,
    cast: undefined,
    aggregate: undefined,
    aggregateCast: undefined,
  };
}

function tooMany(message: string) {
  return refuse(400, "PGRST100", message);
}
