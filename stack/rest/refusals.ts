// What REST refuses, in PostgREST's words.
import leven from "leven";
import { Refusal } from "../api/errors.ts";
import type { Schema } from "./catalog.ts";
import type { Link } from "./links.ts";

export function refuse(
  status: number,
  code: string,
  message: string,
  details: unknown = null,
  hint: string | null = null,
): Refusal {
  return new Refusal(status, { code, message, details: details as string | null, hint });
}

/** A parameter of the address that cannot be read. */
export function unreadable(what: string, text: string, at: number, unexpected: string): Refusal {
  const message = `"failed to parse ${what} (${text})" (line 1, column ${at + 1})`;
  return refuse(400, "PGRST100", message, unexpected);
}

export function noTable(schema: string, name: string, { relations }: Schema): Refusal {
  const near = nearest(name, relations.keys(), 0.75);
  return refuse(
    404,
    "PGRST205",
    `Could not find the table '${schema}.${name}' in the schema cache`,
    null,
    near ? `Perhaps you meant the table '${schema}.${near}'` : null,
  );
}

export function noColumn(table: string, column: string): Refusal {
  return refuse(
    400,
    "PGRST204",
    `Could not find the '${column}' column of '${table}' in the schema cache`,
  );
}

export function noLink(
  schema: string,
  origin: string,
  target: string,
  hint: string | undefined,
  { links, relations }: Schema,
): Refusal {
  const own = links.get(origin);
  const [wrong, candidates] = own
    ? [target, own.map((link) => link.target.name)]
    : [origin, [...links.keys()]];
  const near = nearest(wrong, candidates.filter((name) => relations.has(name)), 0.33);
  return refuse(
    400,
    "PGRST200",
    `Could not find a relationship between '${origin}' and '${target}' in the schema cache`,
    `Searched for a foreign key relationship between '${origin}' and '${target}'` +
      (hint ? ` using the hint '${hint}'` : "") +
      ` in the schema '${schema}', but no matches were found.`,
    near && near !== wrong ? `Perhaps you meant '${near}' instead of '${wrong}'.` : null,
  );
}

export function ambiguousLink(origin: string, target: string, links: Link[]): Refusal {
  const names = links.map((link) =>
    `'${link.target.name}!${link.junction?.relation.name ?? link.constraint}'`
  );
  return refuse(
    300,
    "PGRST201",
    `Could not embed because more than one relationship was found for '${origin}' and '${target}'`,
    links.map(describe),
    `Try changing '${target}' to one of the following: ${names.join(", ")}. ` +
      "Find the desired relationship in the 'details' key.",
  );
}

function describe({ kind, origin, target, constraint, pairs, junction }: Link) {
  const list = (names: string[]) => `(${names.join(", ")})`;
  const columns = (at: 0 | 1) => list(pairs.map((pair) => pair[at]));
  const relationship = junction
    ? `${junction.relation.name} using ${junction.constraints[0]}` +
      `${list(junction.origin.map(([, to]) => to))} and ${junction.constraints[1]}` +
      list(junction.target.map(([, to]) => to))
    : `${constraint} using ${origin.name}${columns(0)} and ${target.name}${columns(1)}`;
  return { cardinality: kind, embedding: `${origin.name} with ${target.name}`, relationship };
}

/** The candidate most like a name; undefined when none is as like it as `least`, from 0 to 1. */
export function nearest(
  name: string,
  candidates: Iterable<string>,
  least: number,
): string | undefined {
  let best: string | undefined;
  for (const candidate of candidates) {
    const likeness = 1 - leven(name, candidate) / Math.max(name.length, candidate.length, 1);
    if (likeness >= least) [best, least] = [candidate, likeness + Number.EPSILON];
  }
  return best;
}

export function notOne(count: number): Refusal {
  return refuse(
    406,
    "PGRST116",
    "Cannot coerce the result to a single JSON object",
    `The result contains ${count} rows`,
  );
}
