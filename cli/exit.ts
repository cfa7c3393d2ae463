/** What the program ends with, for scripts. */
import { AuraError, UnavailableError } from "../client/index.ts";

export const EXIT = {
  done: 0,
  refused: 1,
  usage: 2,
  notAllowed: 3,
  notFound: 4,
  taskFailed: 5,
  unavailable: 6,
  interrupted: 130,
} as const;

export const EXIT_HELP = `
Exit codes:
  0  done
  1  refused by the server, or an unexpected error
  2  wrong usage
  3  not signed in, or not allowed to
  4  no such server, channel, task, device or command
  5  the followed task failed or was cancelled
  6  the server cannot be reached
  130  interrupted`;

/** What was typed cannot be meant: nothing was sent. */
export class UsageError extends AuraError {
  constructor(message: string, hint: string) {
    super("bad_argument", 400, message, hint);
  }
}

export function exitCode(error: unknown): number {
  if (error instanceof UnavailableError) return EXIT.unavailable;
  if (error instanceof UsageError) return EXIT.usage;
  if (!(error instanceof AuraError)) return EXIT.refused;
  if (error.status === 401 || error.status === 403) return EXIT.notAllowed;
  return error.status === 404 ? EXIT.notFound : EXIT.refused;
}
