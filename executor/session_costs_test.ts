import assert from "node:assert/strict";
import { SessionCosts } from "./session_costs.ts";

Deno.test("SessionCosts.spent() is what was added since the session's last run", () => {
  const folder = Deno.makeTempDirSync();
  assert.equal(new SessionCosts(folder).spent("a", 0.0348), 0.0348);
  assert.equal(new SessionCosts(folder).spent("b", 1), 1);
  assert.equal(new SessionCosts(folder).spent("a", 0.0406), 0.0058);
  // The program began to count anew.
  assert.equal(new SessionCosts(folder).spent("a", 0.01), 0.01);
  Deno.removeSync(folder, { recursive: true });
});
