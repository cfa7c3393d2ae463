// The edge functions, through the gateway, as clients call them.
import assert from "node:assert/strict";
import { FunctionsHttpError } from "@supabase/supabase-js";
import { connect, publishableClient, signUp, stackEnv, until } from "../stack.ts";
import { z } from "zod";
import { endpoint } from "../../supabase/functions/_shared/aura/endpoint.ts";

const leaves = { sanitizeOps: false, sanitizeResources: false };

interface Answer {
  status: number;
  // deno-lint-ignore no-explicit-any -- the answers are of many shapes.
  body: any;
  headers: Headers;
}

async function call(
  name: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${stackEnv("SUPABASE_URL")}/functions/v1/${name}`, {
    method: "POST",
    headers: { apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY"), ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  return {
    status: response.status,
    body: isJson ? JSON.parse(text) : text,
    headers: response.headers,
  };
}

const asUser = (accessToken: string) => ({ authorization: `Bearer ${accessToken}` });
const asServer = () => ({ apikey: stackEnv("SUPABASE_SECRET_KEY") });

function refused({ status, body }: Answer, expected: [status: number, code: string]): void {
  assert.deepEqual([status, body.error?.code], expected, JSON.stringify(body));
  assert.deepEqual(Object.keys(body), ["error"]);
  assert.deepEqual(Object.keys(body.error), ["code", "message", "hint"]);
}

Deno.test("koji answers a command, by the channel's name and by its id", leaves, async () => {
  const { accessToken, client } = await signUp("viewer");
  const byName = await call(
    "koji",
    { channel: "koji-pipeline/leads", command: "!stats" },
    asUser(accessToken),
  );
  assert.equal(byName.status, 200);
  assert.equal(byName.body.command, "stats");
  assert(Array.isArray(byName.body.chunks));
  const { data } = await client.from("hub_channels").select("id").eq("name", "leads").single();
  const byId = await call("koji", { channel: data!.id, command: "help" }, asServer());
  assert.equal(byId.body.command, "help");
});

Deno.test("koji answers with the text alone to Accept: text/plain", leaves, async () => {
  const { accessToken } = await signUp("viewer");
  const { status, body, headers } = await call(
    "koji",
    { channel: "koji-pipeline/leads", command: "help" },
    { ...asUser(accessToken), accept: "text/plain" },
  );
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "text/plain; charset=utf-8");
  assert.match(body, /^.*help/m);
});

Deno.test("koji works with functions.invoke() of supabase-js", leaves, async () => {
  const { client } = await signUp("viewer");
  const invoke = (command: string) =>
    client.functions.invoke("koji", { body: { channel: "koji-pipeline/leads", command } });
  assert.equal((await invoke("stats")).data.command, "stats");
  const { error } = await invoke("stast");
  assert(error instanceof FunctionsHttpError);
  const { error: refusal } = await error.context.json();
  assert.equal(refusal.code, "unknown_command");
  assert.match(refusal.hint, /stats/);
});

Deno.test("koji refuses with the registry's name and its status", leaves, async () => {
  const user = asUser((await signUp("viewer")).accessToken);
  const leads = "koji-pipeline/leads";
  refused(await call("koji", { channel: leads, command: "nonsense" }, user), [
    404,
    "unknown_command",
  ]);
  refused(await call("koji", { channel: leads, command: "send-samples 3" }, user), [
    403,
    "role_required",
  ]);
  refused(await call("koji", { channel: "cloud-hub/dispatch", command: "stats" }, user), [
    409,
    "wrong_architecture",
  ]);
  refused(await call("koji", { channel: "no/such", command: "stats" }, user), [
    404,
    "channel_not_found",
  ]);
  refused(await call("koji", { channel: crypto.randomUUID(), command: "stats" }, user), [
    404,
    "channel_not_found",
  ]);
});

Deno.test("the functions refuse a body that is not of their shape with 400", leaves, async () => {
  const user = asUser((await signUp("operator")).accessToken);
  for (const body of ["{", "", "[]", "7", { channel: "x" }, { channel: 1, command: 2 }]) {
    refused(await call("koji", body, user), [400, "bad_argument"]);
    refused(await call("dispatch", body, user), [400, "bad_argument"]);
  }
});

Deno.test("the functions refuse a field that they do not know, by its name", leaves, async () => {
  const user = asUser((await signUp("operator")).accessToken);
  const task = { channel: "buf-barista/quick", content: "Fix the login test" };
  for (const field of ["taskThreadId", "attachments"]) {
    const answer = await call("dispatch", { ...task, [field]: [] }, user);
    refused(answer, [400, "bad_argument"]);
    assert.match(answer.body.error.message, new RegExp(field));
  }
  const command = { channel: "koji-pipeline/leads", command: "stats", args: "brooklyn" };
  refused(await call("koji", command, user), [400, "bad_argument"]);
});

Deno.test("koji refuses what cannot be stored with bad_argument", leaves, async () => {
  const user = asUser((await signUp("viewer")).accessToken);
  const body = { channel: "koji-pipeline/leads", command: "hot \0" };
  refused(await call("koji", body, user), [400, "bad_argument"]);
});

Deno.test("the functions refuse a body that is too long with 413", leaves, async () => {
  const user = asUser((await signUp("operator")).accessToken);
  const task = (length: number) => ({ channel: "buf-barista/quick", content: "x".repeat(length) });
  refused(await call("dispatch", task(33_000), user), [413, "content_too_long"]);
  refused(await call("dispatch", task(600_000), user), [413, "content_too_long"]);
});

Deno.test("the functions refuse whoever is not signed in with 401", leaves, async () => {
  const body = { channel: "koji-pipeline/leads", command: "stats" };
  const { accessToken } = await signUp("viewer");
  const [header, payload] = accessToken.split(".");
  for (
    const authorization of [
      {},
      asUser("nonsense"),
      asUser(`${header}.${payload}.wrong`),
      asUser(""),
    ]
  ) {
    const answer = await call("koji", body, authorization);
    refused(answer, [401, "not_signed_in"]);
    // A page that lacks a token must not be told to send the secret key.
    assert.match(answer.body.error.hint, /^Sign in/);
  }
  refused(await call("koji", body, { apikey: "sb_publishable_wrong" }), [401, "not_signed_in"]);
});

Deno.test("recover answers its report to the secret key only", leaves, async () => {
  const { status, body } = await call("recover", "", asServer());
  assert.equal(status, 200);
  assert.deepEqual(
    Object.keys(body).sort(),
    ["devices_offline", "failed", "redelivered", "requeued", "timed_out"],
  );
  const { accessToken } = await signUp("admin");
  refused(await call("recover", {}, asUser(accessToken)), [403, "role_required"]);
  refused(await call("recover", {}), [401, "not_signed_in"]);
});

Deno.test("recover refuses the secret key from a browser", leaves, async () => {
  const browsers: Record<string, string>[] = [
    { "user-agent": "Mozilla/5.0 (X11)" },
    { origin: "http://example.com" },
  ];
  for (const browser of browsers) {
    refused(await call("recover", {}, { ...asServer(), ...browser }), [
      401,
      "secret_key_in_browser",
    ]);
  }
});

Deno.test("the functions answer a browser's preflight", leaves, async () => {
  const response = await fetch(`${stackEnv("SUPABASE_URL")}/functions/v1/koji`, {
    method: "OPTIONS",
    headers: {
      origin: "http://example.com",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,apikey,content-type,x-client-info",
    },
  });
  assert(response.ok);
  assert.equal(response.headers.get("access-control-allow-origin"), "*");
  const allowed = response.headers.get("access-control-allow-headers")!;
  for (const name of ["authorization", "apikey", "content-type", "x-client-info"]) {
    assert(allowed.includes(name), allowed);
  }
  await response.body?.cancel();
});

Deno.test(
  "dispatch answers 202 with message, task and thread, once per idempotency key",
  leaves,
  async () => {
    const { accessToken, client } = await signUp("operator");
    const body = { channel: "cloud-hub/dispatch", content: "Look", idempotency_key: "one" };
    const first = await call("dispatch", body, asUser(accessToken));
    assert.equal(first.status, 202);
    assert.deepEqual(Object.keys(first.body).sort(), ["message", "task", "thread"]);
    const second = await call("dispatch", body, asUser(accessToken));
    assert.equal(second.body.task.id, first.body.task.id);
    await client.rpc("cancel_task", { task_id: first.body.task.id });
  },
);

Deno.test(
  "dispatch answers a null thread on a flat channel, and follows up in a thread",
  leaves,
  async () => {
    const { accessToken, client } = await signUp("operator");
    const dispatch = (channel: string, extra: Record<string, unknown> = {}) =>
      call("dispatch", { channel, content: "Look", ...extra }, asUser(accessToken));
    const flat = await dispatch("buf-barista/quick", { model: "gemini", priority: 7 });
    assert.equal(flat.body.thread, null);
    assert.deepEqual([flat.body.task.model_preference, flat.body.task.priority], ["gemini", 7]);
    const first = await dispatch("cloud-hub/dispatch");
    const next = await dispatch(first.body.thread.channel_id, {
      task_thread_id: first.body.thread.id,
    });
    assert.equal(next.body.thread.id, first.body.thread.id);
    for (const { body } of [flat, next, first]) {
      await client.rpc("cancel_task", { task_id: body.task.id });
    }
  },
);

Deno.test("dispatch refuses with the registry's name and its status", leaves, async () => {
  const viewer = asUser((await signUp("viewer")).accessToken);
  const operator = asUser((await signUp("operator")).accessToken);
  const task = (channel: string, content = "Look") => ({ channel, content });
  const cases: [body: unknown, caller: Record<string, string>, Parameters<typeof refused>[1]][] = [
    [task("buf-barista/quick"), viewer, [403, "role_required"]],
    [task("buf-barista/quick", " "), operator, [400, "content_empty"]],
    [task("buf-barista/none"), operator, [404, "channel_not_found"]],
    [task("koji-pipeline/leads"), operator, [409, "wrong_architecture"]],
    [task("cloud-hub/heartbeat"), operator, [409, "channel_read_only"]],
    [{ ...task("buf-barista/quick"), task_thread_id: crypto.randomUUID() }, operator, [
      404,
      "thread_not_found",
    ]],
    [{ ...task("buf-barista/quick"), model: "gpt" }, operator, [400, "bad_argument"]],
    [{ ...task("buf-barista/quick"), run_at: "soon" }, operator, [400, "bad_argument"]],
  ];
  for (const [body, caller, expected] of cases) {
    refused(await call("dispatch", body, caller), expected);
    const stream = { ...caller, accept: "text/event-stream" };
    refused(await call("dispatch", body, stream), expected);
  }
});

Deno.test("dispatch takes null for what is not said", leaves, async () => {
  const { accessToken, client } = await signUp("operator");
  const unsaid = { task_thread_id: null, model: null, priority: null, run_at: null };
  const { status, body } = await call(
    "dispatch",
    { channel: "buf-barista/quick", content: "Look", idempotency_key: null, ...unsaid },
    asUser(accessToken),
  );
  assert.equal(status, 202, JSON.stringify(body));
  await client.rpc("cancel_task", { task_id: body.task.id });
});

/** The events of a dispatch, as they come. */
async function* events(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
  let text = "";
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end))!;
      text = text.slice(end + 2);
      yield { event: event!, data: JSON.parse(data!) };
    }
  }
}

/** Follows a task that no executor claims for a day. */
async function follow(accessToken: string, content: string, signal?: AbortSignal) {
  const run_at = new Date(Date.now() + 24 * 3600 * 1000).toISOString();
  const response = await fetch(`${stackEnv("SUPABASE_URL")}/functions/v1/dispatch`, {
    method: "POST",
    headers: {
      apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY"),
      accept: "text/event-stream",
      ...asUser(accessToken),
    },
    body: JSON.stringify({ channel: "buf-barista/quick", content, run_at }),
    signal,
  });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  return events(response.body!);
}

Deno.test("dispatch tells a task's life as events until it ends", leaves, async () => {
  await using sql = connect();
  const { accessToken } = await signUp("operator");
  const told = await follow(accessToken, "Follow me");
  const queued = (await told.next()).value!;
  assert.equal(queued.event, "queued");
  // As an executor does that writes the row itself: nobody else may take this one.
  const { id } = queued.data.task;
  await sql`update mac_tasks set status = 'running', claimed_by = 'test' where id = ${id}`;
  await sql`update mac_tasks set partial_output = 'half' where id = ${id}`;
  const progress = (await told.next()).value!;
  assert.deepEqual([progress.event, progress.data.partial_output], ["progress", "half"]);
  await sql`update mac_tasks set status = 'complete', result = 'whole' where id = ${id}`;
  const complete = (await told.next()).value!;
  assert.deepEqual([complete.event, complete.data.task.result], ["complete", "whole"]);
  assert((await told.next()).done);
});

Deno.test("dispatch tells that a task was cancelled as failed", leaves, async () => {
  const { accessToken, client } = await signUp("operator");
  const told = await follow(accessToken, "Cancel me");
  const queued = (await told.next()).value!;
  await client.rpc("cancel_task", { task_id: queued.data.task.id });
  const failed = (await told.next()).value!;
  assert.equal(failed.event, "failed");
  assert(failed.data.task.cancelled_at);
});

Deno.test("dispatch ends with task_not_found when the task is deleted", leaves, async () => {
  await using sql = connect();
  const { accessToken } = await signUp("operator");
  const told = await follow(accessToken, "Delete me");
  const queued = (await told.next()).value!;
  await sql`delete from mac_tasks where id = ${queued.data.task.id}`;
  const last = (await told.next()).value!;
  assert.deepEqual([last.event, last.data.error.code], ["error", "task_not_found"]);
  assert((await told.next()).done);
});

Deno.test("dispatch stops looking when its client has gone", leaves, async () => {
  await using sql = connect();
  const { accessToken, client } = await signUp("operator");
  const gone = new AbortController();
  const told = await follow(accessToken, "Leave me", gone.signal);
  const { id } = (await told.next()).value!.data.task;
  gone.abort();
  await assert.rejects(told.next());
  // A look is a query of this task alone; none comes any more once the last has been answered.
  const looks = async () => {
    const [row] = await sql`
      select coalesce(seq_scan + idx_scan, 0)::integer as scans
      from pg_stat_user_tables where relname = 'mac_tasks'`;
    return row!.scans as number;
  };
  let last = await looks();
  await until(async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const now = await looks();
    const quiet = now === last;
    last = now;
    return quiet;
  }, "quiet");
  await client.rpc("cancel_task", { task_id: id });
});

Deno.test("an unknown function is not found", leaves, async () => {
  assert.equal((await call("nonsense", {})).status, 404);
  assert.equal((await call("_shared", {})).status, 404);
  const { error } = await publishableClient().functions.invoke("nonsense");
  assert(error instanceof FunctionsHttpError);
});

Deno.test("endpoint() lets pages of any origin see its own refusals", async () => {
  const answer = endpoint(["user"], z.object({}), () => Promise.resolve(new Response()));
  const requests = [
    new Request("http://localhost/", { method: "GET" }),
    new Request("http://localhost/", {
      method: "POST",
      headers: { "content-length": "600000" },
    }),
  ];
  const refusals = await Promise.all(requests.map(answer));
  assert.deepEqual(refusals.map(({ status }) => status), [405, 413]);
  for (const { headers } of refusals) {
    assert.equal(headers.get("access-control-allow-origin"), "*");
  }
});
