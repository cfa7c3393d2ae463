// The frames of Realtime's socket: Phoenix messages, as JSON arrays (vsn 2.0.0) or objects (1.0.0),
// and a client's own broadcasts as binary (vsn 2.0.0 only).

export interface Frame {
  joinRef: string | null;
  ref: string | null;
  topic: string;
  event: string;
  // deno-lint-ignore no-explicit-any -- whatever a client sends; each reader checks what it uses.
  payload: any;
}

export type Version = "1.0.0" | "2.0.0";

/** A client's broadcast, and one that is passed on. */
const PUSH = 3;
const BROADCAST = 4;
const JSON_PAYLOAD = 1;

/** Throws when the data is no frame. */
export function decodeFrame(data: string | ArrayBuffer, version: Version): Frame {
  if (typeof data !== "string") return decodePush(new Uint8Array(data));
  const json = JSON.parse(data);
  const [joinRef, ref, topic, event, payload] = version === "2.0.0"
    ? json
    : [json.join_ref, json.ref, json.topic, json.event, json.payload];
  if (typeof topic !== "string" || typeof event !== "string") {
    throw new TypeError("The frame has no topic or event.");
  }
  return { joinRef: joinRef ?? null, ref: ref ?? null, topic, event, payload: payload ?? {} };
}

/** `payload` is JSON text, so that what comes from the database need not be parsed. */
export function encodeFrame(frame: Frame & { payload: string }, version: Version): string {
  const { joinRef, ref, topic, event, payload } = frame;
  const [join, own, name, what] = [joinRef, ref, topic, event].map((value) =>
    JSON.stringify(value)
  );
  return version === "2.0.0"
    ? `[${join},${own},${name},${what},${payload}]`
    : `{"join_ref":${join},"ref":${own},"topic":${name},"event":${what},"payload":${payload}}`;
}

/** Kind, five lengths and the encoding, a byte each; then the texts, then the payload. */
function decodePush(bytes: Uint8Array<ArrayBuffer>): Frame {
  if (bytes[0] !== PUSH || bytes.length < 7) {
    throw new TypeError("The binary frame is no broadcast.");
  }
  const encoding = bytes[6];
  let offset = 7;
  const [joinRef, ref, topic, event] = [1, 2, 3, 4, 5].map((place) => {
    const text = new TextDecoder().decode(bytes.subarray(offset, offset + bytes[place]!));
    offset += bytes[place]!;
    return text;
  }) as [string, string, string, string];
  const rest = bytes.slice(offset);
  const payload = encoding === JSON_PAYLOAD ? JSON.parse(new TextDecoder().decode(rest)) : rest;
  return {
    joinRef: joinRef || null,
    ref: ref || null,
    topic,
    event: "broadcast",
    payload: { type: "broadcast", event, payload },
  };
}

/** The frame that passes a broadcast with a binary payload on. */
export function encodeBinaryBroadcast(
  topic: string,
  event: string,
  payload: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const [topicBytes, eventBytes] = [topic, event].map((text) => new TextEncoder().encode(text)) as [
    Uint8Array,
    Uint8Array,
  ];
  const header = [BROADCAST, topicBytes.length, eventBytes.length, 0, 0];
  return new Uint8Array([...header, ...topicBytes, ...eventBytes, ...payload]);
}
