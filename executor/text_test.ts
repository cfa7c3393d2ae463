import assert from "node:assert/strict";
import { clean, cut, firstLine, redact } from "./text.ts";

Deno.test("clean() keeps what a chat can show and drops the rest", () => {
  assert.equal(clean("\x1b[31mred\x1b[0m\tand\r\nnew\rline\x00\x07"), "red\tand\nline");
  assert.equal(clean("10%\r50%\r100%\ndone\r\n"), "100%\ndone\n");
  assert.equal(clean("\x1b]0;title\x07plain"), "plain");
  assert.equal(clean("half \ud83d!"), "half \ufffd!");
});

Deno.test("cut() never splits a character", () => {
  assert.equal(cut("abc", 3), "abc");
  assert.equal(cut("abcd", 3), "ab…");
  assert.equal(cut("a😀bcd", 3), "a…");
});

Deno.test("firstLine() skips blank lines", () => {
  assert.equal(firstLine("\n  \n  two words \nmore"), "two words");
  assert.equal(firstLine(" \n"), "");
});

Deno.test("redact() hides tokens and the given secrets", () => {
  const token = "aura_" + "0a".repeat(32);
  assert.equal(redact(`${token} and sb_key`, ["sb_key", ""]), "aura_… and …");
});
