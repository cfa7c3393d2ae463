// The whole statement of a request: what it changes or calls, what it reads, and the answer's body, which
// Postgres writes, so that numbers, times and CSV look as Postgres has them.
import { SCALAR } from "./call_sql.ts";
import { INSERTED } from "./write_sql.ts";

export interface Form {
  /** A list of rows, one of them as an object, a function's value or values, or no body at all. */
  kind: "rows" | "row" | "value" | "values" | "csv" | "none";
  /** Without the keys whose values are null. */
  strip: boolean;
}

/** Characters of a body. More is refused: it would have to be held in memory several times. */
export const LONGEST_BODY = 32_000_000;

export interface Statement {
  /** A change or a call: the query reads of it, as `pgrst_source`. */
  source: string | undefined;
  /** The rows of the answer. */
  query: string;
  /** Their number without regard to a range. */
  count: string | undefined;
  form: Form;
}

export interface Row {
  total: string | null;
  page: string;
  size: number;
  body: string | null;
  headers: string | null;
  status: string | null;
  inserted: number | null;
}

export function answerSql({ source, query, count, form }: Statement): string {
  const parts = [
    ...source ? [`pgrst_source as (${source})`] : [],
    ...count ? [`pgrst_count as (${count})`] : [],
    `pgrst_answer as (
      select
        ${count ? "(select pg_catalog.count(*) from pgrst_count)" : "null::bigint"} as total,
        pg_catalog.count(_postgrest_t) as page,
        (${bodySql(form, query)})::text as body,
        nullif(current_setting('response.headers', true), '') as headers,
        nullif(current_setting('response.status', true), '') as status,
        ${INSERTED} as inserted
      from (${query}) as _postgrest_t
    )`,
  ];
  return `with ${parts.join(", ")} select total, page, pg_catalog.octet_length(body) as size,
    case when pg_catalog.octet_length(body) <= ${LONGEST_BODY} then body end as body,
    headers, status, inserted from pgrst_answer`;
}

function bodySql(form: Form, query: string): string {
  switch (form.kind) {
    case "none":
      return "''";
    case "csv":
      return csvSql(query);
    case "rows":
      return `coalesce(${stripped("json_agg(_postgrest_t)", form.strip)}, '[]')`;
    case "row":
      return `coalesce(${stripped("json_agg(_postgrest_t)", form.strip)} -> 0, 'null')`;
    case "values":
      return `coalesce(json_agg(_postgrest_t.${SCALAR}), '[]')`;
    case "value":
      return `coalesce(json_agg(_postgrest_t.${SCALAR}) -> 0, 'null')`;
  }
}

function stripped(rows: string, strip: boolean): string {
  return strip ? `json_strip_nulls(${rows})` : rows;
}

/** A line with the names, and each row as Postgres prints a row, without its brackets. */
function csvSql(query: string): string {
  return `(select coalesce(string_agg(key, ','), '') from (
      select json_object_keys(row_to_json(first)) as key from (select * from (${query}) as all_rows limit 1) as first
    ) as keys) || e'\\n' ||
    coalesce(string_agg(substring(_postgrest_t::text, 2, length(_postgrest_t::text) - 2), e'\\n'), '')`;
}
