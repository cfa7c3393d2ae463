import assert from "node:assert/strict";
import { moved } from "./moved.ts";

const groups = [["a", "b"], ["c"], ["d", "e"]];

Deno.test("moved() moves within the group, and at its end the whole group", () => {
  assert.deepEqual(moved(groups, "b", -1)?.join(""), "bacde");
  assert.deepEqual(moved(groups, "a", 1)?.join(""), "bacde");
  assert.deepEqual(moved(groups, "b", 1)?.join(""), "cabde");
  assert.deepEqual(moved(groups, "d", -1)?.join(""), "abdec");
  assert.deepEqual(moved(groups, "e", -1)?.join(""), "abced");
});

Deno.test("moved() knows where the list ends, and what is not in it", () => {
  assert.equal(moved(groups, "a", -1), undefined);
  assert.equal(moved(groups, "e", 1), undefined);
  assert.equal(moved(groups, "x", 1), undefined);
});
