// Who asks: a user by their token, or whoever holds a key.
import { errors } from "jose";
import { type Claims, verifyToken } from "../api/tokens.ts";
import type { Secrets } from "../secrets.ts";
import { refuse } from "./refusals.ts";

/** The claims of a request whose key has been checked. Throws when its token is not valid. */
export async function callerOf(request: Request, secrets: Secrets): Promise<Claims> {
  const key = request.headers.get("apikey") ?? new URL(request.url).searchParams.get("apikey");
  const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1]?.trim();
  if (!token || token === key || token.startsWith("sb_")) {
    return { role: key === secrets.secretKey ? "service_role" : "anon" };
  }
  try {
    return await verifyToken(token, secrets);
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw refuse(401, "PGRST303", "JWT expired");
    throw refuse(
      401,
      "PGRST301",
      "No suitable key or wrong key type",
      "None of the keys was able to decode the JWT",
    );
  }
}
