/**
 * What a call can fail with. Every refusal of the backend has a stable name (docs/errors.md), a full
 * sentence and, where the caller can do something, a hint; `toAuraError` is the one place that turns
 * what PostgREST, Auth and `fetch` answer into these.
 */

/** A refusal: `name` as listed in docs/errors.md, `status` as the HTTP status. */
export class AuraError extends Error {
  readonly status: number;
  readonly hint: string | null;

  constructor(name: string, status: number, message: string, hint: string | null = null) {
    super(message);
    this.name = name;
    this.status = status;
    this.hint = hint;
  }
}

/** Nobody is signed in, or the session has ended: sign in and try again. */
export class NotSignedInError extends AuraError {}

/** The server could not be reached or could not answer now: the same call may succeed later. */
export class UnavailableError extends AuraError {}

/** Whether a status says that the same call may succeed later; 0 is no answer. The one rule for that. */
export function isPassing(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/** What supabase-js hands back in `error`: PostgREST's shape, or an AuthError's. */
interface Refusal {
  message: string;
  code?: string | null;
  details?: string | null;
  hint?: string | null;
}

const REGISTERED_NAME = /^[a-z]+(_[a-z]+)*$/;

/** Maps a refusal and the HTTP status that came with it (0: no answer) to an error to throw. */
export function toAuraError(refusal: Refusal, status: number): AuraError {
  const { message, code, details } = refusal;
  const hint = refusal.hint || null;
  if (code?.startsWith("PT") && details && REGISTERED_NAME.test(details)) {
    const Kind = details === "not_signed_in"
      ? NotSignedInError
      : status >= 500
      ? UnavailableError
      : AuraError;
    return new Kind(details, status, message, hint);
  }
  if (isPassing(status)) {
    const sentence = `The server could not be reached: ${message}`;
    return new UnavailableError("unavailable", status, sentence, hint);
  }
  if (status === 401) {
    const sentence = `This needs a signed-in user: ${message}`;
    return new NotSignedInError("not_signed_in", status, sentence, hint);
  }
  if (status === 403) {
    return new AuraError(
      "role_required",
      status,
      `Your role does not allow this: ${message}`,
      hint,
    );
  }
  return new AuraError(code || "unexpected_answer", status, message, hint);
}
