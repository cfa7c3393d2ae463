// Postgres' errors as HTTP answers, in PostgREST's shape and with its statuses.

interface PostgresError {
  code: string;
  message: string;
  detail?: string;
  hint?: string;
}

/** An answer that is thrown: lite's router takes it from `getResponse`. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
    readonly headers: HeadersInit = {},
  ) {
    super(body.message);
  }

  getResponse(): Response {
    return Response.json(this.body, { status: this.status, headers: this.headers });
  }
}

export interface ErrorBody {
  code: string;
  message: string;
  details: string | null;
  hint: string | null;
}

/** The refusal for an error of the database that `role` met; undefined for any other error. */
export function refusalOf(error: unknown, role: string): Refusal | undefined {
  if (isDisconnected(error)) return unavailable();
  if (!isPostgresError(error)) return undefined;
  if (error.code === "PGRST") return raised(error);
  const status = statusOf(error, role);
  return new Refusal(status, {
    code: error.code,
    message: error.message,
    details: error.detail ?? null,
    hint: error.hint ?? (status === 503 ? "Try again in a moment." : null),
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

/** `raise sqlstate 'PGRST'` with a whole answer: its body as the message, its status as the detail. */
function raised({ message, detail }: PostgresError): Refusal {
  try {
    const { code, message: text, details = null, hint = null } = JSON.parse(message);
    const { status, headers } = JSON.parse(detail!);
    if (typeof code !== "string" || typeof text !== "string") throw new TypeError();
    new Headers(headers);
    return new Refusal(status, { code, message: text, details, hint }, headers);
  } catch {
    return new Refusal(500, {
      code: "PGRST121",
      message: `Could not parse JSON in the "RAISE SQLSTATE 'PGRST'" error`,
      details: null,
      hint: "MESSAGE must have the keys code and message, DETAIL the keys status and headers.",
    });
  }
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
 * PostgREST's table of SQLSTATEs, but for what a caller or a lock may bring about: a statement that took
 * too long, a deadlock, or a limit of Postgres, which PostgREST answers with 500.
 */
function statusOf({ code, message }: PostgresError, role: string): number {
  const raised = /^PT(\d{3})$/.exec(code);
  if (raised) return validStatus(Number(raised[1]));
  if (code === "42501") return role === "anon" ? 401 : 403;
  if (code === "42883" || code === "42P01") return 404;
  if (code === "23503" || code === "23505") return 409;
  if (code === "25006") return 405;
  if (code === "22023" && /^role .* does not exist$/.test(message)) return 401;
  if (code === "21000" && !/requires a WHERE clause$/.test(message)) return 500;
  if (code === "57014" || code === "55P03" || /^40/.test(code)) return 503;
  if (/^invalid memory alloc request size|^out of memory/.test(message)) return 413;
  if (/^54/.test(code)) return 400;
  if (code === "53400" || code === "42P17") return 500;
  if (/^53/.test(code)) return 503;
  if (/^(0L|0P|28)/.test(code)) return 403;
  if (code === "P0001") return 400;
  return /^(09|25|2D|38|39|3B|55|57|58|F0|HV|P0|XX)/.test(code) ? 500 : 400;
}

function validStatus(status: number): number {
  return status >= 200 && status <= 599 ? status : 500;
}
