// REST on the exposed schemas, as PostgREST serves it: each request is one statement in one transaction.
import type { Sql } from "postgres";
import { Refusal, refusalOf, unavailable } from "../api/errors.ts";
import type { Secrets } from "../secrets.ts";
import { LONGEST_BODY, type Row } from "./answer_sql.ts";
import { callerOf } from "./caller.ts";
import { type Catalog, readCatalog } from "./catalog.ts";
import { wanted } from "./media.ts";
import { parsePreferences } from "./preferences.ts";
import { refuse } from "./refusals.ts";
import { type Asked, prepareCall, prepareChange, type Prepared, prepareRead } from "./request.ts";
import { Answer, respond } from "./response.ts";
import { type Context, transact } from "./transaction.ts";

export interface Pools {
  people: Sql;
  /** Executors: what people ask must not keep them from saying that they are alive. */
  devices: Sql;
  /** Reads the catalog, which the API's own role does not see. */
  catalog: Sql;
}

const PREFIX = "/rest/v1/";

/** In ms, until the catalog is read again after that has failed. */
const AGAIN = 1_000;

export class Rest {
  #catalog: Catalog | undefined;
  #reading: Promise<void> | undefined;
  /** Whether the schema has changed since the reading that is under way began. */
  #isStale = false;

  constructor(private readonly pools: Pools, private readonly secrets: Secrets) {}

  /** To be called when the schema has changed. What was known of it is used until it has been read. */
  reload(): void {
    this.#isStale = true;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
      if (this.#isStale) this.reload();
    });
  }

  async #read(): Promise<void> {
    this.#isStale = false;
    try {
      this.#catalog = await readCatalog(this.pools.catalog);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code === "CONNECTION_ENDED") return;
      console.error(`REST could not read the catalog: ${message}`);
      Deno.unrefTimer(setTimeout(() => this.reload(), AGAIN));
    }
  }

  async handle(request: Request): Promise<Response> {
    let role = "anon";
    try {
      const claims = await callerOf(request, this.secrets);
      role = claims.role;
      const catalog = await this.#known();
      const url = new URL(request.url);
      const asked = await askedOf(request, url, catalog);
      const { prepared, path } = prepare(asked, url);
      const { preferences, method, schemaName } = asked;
      const context: Context = {
        claims,
        schema: schemaName,
        method,
        path,
        headers: request.headers,
        timezone: preferences.timezone,
        readOnly: method === "GET" || method === "HEAD",
      };
      return await this.#run(asked, prepared, context, url);
    } catch (error) {
      if (error instanceof Answer) return error.response;
      if (error instanceof Refusal) return error.getResponse();
      const refusal = refusalOf(error, role);
      if (refusal) return refusal.getResponse();
      throw error;
    }
  }

  async #run(asked: Asked, prepared: Prepared, context: Context, url: URL): Promise<Response> {
    const { text, values, routine } = prepared;
    const isDevices = routine?.parameters[0]?.name === "token";
    const pool = isDevices ? this.pools.devices : this.pools.people;
    // The statements of calls are as many as functions; those of tables are as many as people think of.
    const statement = { text, values, prepare: routine !== undefined && !asked.wanted.explain };
    return await transact<Row, Response>(pool, context, statement, async (rows, query) => {
      if (asked.wanted.explain) return explained(rows, asked.wanted.mediaType);
      const row = rows[0]!;
      if (row.size > LONGEST_BODY) throw tooLarge(row.size);
      const total = row.total ?? await estimated(asked, prepared, query);
      const response = respond(asked, prepared, { ...row, total }, url);
      if (asked.preferences.tx === "rollback") throw new Answer(response);
      return response;
    });
  }

  async #known(): Promise<Catalog> {
    if (!this.#catalog) {
      if (!this.#reading) this.reload();
      await this.#reading;
    }
    if (!this.#catalog) throw unavailable();
    return this.#catalog;
  }
}

async function askedOf(request: Request, url: URL, catalog: Catalog): Promise<Asked> {
  const { method, headers } = request;
  const isRead = method === "GET" || method === "HEAD";
  const profile = headers.get(isRead ? "accept-profile" : "content-profile");
  const { schemas, rollback, plans } = catalog.settings;
  const schemaName = profile ?? schemas[0]!;
  if (!schemas.includes(schemaName)) {
    throw refuse(
      406,
      "PGRST106",
      `Invalid schema: ${schemaName}`,
      null,
      `Only the following schemas are exposed: ${schemas.join(", ")}`,
    );
  }
  return {
    catalog,
    schemaName,
    method,
    search: url.searchParams,
    headers,
    body: await request.text(),
    wanted: wanted(headers.get("accept"), plans),
    preferences: parsePreferences(headers.get("prefer"), catalog.timezones, rollback),
  };
}

function prepare(asked: Asked, url: URL): { prepared: Prepared; path: string } {
  const segments = url.pathname.slice(PREFIX.length).split("/").map(decodeURIComponent);
  const [first, second, ...others] = segments;
  if (!first) throw refuse(404, "PGRST126", "Root endpoint metadata is disabled");
  if (others.length > 0 || second !== undefined && first !== "rpc") {
    throw refuse(404, "PGRST125", "Invalid path specified in request URL");
  }
  const { method } = asked;
  const path = `/${segments.join("/")}`;
  if (second !== undefined) {
    if (!/^(GET|HEAD|POST)$/.test(method)) {
      throw refuse(405, "PGRST101", `Cannot use the ${method} method on RPC`);
    }
    return { prepared: prepareCall(asked, second), path };
  }
  if (method === "GET" || method === "HEAD") return { prepared: prepareRead(asked, first), path };
  return { prepared: prepareChange(asked, first), path };
}

/** The number of rows as Postgres plans with it; up to as many as an answer has, they are counted. */
async function estimated(
  { preferences, catalog }: Asked,
  { count }: Prepared,
  query: (text: string) => Promise<Row[]>,
): Promise<string | null> {
  if (!count || preferences.count === "exact" || !preferences.count) return null;
  const { maxRows } = catalog.settings;
  if (preferences.count === "estimated") {
    const rows = `select count(*) as total from (${count} limit ${maxRows + 1}) as _`;
    const [counted] = await query(rows);
    if (Number(counted!.total) <= maxRows) return counted!.total;
  }
  const [planned] = await query(`explain (format json) ${count}`);
  const [plan] = JSON.parse(String(Object.values(planned!)[0]));
  return String(plan.Plan["Plan Rows"]);
}

function explained(rows: Row[], mediaType: string): Response {
  const lines = rows.map((row) => String(Object.values(row)[0]));
  return new Response(lines.join("\n"), {
    headers: { "content-type": `${mediaType}; charset=utf-8` },
  });
}

function tooLarge(size: number): Refusal {
  return refuse(
    413,
    "54000",
    `The answer has ${size} bytes, and may have ${LONGEST_BODY}.`,
    null,
    "Ask for fewer rows or columns.",
  );
}
