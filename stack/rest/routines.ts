// Which function a call means: by its name and the names of its arguments.
import type { Routine, Schema } from "./catalog.ts";
import { nearest, refuse } from "./refusals.ts";

export interface Call {
  schema: string;
  name: string;
  /** The names of the arguments. */
  keys: string[];
  /** Of a POST's body; undefined for other methods. */
  mediaType: string | undefined;
}

const UNNAMED: Record<string, string[]> = {
  "application/json": ["json", "jsonb"],
  "text/plain": ["text"],
  "text/xml": ["xml"],
  "application/octet-stream": ["bytea"],
};

/** Of several functions of that name the one that fits. Throws when none does, or more than one. */
export function findRoutine(call: Call, { routines }: Schema): Routine {
  const named = routines.get(call.name) ?? [];
  const fitting = named.filter((routine) => fits(routine, call));
  const found = fitting.length > 0 ? fitting : named.filter((each) => takesBody(each, call));
  if (found.length === 1) return found[0]!;
  throw found.length > 1 ? ambiguous(found) : notFound(call, named, routines.keys());
}

function fits({ parameters }: Routine, { keys, mediaType }: Call): boolean {
  if (parameters.length === 0) return keys.length === 0 && (!mediaType || isJson(mediaType));
  const given = new Set(keys);
  const known = new Set(parameters.map(({ name }) => name));
  return keys.every((key) => known.has(key)) &&
    parameters.every(({ name, required }) => !required || given.has(name));
}

/** A function of one parameter without a name takes the whole body. */
function takesBody({ parameters }: Routine, { mediaType }: Call): boolean {
  const [parameter, ...others] = parameters;
  if (!mediaType || !parameter || others.length > 0 || parameter.name !== "") return false;
  return UNNAMED[mediaType]?.includes(parameter.type) ?? false;
}

export function isJson(mediaType: string): boolean {
  return mediaType === "application/json";
}

function ambiguous(routines: Routine[]) {
  const { schema, name } = routines[0]!;
  const list = routines.map(({ parameters }) =>
    parameters.map((each) => `${each.name} => ${each.type}`).join(", ")
  ).sort().map((parameters) => `${schema}.${name}(${parameters})`);
  return refuse(
    300,
    "PGRST203",
    `Could not choose the best candidate function between: ${list.join(", ")}`,
    null,
    "Try renaming the parameters or the function itself in the database so function overloading can be resolved",
  );
}

function notFound(call: Call, named: Routine[], others: Iterable<string>) {
  const { schema, name, mediaType } = call;
  const keys = [...call.keys].sort();
  const list = keys.join(", ");
  const called = `${schema}.${name}`;
  const type = mediaType && !isJson(mediaType) ? UNNAMED[mediaType]?.[0] : undefined;
  const without = keys.length === 0 ? " without parameters" : undefined;
  const details = type
    ? ` with a single unnamed ${type} parameter`
    : (without ?? ` with parameter${keys.length > 1 ? "s" : ""} ${list}`) +
      (mediaType ? " or with a single unnamed json/jsonb parameter" : "");
  const near = type ? undefined : nearestCall(call, keys, named, others);
  return refuse(
    404,
    "PGRST202",
    `Could not find the function ${called}${
      type ? "" : without ?? `(${list})`
    } in the schema cache`,
    `Searched for the function ${called}${details}, but no matches were found in the schema cache.`,
    near ? `Perhaps you meant to call the function ${schema}.${near}` : null,
  );
}

/** Another function when there is none of that name, else other arguments. */
function nearestCall(
  { name }: Call,
  keys: string[],
  named: Routine[],
  others: Iterable<string>,
): string | undefined {
  if (named.length === 0) return nearest(name, others, 0.75);
  const lists = named.map(({ parameters }) =>
    `(${parameters.map((parameter) => parameter.name).sort().join(", ")})`
  );
  const near = nearest(`(${keys.join(", ")})`, lists, 0.33);
  return near && name + near;
}
