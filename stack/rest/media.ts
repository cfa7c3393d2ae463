// In which form an answer is wanted: the header `Accept`.
import type { Form } from "./answer_sql.ts";
import { refuse } from "./refusals.ts";

export interface Wanted {
  form: Form;
  mediaType: string;
  /** Whether there has to be one row. */
  one: boolean;
  /** The query's plan in its place, if that is asked for: what EXPLAIN is told. */
  explain: string | undefined;
}

const OBJECT = "application/vnd.pgrst.object";
const ARRAY = "application/vnd.pgrst.array";
const PLAN = /^application\/vnd\.pgrst\.plan(?:\+(json|text))?$/;
const PLAN_OPTIONS = ["analyze", "verbose", "settings", "buffers", "wal"];

export function wanted(accept: string | null, mayExplain: boolean): Wanted {
  const types = (accept ?? "").split(/,(?![^"]*"(?:[^"]*"[^"]*")*[^"]*$)/).map((each) =>
    each.trim()
  );
  for (const type of types) {
    const found = wantedOf(type, mayExplain);
    if (found) return found;
  }
  const names = types.join(", ");
  throw refuse(406, "PGRST107", `None of these media types are available: ${names}`);
}

function wantedOf(type: string, mayExplain: boolean): Wanted | undefined {
  const [mediaType = "", ...parameters] = type.split(";").map((part) => part.trim());
  const base = mediaType.replace(/\+json$/, "");
  const strip = parameters.includes("nulls=stripped");
  const suffix = strip ? ";nulls=stripped" : "";
  if (/^(|\*\/\*|application\/\*|application\/json)$/.test(mediaType)) {
    return rows("application/json");
  }
  if (base === OBJECT) {
    const mediaType = `${OBJECT}+json${suffix}`;
    return { form: { kind: "row", strip }, mediaType, one: true, explain: undefined };
  }
  if (base === ARRAY) {
    return strip ? rows(`${ARRAY}+json${suffix}`, true) : rows("application/json");
  }
  if (mediaType === "text/csv") {
    return { form: { kind: "csv", strip }, mediaType, one: false, explain: undefined };
  }
  const plan = mayExplain && PLAN.exec(mediaType);
  if (!plan) return undefined;
  const format = plan[1] ?? "text";
  const named = parameters.find((each) => each.startsWith("options="))?.slice("options=".length);
  const options = (named?.split("|") ?? []).filter((each) => PLAN_OPTIONS.includes(each));
  const for_ = parameters.find((each) => each.startsWith("for="))?.slice(4).replaceAll('"', "") ??
    "application/json";
  const inner = wantedOf(for_, false) ?? rows("application/json");
  return {
    ...inner,
    mediaType: `application/vnd.pgrst.plan+${format}; for="${for_}"` +
      (options.length ? `; options=${options.join("|")}` : ""),
    explain: [`format ${format}`, ...options].join(", "),
  };
}

function rows(mediaType: string, strip = false): Wanted {
  return { form: { kind: "rows", strip }, mediaType, one: false, explain: undefined };
}
