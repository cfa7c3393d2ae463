// The door: which tokens and keys open what over HTTP, and what stays shut whatever is shown.
import assert from "node:assert/strict";
import { SignJWT } from "jose";
import { join } from "node:path";
import { connect, signUp, stackEnv } from "../stack.ts";

const url = stackEnv("SUPABASE_URL");
const publishable = stackEnv("SUPABASE_PUBLISHABLE_KEY");
const secret = stackEnv("SUPABASE_SECRET_KEY");
const nobody = "00000000-0000-0000-0000-000000000000";

const { jwtSecret } = JSON.parse(
  await Deno.readTextFile(join(stackEnv("AURA_STATE_DIR"), "secrets.json")),
);

interface Call {
  path: string;
  headers?: Record<string, string>;
  method?: string;
  body?: BodyInit;
}

async function call({ path, headers = {}, method = "GET", body }: Call) {
  const response = await fetch(url + path, {
    method,
    body,
    headers: { "content-type": "application/json", ...headers },
  });
  const text = await response.text();
  assert(!/node_modules|file:\/\/|\.ts:\d/.test(text), text);
  return { status: response.status, headers: response.headers, text };
}

/** A token of this project's key with these claims. */
async function token(
  claims: Record<string, unknown>,
  expires: string | number = "1h",
  key = jwtSecret,
) {
  return await new SignJWT(claims).setProtectedHeader({
    alg: "HS256",
    kid: "aura-local",
    typ: "JWT",
  })
    .setExpirationTime(expires).sign(new TextEncoder().encode(key));
}

function unsigned(claims: Record<string, unknown>): string {
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll("=", "").replaceAll("+", "-").replaceAll("/", "_");
  return `${part({ alg: "none", typ: "JWT" })}.${part({ ...claims, exp: 9_999_999_999 })}.`;
}

const claims = { sub: nobody, role: "authenticated", aud: "authenticated" };
const long = 9_999_999_999;
const bad: Record<string, string> = {
  "an expired token": await token(claims, Math.floor(Date.now() / 1000) - 60),
  "a token of another key": await token(claims, "1h", "x".repeat(64)),
  "an unsigned token": unsigned(claims),
  "an unsigned token of service_role": unsigned({ ...claims, role: "service_role" }),
  "no token at all": "x.y.z",
  "half a token": (await token(claims)).slice(0, -5),
};

for (const [what, jwt] of Object.entries(bad)) {
  Deno.test(`nothing opens to ${what}`, async () => {
    const headers = { apikey: publishable, authorization: `Bearer ${jwt}` };
    const calls: Call[] = [
      { path: "/rest/v1/hub_channels?select=id" },
      { path: "/rest/v1/rpc/whoami", method: "POST", body: "{}" },
      { path: "/rest/v1/rpc/recover", method: "POST", body: "{}" },
      {
        path: "/functions/v1/koji",
        method: "POST",
        body: '{"channel": "koji-pipeline/leads", "command": "help"}',
      },
      { path: "/functions/v1/recover", method: "POST", body: "{}" },
    ];
    for (const each of calls) {
      const { status, text } = await call({ ...each, headers });
      assert.equal(status, 401, `${each.path} ${text}`);
    }
  });
}

Deno.test("a token of a role that is none opens nothing", async () => {
  for (const role of ["postgres", "supabase_admin", "authenticator", "nonsense"]) {
    const jwt = await token({ ...claims, role }, long);
    const { status, text } = await call({
      path: "/rest/v1/rpc/update_settings",
      method: "POST",
      body: "{}",
      headers: { apikey: publishable, authorization: `Bearer ${jwt}` },
    });
    assert(status >= 400 && status < 500, `${role}: ${status} ${text}`);
  }
});

Deno.test("without a key there is no answer", async () => {
  const paths = ["/rest/v1/hub_channels", "/rest/v1/rpc/claim_tasks", "/auth/v1/user"];
  for (const path of paths) {
    assert.equal((await call({ path })).status, 401, path);
    assert.equal((await call({ path, headers: { apikey: "sb_publishable_x" } })).status, 401, path);
  }
});

Deno.test("schemas that are not exposed have no address", async () => {
  for (
    const schema of ["hub", "koji", "auth", "realtime", "cron", "tests", "pg_catalog", "extensions"]
  ) {
    for (const key of [publishable, secret]) {
      const read = await call({
        path: "/rest/v1/settings",
        headers: { apikey: key, "accept-profile": schema },
      });
      assert.equal(read.status, 406, `${schema} ${read.text}`);
      const write = await call({
        path: "/rest/v1/rpc/recover",
        method: "POST",
        body: "{}",
        headers: { apikey: key, "content-profile": schema },
      });
      assert.equal(write.status, 406, `${schema} ${write.text}`);
    }
  }
});

