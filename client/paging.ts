/**
 * Keyset paging by (created_at, id): rows of the same microsecond are neither lost nor repeated at a
 * page's edge. PostgREST has no row comparison, so the pair is spelt out in `or`; the plain bound on
 * created_at beside it is what lets an index start at the page.
 */

/** A row's place in a list. */
export interface Cursor {
  created_at: string;
  id: string;
}

/** The part of a PostgREST query that paging needs. */
interface Filterable {
  or(filters: string): this;
  lte(column: "created_at", value: string): this;
  gte(column: "created_at", value: string): this;
}

const PAGE = 500;

/** Only rows older than the cursor's. */
export function before<Query extends Filterable>(query: Query, cursor?: Cursor): Query {
  if (!cursor) return query;
  const { created_at, id } = cursor;
  return query.lte("created_at", created_at)
    .or(`created_at.lt."${created_at}",and(created_at.eq."${created_at}",id.lt.${id})`);
}

/** Only rows newer than the cursor's. */
export function after<Query extends Filterable>(query: Query, { created_at, id }: Cursor): Query {
  return query.gte("created_at", created_at)
    .or(`created_at.gt."${created_at}",and(created_at.eq."${created_at}",id.gt.${id})`);
}

/** All rows of an ascending query from a moment on (from the first: null), fetched page by page. */
export async function onward<
  Row extends Cursor,
  Query extends Filterable & { limit(count: number): Query } & PromiseLike<Answer>,
  Answer,
>(
  since: string | null,
  query: () => Query,
  read: (answer: Answer) => Row[],
): Promise<Row[]> {
  const found: Row[] = [];
  let next = since === null ? query() : query().gte("created_at", since);
  while (true) {
    const page = read(await next.limit(PAGE));
    found.push(...page);
    const last = page.at(-1);
    if (page.length < PAGE || !last) return found;
    next = after(query(), last);
  }
}
