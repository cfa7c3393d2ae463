// Access tokens as hosted Auth makes them: lite's lack kid, iss, aal and app_metadata.
import { jwtVerify, SignJWT } from "jose";
import type { Secrets } from "../secrets.ts";

/** Names the one signing key. */
export const KEY_ID = "aura-local";

export interface Claims {
  role: string;
  sub?: string;
  exp?: number;
  [claim: string]: unknown;
}

/** The key as a JSON Web Key Set, for those who verify tokens themselves. */
export function keySet(secrets: Secrets): string {
  const k = new TextEncoder().encode(secrets.jwtSecret)
    .toBase64({ alphabet: "base64url", omitPadding: true });
  return JSON.stringify({ keys: [{ kty: "oct", alg: "HS256", kid: KEY_ID, use: "sig", k }] });
}

/** The claims of a valid access token; throws when it is not valid. */
export async function verifyToken(token: string, secrets: Secrets): Promise<Claims> {
  const { payload } = await jwtVerify(token, new TextEncoder().encode(secrets.jwtSecret), {
    algorithms: ["HS256"],
  });
  return { ...payload, role: String(payload.role ?? "anon") };
}

/** The claims that a token or one of the project's keys stands for; throws when it is not valid. */
export async function claimsOf(token: string, secrets: Secrets): Promise<Claims> {
  if (token === secrets.publishableKey) return { role: "anon" };
  if (token === secrets.secretKey) return { role: "service_role" };
  try {
    return await verifyToken(token, secrets);
  } catch (error) {
    throw new Error(`InvalidJWTToken: ${(error as Error).message}`);
  }
}

/** Whether a browser asks, which must not hold the secret key. As REST finds out. */
export function isBrowser({ headers }: Request): boolean {
  return /^\s*Mozilla\//i.test(headers.get("user-agent") ?? "");
}

/** Replaces the access token in an answer of Auth by a complete one; other answers pass. */
export async function completeTokens(
  response: Response,
  url: string,
  secrets: Secrets,
): Promise<Response> {
  if (!response.ok || !response.headers.get("content-type")?.includes("json")) return response;
  const body = await response.json();
  if (typeof body?.access_token === "string") {
    body.access_token = await complete(body.access_token, body.user, url, secrets);
  }
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  return Response.json(body, { status: response.status, headers });
}

async function complete(
  token: string,
  user: { app_metadata?: unknown; user_metadata?: unknown } | undefined,
  url: string,
  secrets: Secrets,
): Promise<string> {
  // Checked again: nothing but what Auth has signed is signed here.
  const claims = await verifyToken(token, secrets);
  return await new SignJWT({
    ...claims,
    iss: `${url}/auth/v1`,
    aal: "aal1",
    amr: claims.amr ?? [{ method: "password", timestamp: claims.iat }],
    app_metadata: user?.app_metadata ?? {},
    user_metadata: user?.user_metadata ?? {},
    is_anonymous: false,
  })
    .setProtectedHeader({ alg: "HS256", kid: KEY_ID, typ: "JWT" })
    .sign(new TextEncoder().encode(secrets.jwtSecret));
}
