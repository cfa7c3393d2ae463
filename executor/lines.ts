/**
 * Splits bytes into lines, whatever they hold: invalid UTF-8 becomes U+FFFD, and a line longer than
 * `longest` bytes is given up to that length and the rest of it skipped, so that output without an
 * end cannot fill the memory.
 */
export async function* lines(
  source: ReadableStream<Uint8Array>,
  longest = 64 * 1024 * 1024,
): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let parts: Uint8Array[] = [];
  let length = 0;

  const take = () => {
    const whole = parts.length === 1 ? parts[0]! : joined(parts, length);
    parts = [];
    length = 0;
    return decoder.decode(whole).replace(/\r$/, "");
  };
  const keep = (part: Uint8Array) => {
    const fits = part.subarray(0, longest - length);
    if (fits.length) parts.push(fits);
    length += fits.length;
  };

  for await (const chunk of source) {
    let from = 0;
    for (let at; (at = chunk.indexOf(NEWLINE, from)) >= 0; from = at + 1) {
      keep(chunk.subarray(from, at));
      yield take();
    }
    keep(chunk.subarray(from));
  }
  if (length) yield take();
}

const NEWLINE = 10;

function joined(parts: Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
