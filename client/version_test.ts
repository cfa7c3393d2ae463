import assert from "node:assert/strict";
import { versionProblem } from "./version.ts";

Deno.test("versionProblem() says nothing when the versions fit", () => {
  for (
    const [hub, own] of [["0.1.0", "0.1.7"], ["1.0.0", "1.9.2"], ["12.3.4", "12.0.0"]] as const
  ) {
    assert.equal(versionProblem(hub, "hub", own), undefined);
  }
});

Deno.test("versionProblem() says which side is too old", () => {
  assert.match(
    versionProblem("0.2.0", "hub", "0.1.9")!,
    /hub 0\.1\.9 is too old for it: upgrade hub/,
  );
  assert.match(versionProblem("1.9.0", "hub", "2.0.0")!, /too old for hub 2\.0\.0/);
  assert.match(versionProblem("0.9.0", "hub", "1.0.0")!, /too old for hub 1\.0\.0/);
  assert.match(versionProblem("10.0.0", "hub", "9.0.0")!, /upgrade hub/);
});
