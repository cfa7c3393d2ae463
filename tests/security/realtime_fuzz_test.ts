// Frames that no client would send, to Realtime: each is answered, passed by, or ends its own socket
// in good order. AURA_SEED repeats a run.
import assert from "node:assert/strict";
import fc from "fast-check";
import { Random } from "../random.ts";
import { signUp, stackEnv, until } from "../stack.ts";

const RUNS = 150;
/** The code of a socket that the server has ended for a fault of its own. */
const FAULT = 1011;

const { accessToken } = await signUp("viewer");

const odd = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.string({ unit: "binary", maxLength: 30 }));
const token = fc.oneof(fc.constant(accessToken), odd);
const topic = fc.oneof(
  fc.constantFrom("realtime:mesh", "realtime:room:1", "realtime:", "phoenix", "realtime:channel:x"),
  odd,
);
const payload = fc.oneof(
  fc.record({
    config: fc.oneof(
      fc.record({
        private: fc.oneof(fc.boolean(), odd),
        broadcast: fc.oneof(fc.record({ ack: fc.boolean(), self: fc.boolean() }), odd),
        postgres_changes: fc.oneof(
          fc.array(fc.record({ event: odd, schema: odd, table: odd, filter: odd }), {
            maxLength: 3,
          }),
          fc.constant([{ event: "*", schema: "public", table: "hub_servers", filter: "id=eq.1" }]),
          odd,
        ),
      }, { requiredKeys: [] }),
      odd,
    ),
    access_token: token,
  }, { requiredKeys: [] }),
  fc.record({ type: fc.constant("broadcast"), event: odd, payload: odd }),
  fc.record({ access_token: token }),
  odd,
);
const event = fc.oneof(
  fc.constantFrom("phx_join", "phx_join", "phx_leave", "heartbeat", "access_token", "broadcast"),
  odd,
);
const frame = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(
      fc.constantFrom("1", null),
      fc.constantFrom("1", null),
      topic,
      event,
      payload,
    )
      .map((parts) => JSON.stringify(parts)),
  },
  { weight: 1, arbitrary: odd.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => new Uint8Array(bytes)) },
);

Deno.test("Realtime survives whatever a socket sends", async () => {
  const { seed } = Random.fromEnvironment();
  console.log(`AURA_SEED=${seed} repeats this run of ${RUNS} sockets.`);
  await fc.assert(
    fc.asyncProperty(
      fc.array(frame, { minLength: 1, maxLength: 20 }),
      fc.constantFrom("1.0.0", "2.0.0"),
      async (frames, version) => {
        assert.notEqual(await closeCode(frames, version), FAULT);
      },
    ),
    { seed, numRuns: RUNS, endOnFailure: true },
  );
  const health = await fetch(`${stackEnv("SUPABASE_URL")}/health`);
  assert.deepEqual(await health.json(), { ok: true });
});

/** How a socket ends that sends these frames and, if it is still open when they are answered, closes. */
async function closeCode(
  frames: (string | Uint8Array<ArrayBuffer>)[],
  version: string,
): Promise<number> {
  const address = `${stackEnv("SUPABASE_URL").replace("http", "ws")}/realtime/v1/websocket`;
  const query = new URLSearchParams({
    apikey: stackEnv("SUPABASE_PUBLISHABLE_KEY"),
    vsn: version,
  });
  const socket = new WebSocket(`${address}?${query}`);
  let code: number | undefined;
  let answered = false;
  socket.onclose = (event) => code = event.code;
  socket.onmessage = ({ data }) => answered ||= String(data).includes("the last one");
  await until(() => socket.readyState === WebSocket.OPEN, "the socket");
  // Frames are answered in their order, so that this answer comes after all others.
  const last = version === "2.0.0"
    ? JSON.stringify([null, "the last one", "phoenix", "heartbeat", {}])
    : JSON.stringify({ ref: "the last one", topic: "phoenix", event: "heartbeat", payload: {} });
  for (const each of [...frames, last]) {
    if (socket.readyState === WebSocket.OPEN) socket.send(each);
  }
  await until(() => answered || code !== undefined, "an answer or the end");
  if (code !== undefined) return code;
  socket.close(1000);
  await until(() => socket.readyState === WebSocket.CLOSED, "the end");
  return 1000;
}
