// Who gets in, decided by the address and the headers alone: before a body is read.
import { verifyToken } from "./api/tokens.ts";
import type { Secrets } from "./secrets.ts";

/** Characters of an address: room for hundreds of ids in a filter. Hosted projects take about as much. */
const LONGEST_ADDRESS = 32_768;

/** Addresses of Auth that a browser opens by itself, without a key. */
const KEYLESS = /^\/auth\/v1\/(callback|authorize|verify|\.well-known\/)/;

/** The refusal of a request to REST or Auth; undefined when it may pass. */
export function refusedCaller(request: Request, secrets: Secrets): Response | undefined {
  const url = new URL(request.url);
  if (KEYLESS.test(url.pathname)) return undefined;
  const key = keyOf(request, url);
  if (!key) return refused("No API key found in request", "Send the key in the header `apikey`.");
  if (key !== secrets.publishableKey && key !== secrets.secretKey) {
    return refused("Invalid API key", "Double check the key in the header `apikey`.");
  }
  if (key === secrets.secretKey && isBrowser(request)) {
    return refused(
      "Forbidden use of secret API key in browser",
      "Use the publishable key, and sign in.",
    );
  }
  return undefined;
}

function isBrowser({ headers }: Request): boolean {
  return /^\s*Mozilla\//i.test(headers.get("user-agent") ?? "");
}

export function isTooLong(request: Request): boolean {
  return request.url.length > LONGEST_ADDRESS;
}

/** Whether a request shows a key of this stack or a token of its users, wherever it goes. */
export async function isKnown(request: Request, secrets: Secrets): Promise<boolean> {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  const shown = [keyOf(request, new URL(request.url)), bearer];
  if (shown.some((key) => key === secrets.publishableKey || key === secrets.secretKey)) return true;
  return bearer !== undefined && await verifyToken(bearer, secrets).then(() => true, () => false);
}

function keyOf(request: Request, url: URL): string | null {
  return request.headers.get("apikey") ?? url.searchParams.get("apikey");
}

function refused(message: string, hint: string): Response {
  return Response.json({ message, hint }, { status: 401 });
}
