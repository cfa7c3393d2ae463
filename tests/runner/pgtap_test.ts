import assert from "node:assert/strict";
import { readTap } from "./pgtap.ts";

Deno.test("readTap() counts what passed and failed, with what is said about a failure", () => {
  const lines = ["1..3", "ok 1 - a", "not ok 2 - b", "# Failed test 2", "ok 3 - c"];
  assert.deepEqual(readTap(lines), {
    passed: 2,
    failed: 1,
    details: "not ok 2 - b\n# Failed test 2\n",
  });
});

Deno.test("readTap() fails when fewer tests ran than planned", () => {
  assert.equal(readTap(["1..2", "ok 1 - a"]).failed, 1);
});

Deno.test("readTap() fails when there is no plan", () => {
  assert.equal(readTap(["ok 1 - a"]).failed, 1);
});

Deno.test("readTap() lets a todo test fail", () => {
  assert.deepEqual(readTap(["1..1", "not ok 1 - a # TODO later"]).failed, 0);
});
