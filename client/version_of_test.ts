import assert from "node:assert/strict";
import { versionOf } from "./version_of.ts";

Deno.test("versionOf() is the same for one row, however it is written", () => {
  const read = {
    id: 1,
    name: "a",
    seen_at: "2026-01-02T03:04:05.5+00:00",
    metadata: { b: 1, a: [2] },
  };
  const broadcast = {
    metadata: { a: [2], b: 1 },
    seen_at: "2026-01-02T04:04:05.500+01:00",
    name: "a",
    id: 1,
  };
  assert.equal(versionOf(read), versionOf(broadcast));
});

Deno.test("versionOf() differs in any column that is not passing", () => {
  const row = {
    id: 1,
    name: "a",
    label: null,
    seen_at: "2026-01-02T03:04:05Z",
    metadata: { a: [2] },
  };
  for (
    const change of [{ name: "b" }, { label: "x" }, { seen_at: null }, { metadata: { a: [3] } }, {
      more: 1,
    }]
  ) {
    assert.notEqual(versionOf(row), versionOf({ ...row, ...change }));
  }
  assert.equal(versionOf(row, ["seen_at"]), versionOf({ ...row, seen_at: null }, ["seen_at"]));
});
