import assert from "node:assert/strict";
import { lines } from "./lines.ts";

async function split(chunks: (string | number[])[], longest?: number): Promise<string[]> {
  const encoder = new TextEncoder();
  const source = ReadableStream.from(
    chunks.map((chunk) =>
      typeof chunk === "string" ? encoder.encode(chunk) : new Uint8Array(chunk)
    ),
  );
  return await Array.fromAsync(lines(source, longest));
}

Deno.test("lines() joins what arrives in pieces", async () => {
  assert.deepEqual(await split(["a", "b\nc\r\n", "\n", "d"]), ["ab", "c", "", "d"]);
  assert.deepEqual(await split([[0xc3], [0xa9, 10]]), ["é"]);
});

Deno.test("lines() replaces invalid UTF-8", async () => {
  assert.deepEqual(await split([[0xff, 0x61, 10, 0xc3]]), ["\ufffda", "\ufffd"]);
});

Deno.test("lines() cuts a line that never ends and finds the next one", async () => {
  assert.deepEqual(await split(["abc", "defg", "hi\nnext\n"], 4), ["abcd", "next"]);
  assert.deepEqual(await split(["abcdef"], 4), ["abcd"]);
});
