// Request bodies, read whole before anything works on them: within a size, a time and a depth.

/** In bytes: hosted projects take about as much. */
const LARGEST = 20 * 1024 * 1024;
/** From somebody who shows no key. */
const LARGEST_OF_STRANGERS = 64 * 1024;
/** In ms, until the last byte is there. */
const PATIENCE = 30_000;
/** Levels of JSON: what reads it recurses, and so do those who pass it on. */
const DEEPEST = 1_000;

export class BodyRefused extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

/** The request with its body in memory. Throws BodyRefused; of a depth only where it matters. */
export async function withWholeBody(
  request: Request,
  { anyDepth = false, isStranger = false } = {},
): Promise<Request> {
  if (!request.body) return request;
  const most = isStranger ? LARGEST_OF_STRANGERS : LARGEST;
  if (Number(request.headers.get("content-length")) > most) throw tooLarge(most);
  const body = await read(request.body, most);
  if (!anyDepth && isDeep(body)) {
    throw new BodyRefused(400, "BODY_TOO_DEEP", `The body has more than ${DEEPEST} levels.`);
  }
  const { method, headers, signal } = request;
  return new Request(request.url, { method, headers, signal, body });
}

async function read(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    reader.cancel().catch(() => {});
  }, PATIENCE);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => {
        throw new BodyRefused(400, "BODY_CUT_OFF", "The body ended before it was whole.");
      });
      if (isLate) throw new BodyRefused(408, "BODY_TOO_SLOW", `The body took over ${PATIENCE} ms.`);
      if (done) break;
      size += value.length;
      if (size > most) throw tooLarge(most);
      chunks.push(value);
    }
  } finally {
    clearTimeout(timer);
  }
  if (chunks.length === 1) return chunks[0]!;
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

function tooLarge(most: number): BodyRefused {
  return new BodyRefused(413, "BODY_TOO_LARGE", `The body is longer than ${most} bytes.`);
}

const [QUOTE, BACKSLASH, ...BRACKETS] = [...'"\\[{]}'].map((sign) => sign.charCodeAt(0));

/** Whether arrays and objects are nested too deeply. What is no JSON is counted as if it were. */
function isDeep(bytes: Uint8Array): boolean {
  const [array, object, arrayEnd, objectEnd] = BRACKETS;
  let depth = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === array || byte === object) {
      if (++depth > DEEPEST) return true;
    } else if (byte === arrayEnd || byte === objectEnd) depth--;
  }
  return false;
}
