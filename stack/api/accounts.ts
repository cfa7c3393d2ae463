// What keeps accounts safe where @supabase/lite does not: attempts to sign in are limited and tell
// nothing about who has an account, a new password ends other sessions, and there are no codes by
// mail, since nothing here sends mail and six digits are soon guessed.
import type { Middleware } from "./apps.ts";
import { Attempts } from "./attempts.ts";

/** For each address; hosted Auth allows about as many for each IP address. */
const LIMIT = { most: 30, window: 5 * 60_000 };

const BY_MAIL = /^\/auth\/v1\/(recover|otp|magiclink|resend|verify|reauthenticate)\/?$/;

/** The hash of a password that nobody knows, at the cost of every hash here: see `decoy`. */
const UNKNOWN_PASSWORD = "$2b$10$7XYzwJ5HT.9xYqdw4Ute7OEFR6UHsKYx84ZDbQYF/MMGq9K8zXCDS";

type Context = Parameters<Middleware>[0];

export function guardAccounts(): Middleware {
  const attempts = new Attempts(LIMIT);
  return async (context, next) => {
    const { method, path } = context.req;
    if (BY_MAIL.test(path)) return refuseMail();
    if (path === "/auth/v1/user" && method === "PUT") return await changeUser(context, next);
    if (path === "/auth/v1/token" && context.req.query("grant_type") === "password") {
      return await signIn(context, next, attempts);
    }
    await next();
  };
}

async function signIn(context: Context, next: () => Promise<void>, attempts: Attempts) {
  const { email } = await bodyOf(context);
  if (typeof email !== "string") return await next();
  const name = email.toLowerCase();
  const wait = attempts.begin(name);
  if (wait !== undefined) return refuse(429, "over_request_rate_limit", tooOften, { wait });
  decoy(context.get("authService").repo);
  await next();
  if (context.res.ok) attempts.succeed(name);
}

const tooOften = "Too many attempts to sign in with this address. Try again later.";

type Users = { findUserByEmail: Context["var"]["authService"]["repo"]["findUserByEmail"] };

/** Gives an unknown address a password to compare with, so that it is refused as late as a known one. */
export function decoy(users: Users): void {
  const find = users.findUserByEmail.bind(users);
  users.findUserByEmail = async (email) => {
    const user = await find(email);
    if (user?.encrypted_password) return user;
    const confirmed = new Date(0).toISOString();
    return {
      ...user,
      encrypted_password: UNKNOWN_PASSWORD,
      email_confirmed_at: confirmed,
      confirmed_at: confirmed,
    } as NonNullable<typeof user>;
  };
}

async function changeUser(context: Context, next: () => Promise<void>) {
  const { email, password } = await bodyOf(context);
  // Both the old and the new address would have to confirm it.
  if (email) return refuseMail();
  await next();
  const { userId, sessionId, authService } = context.var;
  if (!password || !userId || !context.res.ok) return;
  await authService.signOut(sessionId, sessionId ? "others" : "global", userId);
}

/** The fields of a JSON body; those of anything else are lite's to refuse. */
async function bodyOf(context: Context): Promise<Record<string, unknown>> {
  try {
    return Object(JSON.parse(await context.req.text()));
  } catch {
    return {};
  }
}

function refuseMail(): Response {
  return refuse(422, "otp_disabled", "This stack sends no mail, and so it has no codes by mail.");
}

function refuse(code: number, error_code: string, msg: string, { wait = 0 } = {}): Response {
  const headers = wait ? { "retry-after": String(wait) } : undefined;
  return Response.json({ code, error_code, msg }, { status: code, headers });
}
