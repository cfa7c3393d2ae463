// Postgres' errors as HTTP answers, in PostgREST's shape and with its statuses.

interface PostgresError {
  code: string;
  message: string;
  detail?: string;
  hint?: string;
}

/** An answer that is thrown: lite's router takes it from `getResponse`. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly body: ErrorBody) {
    super(body.message);
  }

  getResponse(): Response {
    return Response.json(this.body, { status: this.status });
  }
}

export interface ErrorBody {
  code: string;
  message: string;
  details: string | null;
  hint: string | null;
}

/** The refusal for an error of the database that `role` met; undefined where lite knows better. */
export function refusalOf(error: unknown, role: string): Refusal | undefined {
  if (isDisconnected(error)) return unavailable();
  if ((error as { code?: unknown })?.code === "MAX_PARAMETERS_EXCEEDED") return tooManyValues();
  if (!isPostgresError(error)) return undefined;
  const status = isTooNested(error) ? 400 : statusOf(error.code, role);
  if (status === undefined) return undefined;
  return new Refusal(status, {
    code: error.code,
    message: error.message,
    details: error.detail ?? null,
    hint: error.hint ?? null,
  });
}

/** PostgREST's answer while the database is away. */
export function unavailable(): Refusal {
  return new Refusal(503, {
    code: "PGRST000",
    message: "The database does not answer.",
    details: null,
    hint: "Try again in a moment.",
  });
}

/** lite passes each value of a body as a parameter of its own, and a statement has 65,534 at most. */
function tooManyValues(): Refusal {
  return new Refusal(413, {
    code: "54000",
    message: "The body has more than 65,534 values.",
    details: null,
    hint: "Send it in parts.",
  });
}

/** JSON for a parameter of an array type; PostgREST answers 500, although it is the client who can mend it. */
function isTooNested(error: PostgresError): boolean {
  return error.code === "54000" && error.message.startsWith("number of array dimensions");
}

export function isDisconnected(error: unknown): boolean {
  const code = (error as { code?: unknown })?.code;
  return typeof code === "string" &&
    (/^(CONNECTION_|CONNECT_TIMEOUT|ECONN|EPIPE)/.test(code) || /^(08|57P0)/.test(code));
}

export function isPostgresError(error: unknown): error is PostgresError & Error {
  return error instanceof Error && error.name === "PostgresError" &&
    typeof (error as { code?: unknown }).code === "string";
}

/**
 * PostgREST's table of SQLSTATEs. Undefined for those whose answer lite words as PostgREST does:
 * an unknown column, an unknown function, and `raise sqlstate 'PGRST'`.
 */
function statusOf(code: string, role: string): number | undefined {
  const raised = /^PT(\d{3})$/.exec(code);
  if (raised) return Number(raised[1]);
  // lite passes each item of a body that is an array as an argument of the function.
  if (code === "54023") return 400;
  if (["42703", "42883", "PGRST"].includes(code)) return undefined;
  if (code === "42501") return role === "anon" ? 401 : 403;
  if (code === "42P01") return 404;
  if (code === "23503" || code === "23505") return 409;
  if (code === "25006") return 405;
  if (code === "P0001") return 400;
  if (code === "53400" || code === "42P17") return 500;
  if (/^53/.test(code)) return 503;
  if (/^(0L|0P|28)/.test(code)) return 403;
  return /^(09|25|2D|38|39|3B|40|54|55|57|58|F0|HV|P0|XX)/.test(code) ? 500 : 400;
}
