import assert from "node:assert/strict";
import { highlightParts } from "./highlight.ts";

Deno.test("highlightParts() tells what was found from what stands around it", () => {
  assert.deepEqual(highlightParts("…the ⟦red⟧ and ⟦blue⟧"), [
    { text: "…the ", isFound: false },
    { text: "red", isFound: true },
    { text: " and ", isFound: false },
    { text: "blue", isFound: true },
  ]);
  assert.deepEqual(highlightParts("nothing"), [{ text: "nothing", isFound: false }]);
  assert.deepEqual(highlightParts(""), []);
});
