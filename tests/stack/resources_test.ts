// What one caller may take of the gateway's memory and time.
import assert from "node:assert/strict";
import { serveSocket, type SocketContext } from "../../stack/realtime/socket.ts";
import { Streams } from "../../stack/streams.ts";
import { stackEnv } from "../stack.ts";

const leaves = { sanitizeOps: false, sanitizeResources: false };
const url = new URL(stackEnv("SUPABASE_URL"));
const key = stackEnv("SUPABASE_PUBLISHABLE_KEY");

/** The status of the answer to these lines, sent without the body that they announce. */
async function statusBeforeBody(path: string, length: number, headers = ""): Promise<number> {
  const connection = await Deno.connect({ hostname: url.hostname, port: Number(url.port) });
  try {
    const head = `POST ${path} HTTP/1.1\r\nhost: ${url.host}\r\n` +
      `content-type: application/json\r\ncontent-length: ${length}\r\n${headers}\r\n`;
    await connection.write(new TextEncoder().encode(head));
    const answer = new Uint8Array(32);
    await connection.read(answer);
    return Number(new TextDecoder().decode(answer).split(" ")[1]);
  } finally {
    connection.close();
  }
}

Deno.test("REST and Auth ask for the key before the body", async () => {
  for (const path of ["/rest/v1/hub_channel_messages", "/rest/v1/rpc/x", "/auth/v1/signup"]) {
    assert.equal(await statusBeforeBody(path, 1_000_000), 401, path);
    assert.equal(await statusBeforeBody(path, 1_000_000, "apikey: sb_secret_x\r\n"), 401, path);
  }
});

Deno.test("who shows no key sends little", async () => {
  for (const path of ["/functions/v1/koji", "/realtime/v1/api/broadcast"]) {
    assert.equal(await statusBeforeBody(path, 100_000), 413, path);
    assert.equal(await statusBeforeBody(path, 100_000, "authorization: Bearer a.b.c\r\n"), 413);
  }
});

Deno.test("an address that is too long is refused with 414", leaves, async () => {
  const address = `${url.origin}/rest/v1/hub_servers?id=in.(${"1,".repeat(20_000)}1)`;
  const answer = await fetch(address, { headers: { apikey: key } });
  assert.deepEqual([answer.status, (await answer.json()).code], [414, "ADDRESS_TOO_LONG"]);
});

Deno.test("Streams.count() counts a stream until it ends, fails or is given up", async () => {
  const events = { headers: { "content-type": "text/event-stream" } };
  const streams = new Streams(1);
  const endings: [
    what: string,
    body: () => ReadableStream,
    end: (r: Response) => Promise<unknown>,
  ][] = [
    ["ended", () => new Blob(["data: 1\n\n"]).stream(), (answer) => answer.text()],
    ["given up", () => new ReadableStream(), (answer) => answer.body!.cancel()],
    [
      "failed",
      () => new ReadableStream({ pull: () => Promise.reject(new Error("gone")) }),
      (answer) => answer.text().catch(() => {}),
    ],
  ];
  for (const [what, body, end] of endings) {
    assert(streams.hasRoom("ann"), what);
    const answer = streams.count("ann", new Response(body(), events));
    assert.deepEqual([streams.hasRoom("ann"), streams.hasRoom("ben")], [false, true], what);
    await end(answer);
    assert(streams.hasRoom("ann"), what);
  }
  streams.count("ann", new Response("no stream"));
  assert(streams.hasRoom("ann"));
});

Deno.test("serveSocket() lets a client go that does not read", async () => {
  const closed = Promise.withResolvers<number>();
  const sent: string[] = [];
  const socket = {
    readyState: WebSocket.OPEN,
    bufferedAmount: 0,
    send: (frame: string) => sent.push(frame),
    close: (code: number) => closed.resolve(code),
  } as unknown as WebSocket & { bufferedAmount: number };
  serveSocket({ socket, version: "2.0.0" } as unknown as SocketContext);
  const heartbeat = { data: '[null,"1","phoenix","heartbeat",{}]' } as MessageEvent;
  socket.onmessage!(heartbeat);
  Object.defineProperty(socket, "bufferedAmount", { get: () => 20_000_000 * sent.length });
  socket.onmessage!(heartbeat);
  assert.equal(await closed.promise, 1013);
  assert.equal(sent.length, 1);
});
