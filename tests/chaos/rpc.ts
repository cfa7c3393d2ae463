// Calls an RPC until the stack has answered, whatever is killed meanwhile.
import { isPassing } from "../../client/errors.ts";

export interface Rpc {
  url: string;
  key: string;
  /** A user's access token; without it the call is made with the key alone, as executors do. */
  accessToken?: string;
}

/** A refusal of the registry. */
export class Refusal extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

/**
 * Resolves to the RPC's result; rejects with a Refusal. Anything else — no connection, a gateway
 * without its database, a lock that is held for long, a transaction that was rolled back — is tried again until `signal` aborts.
 */
export async function call(
  { url, key, accessToken }: Rpc,
  name: string,
  args: unknown,
  signal?: AbortSignal,
  // deno-lint-ignore no-explicit-any -- as the contract has it for each RPC.
): Promise<any> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      const answer = await fetch(`${url}/rest/v1/rpc/${name}`, {
        method: "POST",
        headers: {
          apikey: key,
          "content-type": "application/json",
          ...accessToken ? { authorization: `Bearer ${accessToken}` } : {},
        },
        body: JSON.stringify(args),
        signal: AbortSignal.timeout(10_000),
      });
      const body = await answer.json();
      if (answer.ok) return body;
      if (String(body.code).startsWith("PT") && !isPassing(answer.status)) {
        throw new Refusal(answer.status, body.details, body.message);
      }
    } catch (error) {
      if (error instanceof Refusal) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits for a call that may be refused with this code: what it wants is so already, or was by a first try. */
export async function unless(code: string, calling: Promise<unknown>): Promise<void> {
  await calling.catch((error) => {
    if (!(error instanceof Refusal && error.code === code)) throw error;
  });
}
