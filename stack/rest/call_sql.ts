// A call of a function as a query of what it returns.
import type { Parameter, Routine } from "./catalog.ts";
import type { Payload } from "./payload.ts";
import { arrayLiteral, name, path, type Values } from "./sql.ts";

export type Arguments =
  /** The whole body is the one argument. */
  | { kind: "body"; body: string }
  /** Keys of a JSON body. */
  | { kind: "json"; payload: Payload }
  /** Parameters of the address: each once, but those of a variadic parameter. */
  | { kind: "address"; values: Map<string, string[]> };

/** The column in which a function that returns values, not rows, has them. */
export const SCALAR = "pgrst_scalar";

export function callSql(routine: Routine, args: Arguments, values: Values): string {
  const { parameters } = routine;
  const called = path([routine.schema, routine.name]);
  const source = (list: string) =>
    routine.returnsRows
      ? `${called}(${list}) as pgrst_call`
      : `(select ${called}(${list}) as ${SCALAR}) as pgrst_call`;
  const result = routine.returnsRows ? "pgrst_call.*" : `pgrst_call.${SCALAR}`;
  if (args.kind === "body") {
    const [parameter] = parameters;
    return `select ${result} from ${source(`${values.add(args.body)}::${parameter!.type}`)}`;
  }
  if (args.kind === "address") {
    const given = parameters.filter((parameter) => args.values.has(parameter.name));
    const list = given.map((parameter) =>
      `${assigned(parameter)} ${argument(parameter, args.values.get(parameter.name)!, values)}`
    );
    return `select ${result} from ${source(list.join(", "))}`;
  }
  const { json, isObject, keys } = args.payload;
  const given = parameters.filter((parameter) => keys.includes(parameter.name));
  if (given.length === 0) return `select ${result} from ${source("")}`;
  const names = given.map((parameter) => name(parameter.name));
  const typed = given.map((parameter) => `${name(parameter.name)} ${parameter.type}`);
  const read = isObject ? "json_to_record" : "json_to_recordset";
  const list = given.map((parameter) =>
    `${assigned(parameter)} pgrst_body.${name(parameter.name)}`
  );
  return `select ${result} from (select ${names.join(", ")} from ${read}(${
    values.add(json)
  }::json) as _ (${typed.join(", ")}) limit 1) as pgrst_body, lateral ${source(list.join(", "))}`;
}

function assigned({ name: parameter, variadic }: Parameter): string {
  return `${variadic ? "variadic " : ""}${name(parameter)} :=`;
}

function argument({ type, variadic }: Parameter, given: string[], values: Values): string {
  const value = variadic ? arrayLiteral(given) : given.at(-1)!;
  return `${values.add(value)}::${type}`;
}
