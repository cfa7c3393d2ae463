// The filters of postgres_changes: `column=operator.value`.
import type { Relation, Tuple } from "./pgoutput.ts";

export type Filter = (record: Tuple, relation: Relation) => boolean;

const NUMBERS = new Set([20, 21, 23, 26, 700, 701, 1700]);

/** Throws when the text is no filter. Without one everything passes. */
export function parseFilter(text: string | undefined): Filter {
  if (!text) return () => true;
  const [, column, operator, operand] = /^([^=]+)=([a-z]+)\.(.*)$/s.exec(text) ?? [];
  if (!column || !operator || operand === undefined) {
    throw new Error(`The filter "${text}" is not column=operator.value.`);
  }
  const test = comparison(operator, operand);
  return (record, relation) => {
    // Of a deleted row only the key is known: as on hosted projects, deletions are not filtered.
    if (!(column in record)) return true;
    const value = record[column];
    const type = relation.columns.find(({ name }) => name === column)?.type;
    return typeof value === "string" && test(value, NUMBERS.has(type!));
  };
}

function comparison(
  operator: string,
  operand: string,
): (value: string, numeric: boolean) => boolean {
  switch (operator) {
    case "eq":
      return (value, numeric) => compare(value, operand, numeric) === 0;
    case "neq":
      return (value, numeric) => compare(value, operand, numeric) !== 0;
    case "lt":
      return (value, numeric) => compare(value, operand, numeric) < 0;
    case "lte":
      return (value, numeric) => compare(value, operand, numeric) <= 0;
    case "gt":
      return (value, numeric) => compare(value, operand, numeric) > 0;
    case "gte":
      return (value, numeric) => compare(value, operand, numeric) >= 0;
    case "in": {
      const options = operand.replace(/^\(|\)$/g, "").split(",");
      return (value, numeric) => options.some((option) => compare(value, option, numeric) === 0);
    }
    default:
      throw new Error(
        `The filter operator "${operator}" is not one of eq, neq, lt, lte, gt, gte, in.`,
      );
  }
}

/** Booleans are `t` and `f` in the stream, and `true` and `false` in a filter. */
function compare(value: string, operand: string, numeric: boolean): number {
  if (numeric) return Number(value) - Number(operand);
  const wanted = value === "t" && operand === "true" || value === "f" && operand === "false"
    ? value
    : operand;
  return value < wanted ? -1 : value > wanted ? 1 : 0;
}
