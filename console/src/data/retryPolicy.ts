import { UnavailableError } from "@aura-servers/client";

/** A read is repeated only when the server could not be reached; a refusal stays one. */
export const retryPolicy = (failures: number, error: Error) =>
  error instanceof UnavailableError && failures < 3;
