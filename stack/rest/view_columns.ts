// Which column of which table a view's column shows: told by the rule that Postgres keeps of the view.

export interface Origin {
  /** The view's column. */
  column: string;
  table: number;
  /** The table's column, by its number. */
  number: number;
}

/** Reads the target list of the outermost query of a rule's action (a node tree as text). */
export function originsOf(action: string): Origin[] {
  const origins: Origin[] = [];
  let depth = 0;
  let list = false;
  for (let at = 0; at < action.length; at++) {
    const sign = action[at];
    if (sign === "\\") at++;
    else if (sign === "{") {
      depth++;
      if (list && depth === 2 && action.startsWith("{TARGETENTRY", at)) {
        const origin = originOf(entryAt(action, at));
        if (origin) origins.push(origin);
      }
    } else if (sign === "}") depth--;
    else if (sign === ":" && depth === 1) list = action.startsWith(":targetList", at);
  }
  return origins;
}

/** The text of one node, from its opening brace to its closing one. */
function entryAt(action: string, start: number): string {
  let depth = 0;
  for (let at = start; at < action.length; at++) {
    if (action[at] === "\\") at++;
    else if (action[at] === "{") depth++;
    else if (action[at] === "}" && --depth === 0) return action.slice(start, at + 1);
  }
  return "";
}

/** The entry's own fields stand after its expression. */
function originOf(entry: string): Origin | undefined {
  const fields =
    /:resno \d+ :resname ((?:\\.|\S)+) :ressortgroupref \d+ :resorigtbl (\d+) :resorigcol (\d+) :resjunk (\w+)\}$/
      .exec(entry);
  if (!fields || fields[2] === "0" || fields[4] === "true") return undefined;
  return {
    column: fields[1]!.replace(/\\(.)/g, "$1"),
    table: Number(fields[2]),
    number: Number(fields[3]),
  };
}
