// Accounts of the local stack: nobody gets into somebody else's by trying, or learns who has one.
import assert from "node:assert/strict";
import { decoy } from "../../stack/api/accounts.ts";
import { Attempts } from "../../stack/api/attempts.ts";
import { connect, publishableClient, signUp, stackEnv } from "../stack.ts";

const leaves = { sanitizeOps: false, sanitizeResources: false };

// deno-lint-ignore no-explicit-any -- the answers are of many shapes.
type Answer = { status: number; headers: Headers; body: any };

async function auth(path: string, body: unknown, method = "POST", token?: string): Promise<Answer> {
  const response = await fetch(`${stackEnv("SUPABASE_URL")}/auth/v1/${path}`, {
    method,
    headers: {
      apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY"),
      "content-type": "application/json",
      ...token ? { authorization: `Bearer ${token}` } : {},
    },
    body: method === "GET" ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text && JSON.parse(text) };
}

const signIn = (email: string, password: string) =>
  auth("token?grant_type=password", { email, password });

Deno.test("Auth sends no codes, and takes none", leaves, async () => {
  const { email, accessToken } = await signUp();
  const codes = { email, token: "123456", type: "recovery" };
  const calls: [path: string, body: unknown, method?: string][] = [
    ["recover", { email }],
    ["otp", { email }],
    ["magiclink", { email }],
    ["resend", { email, type: "email_change" }],
    ["verify", codes],
    ["verify?type=recovery&token=123456", undefined, "GET"],
    ["reauthenticate", undefined, "GET"],
    ["user", { email: "another@example.com" }, "PUT"],
  ];
  for (const [path, body, method] of calls) {
    const answer = await auth(path, body, method, accessToken);
    assert.deepEqual([answer.status, answer.body.error_code], [422, "otp_disabled"], path);
  }
  await using sql = connect();
  const [user] = await sql`
    select recovery_token, email_change, email_change_token_new, reauthentication_token
    from auth.users where email = ${email}`;
  assert.deepEqual(new Set(Object.values(user!).map((value) => value || null)), new Set([null]));
});

Deno.test("Auth refuses attempts to sign in that are too many, at once too", leaves, async () => {
  const { email, password } = await signUp();
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, n) => signIn(email.toUpperCase(), `a wrong password ${n}`)),
  );
  assert(answers.every(({ status }) => status >= 400));
  const late = answers.filter(({ status }) => status === 429);
  assert.equal(late.length, 10);
  for (const { headers, body } of late) {
    assert.equal(body.error_code, "over_request_rate_limit");
    assert(Number(headers.get("retry-after")) > 0);
  }
  assert.equal((await signIn(email, password)).status, 429);
});

Deno.test("Attempts.begin() counts what failed within its window, and nothing after success", () => {
  let now = 0;
  const attempts = new Attempts({ most: 2, window: 10_000 }, () => now);
  assert.deepEqual([attempts.begin("a"), attempts.begin("a"), attempts.begin("a")], [
    undefined,
    undefined,
    10,
  ]);
  assert.equal(attempts.begin("b"), undefined);
  now = 4_000;
  assert.equal(attempts.begin("a"), 6);
  now = 10_000;
  assert.equal(attempts.begin("a"), undefined);
  attempts.succeed("a");
  assert.deepEqual([attempts.begin("a"), attempts.begin("a")], [undefined, undefined]);
});

Deno.test("Auth refuses an unknown address as it does a wrong password", leaves, async () => {
  const { email } = await signUp();
  const known = await signIn(email, "a wrong password");
  const unknown = await signIn(`${crypto.randomUUID()}@example.com`, "a wrong password");
  assert.deepEqual([unknown.status, unknown.body], [known.status, known.body]);
  assert.equal(known.body.error_code, "invalid_credentials");
});

Deno.test("decoy() gives an unknown address a hash as dear as those of users", leaves, async () => {
  const { email } = await signUp();
  await using sql = connect();
  const [user] = await sql`select encrypted_password from auth.users where email = ${email}`;
  const users = { findUserByEmail: () => Promise.resolve(null) };
  decoy(users);
  const unknown = await users.findUserByEmail() as unknown as { encrypted_password: string };
  const cost = (hash: string) => [hash.length, hash.slice(0, "$2b$10$".length)];
  assert.deepEqual(cost(unknown.encrypted_password), cost(user!.encrypted_password));
});

Deno.test("a new password ends the other sessions, and no other one", leaves, async () => {
  const { client, email, password } = await signUp();
  const other = publishableClient();
  await other.auth.signInWithPassword({ email, password });
  const stranger = await signUp();
  const { error } = await client.auth.updateUser({ password: `${password} new` });
  assert.equal(error, null);
  const refreshed = await Promise.all(
    [client, stranger.client, other].map((each) => each.auth.refreshSession()),
  );
  assert.deepEqual(
    refreshed.map(({ error }) => error?.code),
    [undefined, undefined, "refresh_token_not_found"],
  );
});

Deno.test("the database's owner sets a password that was forgotten", leaves, async () => {
  const { email } = await signUp();
  const password = crypto.randomUUID();
  await using sql = connect();
  await sql`
    update auth.users set encrypted_password = extensions.crypt(${password}, extensions.gen_salt('bf', 10))
    where email = ${email}`;
  assert.equal((await signIn(email, password)).status, 200);
});
