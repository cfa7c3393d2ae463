// The tokens of signed URLs: each for one object and one purpose. They are signed with a key of their
// own, so that none is an access token.
import { jwtVerify, SignJWT } from "jose";
import type { Secrets } from "../secrets.ts";
import { problems } from "./problem.ts";

type Purpose = "download" | "upload";

export interface Signed {
  url: string;
  exp: number;
  /** Of an upload: on whose behalf it was signed. */
  owner?: string;
  upsert?: boolean;
}

export async function signPath(
  purpose: Purpose,
  url: string,
  expiresIn: number,
  secrets: Secrets,
  more: { owner?: string; upsert?: boolean } = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return await new SignJWT({ ...more, url, scope: purpose })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuedAt(now)
    .setExpirationTime(now + expiresIn)
    .sign(keyOf(secrets));
}

/** What a token allows. Throws when it is not valid, or is for something else. */
export async function verifyPath(
  purpose: Purpose,
  url: string,
  token: string,
  secrets: Secrets,
): Promise<Signed> {
  const { payload } = await jwtVerify(token, keyOf(secrets), { algorithms: ["HS256"] })
    .catch((error) => {
      throw problems.invalidJwt(error.message);
    });
  if (payload.scope !== purpose) {
    throw problems.invalidSignature(`Token is not scoped for ${purpose}`);
  }
  if (payload.url !== url) throw problems.invalidSignature();
  return payload as unknown as Signed;
}

function keyOf({ jwtSecret }: Secrets): Uint8Array {
  return new TextEncoder().encode(`storage ${jwtSecret}`);
}
