import postgres, { type Sql } from "postgres";

/** A refusal by the hub, or an error of Postgres itself. */
export class CallError extends Error {
  override name = "CallError";

  constructor(message: string, readonly code: string, readonly sqlState: string) {
    super(message);
  }
}

/** One connection to the database, in the role that the API would give it. */
export class Session implements AsyncDisposable {
  readonly #sql: Sql;
  readonly #ready: Promise<unknown>;

  /** Without a user: anon, as an executor comes. */
  constructor(databaseUrl: string, userId?: string) {
    this.#sql = postgres(databaseUrl, {
      max: 1,
      onnotice() {},
      idle_timeout: 0,
      max_lifetime: null,
    });
    const claims = JSON.stringify({ sub: userId, role: "authenticated" });
    this.#ready = userId
      ? this.#sql`select set_config('request.jwt.claims', ${claims}, false),
          set_config('role', 'authenticated', false)`
      : this.#sql`select set_config('role', 'anon', false)`;
  }

  /** Calls an RPC by its named arguments. */
  // deno-lint-ignore no-explicit-any -- whatever the RPC answers
  async call<Answer = any>(name: string, args: Record<string, unknown>): Promise<Answer> {
    await this.#ready;
    const named = Object.keys(args).map((key, index) => `${key} => $${index + 1}`);
    try {
      const [row] = await this.#sql.unsafe(
        `select public.${name}(${named}) as answer`,
        Object.values(args) as postgres.ParameterOrJSON<never>[],
        { prepare: true },
      );
      return row!.answer;
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error;
      throw new CallError(`${name}: ${error.message}`, error.detail ?? "", error.code);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sql.end();
  }
}
