// Which tokens and keys open what over HTTP, and what stays shut whatever is shown.
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
  assert.equal((await post({ apikey: publishable, authorization })).status, 403);
  assert.equal((await post({ authorization })).status, 403);
  assert.equal((await post({ apikey: publishable })).status, 401);
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

Deno.test("only methods and addresses of the API are answered", async () => {
  const headers = { apikey: publishable };
  for (const method of ["PROPFIND", "PURGE"]) {
    const { status } = await call({ path: "/rest/v1/hub_servers", method, headers });
    assert.equal(status, 405, method);
  }
  for (const path of ["/auth/v1/admin/users", "/auth/v1/admin/settings"]) {
    const authorization = `Bearer ${(await signUp("admin")).accessToken}`;
    const { status } = await call({ path, headers: { ...headers, authorization } });
    assert.equal(status, 404, path);
  }
  for (const path of ["/rest/v1x", "/auth/v1x/admin", "/healthy"]) {
    const { text } = await call({ path, headers });
    assert(!text.includes("Supalite"), path);
  }
});

Deno.test("a body has limits of size and depth", async () => {
  const { accessToken } = await signUp("operator");
  const headers = { apikey: publishable, authorization: `Bearer ${accessToken}` };
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const bodies: [path: string, body: string, status: number][] = [
    ["/rest/v1/rpc/dispatch_task", `{"content": "${"x".repeat(21_000_000)}"}`, 413],
    [
      "/rest/v1/rpc/dispatch_task",
      `{"channel_id": "${nobody}", "content": ${nested(100_000)}}`,
      400,
    ],
    // A list is a text, too, where a text is wanted.
    ["/rest/v1/rpc/dispatch_task", `{"channel_id": "${nobody}", "content": ${nested(999)}}`, 404],
    [
      "/rest/v1/rpc/register_device",
      `{"name": "x", "platform": "linux", "models": ${nested(5_000)}}`,
      400,
    ],
    ["/rest/v1/rpc/dispatch_task", JSON.stringify(Array(70_000).fill(1)), 404],
    ["/auth/v1/signup", `{"email": "x@example.com", "data": ${nested(5_000)}}`, 400],
    ["/functions/v1/koji", nested(5_000), 400],
    ["/realtime/v1/api/broadcast", `{"messages": ${nested(5_000)}}`, 400],
    // Brackets in a text are no levels.
    [
      "/functions/v1/koji",
      `{"channel": "koji-pipeline/leads", "command": "${"[".repeat(1_500)}\\""}`,
      404,
    ],
  ];
  for (const [path, body, expected] of bodies) {
    const { status, text } = await call({ path, method: "POST", body, headers });
    assert.equal(status, expected, `${path} ${body.slice(0, 60)} ${text.slice(0, 300)}`);
  }
});

/** What the gateway answers to a request that fetch would not send. */
async function raw(lines: string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode([...lines, "", ""].join("\r\n")));
  const answer = new Uint8Array(10_000);
  const length = await connection.read(answer);
  return new TextDecoder().decode(answer.subarray(0, length ?? 0));
}

Deno.test("the console serves its own files and nothing else", async () => {
  const paths = [
    "/../secrets.json",
    "/..%2fsecrets.json",
    "/%2e%2e/secrets.json",
    "/assets/..%5c..%5csecrets.json",
    "/assets/%00.js",
    "/assets/%ff.js",
    `/${"a".repeat(300)}.js`,
    "/index.html/x.js",
    "/.env.json",
    "//example.com/x.js",
  ];
  for (const path of paths) {
    const answer = await raw([`GET ${path} HTTP/1.1`, "Host: 127.0.0.1", "Connection: close"]);
    assert.match(answer, /^HTTP\/1.1 404 /, `${path} ${answer}`);
  }
});

Deno.test("no page of another site gets the console's key, or shows the console", async () => {
  const own = await call({ path: "/console.json", headers: { origin: "https://example.com" } });
  assert.equal(own.status, 200);
  assert.equal(own.headers.get("access-control-allow-origin"), null);
  assert.equal(own.headers.get("content-security-policy"), "frame-ancestors 'none'");
  for (const host of ["example.com", "localhost.example.com", "127.0.0.1.example.com", "x"]) {
    const rebound = await raw(["GET /console.json HTTP/1.1", `Host: ${host}`, "Connection: close"]);
    assert.match(rebound, /^HTTP\/1.1 421 /, host);
    assert(!rebound.includes(publishable));
  }
  for (const host of ["127.0.0.1", "localhost", "[::1]", "console.localhost", "192.168.1.2"]) {
    const named = await raw(["GET /console.json HTTP/1.1", `Host: ${host}`, "Connection: close"]);
    assert.match(named, /^HTTP\/1.1 200 /, host);
  }
});
