// What a statement found as an HTTP answer. What it throws undoes the transaction.
import type { Row } from "./answer_sql.ts";
import { unsatisfiable } from "./parameters.ts";
import { applied, type Preferences } from "./preferences.ts";
import { notOne, refuse } from "./refusals.ts";
import type { Asked, Prepared } from "./request.ts";

/** An answer that is thrown, to undo what led to it. */
export class Answer extends Error {
  constructor(readonly response: Response) {
    super("The transaction is rolled back, as was asked for.");
  }
}

export function respond(asked: Asked, prepared: Prepared, row: Row, url: URL): Response {
  const { method, preferences, wanted } = asked;
  const { routine } = prepared;
  const page = Number(row.page);
  const isRead = method === "GET" || method === "HEAD" || routine !== undefined;
  const isShown = isRead || preferences.return === "representation";
  requireAffected(asked, prepared, page);
  if (prepared.one && (isShown || wanted.one) && page !== 1) throw notOne(page);
  if (method === "PUT" && page !== 1) throw otherRow();
  const total = row.total !== null
    ? Number(row.total)
    : preferences.count && !isRead
    ? page
    : undefined;
  const headers = new Headers();
  if (isShown && !routine?.returnsVoid) {
    headers.set("content-type", `${wanted.mediaType}; charset=utf-8`);
  }
  const range = isRead
    ? contentRange(prepared.range.offset, page, total)
    : method === "PATCH"
    ? contentRange(0, page, total)
    : contentRange(0, 0, total);
  headers.set("content-range", range);
  if (method === "GET" && !routine) {
    const name = url.pathname.slice("/rest/v1".length);
    headers.set("content-location", name + url.search);
  }
  const followed = applied(preferences, followedBy(asked));
  if (followed) headers.set("preference-applied", followed);
  const status = isRead
    ? statusOfRead(prepared, page, total)
    : statusOfChange(method, preferences, row, isShown);
  const answer = routine?.returnsVoid ? 204 : status;
  const body = answer === 204 || method === "HEAD" || !isShown ? null : row.body;
  return withSettings(row, new Response(body, { status: answer, headers }));
}

function statusOfRead({ range, routine }: Prepared, page: number, total?: number): number {
  if (total === undefined || routine && !routine.returnsSet) return 200;
  if (range.offset > total) {
    throw unsatisfiable(
      `An offset of ${range.offset} was requested, but there are only ${total} rows.`,
    );
  }
  return page < total ? 206 : 200;
}

function statusOfChange(
  method: string,
  { resolution }: Preferences,
  { inserted }: Row,
  isShown: boolean,
): number {
  if (method === "POST") {
    return resolution === "merge-duplicates" && !(inserted && inserted > 0) ? 200 : 201;
  }
  if (method === "PUT" && inserted && inserted > 0) return 201;
  return isShown ? 200 : 204;
}

function followedBy({ method, preferences: { handling } }: Asked): (keyof Preferences)[] {
  const names: (keyof Preferences)[] = [];
  if (method === "POST") names.push("resolution");
  if (method === "POST" || method === "PATCH") names.push("missing");
  if (method !== "GET" && method !== "HEAD") names.push("return");
  names.push("count", "tx", "timezone");
  if (handling) names.push("handling", "maxAffected");
  return names;
}

function contentRange(offset: number, page: number, total: number | undefined): string {
  const rows = page > 0 ? `${offset}-${offset + page - 1}` : "*";
  return `${rows}/${total ?? "*"}`;
}

function requireAffected(
  { method, preferences }: Asked,
  { routine }: Prepared,
  page: number,
): void {
  const { maxAffected } = preferences;
  if (maxAffected === undefined || !/^(PATCH|DELETE)$/.test(method) && !routine) return;
  if (routine && !routine.returnsSet) {
    throw refuse(
      400,
      "PGRST128",
      "Function must return SETOF or TABLE when max-affected preference is used with handling=strict",
    );
  }
  if (page <= maxAffected) return;
  throw refuse(
    400,
    "PGRST124",
    "Query result exceeds max-affected preference constraint",
    `The query affects ${page} rows`,
  );
}

function otherRow() {
  return refuse(400, "PGRST115", "Payload values do not match URL in primary key column(s)");
}

/** A function may set `response.status` and `response.headers`. */
function withSettings({ status, headers }: Row, response: Response): Response {
  if (status === null && headers === null) return response;
  const code = status === null ? response.status : Number(status);
  if (!Number.isInteger(code) || code < 200 || code > 599) {
    throw refuse(500, "PGRST112", "response.status guc must be a valid status code");
  }
  const all = new Headers(response.headers);
  for (const [key, value] of headersOf(headers)) all.append(key, value);
  return new Response([204, 205, 304].includes(code) ? null : response.body, {
    status: code,
    headers: all,
  });
}

function headersOf(text: string | null): [string, string][] {
  if (text === null) return [];
  try {
    const list: unknown[] = JSON.parse(text);
    return list.map((each) => {
      const [[key, value], ...others] = Object.entries(each as object) as [[string, unknown]];
      if (others.length > 0 || typeof value !== "string") throw new TypeError();
      new Headers([[key, value]]);
      return [key, value];
    });
  } catch {
    throw refuse(
      500,
      "PGRST111",
      "response.headers guc must be a JSON array composed of objects with a single key and a string value",
    );
  }
}
