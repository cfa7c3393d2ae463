// One request is one transaction, with the caller's role and all that its policies and functions may ask.
import type { Sql } from "postgres";
import type { Claims } from "../api/tokens.ts";

export interface Context {
  claims: Claims;
  schema: string;
  method: string;
  path: string;
  headers: Headers;
  timezone: string | undefined;
  readOnly: boolean;
}

const SETTINGS = [
  "role",
  "request.jwt.claims",
  "request.method",
  "request.path",
  "request.headers",
  "search_path",
  "statement_timeout",
  "timezone",
  "transaction_read_only",
];
const SET = `select ${
  SETTINGS.map((setting, at) => `set_config('${setting}', $${at + 1}, true)`).join(", ")
}`;

/** In ms, as on hosted projects, where the other roles have the authenticator's. */
const statementTimeout = (role: string) => role === "anon" ? "3000" : "8000";

/** Runs a statement; what `settle` makes of its rows is the answer, and if it throws, nothing was done. */
export async function transact<R, T>(
  sql: Sql,
  context: Context,
  statement: { text: string; values: string[]; prepare: boolean },
  settle: (rows: R[], query: (text: string) => Promise<R[]>) => T | Promise<T>,
): Promise<T> {
  const settings = settingsOf(context);
  const result = await sql.begin(async (transaction) => {
    const run = (text: string, values: string[], prepare: boolean) =>
      transaction.unsafe(text, values, { prepare });
    const [, rows] = await Promise.all([
      run(SET, settings, true),
      run(statement.text, statement.values, statement.prepare),
    ]);
    const query = async (text: string) =>
      [...await run(text, statement.values, false)] as unknown as R[];
    return { answer: await settle([...rows] as unknown as R[], query) };
  });
  return result.answer;
}

function settingsOf(context: Context): string[] {
  const { claims, schema, method, path, headers, timezone, readOnly } = context;
  return [
    claims.role,
    JSON.stringify(claims),
    method,
    path,
    JSON.stringify(Object.fromEntries(headers)),
    [...new Set([schema, "public", "extensions"])].map((each) => `"${each.replaceAll('"', '""')}"`)
      .join(", "),
    statementTimeout(claims.role),
    timezone ?? "UTC",
    readOnly ? "on" : "off",
  ];
}
