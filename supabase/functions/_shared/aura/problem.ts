// A refusal as the edge functions answer it: {error: {code, message, hint}}.

export class Problem extends Error {
  /** `code` is a name of the registry of errors where the database knows one. */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
  ) {
    super(message);
  }

  toResponse(): Response {
    const { code, message, hint, status } = this;
    // Also where no withSupabase adds it: a browser's page is to see why it is refused.
    const headers = { "access-control-allow-origin": "*" };
    return Response.json({ error: { code, message, hint } }, { status, headers });
  }
}

interface RpcFailure {
  error: { code?: string; message: string; details?: string | null; hint?: string | null };
  status: number;
}

/** The refusal that an RPC or a query has met. The registry's name is in `details`. */
export function problemOf({ error, status }: RpcFailure): Problem {
  const raised = /^PT\d{3}$/.test(error.code ?? "") && error.details;
  if (raised) return new Problem(status, error.details!, error.message, error.hint);
  if (status === 0 || status >= 500) {
    return new Problem(503, "unavailable", "The database does not answer.", "Try again later.");
  }
  // What Postgres itself refuses, as a character that it cannot store.
  const code = status === 400 ? "bad_argument" : error.code || "refused";
  return new Problem(status, code, error.message, error.hint);
}
