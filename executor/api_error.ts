import { isPassing } from "../client/errors.ts";

/** A call that the hub refused or that did not reach it. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    message: string,
    /** The stable name of the refusal, e.g. `stale_claim`; empty when there was no answer. */
    readonly code: string,
    /** The HTTP status; 0 when there was no answer. */
    readonly status: number,
  ) {
    super(message);
  }

  /** The same call may succeed later. */
  get passing(): boolean {
    return isPassing(this.status);
  }

  /** The claim is no longer this executor's, or its task has ended. */
  get gone(): boolean {
    return ["stale_claim", "task_finished", "task_not_found"].includes(this.code);
  }
}

export function unanswered(why: string): ApiError {
  return new ApiError(`the hub does not answer (${why})`, "", 0);
}

/**
 * Repeats a call until the hub has answered: the one rule for everything that must arrive. Returns
 * false when `signal` ended the waiting, and true where the claim has gone, for then nobody waits.
 */
export async function deliver(
  call: () => Promise<unknown>,
  { signal, onDelay }: { signal: AbortSignal; onDelay(error: ApiError): void },
): Promise<boolean> {
  for (let wait = 500;; wait = Math.min(wait * 2, 20_000)) {
    try {
      await call();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.gone) return true;
      if (!error.passing) throw error;
      if (signal.aborted) return false;
      onDelay(error);
    }
    await pause(wait * (0.75 + Math.random() / 2), signal);
  }
}

/** Waits for `ms`, or until `signal`. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