Deno.test("anon reads no table", async () => {
  await using sql = connect();
  const tables = await sql<{ name: string }[]>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')`;
  for (const { name } of tables) {
    const { status } = await call({ path: `/rest/v1/${name}`, headers: { apikey: publishable } });
    assert.equal(status, 401, name);
  }
});

Deno.test("the secret key is refused in a browser", async () => {
  const calls: Call[] = [
    { path: "/functions/v1/recover", method: "POST", headers: { origin: "https://example.com" } },
    { path: "/functions/v1/recover", method: "POST", headers: { "user-agent": "Mozilla/5.0" } },
    { path: "/functions/v1/koji", method: "POST", body: "{}", headers: { origin: "null" } },
    { path: "/rest/v1/hub_servers", headers: { "user-agent": "Mozilla/5.0" } },
  ];
  for (const each of calls) {
    const { status } = await call({ ...each, headers: { ...each.headers, apikey: secret } });
    assert.equal(status, 401, each.path);
  }
});

Deno.test("recover takes the secret key and nothing else", async () => {
  const { accessToken } = await signUp("admin");
  const authorization = `Bearer ${accessToken}`;
  const post = (headers: Record<string, string>) =>
    call({ path: "/functions/v1/recover", method: "POST", body: "{}", headers });
  assert.equal((await post({ apikey: secret })).status, 200);
  assert.equal((await post({ apikey: publishable, authorization })).status, 401);
  assert.equal((await post({ authorization })).status, 401);
  assert.equal((await post({ apikey: `${secret}x` })).status, 401);
  assert.equal((await post({})).status, 401);
});

Deno.test("an edge function bounds its body, with a length or without", async () => {
  const { accessToken } = await signUp();
  const headers = { apikey: publishable, authorization: `Bearer ${accessToken}` };
  const body = JSON.stringify({ channel: "koji-pipeline/leads", command: "x".repeat(600_000) });
  const stream = () => new Blob([body]).stream();
  for (const each of [body, stream()]) {
    const { status, text } = await call({
      path: "/functions/v1/koji",
      method: "POST",
      body: each,
      headers,
    });
    assert.equal(status, 413);
    assert.equal(JSON.parse(text).error.code, "content_too_long");
  }
});

Deno.test("an edge function answers any body with a refusal that names it", async () => {
  const { accessToken } = await signUp("operator");
  const headers = { apikey: publishable, authorization: `Bearer ${accessToken}` };
  const bodies = [
    "",
    "{",
    "null",
    "[]",
    '"x"',
    "1",
    '{"channel": 1}',
    '{"channel": "a/b/c", "command": "x"}',
    "[".repeat(100_000),
    "\0",
  ];
  for (const name of ["koji", "dispatch"]) {
    for (const body of bodies) {
      const { status, text } = await call({
        path: `/functions/v1/${name}`,
        method: "POST",
        body,
        headers,
      });
      assert.equal(status, 400, `${name} ${body.slice(0, 40)} ${text}`);
      assert.equal(JSON.parse(text).error.code, "bad_argument");
    }
    const get = await call({ path: `/functions/v1/${name}`, headers });
    assert.deepEqual([get.status, JSON.parse(get.text).error.code], [405, "method_not_allowed"]);
  }
});

Deno.test("browsers may call the functions, and see why they are refused", async () => {
  const wanted = "authorization, x-client-info, apikey, content-type";
  const preflight = await call({
    path: "/functions/v1/koji",
    method: "OPTIONS",
    headers: {
      origin: "https://example.com",
      "access-control-request-method": "POST",
      "access-control-request-headers": wanted,
    },
  });
  assert(preflight.status === 200 || preflight.status === 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), "*");
  const allowed = preflight.headers.get("access-control-allow-headers")!.toLowerCase();
  for (const header of wanted.split(", ")) assert(allowed.includes(header), header);
  const refused = await call({
    path: "/functions/v1/koji",
    method: "POST",
    headers: { apikey: publishable, origin: "https://example.com" },
  });
  assert.equal(refused.status, 401);
  assert.equal(refused.headers.get("access-control-allow-origin"), "*");
});
