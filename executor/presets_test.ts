import assert from "node:assert/strict";
import { commandFor, PRESETS } from "./presets.ts";

Deno.test("commandFor() runs a program headless that is too old to be asked", () => {
  const format = (model: string, version: string | null) =>
    commandFor(PRESETS[model]!, version).format;
  assert.equal(format("claude", "2.1.332"), "claude");
  assert.equal(format("claude", "10.0.0"), "claude");
  assert.equal(format("claude", "2.0.77"), "claude-headless");
  assert.equal(format("codex", "0.150.0"), "codex");
  assert.equal(format("codex", "0.98.0-alpha.1"), "codex-exec");
  assert.equal(format("gemini", "0.1.0"), "gemini");
  // What does not tell its version is taken for a new one.
  assert.equal(format("codex", null), "codex");
});
