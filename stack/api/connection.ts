// The database connection of REST and Auth: @supabase/lite's, mended where it differs from PostgREST.
// Each mend has a test in tests/stack that fails when an upgrade changes what it mends.
import { createPostgresConnection, PostgresConnection } from "@supabase/lite/postgres";
import {
  type ConnectionContextOptions,
  type IntrospectResult,
  RelationNotFoundError,
  type VarsContext,
} from "@supabase/lite";
import { type Kysely, sql } from "kysely";
import { exposed } from "./exposed.ts";
import { isPostgresError, Refusal, refusalOf, unavailable } from "./errors.ts";
import { RolledBack, settled } from "./settled.ts";

/** In ms, as on hosted projects, where the other roles have the authenticator's. */
const statementTimeout = (role: string) => role === "anon" ? "3000" : "8000";

export interface ConnectionOptions {
  url: string;
  /** Connections at most. */
  max: number;
  /** Reads the catalog, which the API's own role does not see. */
  catalogUrl?: string;
}

export class ApiConnection extends PostgresConnection {
  #catalog: PostgresConnection | undefined;

  constructor({ url, max, catalogUrl }: ConnectionOptions) {
    super({ url, postgresOptions: postgresOptions(max) });
    // lite would grant ALL on all tables of every schema with RLS to anon at the first request.
    Reflect.set(this, "rlsState", "active");
    this.#catalog = catalogUrl
      ? createPostgresConnection({ url: catalogUrl, postgresOptions: postgresOptions(1) })
      : undefined;
  }

  /** Runs one request in one transaction, with its role, claims and HTTP context set in one statement. */
  override async withContext<T>(
    vars: VarsContext | undefined,
    // deno-lint-ignore no-explicit-any -- the type lite declares.
    fn: (db: Kysely<any>) => Promise<T>,
    options?: ConnectionContextOptions,
  ): Promise<T> {
    const auth = vars?.auth as { role?: string; jwt?: Record<string, unknown> } | undefined;
    if (!auth || options?.transaction || options?.forceRollback) {
      return await super.withContext(vars, fn, options);
    }
    const role = auth.role || "anon";
    const { rpc } = options ?? {};
    try {
      return await this.kysely.transaction().execute(async (db) => {
        await sql`select
          set_config('role', ${role}, true),
          set_config('request.jwt.claims', ${JSON.stringify(auth.jwt ?? { role })}, true),
          set_config('statement_timeout', ${statementTimeout(role)}, true),
          set_config('request.method', ${rpc?.method ?? ""}, true),
          set_config('request.path', ${rpc?.path ?? ""}, true),
          set_config('request.headers', ${JSON.stringify(rpc?.requestHeaders ?? {})}, true),
          set_config('response.status', '', true),
          set_config('response.headers', '', true),
          set_config('transaction_read_only', ${rpc?.readOnly ? "on" : "off"}, true)`.execute(db);
        return await settled(await fn(db));
      });
    } catch (error) {
      if (error instanceof RolledBack) return error.answer as T;
      throw refusalOf(error, role) ?? error;
    }
  }

  override async introspect(options?: { useCache?: boolean }): Promise<IntrospectResult> {
    const catalog = await (this.#catalog?.introspect(options) ?? super.introspect(options));
    // When it fails, lite goes on with an empty catalog, and would say that no table exists.
    if (!catalog.functions) throw unavailable();
    return this.#catalog ? exposed(catalog) : catalog;
  }

  override async clearSchemaCache(): Promise<void> {
    await this.#catalog?.clearSchemaCache();
    await super.clearSchemaCache();
  }

  /** A refusal is thrown on, since lite would log and reword what is returned. */
  override normalizeDbError(error: unknown): unknown {
    if (error instanceof Refusal) throw error;
    // lite logs each error. One that answers a client's mistake is worth a line, not a stack.
    if (error instanceof RelationNotFoundError || isPostgresError(error)) {
      Object.defineProperty(error, Symbol.for("Deno.customInspect"), {
        value: () => error.message,
      });
    }
    return error;
  }

  /** Closes within a second; a query on a lost connection would be waited for without end. */
  override async close(): Promise<void> {
    await Promise.all([this, this.#catalog].map((part) => part?.driver.end({ timeout: 1 })));
  }
}

function postgresOptions(max: number) {
  return {
    max,
    idle_timeout: 60,
    connect_timeout: 5,
    connection: { search_path: "public, extensions", application_name: "aura api" },
    onnotice: () => {},
    types: {
      // lite has encoded arguments already; a second time would make a JSON string of them.
      json: jsonType(114),
      jsonb: jsonType(3802),
      numeric: { to: 1700, from: [1700], serialize: String, parse: Number },
      timestamp: { to: 1114, from: [1114], serialize: String, parse: isoDate },
      timestamptz: { to: 1184, from: [1184], serialize: String, parse: isoDate },
    },
  };
}

function jsonType(oid: number) {
  return {
    to: oid,
    from: [oid],
    serialize: (value: unknown) => typeof value === "string" ? value : JSON.stringify(value),
    parse: JSON.parse,
  };
}

/** `2026-01-02 03:04:05.6+00` as Postgres writes it in JSON: `2026-01-02T03:04:05.6+00:00`. */
function isoDate(text: string): string {
  return text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
}
