// The database connection of Auth: @supabase/lite's, mended where it does what it should not.
import { PostgresConnection } from "@supabase/lite/postgres";

export class AuthConnection extends PostgresConnection {
  constructor(url: string, max: number, prepare: boolean) {
    super({ url, postgresOptions: postgresOptions(max, prepare) });
    // lite would grant ALL on all tables of every schema with RLS to anon at the first request.
    Reflect.set(this, "rlsState", "active");
  }

  /** Closes within a second; a query on a lost connection would be waited for without end. */
  override async close(): Promise<void> {
    await this.driver.end({ timeout: 1 });
  }
}

function postgresOptions(max: number, prepare: boolean) {
  return {
    max,
    prepare,
    idle_timeout: 60,
    connect_timeout: 5,
    connection: { application_name: "aura auth" },
    onnotice: () => {},
    types: {
      // lite has encoded them already; a second time would make a JSON string of them.
      json: jsonType(114),
      jsonb: jsonType(3802),
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
